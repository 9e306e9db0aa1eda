package door

import (
	"strconv"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/validator/core"

	"pedigree/registry"
	"pedigree/resolvers/scalar"
)

// checkLiterals is the rule ValuesOfCorrectType of the specification. It replaces
// gqlparser's, which takes objects for scalars and whole numbers outside 32 bits, and
// refuses ids and floats that are written as long whole numbers.
func checkLiterals(observers *core.Events, addError core.AddErrFunc) {
	observers.OnValue(func(_ *core.Walker, v *ast.Value) {
		if message := literalProblem(v); message != "" {
			addError(core.Message("%s", message), core.At(v.Position))
		}
	})
}

// literalProblem returns what is wrong with a literal at its place, "" when it is valid.
func literalProblem(v *ast.Value) string {
	if v.Kind == ast.FloatValue && !isFloat(v.Raw) {
		return shown(v) + " is no number that can be kept"
	}
	if v.Definition == nil || v.ExpectedType == nil || v.Kind == ast.Variable {
		return ""
	}
	if v.Kind == ast.NullValue {
		if v.ExpectedType.NonNull {
			return `Expected value of type "` + v.ExpectedType.String() + `", found null.`
		}
		return ""
	}
	if v.Kind == ast.ListValue && v.ExpectedType.Elem != nil {
		return "" // Its entries are checked by themselves.
	}
	switch v.Definition.Kind {
	case ast.InputObject:
		return objectProblem(v)
	case ast.Enum:
		if v.Kind != ast.EnumValue || v.Definition.EnumValues.ForName(v.Raw) == nil {
			return `Enum "` + v.Definition.Name + `" cannot represent value: ` + shown(v)
		}
		return ""
	}
	if !scalarTakes(v) {
		return v.Definition.Name + " cannot represent value: " + shown(v)
	}
	return ""
}

// objectProblem returns what is wrong with the literal of an input object, besides its
// fields.
func objectProblem(v *ast.Value) string {
	if v.Kind != ast.ObjectValue {
		return `Expected value of type "` + v.Definition.Name + `", found ` + shown(v) + "."
	}
	for _, f := range v.Definition.Fields {
		if f.Type.NonNull && f.DefaultValue == nil && v.Children.ForName(f.Name) == nil {
			return `Field "` + v.Definition.Name + "." + f.Name + `" of required type "` + f.Type.String() + `" was not provided.`
		}
	}
	for _, child := range v.Children {
		if v.Definition.Fields.ForName(child.Name) == nil {
			return `Field "` + child.Name + `" is not defined by type "` + v.Definition.Name + `".`
		}
	}
	return ""
}

// scalarTakes reports whether a scalar takes a literal.
func scalarTakes(v *ast.Value) bool {
	text := v.Kind == ast.StringValue || v.Kind == ast.BlockValue
	switch v.Definition.Name {
	case "Int":
		return v.Kind == ast.IntValue && isInt32(v.Raw)
	case "Float":
		return v.Kind == ast.FloatValue || v.Kind == ast.IntValue && isFloat(v.Raw)
	case "String":
		return text
	case "ID":
		return text || v.Kind == ast.IntValue
	case "Boolean":
		return v.Kind == ast.BooleanValue
	case "Int64":
		return (v.Kind == ast.IntValue || text) && scalar.Check("Int64", v.Raw) == nil
	case "DateTime":
		return text && scalar.Check("DateTime", v.Raw) == nil
	}
	return true
}

func isInt32(text string) bool {
	_, err := strconv.ParseInt(text, 10, 32)
	return err == nil
}

func isFloat(text string) bool {
	_, err := strconv.ParseFloat(text, 64)
	return err == nil
}

// shown returns a literal for a message, shortened.
func shown(v *ast.Value) string { return registry.Shorten(v.String(), 60) }

// checkSyntax refuses what gqlparser parses beyond the specification.
func checkSyntax(doc *ast.QueryDocument) error {
	for _, f := range doc.Fragments {
		if len(f.VariableDefinition) > 0 {
			return gqlerror.ErrorPosf(f.Position, "a fragment has no variables")
		}
	}
	return nil
}

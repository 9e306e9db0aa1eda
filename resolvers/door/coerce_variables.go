package door

import (
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"pedigree/resolvers/scalar"
)

// coerceVariables gives the variables of a request the types that an operation declares, as
// the specification says, and stores them in their place. gqlgen alone takes more: texts for
// numbers, enum values in any case, numbers outside 32 bits. Defaults, and variables that are
// missing, are left to gqlgen.
func coerceVariables(schema *ast.Schema, op *ast.OperationDefinition, variables map[string]any) *gqlerror.Error {
	for _, def := range op.VariableDefinitions {
		v, given := variables[def.Variable]
		if !given {
			continue
		}
		coerced, err := variableCoercer{schema}.value(def.Type, v)
		if err != nil {
			return under(ast.PathName("variable"), under(ast.PathName(def.Variable), err))
		}
		variables[def.Variable] = coerced
	}
	return nil
}

// variableCoercer coerces the value of one variable. Its methods return errors with the path
// from the value to what is wrong; a path is made for errors alone.
type variableCoercer struct{ schema *ast.Schema }

// under puts a step in front of the path of an error.
func under(step ast.PathElement, err *gqlerror.Error) *gqlerror.Error {
	err.Path = slices.Insert(err.Path, 0, step)
	return err
}

func (c variableCoercer) value(t *ast.Type, v any) (any, *gqlerror.Error) {
	if v == nil {
		if t.NonNull {
			return nil, gqlerror.Errorf("cannot be null")
		}
		return nil, nil
	}
	if t.Elem != nil {
		return c.list(t, v)
	}
	switch def := c.schema.Types[t.NamedType]; def.Kind {
	case ast.InputObject:
		return c.object(def, v)
	case ast.Enum:
		if s, ok := v.(string); ok && def.EnumValues.ForName(s) != nil {
			return s, nil
		}
		return nil, gqlerror.Errorf("is no value of %s", def.Name)
	default:
		return c.scalar(def.Name, v)
	}
}

// list coerces a list. A single value is a list of one.
func (c variableCoercer) list(t *ast.Type, v any) (any, *gqlerror.Error) {
	items, ok := v.([]any)
	if !ok {
		item, err := c.value(t.Elem, v)
		return []any{item}, err
	}
	for i, item := range items {
		coerced, err := c.value(t.Elem, item)
		if err != nil {
			return nil, under(ast.PathIndex(i), err)
		}
		items[i] = coerced
	}
	return items, nil
}

// object coerces an input object. A null where there is a default counts as left out.
func (c variableCoercer) object(def *ast.Definition, v any) (any, *gqlerror.Error) {
	fields, ok := v.(map[string]any)
	if !ok {
		return nil, gqlerror.Errorf("must be an object, a %s", def.Name)
	}
	known := 0
	for _, f := range def.Fields {
		v, given := fields[f.Name]
		if given {
			known++
		}
		switch {
		case !given && f.Type.NonNull && f.DefaultValue == nil:
			return nil, under(ast.PathName(f.Name), gqlerror.Errorf("must be defined"))
		case given && v == nil && f.DefaultValue != nil && !f.Type.NonNull:
			delete(fields, f.Name)
			known--
		case given:
			coerced, err := c.value(f.Type, v)
			if err != nil {
				return nil, under(ast.PathName(f.Name), err)
			}
			fields[f.Name] = coerced
		}
	}
	if known < len(fields) {
		return nil, gqlerror.Errorf("has a field that %s has not", def.Name)
	}
	return fields, nil
}

// scalar coerces a value that is not null. The messages do not contain it: a client may have
// put a secret in the wrong place.
func (variableCoercer) scalar(name string, v any) (any, *gqlerror.Error) {
	switch name {
	case "Int":
		if n, ok := wholeNumber(v); ok && isInt32(n) {
			return json.Number(n), nil
		}
		return nil, gqlerror.Errorf("is no whole number of 32 bits")
	case "ID":
		if n, ok := wholeNumber(v); ok {
			return n, nil
		}
		if s, ok := v.(string); ok {
			return s, nil
		}
		return nil, gqlerror.Errorf("is no id: neither a text nor a whole number")
	case "Int64":
		if n, ok := wholeNumber(v); ok {
			v = json.Number(n)
		}
	case "Float":
		if n, ok := v.(json.Number); ok && isFloat(string(n)) {
			return n, nil
		}
		return nil, gqlerror.Errorf("is no number that can be kept")
	case "Boolean":
		if b, ok := v.(bool); ok {
			return b, nil
		}
		return nil, gqlerror.Errorf("is neither true nor false")
	case "String":
		if s, ok := v.(string); ok {
			return s, nil
		}
		return nil, gqlerror.Errorf("is no text")
	}
	if err := scalar.Check(name, v); err != nil {
		return nil, gqlerror.Wrap(err)
	}
	return v, nil
}

// wholeNumber returns a JSON number without fraction and exponent, if it is whole: 1.0 and
// 1e0 are the number 1.
func wholeNumber(v any) (string, bool) {
	n, ok := v.(json.Number)
	if !ok {
		return "", false
	}
	if n == "-0" {
		return "0", true
	}
	if !strings.ContainsAny(string(n), ".eE") {
		return string(n), true
	}
	f, err := n.Float64()
	if err != nil || f != math.Trunc(f) || math.Abs(f) > 1<<53 {
		return "", false
	}
	return strconv.FormatFloat(f, 'f', 0, 64), true
}

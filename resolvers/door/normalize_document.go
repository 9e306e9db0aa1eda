package door

import (
	"slices"
	"strconv"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/validator/core"
)

// normalize rewrites the literals of a valid document to the form that gqlgen reads: an id
// is a string, a long whole number for Float is a float, a single value for a list is a list,
// and a null is left out where there is a default. It returns, by operation, the variables
// that count as left out when they are null.
func normalize(schema *ast.Schema, doc *ast.QueryDocument) map[*ast.OperationDefinition][]string {
	uses := &variableUses{nested: map[*ast.Value]bool{}, values: map[*ast.OperationDefinition][]*ast.Value{}}
	events := &core.Events{}
	events.OnField(func(_ *core.Walker, f *ast.Field) {
		f.Arguments = slices.DeleteFunc(f.Arguments, func(a *ast.Argument) bool { return isLeftOut(a.Value) })
	})
	events.OnValue(func(w *core.Walker, v *ast.Value) {
		switch v.Kind {
		case ast.IntValue:
			v.Kind = kindOfInteger(v)
		case ast.ObjectValue:
			v.Children = slices.DeleteFunc(v.Children, func(c *ast.ChildValue) bool { return isLeftOut(c.Value) })
			for _, c := range v.Children {
				uses.nested[c.Value] = true
			}
		case ast.Variable:
			uses.values[w.CurrentOperation] = append(uses.values[w.CurrentOperation], v)
		}
		wrapInLists(v, v.ExpectedType)
	})
	core.Walk(schema, doc, events)
	return uses.optional()
}

// isLeftOut reports whether a literal is a null that stands for the default of its place.
func isLeftOut(v *ast.Value) bool { return v.Kind == ast.NullValue && v.ExpectedTypeHasDefault }

// wrapInLists makes a list of a single literal at the place of a list.
func wrapInLists(v *ast.Value, t *ast.Type) {
	if t == nil || t.Elem == nil || v.Kind == ast.ListValue || v.Kind == ast.NullValue || v.Kind == ast.Variable {
		return
	}
	item := *v
	item.ExpectedType = t.Elem
	wrapInLists(&item, t.Elem)
	v.Kind, v.Raw, v.Children = ast.ListValue, "", ast.ChildValueList{{Value: &item}}
}

// kindOfInteger returns the kind under which gqlgen reads an integer literal as the type of
// its place wants it.
func kindOfInteger(v *ast.Value) ast.ValueKind {
	name := ""
	if v.Definition != nil {
		name = v.Definition.Name
	}
	switch name {
	case "ID", "Int64":
		return ast.StringValue
	case "Float":
		return ast.FloatValue
	}
	if _, err := strconv.ParseInt(v.Raw, 10, 64); err != nil { // A part of a JSON value.
		return ast.FloatValue
	}
	return ast.IntValue
}

// variableUses holds the places of the variables of a document.
type variableUses struct {
	values map[*ast.OperationDefinition][]*ast.Value
	nested map[*ast.Value]bool // those that are fields of an input object
}

// optional returns, by operation, the variables all of whose places have a default. In an
// input object gqlgen takes the default of the variable instead of that of the place, so a
// variable with both is not among them.
func (u *variableUses) optional() map[*ast.OperationDefinition][]string {
	out := map[*ast.OperationDefinition][]string{}
	for op, values := range u.values {
		if op == nil {
			continue // A fragment, walked for itself.
		}
		for _, def := range op.VariableDefinitions {
			all := !def.Type.NonNull
			for _, v := range values {
				if v.Raw == def.Variable {
					all = all && v.ExpectedTypeHasDefault && !(u.nested[v] && def.DefaultValue != nil)
				}
			}
			if all {
				out[op] = append(out[op], def.Variable)
			}
		}
	}
	return out
}

package door

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"

	"pedigree/registry"
)

// nullWalker sends null to the nullable places of the schema.
type nullWalker struct {
	*handlers
	schema *ast.Schema
	places int
}

// minimal returns a value of a type with only what is required. No mutation succeeds with
// it: its texts are no names, and its ids name nothing.
func (w *nullWalker) minimal(t *ast.Type) any {
	if t.Elem != nil {
		return []any{w.minimal(t.Elem)}
	}
	switch def := w.schema.Types[t.NamedType]; {
	case def.Kind == ast.Enum:
		return def.EnumValues[0].Name
	case def.Kind == ast.InputObject:
		out := map[string]any{}
		for _, f := range def.Fields {
			if f.Type.NonNull && f.DefaultValue == nil {
				out[f.Name] = w.minimal(f.Type)
			}
		}
		return out
	case def.Name == "Int" || def.Name == "Int64" || def.Name == "Float":
		return json.Number("1")
	case def.Name == "Boolean":
		return true
	case def.Name == "DateTime":
		return "2024-01-01"
	case def.Name == "JSON":
		return map[string]any{}
	case def.Name == "ID":
		return "mv_missing"
	}
	return "a/b"
}

// paths returns the paths to all nullable fields of an input object, also in the objects
// below it.
func (w *nullWalker) paths(def *ast.Definition, above []string) (out [][]string) {
	for _, f := range def.Fields {
		path := append(slices.Clone(above), f.Name)
		if !f.Type.NonNull {
			out = append(out, path)
		}
		if below := w.schema.Types[f.Type.Name()]; below.Kind == ast.InputObject {
			out = append(out, w.paths(below, path)...)
		}
	}
	return out
}

// at returns a value of a type that has everything on the way to a path. set is called with
// the object that has the last field of the path.
func (w *nullWalker) at(t *ast.Type, path []string, set func(object map[string]any, f *ast.FieldDefinition)) any {
	if t.Elem != nil {
		return []any{w.at(t.Elem, path, set)}
	}
	object := w.minimal(t).(map[string]any)
	f := w.schema.Types[t.NamedType].Fields.ForName(path[0])
	if len(path) == 1 {
		set(object, f)
	} else {
		object[f.Name] = w.at(f.Type, path[1:], set)
	}
	return object
}

// placeholder stands for a variable in a value.
const placeholder = "$null"

// literal writes a value as a literal.
func (w *nullWalker) literal(t *ast.Type, v any) string {
	def := w.schema.Types[t.Name()]
	switch v := v.(type) {
	case nil:
		return "null"
	case []any:
		var items []string
		for _, item := range v {
			items = append(items, w.literal(t.Elem, item))
		}
		return "[" + strings.Join(items, ", ") + "]"
	case map[string]any:
		var fields []string
		for _, name := range slices.Sorted(maps.Keys(v)) {
			fields = append(fields, name+": "+w.literal(def.Fields.ForName(name).Type, v[name]))
		}
		return "{" + strings.Join(fields, ", ") + "}"
	case string:
		if v != placeholder && def.Kind != ast.Enum {
			return fmt.Sprintf("%q", v)
		}
	}
	return fmt.Sprint(v)
}

// call is a field to call: the text around its arguments, its definition, and the kind of
// its operation.
type call struct {
	before, after, kind string
	def                 *ast.FieldDefinition
}

// text writes an operation that calls the field with literals as arguments.
func (w *nullWalker) text(c call, declare string, args map[string]string) string {
	var list []string
	for _, a := range c.def.Arguments {
		value, given := args[a.Name]
		if !given && a.Type.NonNull && a.DefaultValue == nil {
			value, given = w.literal(a.Type, w.minimal(a.Type)), true
		}
		if given {
			list = append(list, a.Name+": "+value)
		}
	}
	call := c.def.Name
	if len(list) > 0 {
		call += "(" + strings.Join(list, ", ") + ")"
	}
	return c.kind + declare + " { " + c.before + call + " { __typename }" + c.after + " }"
}

// try sends null to all nullable places of a call, each as a literal, as a variable at the
// place, and inside a variable. The answers must be those to the place left out.
func (w *nullWalker) try(c call) {
	for _, a := range c.def.Arguments {
		if !a.Type.NonNull {
			w.places++
			want := w.text(c, "", nil)
			w.same(want, nil, w.text(c, "", map[string]string{a.Name: "null"}), nil)
			w.same(want, nil, w.text(c, "($null: "+a.Type.String()+")", map[string]string{a.Name: placeholder}), map[string]any{"null": nil})
		}
		input := w.schema.Types[a.Type.Name()]
		if input.Kind != ast.InputObject {
			continue
		}
		for _, path := range w.paths(input, nil) {
			w.places++
			var place *ast.FieldDefinition
			value := func(v any) any {
				return w.at(a.Type, path, func(object map[string]any, f *ast.FieldDefinition) {
					place = f
					if v != "" {
						object[f.Name] = v
					}
				})
			}
			arg := func(v any) map[string]string { return map[string]string{a.Name: w.literal(a.Type, value(v))} }
			want := w.text(c, "", arg(""))
			w.same(want, nil, w.text(c, "", arg(nil)), nil)
			w.same(want, nil, w.text(c, "($null: "+place.Type.String()+")", arg(placeholder)), map[string]any{"null": nil})
			w.same(want, nil, w.text(c, "($input: "+a.Type.String()+")", map[string]string{a.Name: "$input"}), map[string]any{"input": value(nil)})
		}
	}
}

// location matches the place of an error in its text, which differs with the text.
var location = regexp.MustCompile(`"locations":\[[^]]*\],?`)

// same fails the test when two requests get different answers, or one gets an internal error.
func (w *nullWalker) same(query string, vars map[string]any, other string, otherVars map[string]any) {
	want, _ := w.ask(w.withWriter, registry.RoleAdmin, query, vars)
	got, _ := w.ask(w.withWriter, registry.RoleAdmin, other, otherVars)
	got, want = location.ReplaceAllString(got, ""), location.ReplaceAllString(want, "")
	if got != want || strings.Contains(got, "INTERNAL") {
		w.Errorf("%s %v\ngot  %s\nwant %s", other, otherVars, got, want)
	}
}

// TestNullCountsAsLeftOut sends null to every nullable argument and input field of every
// operation, and of every field with arguments.
func TestNullCountsAsLeftOut(t *testing.T) {
	d := newHandlers(t)
	w := &nullWalker{handlers: d, schema: d.withWriter.(*httpHandler).documents.schema}
	for root, kind := range map[*ast.Definition]string{w.schema.Query: "query", w.schema.Mutation: "mutation"} {
		for _, f := range root.Fields {
			if !strings.HasPrefix(f.Name, "__") {
				w.try(call{kind: kind, def: f})
			}
		}
	}
	for noun, id := range d.sampleIDs() {
		for _, f := range w.schema.Types[noun].Fields {
			if len(f.Arguments) > 0 {
				w.try(call{kind: "query", before: fmt.Sprintf("node(id: %q) { ... on %s { ", id, noun), after: " } }", def: f})
			}
		}
	}
	t.Logf("%d nullable places", w.places)
	if w.places < 300 {
		t.Errorf("only %d nullable places", w.places)
	}
}

// sampleIDs returns the id of an object of each type that the example has.
func (d *handlers) sampleIDs() map[string]string {
	d.Helper()
	text, _ := d.ask(d.withWriter, registry.RoleAdmin, `query($of: ID!) { lineage(of: $of, direction: BOTH) { nodes { node { __typename id
		... on ModelVersion { model { __typename id } } ... on DatasetVersion { dataset { __typename id } } ... on Commit { repository } } } } }`, map[string]any{"of": d.story.Version})
	type object struct {
		Typename       string `json:"__typename"`
		ID, Repository string
		Model, Dataset *object
	}
	var a struct {
		Data struct {
			Lineage struct{ Nodes []struct{ Node object } }
		}
	}
	if err := json.Unmarshal([]byte(text), &a); err != nil {
		d.Fatal(err)
	}
	out := map[string]string{}
	for _, n := range a.Data.Lineage.Nodes {
		for _, o := range []*object{&n.Node, n.Node.Model, n.Node.Dataset} {
			if o != nil {
				out[o.Typename] = o.ID
			}
		}
		if n.Node.Repository != "" {
			out["Repository"] = n.Node.Repository
		}
	}
	if len(out) != 10 {
		d.Fatalf("the example has %v", out)
	}
	return out
}

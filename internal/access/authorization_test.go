package access

import (
	"context"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"

	"pedigree/registry"
	"pedigree/service"
	"pedigree/service/core"
)

// publicMethods lists the methods of the service that need no authorization, and why.
var publicMethods = map[string]string{
	"Ready":               "/readyz calls it; it returns only whether the store answers",
	"Authenticate":        "it identifies the caller",
	"WithLoaders":         "it reads nothing; its loaders ask the gate",
	"Now":                 "the clock",
	"LogOrigin":           "the name of the log, which every checkpoint shows",
	"PolicyVersion":       "the hash of the policy, for /metrics, which has an authorization of its own",
	"AuthenticateSession": "it identifies the caller",
	"Federated":           "it identifies the caller, whom an identity provider has proved",
	"SealSession":         "it makes the text of a cookie",
	"SealLogin":           "it makes the text of a cookie",
	"OpenLogin":           "it checks the text of a cookie",
	"FlushTokenUses":      "the server writes by itself when tokens were used",
	"FlushUsage":          "the server writes by itself how often versions were used",
	"WebhooksChanged":     "the deliverer waits for it; it says only that webhooks changed",
	"WatchEvents":         "the deliverer waits for it; it says only that the log may have grown",
	"UsageFull":           "the server waits for it; it says only that many uses wait",
}

var contextType = reflect.TypeFor[context.Context]()

// TestEveryMethodAsksTheGate calls each exported method of the service with valid
// arguments, without an identity and as an actor without roles. Both are refused.
func TestEveryMethodAsksTheGate(t *testing.T) {
	s := open(t, "")
	v := reflect.ValueOf(s.service)
	before, called := s.logHead(), 0
	for i := range v.NumMethod() {
		m := v.Type().Method(i)
		if publicMethods[m.Name] != "" {
			continue
		}
		if m.Type.NumIn() < 2 || m.Type.In(1) != contextType {
			t.Errorf("%s takes no context and is not in publicMethods", m.Name)
			continue
		}
		called++
		for code, c := range map[registry.Code]context.Context{
			registry.Unauthenticated: t.Context(),
			registry.Forbidden:       service.As(t.Context(), registry.Actor{Subject: "nobody"}, "r"),
		} {
			args := []reflect.Value{v, reflect.ValueOf(c)}
			for k := 2; k < m.Type.NumIn(); k++ {
				args = append(args, plausibleArgument(m.Type.In(k), "", s.seed.id["a2"]))
			}
			call := m.Func.Call
			if m.Type.IsVariadic() {
				call = m.Func.CallSlice
			}
			out := call(args)
			err, _ := out[len(out)-1].Interface().(error)
			if registry.CodeOf(err) != code {
				t.Errorf("%s returns %v, want %s", m.Name, err, code)
			}
		}
	}
	for name := range publicMethods {
		if !v.MethodByName(name).IsValid() {
			t.Errorf("%s is in publicMethods but is not a method", name)
		}
	}
	if s.logHead() != before {
		t.Error("something was written")
	}
	t.Logf("%d methods called, %d are public", called, len(publicMethods))
}

// TestAnUnknownRoleGivesNothing checks that grants of roles that are not in the
// policy, grants with an invalid scope, and subjects named like roles give no rights.
func TestAnUnknownRoleGivesNothing(t *testing.T) {
	s := open(t, "")
	for _, a := range []registry.Actor{{Subject: "admin"}, {Subject: "role:admin"}, {Subject: "x", Grants: []registry.Grant{{Role: "root", Scope: "*"}}},
		{Subject: "x", Grants: []registry.Grant{{Role: "role:admin", Scope: "*"}}}, {Subject: "x", Grants: []registry.Grant{{Role: "admin", Scope: ""}}},
		{Subject: "x", Grants: []registry.Grant{{Role: "admin", Scope: "model"}}}, {Subject: "x", Grants: []registry.Grant{{Role: "", Scope: "*"}}}} {
		if _, err := s.service.Models(service.As(t.Context(), a, "r"), core.Paging{}, nil, nil); registry.CodeOf(err) != registry.Forbidden {
			t.Errorf("%+v: %v", a, err)
		}
	}
}

// plausibleArgument makes an argument that passes the checks before the gate.
func plausibleArgument(t reflect.Type, field string, id registry.ID) reflect.Value {
	v := reflect.New(t).Elem()
	switch {
	case t == reflect.TypeFor[registry.ID]():
		v.SetString(string(id))
	case t == reflect.TypeFor[*registry.ID]() && field == "":
		v.Set(reflect.ValueOf(&id))
	case t == reflect.TypeFor[[]registry.ID]():
		v.Set(reflect.ValueOf([]registry.ID{id}))
	case t == reflect.TypeFor[registry.Node]():
		v.Set(reflect.ValueOf(&registry.Run{Meta: registry.Meta{ID: id}}))
	case t.Kind() == reflect.String && t.Name() == "string":
		v.SetString(plausibleString(field))
	case t.Kind() == reflect.Pointer && t.Elem().Kind() == reflect.Struct && field == "":
		v.Set(reflect.New(t.Elem()))
		if m := v.Elem().FieldByName("Meta"); m.IsValid() {
			m.Set(reflect.ValueOf(registry.Meta{ID: id, Parent: id}))
		}
	case t.Kind() == reflect.Struct && strings.HasPrefix(t.PkgPath(), "pedigree/service/"):
		for i := range t.NumField() {
			v.Field(i).Set(plausibleArgument(t.Field(i).Type, t.Field(i).Name, id))
		}
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Struct && field == "Commits":
		v = reflect.Append(v, plausibleArgument(t.Elem(), field, id))
	}
	return v
}

// plausibleString returns a valid value of a string field.
func plausibleString(field string) string {
	switch field {
	case "", "SHA":
		return strings.Repeat("ab", 20)
	case "Version":
		return "1.0.0"
	case "Role":
		return viewer
	case "Digest", "Token", "Scope", "URL":
		return ""
	}
	return "x"
}

// TestSchemaAndFieldTable checks that the fields of every noun are the same in the
// schema and in the field table, and that every field that can be hidden is nullable.
func TestSchemaAndFieldTable(t *testing.T) {
	schema := loadSchema(t)
	checked := 0
	for _, n := range registry.Nouns() {
		d := schema.Types[n.Name]
		if d == nil {
			t.Errorf("%s is in the field table but is not a type", n.Name)
			continue
		}
		for _, f := range d.Fields {
			row, err := n.Field(f.Name)
			if err != nil {
				t.Errorf("%s.%s is in the schema but not in the field table", n.Name, f.Name)
				continue
			}
			checked++
			if f.Type.NonNull != (row.Class == registry.Plumbing) {
				t.Errorf("%s.%s: only plumbing is non-null", n.Name, f.Name)
			}
		}
		for _, f := range n.Fields {
			if d.Fields.ForName(f.Name) == nil && f.Class != registry.Plumbing {
				t.Errorf("%s is in the field table but not in the schema", f.Coordinate())
			}
		}
	}
	for name, d := range schema.Types {
		if d.Kind == ast.Object && slices.Contains(d.Interfaces, "Node") && registry.NounNamed(name) == nil && name != "RestrictedNode" {
			t.Errorf("%s can be fetched by id but is in no field table", name)
		}
	}
	t.Logf("%d fields checked", checked)
}

// TestEveryOperationIsARootField checks that registry.Operations lists every root
// field once, with a valid action, and nothing else.
func TestEveryOperationIsARootField(t *testing.T) {
	schema := loadSchema(t)
	have := map[string]bool{}
	for _, o := range registry.Operations() {
		name := "Query." + o.Name
		if o.Mutation {
			name = "Mutation." + o.Name
		} else if o.Subscription {
			name = "Subscription." + o.Name
		}
		if have[name] {
			t.Errorf("%s is listed twice", name)
		}
		if have[name] = true; !slices.Contains(registry.Actions(), o.Action) {
			t.Errorf("%s asks for %s, which is not an action", name, o.Action)
		}
	}
	for _, root := range []*ast.Definition{schema.Query, schema.Mutation, schema.Subscription} {
		for _, f := range root.Fields {
			if strings.HasPrefix(f.Name, "__") {
				continue
			}
			if !have[root.Name+"."+f.Name] {
				t.Errorf("%s.%s has no action in registry.Operations", root.Name, f.Name)
			}
			delete(have, root.Name+"."+f.Name)
		}
	}
	for name := range have {
		t.Errorf("%s is an operation but not a root field", name)
	}
}

// TestOperationsAskForTheirAction uses policies that allow one action only. The
// queries that registry.Operations lists for the action answer; all others refuse.
func TestOperationsAskForTheirAction(t *testing.T) {
	for _, action := range []registry.Action{registry.CatalogRead, registry.LineageRead, registry.LogRead, registry.ViewerRead} {
		t.Run(string(action), func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "policy.csv")
			text := "p, role:viewer, field:any, read, all, allow\np, role:viewer, " + string(action) + ", do, all, allow\n" +
				"p, role:keeper, field:any, read, all, allow\np, role:keeper, log.read, do, all, allow\np, role:keeper, access.manage, do, all, allow\n"
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			s := open(t, path)
			for _, o := range registry.Operations() {
				if o.Mutation || o.Subscription {
					continue
				}
				calls := s.seed.rootCalls()[o.Name]
				if o.Name == "nodes" {
					calls = []string{nodesCall(s.seed.idsOf("Run"))}
				}
				for _, c := range calls {
					want := ""
					if o.Action != action {
						want = "FORBIDDEN"
					}
					if a := s.query(viewer, "{ "+c+" { __typename } }"); a.code() != want {
						t.Errorf("%s asks for %s: %.200s", o.Name, o.Action, a.raw)
					}
				}
			}
		})
	}
}

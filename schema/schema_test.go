// Package schema contains the GraphQL schema and tests of its conventions.
package schema

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
)

func load(t *testing.T) *ast.Schema {
	t.Helper()
	files, err := filepath.Glob("*.graphqls")
	if err != nil || len(files) == 0 {
		t.Fatal("no schema files", err)
	}
	var sources []*ast.Source
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		sources = append(sources, &ast.Source{Name: f, Input: string(b)})
	}
	s, err := gqlparser.LoadSchema(sources...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestEverythingHasADescription(t *testing.T) {
	need := func(what, description string) {
		if strings.TrimSpace(description) == "" {
			t.Errorf("%s has no description", what)
		}
	}
	for name, d := range load(t).Types {
		if d.BuiltIn || strings.HasPrefix(name, "__") {
			continue
		}
		need(name, d.Description)
		for _, f := range d.Fields {
			if strings.HasPrefix(f.Name, "__") {
				continue
			}
			need(name+"."+f.Name, f.Description)
			for _, a := range f.Arguments {
				need(name+"."+f.Name+"("+a.Name+":)", a.Description)
			}
		}
		for _, v := range d.EnumValues {
			need(name+"."+v.Name, v.Description)
		}
	}
}

func TestEveryMutationTakesOneInputAndAnIdempotencyKey(t *testing.T) {
	s := load(t)
	for _, m := range s.Mutation.Fields {
		if strings.HasPrefix(m.Name, "__") {
			continue
		}
		if len(m.Arguments) != 1 || m.Arguments[0].Name != "input" || !m.Arguments[0].Type.NonNull {
			t.Errorf("%s does not take exactly one input", m.Name)
			continue
		}
		if s.Types[m.Arguments[0].Type.Name()].Fields.ForName("idempotencyKey") == nil {
			t.Errorf("%s takes no idempotencyKey", m.Name)
		}
		if !strings.HasSuffix(m.Type.Name(), "Payload") {
			t.Errorf("%s does not answer with a payload", m.Name)
		}
	}
}

// TestEveryListIsBounded checks that every connection field has the argument first.
func TestEveryListIsBounded(t *testing.T) {
	for name, d := range load(t).Types {
		for _, f := range d.Fields {
			if strings.HasSuffix(f.Type.Name(), "Connection") && f.Arguments.ForName("first") == nil {
				t.Errorf("%s.%s returns a connection but has no argument first", name, f.Name)
			}
		}
	}
}

// TestNoMutationHasDefaults checks all inputs of mutations, with the inputs in them. A fact
// may be told again and a thing be updated: what a caller leaves out changes nothing, and a
// default of the schema cannot be told from a value that was given.
func TestNoMutationHasDefaults(t *testing.T) {
	s := load(t)
	seen := map[string]bool{}
	var check func(name string)
	check = func(name string) {
		d := s.Types[name]
		if d == nil || d.Kind != ast.InputObject || seen[name] {
			return
		}
		seen[name] = true
		for _, f := range d.Fields {
			if f.DefaultValue != nil {
				t.Errorf("%s.%s has the default %s; let package service set it where the thing is new", name, f.Name, f.DefaultValue)
			}
			check(f.Type.Name())
		}
	}
	for _, m := range s.Mutation.Fields {
		for _, a := range m.Arguments {
			check(a.Type.Name())
		}
	}
	for _, name := range []string{"RecordRunInput", "TagFactInput", "ColumnTransformationInput"} {
		if !seen[name] {
			t.Errorf("%s was not checked", name)
		}
	}
}

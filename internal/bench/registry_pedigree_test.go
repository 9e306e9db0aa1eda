package bench

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
)

// graphQLSchema reads the schema of this server.
func graphQLSchema(t *testing.T) *ast.Schema {
	t.Helper()
	files, err := filepath.Glob("../../schema/*.graphqls")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d schema files, %v", len(files), err)
	}
	var sources []*ast.Source
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		sources = append(sources, &ast.Source{Name: file, Input: string(text)})
	}
	schema, err := gqlparser.LoadSchema(sources...)
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// TestEveryWorkFitsTheSchema validates the documents against the schema, and their
// variables against the documents.
func TestEveryWorkFitsTheSchema(t *testing.T) {
	schema, models := graphQLSchema(t), newRegistryModels(pageSize)
	calls := pedigreeCalls(models)
	for _, work := range append(registryWorks(), registryLoad()...) {
		var request struct {
			Query     string
			Variables map[string]any
		}
		if err := json.Unmarshal([]byte(calls[work.name].body(models[0])), &request); err != nil {
			t.Fatalf("%s: %v", work.name, err)
		}
		document, err := gqlparser.LoadQueryWithRules(schema, request.Query, nil)
		if err != nil {
			t.Errorf("%s: %v", work.name, err)
			continue
		}
		if declared := document.Operations[0].VariableDefinitions; len(declared) != len(request.Variables) {
			t.Errorf("%s declares %d variables and gets %v", work.name, len(declared), request.Variables)
		}
	}
}

// TestAllAPIsKnowEveryWork compares the tables of calls.
func TestAllAPIsKnowEveryWork(t *testing.T) {
	models := newRegistryModels(pageSize)
	ours, theirs, door := pedigreeCalls(models), mlflowCalls(models), doorCalls(models)
	if len(ours) != len(theirs) || len(door) != len(theirs) {
		t.Errorf("%d calls, %d and %d", len(ours), len(theirs), len(door))
	}
	for _, work := range append(registryWorks(), registryLoad()...) {
		for _, calls := range []map[string]registryCall{ours, theirs, door} {
			call, ok := calls[work.name]
			if !ok || call.method == "" || call.uri(models[0]) == "" || len(call.wants(models[0])) == 0 {
				t.Errorf("%s is not asked for", work.name)
			}
		}
	}
}

// TestTheDoorIsAskedForTheSame compares what the answers of MLflow and of the MLflow API of this
// server must contain: they differ in blanks only.
func TestTheDoorIsAskedForTheSame(t *testing.T) {
	models := newRegistryModels(pageSize)
	door, blanks := doorCalls(models), strings.NewReplacer(" ", "", "\n", "")
	for name, call := range mlflowCalls(models) {
		theirs, ours := call.wants(models[3]), door[name].wants(models[3])
		if strings.Contains(ours[0], ": ") || strings.Contains(ours[0], "\n") || blanks.Replace(fmt.Sprint(ours)) != blanks.Replace(fmt.Sprint(theirs)) {
			t.Errorf("%s: %.300q and %.300q", name, ours, theirs)
		}
	}
}

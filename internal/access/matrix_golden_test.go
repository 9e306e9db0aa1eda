package access

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
)

// The columns of the golden file.
const (
	anonymous     = "anonymous"
	viewer        = "viewer"
	developer     = "developer"
	dataScientist = "data_scientist"
	admin         = "admin"
)

var columns = []string{anonymous, viewer, developer, dataScientist, admin}

// outcomes are the values of a cell.
var outcomes = []string{"401", "yes", "blank", "null", "notfound", "forbidden"}

// matrix is the golden file: coordinate → column → outcome.
type matrix map[string]map[string]string

// readMatrix parses the golden file. A line that it cannot parse fails the test.
func readMatrix(t testing.TB) matrix {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "matrix.golden"))
	if err != nil {
		t.Fatal(err)
	}
	m, of := matrix{}, ""
	for i, line := range strings.Split(string(text), "\n") {
		words := strings.Fields(line)
		switch {
		case len(words) == 0 || strings.HasPrefix(words[0], "#"):
		case len(words) == 1 && line[0] != ' ':
			of = words[0]
		case len(words) == 1+len(columns) && line[0] == ' ' && of != "":
			at := of + "." + words[0]
			if m[at] != nil {
				t.Fatalf("line %d: %s is a duplicate", i+1, at)
			}
			m[at] = map[string]string{}
			for k, c := range columns {
				if !slices.Contains(outcomes, words[k+1]) {
					t.Fatalf("line %d: %q is not an outcome", i+1, words[k+1])
				}
				m[at][c] = words[k+1]
			}
		default:
			t.Fatalf("line %d: cannot parse %q", i+1, line)
		}
	}
	return m
}

// loadSchema parses schema/*.graphqls.
func loadSchema(t testing.TB) *ast.Schema {
	t.Helper()
	files, err := filepath.Glob("../../schema/*.graphqls")
	if err != nil || len(files) == 0 {
		t.Fatal("no schema", err)
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

// coordinates lists every field of every object and interface of the schema,
// including the root fields, without introspection.
func coordinates(s *ast.Schema) (out []string) {
	for name, d := range s.Types {
		if d.BuiltIn || d.Kind != ast.Object && d.Kind != ast.Interface {
			continue
		}
		for _, f := range d.Fields {
			if !strings.HasPrefix(f.Name, "__") {
				out = append(out, name+"."+f.Name)
			}
		}
	}
	slices.Sort(out)
	return out
}

// TestMatrixIsComplete checks that every field of the schema has a line in the
// golden file, and that every line has a field.
func TestMatrixIsComplete(t *testing.T) {
	m, all := readMatrix(t), coordinates(loadSchema(t))
	unclassified := 0
	for _, c := range all {
		if m[c] == nil {
			unclassified++
			t.Errorf("%s has no line in matrix.golden", c)
		}
	}
	for c := range m {
		if !slices.Contains(all, c) {
			t.Errorf("%s is in matrix.golden but not in the schema", c)
		}
	}
	t.Logf("%d fields, %d cells, %d unclassified", len(all), len(all)*len(columns), unclassified)
}

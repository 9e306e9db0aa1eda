// Package arch holds the arrows between the rooms of the house.
package arch

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// knows lists, for each room, the rooms that its code (not its tests) may import.
// A room that is not listed here fails the test: decide first where it stands.
var knows = map[string][]string{
	"registry":        {},
	"graph":           {"registry"},
	"graph/graphtest": {"graph", "registry"},
	"graph/sqlite":    {"graph", "registry"},
	"graph/neo4j":     {"graph", "registry"},
	"graph/migrate":   {"graph", "registry"},
	"graph/cache":     {"graph", "registry"},
	"lineage":         {"graph", "registry"},
	"lineage/export":  {"lineage", "registry"},
	"policies":        {"graph", "registry"},
	// The parts of service. Governance will stand beside catalog and facts.
	"service/core":       {"graph", "policies", "registry"},
	"service/catalog":    {"service/core", "graph", "policies", "registry"},
	"service/facts":      {"service/core", "service/catalog", "graph", "policies", "registry"},
	"service/provenance": {"service/core", "service/catalog", "service/facts", "graph", "lineage", "lineage/export", "policies", "registry"},
	"service/bulk":       {"service/core", "service/catalog", "service/facts", "graph", "policies", "registry"},
	"service/access":     {"service/core", "graph", "policies", "registry"},
	"service":            append([]string{"policies", "registry"}, serviceParts...),
	"resolvers":          {"service", "registry", "lineage", "lineage/export", "resolvers/internal/gql", "resolvers/kept", "resolvers/scalar"},
	"resolvers/scalar":   {"registry"},
	"resolvers/door":     {"resolvers", "resolvers/kept", "service", "registry"},
	"resolvers/kept":     {},
	// What gqlgen generates names every type of the schema.
	"resolvers/internal/gql": {"service", "registry", "lineage", "lineage/export", "resolvers/scalar"},
	"connect/demo":           {"service", "registry"},
	"connect/git":            {"service", "registry"},
	"connect/dvc":            {"service", "registry", "connect/git", "connect/gto"},
	"connect/gto":            {"registry"},
	"connect/remote":         {"service", "registry"},
	"web":                    {},
	"schema":                 {},
	"connect/jsonlines":      {"service", "registry"},
	"rest/v1":                {"service", "registry", "lineage", "lineage/export", "connect/jsonlines"},
	"server":                 {"service", "registry", "resolvers/door", "rest/v1", "web"},
	"cmd/pedigree": {"server", "service", "policies", "lineage", "lineage/export", "graph", "graph/sqlite", "graph/neo4j", "graph/migrate", "graph/cache", "registry",
		"connect/demo", "connect/git", "connect/dvc", "connect/remote", "connect/jsonlines"},
	// Small helpers without a domain.
	"internal/neotest":     {},
	"internal/neotest/cmd": {"internal/neotest"},
	"internal/testsum":     {},
	// The bench makes graphs, and asks from outside.
	"internal/bench/graphs": {"graph", "registry"},
	"internal/bench":        {"internal/bench/graphs", "internal/neotest", "graph", "graph/sqlite", "graph/neo4j", "registry"},
	"internal/bench/cmd":    {"internal/bench"},
	"internal/validators":   {},
}

// serviceParts hold the use cases and their input and output types. Doors call them
// through service.Service: who may import service may import its parts.
var serviceParts = []string{"service/core", "service/catalog", "service/facts", "service/provenance", "service/bulk", "service/access"}

// testOnly are rooms that hold nothing but tests and may look into every other.
var testOnly = []string{"internal/arch", "internal/access", "internal/e2e", "internal/history"}

type pkg struct {
	ImportPath, Dir string
	Imports         []string
	GoFiles         []string
}

func packages(t *testing.T) (out []pkg) {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Dir,Imports,GoFiles", "pedigree/...")
	b, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	for d := json.NewDecoder(bytes.NewReader(b)); d.More(); {
		var p pkg
		if err := d.Decode(&p); err != nil {
			t.Fatal(err)
		}
		out = append(out, p)
	}
	return out
}

// violations lists the imports that a room may not have.
func violations(room string, imports []string) (out []string) {
	allowed, listed := knows[room]
	if !listed {
		return []string{fmt.Sprintf("%s is not in the list of rooms", room)}
	}
	for _, imp := range imports {
		other, ours := strings.CutPrefix(imp, "pedigree/")
		switch {
		case ours && slices.Contains(serviceParts, other) && !strings.HasPrefix(room, "service") && slices.Contains(allowed, "service"):
			// Who may call service may name the inputs and outputs of its parts.
		case ours && !slices.Contains(allowed, other):
			out = append(out, fmt.Sprintf("%s imports %s", room, other))
		case room == "registry" && strings.Contains(imp, ".") && imp != "github.com/Masterminds/semver/v3":
			out = append(out, fmt.Sprintf("registry imports %s; it knows the standard library and semver alone", imp))
		}
	}
	return out
}

func TestArrowsHold(t *testing.T) {
	for _, p := range packages(t) {
		room := strings.TrimPrefix(p.ImportPath, "pedigree/")
		if slices.Contains(testOnly, room) {
			continue
		}
		for _, v := range violations(room, p.Imports) {
			t.Error(v)
		}
	}
}

func TestAWrongArrowIsSeen(t *testing.T) {
	for room, imports := range map[string][]string{"registry": {"pedigree/graph"}, "lineage": {"pedigree/policies"}, "service": {"pedigree/graph/sqlite"},
		"service/core": {"pedigree/service/catalog"}, "service/catalog": {"pedigree/service/facts"}, "service/facts": {"pedigree/service/provenance"},
		"service/provenance": {"pedigree/service/bulk"}, "service/access": {"pedigree/service"}, "web": {"pedigree/service/core"},
		"resolvers": {"pedigree/graph"}, "a/new/room": nil} {
		if len(violations(room, imports)) == 0 {
			t.Errorf("%s importing %v is not seen", room, imports)
		}
	}
	if len(violations("registry", []string{"github.com/some/library"})) == 0 {
		t.Error("a library in registry is not seen")
	}
}

// TestOnlyTheGateHoldsAStore looks for the names of stores and transactions where
// only a gate, a scope or a policies.Tx belongs.
func TestOnlyTheGateHoldsAStore(t *testing.T) {
	for _, p := range packages(t) {
		room := strings.TrimPrefix(p.ImportPath, "pedigree/")
		if !strings.HasPrefix(room, "service") && !strings.HasPrefix(room, "resolvers") && !strings.HasPrefix(room, "connect") && room != "server" {
			continue
		}
		for _, name := range p.GoFiles {
			file := filepath.Join(p.Dir, name)
			tree, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(tree, func(n ast.Node) bool {
				if sel, ok := n.(*ast.SelectorExpr); ok {
					if x, ok := sel.X.(*ast.Ident); ok && x.Name == "graph" && (sel.Sel.Name == "Store" || sel.Sel.Name == "Tx") {
						t.Errorf("%s names graph.%s: ask the gate instead", file, sel.Sel.Name)
					}
				}
				return true
			})
		}
	}
}

// TestTheStoreStaysSmall counts the methods that an engine has to write.
func TestTheStoreStaysSmall(t *testing.T) {
	root := packages(t)
	i := slices.IndexFunc(root, func(p pkg) bool { return p.ImportPath == "pedigree/graph" })
	tree, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root[i].Dir, "graph.go"), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	methods := 0
	ast.Inspect(tree, func(n ast.Node) bool {
		if it, ok := n.(*ast.InterfaceType); ok {
			for _, m := range it.Methods.List {
				methods += len(m.Names)
			}
		}
		return true
	})
	if methods == 0 || methods > 15 {
		t.Errorf("Reader, Tx and Store have %d methods; 15 is the most", methods)
	}
	t.Logf("methods of Reader, Tx and Store: %d", methods)
}

// TestFilesAndFunctionsStayShort holds hand-written code to what can be read
// without a map, and tells the longest.
func TestFilesAndFunctionsStayShort(t *testing.T) {
	longFile, longFunc := "", ""
	maxFile, maxFunc := 0, 0
	for _, p := range packages(t) {
		if strings.Contains(p.ImportPath, "/internal/gql") {
			continue
		}
		for _, name := range p.GoFiles {
			file := filepath.Join(p.Dir, name)
			src, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if lines := bytes.Count(src, []byte("\n")); lines > maxFile {
				maxFile, longFile = lines, name
			}
			set := token.NewFileSet()
			tree, err := parser.ParseFile(set, file, src, 0)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range tree.Decls {
				if f, ok := d.(*ast.FuncDecl); ok {
					if lines := set.Position(f.End()).Line - set.Position(f.Pos()).Line + 1; lines > maxFunc {
						maxFunc, longFunc = lines, p.ImportPath+"."+f.Name.Name
					}
				}
			}
		}
	}
	if maxFile > 600 {
		t.Errorf("%s has %d lines; split it", longFile, maxFile)
	}
	if maxFunc > 80 {
		t.Errorf("%s has %d lines; split it", longFunc, maxFunc)
	}
	t.Logf("longest file: %s, %d lines; longest function: %s, %d lines", longFile, maxFile, longFunc, maxFunc)
}

// TestResolversAreOneLine holds resolvers to decoding and calling.
func TestResolversAreOneLine(t *testing.T) {
	for _, p := range packages(t) {
		if p.ImportPath != "pedigree/resolvers" {
			continue
		}
		for _, name := range p.GoFiles {
			tree, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, name), nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range tree.Decls {
				f, ok := d.(*ast.FuncDecl)
				if !ok || f.Recv == nil {
					continue
				}
				if len(f.Body.List) != 1 {
					t.Errorf("%s: %s has %d statements; a rule belongs in service", name, f.Name.Name, len(f.Body.List))
				}
			}
		}
		if _, err := os.Stat(filepath.Join(p.Dir, "models_gen.go")); err == nil {
			t.Error("gqlgen wrote a models file: bind the type in gqlgen.yml")
		}
	}
}

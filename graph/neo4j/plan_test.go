package neo4j

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	driver "github.com/neo4j/neo4j-go-driver/v5/neo4j"

	"pedigree/graph"
	"pedigree/graph/graphtest"
	"pedigree/registry"
)

// fixedTexts are all texts that do not depend on a Query.
func fixedTexts() []string {
	texts := []string{setPacked, setPackedEdges, makeHead, lockHead, readHead, setSchema, writeHead, appendLog, appendTouches, readStored, replaceNodes, writeRevisions,
		readHolders, freeSlots, takeSlots, eraseDocs, readEnds, readLive, retract, forget, findCycle, findWords, setWords,
		dumpSizes, dumpNodes, dumpEdges, setNamespaces, writeFilling, finishHead, dropRevisions, giveUpSlots}
	for _, text := range createNodes {
		texts = append(texts, text)
	}
	for _, text := range createEdges {
		texts = append(texts, text)
	}
	for _, text := range restoreEdges {
		texts = append(texts, text)
	}
	for _, past := range []bool{false, true} {
		l := lens{past: past}
		texts = append(texts, l.nodesText(true), l.nodesText(false), l.rootsText(), l.insideText())
		for _, d := range []graph.Direction{graph.Upstream, graph.Downstream} {
			full := hopColumns + ", node: " + projection("w", "f", false)
			for _, columns := range []string{heldHop, hopColumns + ", node: " + projection("w", "f", true)} {
				texts = append(texts, hop{l, pattern{}, d, columns}.firstText(), hop{l, pattern{}, d, columns}.hopText())
			}
			for _, kinds := range []int{0, 1, hopKinds, hopKinds + 1} {
				h := hop{l, hopPattern(registry.EdgeKinds()[:kinds]), d, full}
				texts = append(texts, h.firstText(), h.hopText(), h.longText(), h.degreeText(), l.deepText(d, h.pattern))
			}
		}
	}
	texts = append(texts, onceTexts()...)
	for _, depth := range append(slices.Clone(buckets), 10000) {
		texts = append(texts, fastText(graph.Upstream, bucket(depth)), fastText(graph.Downstream, bucket(depth)))
	}
	return texts
}

// onceTexts are those of walks at every depth, and of the stages that lineage asks.
func onceTexts() (texts []string) {
	history := graph.Stage{From: registry.KindCommit, Direction: graph.Upstream, Edges: []registry.EdgeKind{registry.EdgeParent}, Depth: 20}
	releases := graph.Stage{From: registry.KindCommit, Direction: graph.Downstream, Edges: []registry.EdgeKind{registry.EdgePointsAt, registry.EdgeReleasedFrom}, Depth: 2}
	later := graph.Stage{From: registry.KindCommit, Direction: graph.Downstream, Depth: 50}
	for _, bare := range []bool{false, true} {
		for _, depth := range append(slices.Clone(onceDepths), 10000) {
			for _, d := range []graph.Direction{graph.Upstream, graph.Downstream} {
				for _, then := range [][]graph.Stage{nil, {history, releases}, {later}} {
					texts = append(texts, onceText(graph.ClosureQuery{Direction: d, Depth: depth, Bare: bare, Then: then}))
				}
			}
		}
	}
	return texts
}

const canary = "Zcanary'\"`}]) DETACH DELETE n //"

// TestPlans explains every text: the fixed ones, and those that a run composed,
// in which nothing may stand that a caller gave.
func TestPlans(t *testing.T) {
	s := open(t)
	seen := map[string]map[string]any{}
	s.trace = func(text string, params map[string]any) { seen[text] = params }
	graphtest.Differential(t, 5, 15, s, open(t))
	poison(t, s)
	s.trace = nil
	for text := range seen {
		if strings.Contains(text, "Zcanary") {
			t.Errorf("a value of a caller is in the text %s", text)
		}
	}
	for _, text := range fixedTexts() {
		if seen[text] == nil {
			seen[text] = map[string]any{}
		}
	}
	for text, params := range seen {
		explain(t, s, text, params)
	}
	t.Logf("%d texts", len(seen))
}

// poison gives every call values that would break out of a text.
func poison(t *testing.T, s *Store) {
	n := &graph.Node{ID: canary, Kind: registry.KindModelVersion, Parent: canary, Name: canary, Slots: []string{canary},
		Columns: map[registry.Index]any{registry.IndexStage: canary}, Doc: []byte(canary)}
	err := s.Update(t.Context(), func(tx graph.Tx) error {
		if err := tx.Put(t.Context(), n); err != nil {
			return err
		}
		tx.Link(t.Context(), &graph.Edge{Kind: canary, From: canary, To: canary, By: canary})
		tx.Unlink(t.Context(), &graph.Edge{Kind: canary, From: canary, To: canary})
		return tx.Append(t.Context(), &registry.LogEntry{Actor: canary, Action: canary, Objects: []registry.ID{canary}, Model: canary})
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Find(t.Context(), graph.Query{Kinds: []registry.Kind{registry.KindModelVersion}, Limit: 1, Text: &graph.Match{Words: []string{canary},
		Fields: map[registry.Kind][]string{registry.KindModelVersion: {"name"}}}})
	words := graph.Words(canary, 16)
	if _, err := s.Find(t.Context(), graph.Query{Kinds: []registry.Kind{registry.KindModelVersion}, Limit: 1, Text: &graph.Match{Words: words,
		Fields: map[registry.Kind][]string{registry.KindModelVersion: {"name"}}}}); err != nil {
		t.Fatal(err)
	}
	w := []graph.Predicate{{Column: registry.IndexStage, Op: graph.Prefix, Values: []any{canary}}, {Column: canary, Op: graph.In}}
	for _, q := range []graph.Query{{Kinds: []registry.Kind{canary}, Parents: []registry.ID{canary}, Slots: []string{canary}, Where: w[:1], Limit: 1},
		{Kinds: []registry.Kind{canary}, Where: w, Limit: 1}, {Kinds: []registry.Kind{canary}, Order: canary, Limit: 1},
		{Kinds: []registry.Kind{canary}, After: &graph.Key{Value: canary, ID: canary}, Limit: 1}} {
		s.Find(t.Context(), q)
	}
	s.Nodes(t.Context(), graph.Instant{}, canary)
	s.Log(t.Context(), graph.LogQuery{Object: canary, Actor: canary, Models: []registry.ID{canary}, Actions: []registry.LogAction{canary}, Limit: 1})
	for _, kinds := range [][]registry.EdgeKind{nil, {canary}} {
		s.Neighbors(t.Context(), graph.HopQuery{IDs: []registry.ID{canary}, Direction: graph.Upstream, Edges: kinds, Cap: 1})
		s.Closure(t.Context(), graph.ClosureQuery{Roots: []registry.ID{canary}, Direction: graph.Upstream, Edges: kinds, Through: []registry.Kind{canary},
			Depth: 3, Fanout: 1, Limit: 1})
		s.Closure(t.Context(), graph.ClosureQuery{Roots: []registry.ID{canary}, Direction: graph.Upstream, Depth: 3, Fanout: 1, Limit: 1,
			Then: []graph.Stage{{From: canary, Direction: graph.Upstream, Edges: kinds, Through: []registry.Kind{canary}, Depth: 3, Fanout: 1, Limit: 1}}})
	}
}

func explain(t *testing.T, s *Store, text string, params map[string]any) {
	t.Helper()
	if strings.HasPrefix(text, "CREATE CONSTRAINT") || strings.HasPrefix(text, "CREATE INDEX") || text == createWords || strings.HasPrefix(text, "CALL db.") {
		return
	}
	session := s.session(t.Context(), driver.AccessModeRead)
	defer session.Close(t.Context())
	result, err := session.Run(t.Context(), "EXPLAIN "+text, params)
	if err == nil {
		var summary driver.ResultSummary
		if summary, err = result.Consume(t.Context()); err == nil {
			refuse(t, text, summary.Plan(), false)
			for _, op := range drawn(t, summary.Plan()) {
				refuseOp(t, text, op, false)
			}
			return
		}
	}
	t.Errorf("explain %s: %v", text, err)
}

// drawn are the operators of the plan as the server draws it. Where an operator has
// two children, the tree that the driver gives may hold the one twice.
func drawn(t *testing.T, p driver.Plan) (ops []string) {
	t.Helper()
	drawing, _ := p.Arguments()["string-representation"].(string)
	for line := range strings.Lines(drawing) {
		line = strings.TrimLeft(line, "| ")
		if rest, ok := strings.CutPrefix(line, "+"); ok && rest != "" && rest[0] != '-' {
			op, _, _ := strings.Cut(rest, " ")
			ops = append(ops, op)
		}
	}
	if len(ops) == 0 {
		t.Errorf("no plan is drawn: %v", p.Arguments())
	}
	return ops
}

// refuse fails on the operators that read everything or enumerate paths.
func refuse(t *testing.T, text string, p driver.Plan, product bool) {
	op, _, _ := strings.Cut(p.Operator(), "@")
	refuseOp(t, text, op, product)
	for _, c := range p.Children() {
		refuse(t, text, c, product || op == "CartesianProduct")
	}
}

func refuseOp(t *testing.T, text, op string, product bool) {
	switch {
	case op == "VarLengthExpand(All)", op == "VarLengthExpand(Into)", op == "AllNodesScan", strings.Contains(op, "LabelScan"),
		strings.Contains(op, "RelationshipsScan"), strings.Contains(op, "TypeScan"), strings.HasSuffix(op, "IndexScan"), product && strings.Contains(op, "Scan"):
		t.Errorf("%s in the plan of %s", op, text)
	}
}

// TestPlansThatEnumerateAreRefused is the twin: a text that the planner cannot prune
// is told, also below an operator of two children.
func TestPlansThatEnumerateAreRefused(t *testing.T) {
	s := open(t)
	session := s.session(t.Context(), driver.AccessModeRead)
	defer session.Close(t.Context())
	const text = "MATCH (a:Node {key: $key}) MATCH p = (a)-[*0..10]->(f) WITH f, p RETURN f.id, length(p), COLLECT { MATCH (f)-->(t) RETURN t.id }"
	result, err := session.Run(t.Context(), "EXPLAIN "+text, nil)
	if err != nil {
		t.Fatal(err)
	}
	summary, err := result.Consume(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if ops := drawn(t, summary.Plan()); !slices.Contains(ops, "VarLengthExpand(All)") {
		t.Errorf("the plan is drawn as %v", ops)
	}
}

// TestNoTextIsFormatted holds the package to texts put together from constants:
// fmt is for error causes only.
func TestNoTextIsFormatted(t *testing.T) {
	names, err := filepath.Glob("*.go")
	if err != nil || len(names) == 0 {
		t.Fatal("no files", err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if sel, ok := n.(*ast.SelectorExpr); ok {
				if x, ok := sel.X.(*ast.Ident); ok && x.Name == "fmt" && sel.Sel.Name != "Errorf" {
					t.Errorf("%s uses fmt.%s", name, sel.Sel.Name)
				}
			}
			return true
		})
	}
}

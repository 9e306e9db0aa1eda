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

// fixedTexts are all Cypher texts that do not depend on a graph.Query.
func fixedTexts() []string {
	texts := []string{setPacked, setPackedEdges, makeHead, lockHead, readHead, lockAndReadHead, readForeseen, readHeadState, setSchema, writePending, readLeaves, lastEntryBefore, setTrees, setRoots,
		readHolders, takeSlots, eraseDocs, readEndpoints, readLiveEdges, retractEdges, deleteOwnEdges, findCycle, queryFulltext, setSearchProperties,
		dumpSizes, dumpNodes, dumpEdges, setNamespaces, setAbsentColumns, dropLabels, createLabels, nameLabels, changeSupport, countContents, readSupport, countRepair, writeMigration, setMigration, dropRevisions, releaseSlots, addCounts, readCounts}
	for _, text := range restoreEdges {
		texts = append(texts, text)
	}
	for _, past := range []bool{false, true} {
		l := asOf{revisions: past}
		texts = append(texts, l.nodesText(true), l.nodesText(false), l.rootsText(), l.innerEdgesText())
		for _, d := range []graph.Direction{graph.Upstream, graph.Downstream} {
			full := edgeMap + ", node: " + projection("w", "f", false)
			for _, columns := range []string{reachedMap, edgeMap + ", node: " + projection("w", "f", true)} {
				texts = append(texts, neighborQuery{l, edgePattern{}, d, columns}.boundedText(), neighborQuery{l, edgePattern{}, d, columns}.completeText())
			}
			for _, kinds := range []int{0, 1, maxPatternKinds, maxPatternKinds + 1} {
				h := neighborQuery{l, neighborPattern(registry.EdgeKinds()[:kinds]), d, full}
				texts = append(texts, h.boundedText(), h.completeText(), h.rowsText(), h.degreeText(), l.deepText(d, h.edgePattern))
			}
		}
	}
	texts = append(texts, singleQueryTexts()...)
	for _, depth := range append(slices.Clone(searchDepths), 10000) {
		texts = append(texts, searchText(graph.Upstream, searchDepthBound(depth)), searchText(graph.Downstream, searchDepthBound(depth)))
	}
	return texts
}

// singleQueryTexts are the texts of walks at every depth, with the stages that lineage
// uses.
func singleQueryTexts() (texts []string) {
	history := graph.Stage{From: registry.KindCommit, Direction: graph.Upstream, Edges: []registry.EdgeKind{registry.EdgeParent}, Depth: 20}
	releases := graph.Stage{From: registry.KindCommit, Direction: graph.Downstream, Edges: []registry.EdgeKind{registry.EdgePointsAt, registry.EdgeReleasedFrom}, Depth: 2}
	later := graph.Stage{From: registry.KindCommit, Direction: graph.Downstream, Depth: 50}
	for _, bare := range []bool{false, true} {
		for _, depth := range append(slices.Clone(singleQueryDepths), 10000) {
			for _, d := range []graph.Direction{graph.Upstream, graph.Downstream} {
				for _, then := range [][]graph.Stage{nil, {history, releases}, {later}} {
					texts = append(texts, singleQueryText(graph.ClosureQuery{Direction: d, Depth: depth, Bare: bare, Stages: then}))
				}
			}
		}
	}
	return texts
}

const injection = "Zcanary'\"`}]) DETACH DELETE n //"

// TestPlans explains every text: the fixed ones, and those that a run composed. No
// text may contain a value of a caller.
func TestPlans(t *testing.T) {
	s := open(t)
	seen := map[string]map[string]any{}
	s.onQuery = func(text string, params map[string]any) { seen[text] = params }
	graphtest.Differential(t, 5, 15, s, open(t))
	callWithInjection(t, s)
	s.onQuery = nil
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
		explainPlan(t, s, text, params)
	}
	t.Logf("%d texts", len(seen))
}

// callWithInjection passes values that would break out of a Cypher text to every call.
func callWithInjection(t *testing.T, s *Store) {
	n := &graph.Node{ID: injection, Kind: registry.KindModelVersion, Parent: injection, Name: injection, Slots: []string{injection},
		Columns: map[registry.Index]any{registry.IndexStage: injection}, Doc: []byte(injection)}
	err := s.Update(t.Context(), func(tx graph.Tx) error {
		if err := tx.Put(t.Context(), n); err != nil {
			return err
		}
		tx.Link(t.Context(), &graph.Edge{Kind: injection, From: injection, To: injection, By: injection})
		tx.Unlink(t.Context(), &graph.Edge{Kind: injection, From: injection, To: injection})
		return tx.Append(t.Context(), &registry.LogEntry{Actor: injection, Action: injection, Objects: []registry.ID{injection}, Model: injection})
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Find(t.Context(), graph.Query{Kinds: []registry.Kind{registry.KindModelVersion}, Limit: 1, Text: &graph.TextQuery{Words: []string{injection},
		Fields: map[registry.Kind][]string{registry.KindModelVersion: {"name"}}}})
	words := graph.Tokenize(injection, 16)
	if _, err := s.Find(t.Context(), graph.Query{Kinds: []registry.Kind{registry.KindModelVersion}, Limit: 1, Text: &graph.TextQuery{Words: words,
		Fields: map[registry.Kind][]string{registry.KindModelVersion: {"name"}}}}); err != nil {
		t.Fatal(err)
	}
	w := []graph.Predicate{{Column: registry.IndexStage, Op: graph.Prefix, Values: []any{injection}}, {Column: injection, Op: graph.In}}
	for _, q := range []graph.Query{{Kinds: []registry.Kind{injection}, Parents: []registry.ID{injection}, Slots: []string{injection}, Where: w[:1], Limit: 1},
		{Kinds: []registry.Kind{injection}, Where: w, Limit: 1}, {Kinds: []registry.Kind{injection}, Order: injection, Limit: 1},
		{Kinds: []registry.Kind{injection}, After: &graph.Key{Value: injection, ID: injection}, Limit: 1}} {
		s.Find(t.Context(), q)
	}
	s.Nodes(t.Context(), graph.Instant{}, injection)
	s.Log(t.Context(), graph.LogQuery{Objects: []registry.ID{injection}, Actor: injection, Actions: []registry.LogAction{injection}, Limit: 1})
	s.Log(t.Context(), graph.LogQuery{Object: injection, Actor: injection, Models: []registry.ID{injection}, Actions: []registry.LogAction{injection}, Limit: 1})
	for _, kinds := range [][]registry.EdgeKind{nil, {injection}} {
		s.Neighbors(t.Context(), graph.NeighborQuery{IDs: []registry.ID{injection}, Direction: graph.Upstream, Edges: kinds, LimitPerNode: 1})
		s.Closure(t.Context(), graph.ClosureQuery{Roots: []registry.ID{injection}, Direction: graph.Upstream, Edges: kinds, Through: []registry.Kind{injection},
			Depth: 3, Fanout: 1, Limit: 1})
		s.Closure(t.Context(), graph.ClosureQuery{Roots: []registry.ID{injection}, Direction: graph.Upstream, Depth: 3, Fanout: 1, Limit: 1,
			Stages: []graph.Stage{{From: injection, Direction: graph.Upstream, Edges: kinds, Through: []registry.Kind{injection}, Depth: 3, Fanout: 1, Limit: 1}}})
	}
}

func explainPlan(t *testing.T, s *Store, text string, params map[string]any) {
	t.Helper()
	if strings.HasPrefix(text, "CREATE CONSTRAINT") || strings.HasPrefix(text, "CREATE INDEX") || text == createFulltextIndex || strings.HasPrefix(text, "CALL db.") {
		return
	}
	session := s.session(t.Context(), driver.AccessModeRead)
	defer session.Close(t.Context())
	result, err := session.Run(t.Context(), "EXPLAIN "+text, params)
	if err == nil {
		var summary driver.ResultSummary
		if summary, err = result.Consume(t.Context()); err == nil {
			refusePlan(t, text, summary.Plan(), false)
			for _, op := range drawnOperators(t, summary.Plan()) {
				refuseOperator(t, text, op, false)
			}
			return
		}
	}
	t.Errorf("explain %s: %v", text, err)
}

// drawnOperators are the operators of a plan as the server prints it. When an operator
// has two children, the driver's tree may contain one of them twice.
func drawnOperators(t *testing.T, p driver.Plan) (ops []string) {
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
		t.Errorf("the server printed no plan: %v", p.Arguments())
	}
	return ops
}

// refusePlan fails on operators that read everything or enumerate paths.
func refusePlan(t *testing.T, text string, p driver.Plan, product bool) {
	op, _, _ := strings.Cut(p.Operator(), "@")
	refuseOperator(t, text, op, product)
	for _, c := range p.Children() {
		refusePlan(t, text, c, product || op == "CartesianProduct")
	}
}

func refuseOperator(t *testing.T, text, op string, product bool) {
	switch {
	case op == "VarLengthExpand(All)", op == "VarLengthExpand(Into)", op == "AllNodesScan", strings.Contains(op, "LabelScan"),
		strings.Contains(op, "RelationshipsScan"), strings.Contains(op, "TypeScan"), strings.HasSuffix(op, "IndexScan"), product && strings.Contains(op, "Scan"):
		t.Errorf("%s in the plan of %s", op, text)
	}
}

// TestEnumeratingPlansAreRefused is the negative control: drawnOperators finds the
// operator of a text that the planner cannot prune, also below one with two children.
func TestEnumeratingPlansAreRefused(t *testing.T) {
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
	if ops := drawnOperators(t, summary.Plan()); !slices.Contains(ops, "VarLengthExpand(All)") {
		t.Errorf("the printed plan has %v", ops)
	}
}

// TestNoTextIsFormatted: Cypher texts are composed from constants, so the package uses
// fmt only for errors.
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

// TestTheHeadIsReadUnderItsLock explains the text that takes the lock: nothing below the
// operator that takes it reads what the holder of the lock may change.
func TestTheHeadIsReadUnderItsLock(t *testing.T) {
	s := open(t)
	if read := readBeforeLock(t, s, lockAndReadHead); read != "" {
		t.Errorf("it is read before the lock: %s", read)
	}
	// The negative control reads first.
	if read := readBeforeLock(t, s, "MATCH (h:Head {key: $key}) WITH h, h.seq AS seq SET h.locked = true RETURN seq"); read == "" {
		t.Error("a read before the lock is not found")
	}
}

// readBeforeLock returns what the plan of a text reads of the head before it takes the lock.
func readBeforeLock(t *testing.T, s *Store, text string) (read string) {
	t.Helper()
	session := s.session(t.Context(), driver.AccessModeRead)
	defer session.Close(t.Context())
	result, err := session.Run(t.Context(), "EXPLAIN "+text, map[string]any{"key": ""})
	if err != nil {
		t.Fatal(err)
	}
	summary, err := result.Consume(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	drawing, _ := summary.Plan().Arguments()["string-representation"].(string)
	_, below, locks := strings.Cut(drawing, "+SetProperty")
	if !locks {
		t.Errorf("nothing takes the lock in %s", text)
	}
	for line := range strings.Lines(below) {
		if strings.Contains(line, "h.seq") {
			read += line
		}
	}
	return read
}

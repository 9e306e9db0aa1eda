package sqlite

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pedigree/graph"
	"pedigree/registry"

	engine "zombiezen.com/go/sqlite"
)

// queryPlan returns the steps of the query plan of a statement.
func queryPlan(t *testing.T, c *conn, sql string) []string {
	t.Helper()
	st, _, err := c.raw.PrepareTransient("EXPLAIN QUERY PLAN " + sql)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	defer st.Finalize()
	var out []string
	for {
		more, err := st.Step()
		if err != nil {
			t.Fatal(err)
		}
		if !more {
			return out
		}
		out = append(out, st.ColumnText(3))
	}
}

// scannable are the steps that read all of something small: a list of arguments, the
// numbers or ids that another step found, the kinds, and the log in the order of its key.
var scannable = regexp.MustCompile(`^SCAN (CONSTANT ROW|\(subquery-\d+\)|s|j VIRTUAL TABLE.*|json_each.*|pragma_.*|l|log|log .*|kind|edge_kind|sqlite_master|node_words VIRTUAL TABLE INDEX 0:M.*)$`)

// firstTableScan returns the first step of a plan that reads a whole table, or "".
func firstTableScan(steps []string) string {
	for _, s := range steps {
		if strings.HasPrefix(s, "SCAN ") && !scannable.MatchString(s) {
			return s
		}
	}
	return ""
}

// testStore returns an empty store that reads everything from its file.
func testStore(t *testing.T) *Store {
	t.Helper()
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "p.db"), WithoutMemory())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// TestNoStatementScansATable runs every kind of statement on one connection and checks
// the query plans of all of them. Only the log may be scanned, in the order of its key.
func TestNoStatementScansATable(t *testing.T) {
	s := testStore(t)
	var texts []string
	err := s.Update(t.Context(), func(g graph.Tx) error {
		err := runEveryStatement(t.Context(), g)
		for text := range g.(*tx).c.stmts {
			texts = append(texts, text)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	texts = append(texts, countsOf)
	explained := 0
	s.read(t.Context(), func(v *view) error {
		for _, text := range texts {
			switch strings.Fields(text)[0] {
			case "SELECT", "UPDATE", "DELETE":
				explained++
				if step := firstTableScan(queryPlan(t, v.c, text)); step != "" {
					t.Errorf("%s\n\t%s", step, text)
				}
			}
		}
		return nil
	})
	if explained < 50 {
		t.Fatalf("only %d statements were explained", explained)
	}
}

func runEveryStatement(ctx context.Context, g graph.Tx) error {
	node := func(kind registry.Kind, name string) *graph.Node {
		return &graph.Node{ID: registry.NewID(kind, name), Kind: kind, Name: name, Slots: []string{name}}
	}
	a, b := node(registry.KindDatasetVersion, "a"), node(registry.KindDatasetVersion, "b")
	e := &graph.Edge{Kind: registry.EdgeDerivedFrom, From: b.ID, To: a.ID, By: "me"}
	back := &graph.Edge{Kind: registry.EdgeDerivedFrom, From: a.ID, To: b.ID}
	errs := []error{g.Append(ctx, &registry.LogEntry{Objects: []registry.ID{a.ID}}), g.Put(ctx, a, b), g.Put(ctx, a), g.Link(ctx, e)}
	if g.Link(ctx, back) == nil {
		errs = append(errs, errors.New("a cycle was accepted"))
	}
	for _, at := range []graph.Instant{{}, {Known: 1}, {Valid: a.ValidFrom.AddDate(3000, 0, 0)}, {Valid: a.ValidFrom.AddDate(3000, 0, 0), Known: 1}} {
		for _, d := range []graph.Direction{graph.Upstream, graph.Downstream} {
			_, err1 := g.Neighbors(ctx, graph.NeighborQuery{IDs: []registry.ID{a.ID, b.ID}, Direction: d, At: at, LimitPerNode: 5, Count: true, Edges: registry.EdgeKinds()[:3]})
			_, err2 := g.Closure(ctx, graph.ClosureQuery{Roots: []registry.ID{a.ID, b.ID}, Direction: d, At: at, Depth: 2, Fanout: 1, Limit: 1})
			errs = append(errs, err1, err2)
		}
		_, err := g.Nodes(ctx, at, a.ID)
		errs = append(errs, err)
	}
	for _, q := range sampleQueries(a.ID) {
		_, err := g.Find(ctx, q)
		errs = append(errs, err)
	}
	for _, q := range []graph.LogQuery{{Limit: 1}, {Limit: 1, Object: a.ID, Desc: true}, {Limit: 1, Actor: "x"}, {Limit: 1, Models: []registry.ID{"a"}}, {Limit: 1, Models: []registry.ID{"a", "b"}},
		{Limit: 1, Actions: []registry.LogAction{"x", "y"}, Actor: "x", Object: a.ID}, {Limit: 1, KnownAt: a.ValidFrom}, {Limit: 1, WithModel: true},
		{Limit: 1, Actions: []registry.LogAction{"x"}, Objects: []registry.ID{a.ID, b.ID}}} {
		_, err := g.Log(ctx, q)
		errs = append(errs, err)
	}
	errs = append(errs, g.Unlink(ctx, e), g.Delete(ctx, b))
	return errors.Join(append(errs, dumpAndRestore(g.(*tx))...)...)
}

// dumpAndRestore reads all parts of a dump and restores its nodes and edges.
func dumpAndRestore(t *tx) (errs []error) {
	all := &graph.Batch{}
	for m := (graph.DumpPosition{}); m.Part != graph.PartDone; {
		b, err := t.dump(context.Background(), m)
		all.Nodes, all.Edges, all.Secret = append(all.Nodes, b.Nodes...), append(all.Edges, b.Edges...), b.Secret
		errs, m = append(errs, err), b.Next
	}
	_, err := t.migrationState()
	return append(errs, err, t.restoreRows(all))
}

func sampleQueries(id registry.ID) (out []graph.Query) {
	kinds := []registry.Kind{registry.KindModelVersion}
	stage := graph.Predicate{Column: registry.IndexStage, Op: graph.In, Values: []any{"PRODUCTION"}}
	child := stage
	child.Child = registry.KindModelVersion
	for _, q := range []graph.Query{
		{Kinds: kinds, Where: []graph.Predicate{stage}}, {Kinds: kinds, Where: []graph.Predicate{{Column: registry.IndexName, Op: graph.Prefix, Values: []any{"a"}}}},
		{Kinds: []registry.Kind{registry.KindModel}, Where: []graph.Predicate{child}, AnyOf: [][]graph.Predicate{{stage}, {child, stage}}},
		{Parents: []registry.ID{id}}, {Parents: []registry.ID{id, "x"}, Kinds: kinds}, {Slots: []string{"a"}}, {Slots: []string{"a", "b"}, Kinds: kinds},
		{Kinds: kinds, Where: []graph.Predicate{{Self: graph.SelfID, Op: graph.In, Values: []any{"a", "b"}}}},
		{Kinds: kinds, Where: []graph.Predicate{stage}, Text: &graph.TextQuery{Words: []string{"a"}, Fields: map[registry.Kind][]string{kinds[0]: {"name"}}}},
	} {
		for _, order := range []registry.Index{registry.IndexName, registry.IndexValidFrom, registry.IndexVersion} {
			q.Order, q.Limit, q.Count = order, 10, true
			out = append(out, q)
		}
	}
	return out
}

// TestEveryListHasItsIndex checks that each order of each list, with and without a filter,
// is read from the index that is made for it, without a sort: the first page and later ones.
func TestEveryListHasItsIndex(t *testing.T) {
	s := testStore(t)
	s.read(t.Context(), func(v *view) error {
		for x := range listIndexes {
			if x.order == indexOfParents || x.order == registry.NoIndex {
				continue
			}
			for i := range 4 {
				q := graph.Query{Order: x.order, Desc: i&1 > 0, Limit: 10}
				if x.children {
					q.Parents = []registry.ID{"p"}
				}
				if i&2 > 0 {
					q.After = &graph.Key{Value: "", ID: ""}
				}
				if x.filter != registry.NoIndex {
					q.Where = []graph.Predicate{{Column: x.filter, Op: graph.In, Values: []any{"v"}}}
				}
				kind := s.codes.kind[x.kind]
				if x.ofAllKinds() {
					kind = s.codes.kind[registry.KindRun]
				}
				if x.served {
					q.Where = append(q.Where, graph.Predicate{Served: true})
				}
				text := pageText(t, v, q, kind)
				if p := fmt.Sprint(queryPlan(t, v.c, text)); !strings.Contains(p, "INDEX "+x.name()+" ") || strings.Contains(p, "TEMP B-TREE") {
					t.Errorf("%+v: %s\n\t%s", x, p, text)
				}
			}
		}
		return nil
	})
}

// pageText returns the statement of a page of one kind.
func pageText(t *testing.T, v *view, q graph.Query, kind int) string {
	t.Helper()
	part := listPart{Query: q, crowded: true}
	for range q.Parents {
		part.parents = append(part.parents, 1)
	}
	from, err := v.sourceOf(part, kind, matches{})
	if err != nil {
		t.Fatal(err)
	}
	b := newBuilder(from, v.s.codes)
	b.conditions(part, kind)
	text, _ := pageSQL(q, b)
	return text
}

// TestADumpReadsInKeyOrder checks that a dump resumes at its key without reading the
// rows before it, and sorts no more than the edges between two nodes.
func TestADumpReadsInKeyOrder(t *testing.T) {
	s := testStore(t)
	s.read(t.Context(), func(v *view) error {
		for text, want := range map[string]string{dumpNodesSQL: "SEARCH n USING INTEGER PRIMARY KEY (rowid>?)", dumpEdgesSQL: "SEARCH e USING PRIMARY KEY ((from_num,to_num)>(?,?))"} {
			steps := queryPlan(t, v.c, text)
			if !slices.Contains(steps, want) || slices.Contains(steps, "USE TEMP B-TREE FOR ORDER BY") {
				t.Errorf("%q\n\t%s", steps, text)
			}
		}
		return nil
	})
}

// TestEveryKindHasACode fails when a new kind has no code in the database.
func TestEveryKindHasACode(t *testing.T) {
	s := testStore(t)
	for _, k := range registry.Kinds() {
		if s.codes.kind[k] == 0 {
			t.Errorf("%s has no code", k)
		}
	}
	for _, k := range registry.EdgeKinds() {
		if s.codes.edge[k] == 0 {
			t.Errorf("%s has no code", k)
		}
	}
}

// TestANewerSchemaIsRefused also shows that schema steps do not run again.
func TestANewerSchemaIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "p.db")
	s, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	first, _ := s.Ping(t.Context())
	s.Close()
	if s, err = Open(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	if again, _ := s.Ping(t.Context()); string(again.Secret) != string(first.Secret) || len(first.Secret) != 32 {
		t.Fatal("the secret changed")
	}
	s.Close()
	c, err := openConn(path, engine.OpenReadWrite)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.exec("UPDATE meta SET value = '99' WHERE key = 'schema'"); err != nil {
		t.Fatal(err)
	}
	c.close()
	_, err = Open(t.Context(), path)
	if registry.CodeOf(err) != registry.FailedPrecondition || !strings.Contains(err.Error(), "upgrade pedigree") {
		t.Fatalf("got %v", err)
	}
}

var bareLimit = regexp.MustCompile(`LIMIT \?\d*([^+\d]|$)`)

// TestNoStatementIsPreparedTwice checks that no statement has a bare LIMIT parameter:
// SQLite prepares such a statement again whenever a parameter is bound.
func TestNoStatementIsPreparedTwice(t *testing.T) {
	s := testStore(t)
	err := s.Update(t.Context(), func(g graph.Tx) error {
		err := runEveryStatement(t.Context(), g)
		for text := range g.(*tx).c.stmts {
			if bareLimit.MatchString(text) {
				t.Error(text)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

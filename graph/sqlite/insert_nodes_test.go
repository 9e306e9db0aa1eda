package sqlite

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pedigree/graph"
	"pedigree/registry"

	engine "zombiezen.com/go/sqlite"
)

// insertsOf puts nodes in one call, and returns which of insertNodesSQL the connection has then, and
// how many indexes each opens.
func insertsOf(t *testing.T, nodes int) map[int]int {
	t.Helper()
	s, out := testStore(t), map[int]int{}
	put(t, s, func(tx graph.Tx) error { return tx.Put(t.Context(), someDatasets(nodes)...) })
	s.eachConn(t.Context(), func(c *conn) {
		for i, sql := range insertNodesSQL {
			if c.stmts[sql] != nil {
				eachStep(t, c, sql, func(st *engine.Stmt) {
					if st.ColumnText(1) == "OpenWrite" {
						out[i+1]++
					}
				})
			}
		}
	})
	return out
}

func someDatasets(n int) (out []*graph.Node) {
	for i := range n {
		out = append(out, &graph.Node{ID: registry.NewID(registry.KindDataset, fmt.Sprint(i)), Kind: registry.KindDataset, Name: fmt.Sprint(i), Doc: []byte("{}")})
	}
	return out
}

// put runs an update with a log entry.
func put(t *testing.T, s *Store, fn func(graph.Tx) error) {
	t.Helper()
	err := s.Update(t.Context(), func(tx graph.Tx) error {
		if err := tx.Append(t.Context(), &registry.LogEntry{}); err != nil {
			return err
		}
		return fn(tx)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// eachStep passes the steps of the program of a statement to fn.
func eachStep(t *testing.T, c *conn, sql string, fn func(st *engine.Stmt)) {
	t.Helper()
	st, _, err := c.raw.PrepareTransient("EXPLAIN " + sql)
	if err != nil {
		t.Fatal(err)
	}
	defer st.Finalize()
	if err := stepAll(st, func(st *engine.Stmt) error { fn(st); return nil }); err != nil {
		t.Fatal(err)
	}
}

// TestTheNodesOfAPutAreInsertedTogether: one statement inserts three nodes, two insert ten, and each
// opens every index once, as the one of a single node does.
func TestTheNodesOfAPutAreInsertedTogether(t *testing.T) {
	names := map[string]bool{}
	for x := range listIndexes {
		names[x.name()] = true
	}
	one := insertsOf(t, 1)[1]
	if one < len(names) || len(names) > len(listIndexes)*2/3 {
		t.Fatalf("one node opens %d indexes, and %d lists share %d", one, len(listIndexes), len(names))
	}
	for nodes, want := range map[int][]int{3: {3}, maxRows: {maxRows}, maxRows + 2: {2, maxRows}} {
		got := insertsOf(t, nodes)
		if len(got) != len(want) {
			t.Errorf("%d nodes: %v", nodes, got)
		}
		for _, rows := range want {
			if got[rows] != one {
				t.Errorf("%d nodes: the statement for %d opens %d indexes, that for one %d", nodes, rows, got[rows], one)
			}
		}
	}
}

// TestAParentIsInsertedWithItsChildren: a version, its card and a file are one statement. A child that
// came before its parent needs another.
func TestAParentIsInsertedWithItsChildren(t *testing.T) {
	family := someDatasets(1)
	for i := range 2 {
		family = append(family, &graph.Node{ID: registry.NewID(registry.KindDatasetVersion, fmt.Sprint(i)), Kind: registry.KindDatasetVersion, Parent: family[0].ID, Doc: []byte("{}")})
	}
	for _, c := range []struct {
		nodes []*graph.Node
		want  []bool // by the number of nodes of a statement, less one
	}{{family, []bool{false, false, true}}, {[]*graph.Node{family[1], family[0], family[2]}, []bool{true, true, false}}} {
		s := testStore(t)
		put(t, s, func(tx graph.Tx) error { return tx.Put(t.Context(), c.nodes...) })
		s.eachConn(t.Context(), func(conn *conn) {
			for i, want := range c.want {
				if used := conn.stmts[insertNodesSQL[i]] != nil; used != want && len(conn.stmts) > 10 {
					t.Errorf("%s first: a statement for %d nodes: %t", c.nodes[0].Kind, i+1, used)
				}
			}
		})
	}
}

// TestAnInsertOfSeveralNodesCopiesNoPage: the statement is not one that the engine could have to undo
// alone, for which it would copy every page that it changes.
func TestAnInsertOfSeveralNodesCopiesNoPage(t *testing.T) {
	s := testStore(t)
	s.read(t.Context(), func(v *view) error {
		if undone(t, v.c, insertNodesSQL[3]) {
			t.Error("the engine may have to undo the statement alone")
		}
		if !undone(t, v.c, strings.Replace(insertNodesSQL[3], "INSERT OR FAIL", "INSERT OR ABORT", 1)) {
			t.Error("the test does not see that the engine may have to undo a statement")
		}
		return nil
	})
}

// undone reports whether the engine may have to undo a statement alone: whether a constraint ends its
// program with the action ABORT, which is 2.
func undone(t *testing.T, c *conn, sql string) (found bool) {
	eachStep(t, c, sql, func(st *engine.Stmt) {
		halts := st.ColumnText(1) == "HaltIfNull" || st.ColumnText(1) == "Halt"
		found = found || halts && st.ColumnInt(2) != 0 && st.ColumnInt(3) == 2
	})
	return found
}

// rowsOf returns all rows of the table node that are the same however the nodes were put.
func rowsOf(t *testing.T, s *Store) (out []string) {
	t.Helper()
	s.read(t.Context(), func(v *view) error {
		return v.c.query("SELECT id, kind, parent_num, crowded, name, revision, deleted, doc, num FROM node ORDER BY num", func(st *engine.Stmt) error {
			var row []string
			for i := range 9 {
				row = append(row, st.ColumnText(i))
			}
			out = append(out, strings.Join(row, " "))
			return nil
		})
	})
	return out
}

// familyOf makes nodes in a random order: datasets, versions of them before and after, more than a
// crowd of some, and nodes that come twice.
func familyOf(r *rand.Rand) (out []*graph.Node) {
	for i, parent := range someDatasets(4) {
		out = append(out, parent)
		for n := range []int{3, crowd, crowd + 1, 2 * crowd}[i] {
			v := &graph.Node{ID: registry.NewID(registry.KindDatasetVersion, fmt.Sprint(i), fmt.Sprint(n)), Kind: registry.KindDatasetVersion, Parent: parent.ID, Name: fmt.Sprint(n), Doc: []byte("{}")}
			if out = append(out, v); n%7 == 0 {
				again := *v
				again.Name += " again"
				out = append(out, &again)
			}
		}
	}
	r.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

// TestNodesPutTogetherAreAsPutAlone puts the same nodes in calls of one node and in calls of many, and
// compares the rows: numbers, parents, which are crowded.
func TestNodesPutTogetherAreAsPutAlone(t *testing.T) {
	for seed := range uint64(5) {
		nodes := familyOf(rand.New(rand.NewPCG(seed, 1)))
		var want []string
		for _, size := range []int{1, 2, 40, len(nodes)} {
			s := testStore(t)
			putInParts(t, s, nodes, size)
			got := rowsOf(t, s)
			if size == 1 {
				want = got
			}
			if !slices.Equal(got, want) {
				t.Fatalf("seed %d, %d nodes a call:\n%s\nwant\n%s", seed, size, strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		}
		crowded := 0
		for _, row := range want {
			if strings.Fields(row)[3] == "1" {
				crowded++
			}
		}
		if crowded != crowd+1+2*crowd {
			t.Errorf("seed %d: %d nodes are crowded", seed, crowded)
		}
	}
}

// putInParts puts nodes in one update, so many in a call.
func putInParts(t *testing.T, s *Store, nodes []*graph.Node, size int) {
	t.Helper()
	put(t, s, func(tx graph.Tx) error {
		for part := range slices.Chunk(nodes, size) {
			if err := tx.Put(t.Context(), part...); err != nil {
				return err
			}
		}
		return nil
	})
}

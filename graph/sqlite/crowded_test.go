package sqlite

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"

	"pedigree/graph"
	"pedigree/registry"

	engine "zombiezen.com/go/sqlite"
)

// putVersion writes a version of a parent, with values that many share.
func putVersion(t *testing.T, s *Store, parent registry.ID, n int) {
	t.Helper()
	err := s.Update(t.Context(), func(tx graph.Tx) error {
		stage := []registry.Stage{registry.Development, registry.Staging, registry.Production}[rand.IntN(3)]
		v := &graph.Node{ID: registry.NewID(registry.KindModelVersion, string(parent), fmt.Sprint(n)), Kind: registry.KindModelVersion, Parent: parent, Name: fmt.Sprint("v", rand.IntN(20)),
			Doc: []byte("{}"), Columns: map[registry.Index]any{registry.IndexStage: string(stage), registry.IndexVersion: fmt.Sprintf("%04d", rand.IntN(500)),
				registry.IndexNumber: int64(n), registry.IndexOwner: fmt.Sprint("owner", rand.IntN(4))}}
		if err := tx.Append(t.Context(), &registry.LogEntry{}); err != nil {
			return err
		}
		if err := tx.Put(t.Context(), v); err != nil || n%9 != 5 {
			return err
		}
		return tx.Delete(t.Context(), v)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// crowdQueries are lists of the versions of parents: every order, whole and filtered.
func crowdQueries(parents []registry.ID) (out []graph.Query) {
	in := func(column registry.Index, values ...any) graph.Predicate {
		return graph.Predicate{Column: column, Op: graph.In, Values: values}
	}
	filters := [][]graph.Predicate{nil, {in(registry.IndexStage, "STAGING")}, {in(registry.IndexStage, "STAGING", "PRODUCTION")}, {in(registry.IndexOwner, "owner1")},
		{in(registry.IndexStage, "STAGING"), in(registry.IndexOwner, "owner2")}, {{Column: registry.IndexStage, Op: graph.NotIn, Values: []any{"STAGING"}}}, {{Served: true}},
		{in(registry.IndexStage, "PRODUCTION"), {Served: true}}, {{Column: registry.IndexVersion, Op: graph.Greater, Values: []any{"0100"}}}}
	for _, order := range []registry.Index{registry.IndexName, registry.IndexVersion, registry.IndexNumber, registry.IndexOwner, registry.IndexValidFrom} {
		for _, where := range filters {
			for _, desc := range []bool{false, true} {
				for _, deleted := range []bool{false, true} {
					out = append(out, graph.Query{Kinds: []registry.Kind{registry.KindModelVersion}, Parents: parents, Order: order, Where: where, Desc: desc, Deleted: deleted, Count: true, Limit: 7})
				}
			}
		}
	}
	return out
}

// pagesOf reads all pages of a query and returns the ids, and checks the total.
func pagesOf(t *testing.T, s *Store, q graph.Query) (out []registry.ID) {
	t.Helper()
	for {
		p, err := s.Find(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range p.Nodes {
			out = append(out, n.ID)
		}
		if !p.More {
			if q.After == nil && p.Total != int64(len(out)) {
				t.Errorf("%+v: total %d, but %d nodes", q, p.Total, len(out))
			}
			return out
		}
		last := p.Nodes[len(p.Nodes)-1]
		q.After = &graph.Key{Value: orderValue(last, q.Order), ID: last.ID}
	}
}

func orderValue(n *graph.Node, order registry.Index) any {
	switch order {
	case registry.IndexName:
		return n.Name
	case registry.IndexValidFrom:
		return toMicros(n.ValidFrom)
	case registry.IndexNumber:
		return n.Int(order)
	}
	return n.Text(order)
}

// orderText returns orderValue as a text that sorts like it.
func orderText(n *graph.Node, order registry.Index) string {
	if i, ok := orderValue(n, order).(int64); ok {
		return fmt.Sprintf("%020d", i)
	}
	return orderValue(n, order).(string)
}

// expected returns the ids that a query selects of nodes, in its order, by comparing each.
func expected(nodes []*graph.Node, q graph.Query) (out []registry.ID) {
	var kept []*graph.Node
	for _, n := range nodes {
		keep := slices.Contains(q.Parents, n.Parent) && (q.Deleted || !n.Deleted)
		for _, p := range q.Where {
			switch {
			case p.Served:
				keep = keep && n.Served == registry.IsServed
			case p.Op == graph.In:
				keep = keep && slices.Contains(p.Values, any(n.Text(p.Column)))
			case p.Op == graph.NotIn:
				keep = keep && !slices.Contains(p.Values, any(n.Text(p.Column)))
			default:
				keep = keep && n.Text(p.Column) > p.Values[0].(string)
			}
		}
		if keep {
			kept = append(kept, n)
		}
	}
	slices.SortFunc(kept, func(a, b *graph.Node) int {
		c := cmp.Or(cmp.Compare(orderText(a, q.Order), orderText(b, q.Order)), cmp.Compare(a.ID, b.ID))
		if q.Desc {
			return -c
		}
		return c
	})
	for _, n := range kept {
		out = append(out, n.ID)
	}
	return out
}

// checkLists compares every list of parents with what comparing each node gives.
func checkLists(t *testing.T, s *Store, parents ...registry.ID) {
	t.Helper()
	var nodes []*graph.Node
	s.read(t.Context(), func(v *view) error {
		return v.c.query("SELECT id FROM node", func(st *engine.Stmt) error {
			n, err := s.Nodes(t.Context(), graph.Instant{}, registry.ID(st.ColumnText(0)))
			nodes = append(nodes, n...)
			return err
		})
	})
	for _, q := range crowdQueries(parents) {
		if got, want := pagesOf(t, s, q), expected(nodes, q); !slices.Equal(got, want) {
			t.Errorf("%d nodes, want %d in order: %+v", len(got), len(want), q)
		}
	}
}

// TestAListIsWholeBeforeAndAfterItsParentIsCrowded reads every list of a parent with few
// children, of one that has one too many, of one that has many, and of two together.
func TestAListIsWholeBeforeAndAfterItsParentIsCrowded(t *testing.T) {
	s := testStore(t)
	for n := range crowd - 1 {
		putVersion(t, s, "few", n)
		putVersion(t, s, "many", n)
	}
	for n := crowd - 1; n < crowd+4; n++ {
		putVersion(t, s, "many", n)
		checkLists(t, s, "many")
	}
	for n := crowd + 4; n < 2*crowd; n++ {
		putVersion(t, s, "many", n)
	}
	checkLists(t, s, "many")
	checkLists(t, s, "few", "many")
	if got := crowdedOf(t, s); got != fmt.Sprint("few:0 many:", 2*crowd, " ") {
		t.Errorf("crowded are %s", got)
	}
}

// crowdedOf tells how many children of each parent are crowded.
func crowdedOf(t *testing.T, s *Store) (out string) {
	t.Helper()
	err := s.read(t.Context(), func(v *view) error {
		return v.c.query("SELECT parent, sum(crowded) FROM node WHERE parent <> '' GROUP BY parent ORDER BY parent", func(st *engine.Stmt) error {
			out += fmt.Sprint(st.ColumnText(0), ":", st.ColumnInt(1), " ")
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestAnOldStoreGetsItsCrowds opens a store as an earlier program left it, and again after a
// step that was cut off.
func TestAnOldStoreGetsItsCrowds(t *testing.T) {
	path := filepath.Join(t.TempDir(), "p.db")
	s, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	for n := range crowd + 1 {
		putVersion(t, s, "many", n)
		if n > 0 {
			putVersion(t, s, "few", n)
		}
	}
	want := fmt.Sprint("few:0 many:", crowd+1, " ")
	for _, changes := range [][]string{{"ALTER TABLE node DROP COLUMN crowded", "ALTER TABLE node DROP COLUMN parent_num",
		"CREATE INDEX list_children ON node(parent, kind, name, id, deleted) WHERE parent<>''"}, {"UPDATE node SET crowded = 0, parent_num = 0"}, {}} {
		s.Close()
		c, err := openConn(path, engine.OpenReadWrite)
		if err != nil {
			t.Fatal(err)
		}
		changes = append(dropListIndexes(t, c), changes...)
		for _, change := range append(changes, "UPDATE meta SET value = '5' WHERE key = 'schema'") {
			if err := c.execOnce(change); err != nil {
				t.Fatalf("%s: %v", change, err)
			}
		}
		c.close()
		if s, err = Open(t.Context(), path); err != nil {
			t.Fatal(err)
		}
		if got := crowdedOf(t, s); got != want {
			t.Errorf("crowded are %s, want %s", got, want)
		}
		checkLists(t, s, "few", "many")
	}
	s.Close()
}

// dropListIndexes returns statements that drop the indexes of lists.
func dropListIndexes(t *testing.T, c *conn) (out []string) {
	t.Helper()
	err := c.query("SELECT name FROM sqlite_master WHERE type = 'index' AND name LIKE 'list!_%' ESCAPE '!'", func(st *engine.Stmt) error {
		out = append(out, "DROP INDEX "+st.ColumnText(0))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestAChildFindsAParentThatComesLater writes children before their parent, and lists them
// before and after, also those that came in between.
func TestAChildFindsAParentThatComesLater(t *testing.T) {
	s := testStore(t)
	parent := registry.NewID(registry.KindModel, "late")
	for n := range crowd + 8 {
		if n == crowd/2 {
			err := s.Update(t.Context(), func(tx graph.Tx) error {
				if err := tx.Append(t.Context(), &registry.LogEntry{}); err != nil {
					return err
				}
				return tx.Put(t.Context(), &graph.Node{ID: parent, Kind: registry.KindModel, Name: "late", Doc: []byte("{}")})
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		putVersion(t, s, parent, n)
		if n%(crowd/2) == 1 {
			checkLists(t, s, parent)
		}
	}
	checkLists(t, s, parent)
	s.read(t.Context(), func(v *view) error {
		wrong, err := v.c.queryInt("SELECT count(*) FROM node c JOIN node p ON p.id = c.parent WHERE c.parent_num <> p.num OR c.crowded = 0")
		if err != nil || wrong != 0 {
			t.Errorf("%d children have not the number of their parent, or are not crowded: %v", wrong, err)
		}
		return nil
	})
}

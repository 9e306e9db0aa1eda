package sqlite

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"pedigree/graph"
	"pedigree/registry"

	engine "zombiezen.com/go/sqlite"
)

// TestAPutWritesOnlyTheIndexesOfWhatChanges explains the statement that replaces a node: it
// writes no index when only the document changes, and some when the stage does.
func TestAPutWritesOnlyTheIndexesOfWhatChanges(t *testing.T) {
	s := testStore(t)
	columns := make([]any, len(registry.IndexColumns()))
	stage := -1
	for i, c := range registry.IndexColumns() {
		if columns[i] = any(""); c.Type == registry.IntIndex {
			columns[i] = int64(0)
		}
		if c.Name == registry.IndexStage {
			stage = i
		}
	}
	old := &plannedPut{storedNode: storedNode{name: "a", validFrom: 1, columns: columns}}
	moved := append([]any{}, columns...)
	moved[stage] = "STAGING"
	s.read(t.Context(), func(v *view) error {
		same, _ := updateNode(old, "a", 1, columns)
		if n := indexWrites(t, v.c, same); n != 0 {
			t.Errorf("a new document writes %d indexes: %s", n, same)
		}
		staged, args := updateNode(old, "a", 1, moved)
		if n := indexWrites(t, v.c, staged); n == 0 || len(args) != 1 {
			t.Errorf("a new stage writes %d indexes, with %v: %s", n, args, staged)
		}
		all, args := updateNode(&plannedPut{storedNode: storedNode{name: "b"}}, "a", 1, columns)
		if n := indexWrites(t, v.c, all); n < 40 || len(args) != len(columns)+2 {
			t.Errorf("a node whose columns are not known writes %d indexes, with %d arguments", n, len(args))
		}
		return nil
	})
}

// indexWrites counts the entries that a statement writes into indexes.
func indexWrites(t *testing.T, c *conn, sql string) (n int) {
	t.Helper()
	st, _, err := c.raw.PrepareTransient("EXPLAIN " + sql)
	if err != nil {
		t.Fatal(err)
	}
	defer st.Finalize()
	for {
		more, err := st.Step()
		if err != nil {
			t.Fatal(err)
		}
		if !more {
			return n
		}
		if strings.HasPrefix(st.ColumnText(1), "IdxInsert") {
			n++
		}
	}
}

// TestARevisionHasTheColumnsOfItsNode compares what is kept of the index columns with what the engine
// says of the row: the same members, and none that is absent.
func TestARevisionHasTheColumnsOfItsNode(t *testing.T) {
	s := testStore(t)
	n := &graph.Node{ID: "mv_1", Kind: registry.KindModelVersion, Name: "a", Doc: []byte("{}"), Columns: map[registry.Index]any{
		registry.IndexStage: "STAGING", registry.IndexOwner: "Zoë \"<&>\" 🦊\n", registry.IndexNumber: int64(1) << 60, registry.IndexEnded: int64(0), registry.IndexVersion: ""}}
	put(t, s, func(tx graph.Tx) error { return tx.Put(t.Context(), n) })
	members := func(sql string) (out map[string]any) {
		t.Helper()
		s.read(t.Context(), func(v *view) error {
			return v.c.query(sql, func(st *engine.Stmt) error {
				d := json.NewDecoder(strings.NewReader(st.ColumnText(0)))
				d.UseNumber()
				return d.Decode(&out)
			})
		})
		return out
	}
	want := members("SELECT " + columnsJSON + " FROM node n")
	put(t, s, func(tx graph.Tx) error { return tx.Put(t.Context(), n) })
	if got := members("SELECT columns FROM revision"); len(want) != 3 || !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

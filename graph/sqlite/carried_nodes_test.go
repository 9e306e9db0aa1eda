package sqlite

import (
	"errors"
	"fmt"
	"testing"

	"pedigree/graph"
	"pedigree/registry"
)

// TestACommitTellsWhatItWrote counts the statements of an Update that asks for a node and for the last child of its parent:
// none for those that the commit before wrote, some for those that it did not write, and for what a large
// commit wrote, which would drop all else.
func TestACommitTellsWhatItWrote(t *testing.T) {
	s := openAt(t, t.TempDir()+"/p.db")
	child := func(parent registry.ID, n int) *graph.Node {
		return &graph.Node{ID: registry.ID(fmt.Sprint(parent, "/", n)), Kind: registry.KindModelVersion, Parent: parent, Name: fmt.Sprintf("%06d", n), Doc: []byte("{}")}
	}
	last := func(tx graph.Tx, parent registry.ID) registry.ID {
		t.Helper()
		page, err := tx.Find(t.Context(), graph.LastChildQuery(registry.KindModelVersion, registry.IndexName, parent))
		if err != nil || len(page.Nodes) != 1 {
			t.Fatal(len(page.Nodes), err)
		}
		return page.Nodes[0].ID
	}
	write := func(fn func(tx graph.Tx) error) {
		t.Helper()
		if err := s.Update(t.Context(), func(tx graph.Tx) error {
			return errors.Join(fn(tx), tx.Append(t.Context(), &registry.LogEntry{Actor: "a"}))
		}); err != nil {
			t.Fatal(err)
		}
	}
	runs := func(fn func(tx graph.Tx)) int {
		t.Helper()
		undone := errors.New("only asked")
		s.RunsSince(t.Context())
		if err := s.Update(t.Context(), func(tx graph.Tx) error { fn(tx); return undone }); !errors.Is(err, undone) {
			t.Fatal(err)
		}
		return s.RunsSince(t.Context())
	}
	for _, parent := range []registry.ID{"m", "other", "large"} {
		write(func(tx graph.Tx) error {
			m := &graph.Node{ID: parent, Kind: registry.KindModel, Name: string(parent), Doc: []byte("{}")}
			return tx.Put(t.Context(), m, child(parent, 1))
		})
	}
	nothing := runs(func(graph.Tx) {})
	ask := func(parent registry.ID, n int) int {
		t.Helper()
		return runs(func(tx graph.Tx) {
			want := child(parent, n).ID
			if found, err := tx.Nodes(t.Context(), graph.Instant{}, want); err != nil || found[0] == nil {
				t.Fatal(found, err)
			}
			if got := last(tx, parent); got != want {
				t.Errorf("the last child of %s is %s, not %s", parent, got, want)
			}
		}) - nothing
	}
	ask("m", 1)
	for n := 2; n < 5; n++ {
		write(func(tx graph.Tx) error { return tx.Put(t.Context(), child("m", n)) })
		if got := ask("m", n); got != 0 {
			t.Errorf("after it wrote child %d, an Update asks the engine %d times", n, got)
		}
	}
	if got := ask("other", 1); got == 0 {
		t.Error("the engine was not asked for a last child that no commit could tell")
	}
	ask("large", 1)
	write(func(tx graph.Tx) error {
		var all []*graph.Node
		for n := range 2 * maxCarried {
			all = append(all, child("large", n))
		}
		return tx.Put(t.Context(), all...)
	})
	if got := ask("large", 2*maxCarried-1); got < 2 {
		t.Errorf("after a large commit the engine was asked %d times", got)
	}
}

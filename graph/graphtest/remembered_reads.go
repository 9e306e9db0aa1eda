package graphtest

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"testing"

	"pedigree/graph"
	"pedigree/registry"
)

// Write writes nodes with a log entry.
func Write[S graph.Store](t *testing.T, s S, nodes ...*graph.Node) {
	t.Helper()
	err := s.Update(t.Context(), func(tx graph.Tx) error {
		return errors.Join(tx.Put(t.Context(), nodes...), tx.Append(t.Context(), &registry.LogEntry{Actor: "a", Action: registry.LogImported}))
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Alias returns an alias of a model, with a version and slots.
func Alias(model, name, version string, slots ...string) *graph.Node {
	return &graph.Node{ID: registry.NewID(registry.KindAlias, model, name), Kind: registry.KindAlias, Parent: registry.ID(model), Name: name, Slots: slots,
		Columns: map[registry.Index]any{registry.IndexVersion: version}, Doc: []byte(`{}`)}
}

// NamesOf returns the names and the versions of nodes.
func NamesOf(nodes []*graph.Node) (out string) {
	for _, n := range nodes {
		if n != nil {
			out += n.Name + n.Text(registry.IndexVersion) + " "
		}
	}
	return out
}

// RememberedReads reads an empty store that remembers its reads: by id, slot, parent and kind,
// twice, and again after each write that changes the answer. ignoreWrites makes the store remember
// what was overwritten: then the answers are the old ones.
func RememberedReads(t *testing.T, s graph.Store, ignoreWrites func()) {
	t.Helper()
	has := func(version string) []graph.Predicate {
		return []graph.Predicate{{Column: registry.IndexVersion, Op: graph.In, Values: []any{version}, Child: registry.KindAlias}}
	}
	queries := []graph.Query{{Slots: []string{"x"}, Limit: 5}, {Parents: []registry.ID{"m"}, Limit: 5},
		{Parents: []registry.ID{"m", "other"}, PerParent: true, Count: true, Limit: 5}, {Kinds: []registry.Kind{registry.KindAlias}, Limit: 5},
		{Kinds: []registry.Kind{registry.KindModel}, Where: has("2"), Limit: 5}}
	read := func() (out []string) {
		nodes, err := s.Nodes(t.Context(), graph.Instant{}, Alias("m", "a", "").ID, Alias("m", "c", "").ID)
		out = append(out, NamesOf(nodes))
		for _, q := range queries {
			page, err2 := s.Find(t.Context(), q)
			err = errors.Join(err, err2)
			out = append(out, NamesOf(page.Nodes))
			clear(page.Nodes) // The next reader has his own list.
		}
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	check := func(want ...string) {
		t.Helper()
		for range 2 {
			if got := read(); fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
				t.Errorf("%q, want %q", got, want)
			}
		}
	}
	check("", "", "", "", "", "")
	Write(t, s, Alias("m", "a", "1", "x"), Alias("m", "b", "1"))
	read() // An answer without the parent, which comes after its children.
	Write(t, s, &graph.Node{ID: "m", Kind: registry.KindModel, Name: "m"})
	check("a1 ", "a1 ", "a1 b1 ", "a1 b1 ", "a1 b1 ", "")
	Write(t, s, Alias("m", "a", "2", "x"))
	check("a2 ", "a2 ", "a2 b1 ", "a2 b1 ", "a2 b1 ", "m ")
	Write(t, s, Alias("m", "a", "2"), Alias("m", "c", "1", "x"))
	check("a2 c1 ", "c1 ", "a2 b1 c1 ", "a2 b1 c1 ", "a2 b1 c1 ", "m ")
	err := s.Update(t.Context(), func(tx graph.Tx) error {
		return errors.Join(tx.Delete(t.Context(), Alias("m", "c", "")), tx.Append(t.Context(), &registry.LogEntry{Actor: "a", Action: registry.LogImported}))
	})
	if err != nil {
		t.Fatal(err)
	}
	nodes, err := s.Nodes(t.Context(), graph.Instant{}, Alias("m", "c", "").ID)
	if err != nil || nodes[0] == nil || !nodes[0].Deleted {
		t.Errorf("after its deletion: %+v, %v", nodes[0], err)
	}
	check("a2 c ", "", "a2 b1 ", "a2 b1 ", "a2 b1 ", "m ")
	ignoreWrites()
	Write(t, s, Alias("m", "a", "3"))
	if page, err := s.Find(t.Context(), queries[1]); err != nil || NamesOf(page.Nodes) != "a2 b1 " {
		t.Errorf("without the names of what was written: %s %v", NamesOf(page.Nodes), err)
	}
}

// ReadersNeverGoBack lets Stores on one empty database rename a node in turn, while readers of each
// of them read it by id and by parent: none ever sees an older name than before.
func ReadersNeverGoBack(t *testing.T, moves int, stores ...graph.Store) {
	t.Helper()
	write := func(i int) {
		Write(t, stores[i/5%len(stores)], Alias("m", "a", strconv.Itoa(i), fmt.Sprint("x", i%2)))
	}
	Write(t, stores[0], &graph.Node{ID: "m", Kind: registry.KindModel, Name: "m"})
	write(1)
	done := make(chan struct{})
	var all sync.WaitGroup
	for i := range 2 * len(stores) {
		all.Go(func() { readForward(t, stores[i%len(stores)], moves, done) })
	}
	for i := 2; i <= moves; i++ {
		write(i)
	}
	close(done)
	all.Wait()
}

// readForward reads until done is closed and once more.
func readForward(t *testing.T, s graph.Store, moves int, done chan struct{}) {
	last := 0
	for over := false; !over; {
		select {
		case <-done:
			over = true
		default:
		}
		ctx := graph.WithMoment(context.Background())
		nodes, err := s.Nodes(ctx, graph.Instant{}, Alias("m", "a", "").ID)
		page, err2 := s.Find(ctx, graph.Query{Parents: []registry.ID{"m"}, Limit: 2})
		if err != nil || err2 != nil || len(page.Nodes) != 1 {
			t.Error(err, err2, page)
			return
		}
		for _, n := range append(nodes, page.Nodes...) {
			now, _ := strconv.Atoi(n.Text(registry.IndexVersion))
			if now < last {
				t.Errorf("%d after %d", now, last)
			}
			last = now
		}
	}
	if last != moves {
		t.Errorf("the last that was read is %d", last)
	}
}

package sqlite

import (
	"errors"
	"path/filepath"
	"testing"

	"pedigree/graph"
	"pedigree/graph/graphtest"
	"pedigree/registry"
)

func TestWhatAWriteChangesIsReadAnew(t *testing.T) {
	s := openAt(t, filepath.Join(t.TempDir(), "p.db"))
	graphtest.RememberedReads(t, s, func() { s.memory.IgnoreWrites = true })
}

// TestReadersNeverGoBack: two stores on one file write, and readers of both never see an older
// state than before.
func TestReadersNeverGoBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "p.db")
	graphtest.ReadersNeverGoBack(t, 400, openAt(t, path), openAt(t, path))
}

func openAt(t *testing.T, path string) *Store {
	t.Helper()
	s, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// statementsOf counts the statements that readers have run since the last call, without those
// of the writer, who has to look at them.
func (s *Store) statementsOf(t *testing.T, read func()) int {
	t.Helper()
	s.RunsSince(t.Context())
	empty := s.RunsSince(t.Context())
	read()
	return s.RunsSince(t.Context()) - empty
}

// TestAReadThatIsRememberedReadsTheStateOnly counts statements: a read that is remembered asks for the
// state of the store, and the reads of one request ask for it once. Another request notices
// what another Store has written, and the same one does not.
func TestAReadThatIsRememberedReadsTheStateOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "p.db")
	s, other := openAt(t, path), openAt(t, path)
	a := graphtest.Alias("m", "a", "1", "x")
	graphtest.Write(t, s, &graph.Node{ID: "m", Kind: registry.KindModel, Name: "m"}, a)
	request := graph.WithMoment(t.Context())
	q := graph.Query{Kinds: []registry.Kind{registry.KindAlias}, Parents: []registry.ID{"m"}, Limit: 5}
	read := func(want string, statements int, same bool) {
		t.Helper()
		if !same {
			request = graph.WithMoment(t.Context())
		}
		look := func() {
			nodes, err := s.Nodes(request, graph.Instant{}, a.ID)
			page, err2 := s.Find(request, q)
			if err != nil || err2 != nil || graphtest.NamesOf(nodes) != want || graphtest.NamesOf(page.Nodes) != want {
				t.Errorf("%s, %s, %v, %v; want %s", graphtest.NamesOf(nodes), graphtest.NamesOf(page.Nodes), err, err2, want)
			}
		}
		if statements < 0 {
			look() // Counting is an update, which would notice what others have written.
		} else if n := s.statementsOf(t, look); n != statements {
			t.Errorf("%s is read by %d statements, want %d", want, n, statements)
		}
	}
	read("a1 ", -1, false)
	read("a1 ", 1, false)
	read("a1 ", 0, true)
	graphtest.Write(t, s, graphtest.Alias("elsewhere", "other", "1"))
	read("a1 ", 1, false) // What was written does not concern it.
	graphtest.Write(t, other, graphtest.Alias("m", "a", "2", "x"))
	read("a1 ", -1, true)
	read("a2 ", -1, false)
	read("a2 ", 1, false)
	if wrong, err := other.CheckServed(t.Context(), true); wrong != 0 || err != nil {
		t.Fatal(wrong, err)
	}
	if n := s.statementsOf(t, func() { s.Find(graph.WithMoment(t.Context()), q) }); n < 3 {
		t.Errorf("after a repair by another Store, %d statements read the page", n)
	}
}

// TestAChangeOfWhatIsServedIsReadAnew: a promotion changes other nodes than it writes.
func TestAChangeOfWhatIsServedIsReadAnew(t *testing.T) {
	s := openAt(t, filepath.Join(t.TempDir(), "p.db"))
	v := &graph.Node{ID: registry.NewID(registry.KindModelVersion, "v"), Kind: registry.KindModelVersion, Name: "v"}
	d := &graph.Node{ID: registry.NewID(registry.KindDatasetVersion, "d"), Kind: registry.KindDatasetVersion, Name: "d"}
	graphtest.Write(t, s, v, d)
	err := s.Update(t.Context(), func(tx graph.Tx) error {
		return errors.Join(tx.Link(t.Context(), &graph.Edge{Kind: registry.EdgeDerivedFrom, From: v.ID, To: d.ID}), tx.Append(t.Context(), &registry.LogEntry{Actor: "a", Action: registry.LogLineageLinked}))
	})
	if err != nil {
		t.Fatal(err)
	}
	served := graph.Query{Kinds: []registry.Kind{registry.KindDatasetVersion}, Where: []graph.Predicate{{Served: true}}, Limit: 5}
	for i, want := range []registry.Served{registry.NotServed, registry.IsServed} {
		for range 2 {
			nodes, err := s.Nodes(t.Context(), graph.Instant{}, d.ID)
			page, err2 := s.Find(t.Context(), served)
			if err != nil || err2 != nil || nodes[0].Served != want || len(page.Nodes) != i {
				t.Errorf("%v, %d found, %v, %v; want %v", nodes[0].Served, len(page.Nodes), err, err2, want)
			}
		}
		v.Columns = map[registry.Index]any{registry.IndexStage: string(registry.Production)}
		graphtest.Write(t, s, v)
	}
}

// TestCountersLeaveTheMemory: who counts a use, or keeps a position in the log, changes no node.
func TestCountersLeaveTheMemory(t *testing.T) {
	s := openAt(t, filepath.Join(t.TempDir(), "p.db"))
	a := graphtest.Alias("m", "a", "1")
	graphtest.Write(t, s, a)
	read := func() {
		if nodes, err := s.Nodes(t.Context(), graph.Instant{}, a.ID); err != nil || nodes[0] == nil {
			t.Error(nodes, err)
		}
	}
	read()
	count := graph.Count{CountKey: graph.CountKey{Object: a.ID}, Kind: "uses", N: 1}
	if err := errors.Join(s.AddCounts(t.Context(), count), s.SetCounts(t.Context(), count)); err != nil {
		t.Fatal(err)
	}
	if n := s.statementsOf(t, read); n != 1 {
		t.Errorf("after counters were written, a read takes %d statements", n)
	}
}

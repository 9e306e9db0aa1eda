package neo4j

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"

	"pedigree/graph"
	"pedigree/graph/graphtest"
	"pedigree/registry"
)

// statements counts what a store sends, by text.
type statements struct {
	mu     sync.Mutex
	counts map[string]int
	all    int
}

func countStatements(s *Store) *statements {
	c := &statements{counts: map[string]int{}}
	s.onQuery = func(text string, _ map[string]any) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.counts[text]++
		c.all++
	}
	return c
}

// recordVersion is an Update as a use case makes it: it reads what it will write, and its
// dataset, and writes a node, an edge and an entry.
func recordVersion(ctx context.Context, tx graph.Tx, name string, dataset *graph.Node) error {
	n := &graph.Node{ID: registry.NewID(registry.KindDatasetVersion, name), Kind: registry.KindDatasetVersion, Name: name, Parent: dataset.ID, Doc: []byte(`{}`)}
	found, err := tx.Nodes(ctx, graph.Instant{}, n.ID, dataset.ID)
	if err != nil {
		return err
	}
	if found[0] != nil || found[1] == nil {
		return fmt.Errorf("found %v", found)
	}
	if err := tx.Put(ctx, n); err != nil {
		return err
	}
	return tx.Append(ctx, &registry.LogEntry{Actor: "a", Action: registry.LogImported, Objects: []registry.ID{n.ID}})
}

func putDataset(t *testing.T, s *Store) *graph.Node {
	t.Helper()
	d := &graph.Node{ID: registry.NewID(registry.KindDataset, "d"), Kind: registry.KindDataset, Name: "d", Doc: []byte(`{}`)}
	err := s.Update(t.Context(), func(tx graph.Tx) error {
		return errors.Join(tx.Put(t.Context(), d), tx.Append(t.Context(), &registry.LogEntry{Actor: "a", Action: registry.LogImported}))
	})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// together runs updates that wait for the writer at the same time, and returns their errors
// in order. The writer is busy until all of them are in the queue.
func together(t *testing.T, s *Store, fns ...func(ctx context.Context, tx graph.Tx) error) []error {
	t.Helper()
	busy, release := make(chan struct{}), make(chan struct{})
	var first sync.WaitGroup
	first.Go(func() {
		if err := s.Update(t.Context(), func(graph.Tx) error { close(busy); <-release; return nil }); err != nil {
			t.Error(err)
		}
	})
	<-busy
	errs := make([]error, len(fns))
	var all sync.WaitGroup
	for i, fn := range fns {
		all.Go(func() {
			errs[i] = s.Update(graph.MayRehearse(t.Context()), func(tx graph.Tx) error { return fn(t.Context(), tx) })
		})
		for s.jobs.Len() <= i { // Each update joins the queue before the next one starts.
			runtime.Gosched()
		}
	}
	close(release)
	first.Wait()
	all.Wait()
	return errs
}

// TestRoundTripsOfAWriteOnNeo4j counts what a write sends: alone two statements, which take the
// lock and write, besides the commit; and together with 15 others no more than that.
func TestRoundTripsOfAWriteOnNeo4j(t *testing.T) {
	s := open(t, WithoutLease())
	d := putDataset(t, s)
	alone, together := countWrites(t, s, d, "a")
	t.Logf("PROOF a write alone: %d statements in a transaction; 16 writes together: %d", alone, together)
	if alone > 2 || together > 2 {
		t.Errorf("%d statements alone, %d for 16 together", alone, together)
	}
	// The negative control: without a rehearsal each closure reads by itself.
	s.unrehearsed = true
	if alone, together := countWrites(t, s, d, "b"); alone < 3 || together < 16+2 {
		t.Errorf("without a rehearsal %d statements alone, %d for 16 together", alone, together)
	}
}

// countWrites returns how many statements a write sends, and how many 16 that wait for the
// writer send together.
func countWrites(t *testing.T, s *Store, d *graph.Node, prefix string) (alone, all int) {
	t.Helper()
	c := countStatements(s)
	err := s.Update(graph.MayRehearse(t.Context()), func(tx graph.Tx) error { return recordVersion(t.Context(), tx, prefix+"alone", d) })
	if err != nil {
		t.Fatal(err)
	}
	alone = c.all
	var fns []func(context.Context, graph.Tx) error
	for i := range 16 {
		fns = append(fns, func(ctx context.Context, tx graph.Tx) error { return recordVersion(ctx, tx, fmt.Sprint(prefix, i), d) })
	}
	c.all, c.counts = 0, map[string]int{}
	for _, err := range together(t, s, fns...) {
		if err != nil {
			t.Error(err)
		}
	}
	if c.counts[lockAndReadHead] != 2 || c.counts[writePending] != 1 { // The first one kept the writer busy.
		t.Errorf("16 writes together: %v", c.counts)
	}
	return alone, c.all - 1
}

// TestAClosureThatFailsBesideOthersOnNeo4j runs updates in one transaction, of which some
// fail: before they write, with writes that are not sent, with writes that are sent, by a
// panic, and by the end of their context. The others are committed, and what failed leaves
// nothing.
func TestAClosureThatFailsBesideOthersOnNeo4j(t *testing.T) {
	s := open(t)
	d := putDataset(t, s)
	mine := errors.New("the caller's own error")
	runs := 0 // of the first closure
	good := func(name string) func(context.Context, graph.Tx) error {
		return func(ctx context.Context, tx graph.Tx) error {
			if name == "a" {
				runs++
			}
			return recordVersion(ctx, tx, name, d)
		}
	}
	gone, cancel := context.WithCancel(t.Context())
	errs := together(t, s, good("a"),
		func(context.Context, graph.Tx) error { return mine },
		good("b"),
		func(ctx context.Context, tx graph.Tx) error {
			return errors.Join(recordVersion(ctx, tx, "not sent", d), mine)
		},
		good("c"),
		func(ctx context.Context, tx graph.Tx) error {
			if err := recordVersion(ctx, tx, "sent", d); err != nil {
				return err
			}
			_, err := tx.Find(ctx, graph.Query{Parents: []registry.ID{d.ID}, Limit: 10})
			return errors.Join(err, mine)
		},
		good("d"),
		func(ctx context.Context, tx graph.Tx) error {
			if err := recordVersion(ctx, tx, "panic", d); err != nil {
				return err
			}
			panic("boom")
		},
		func(ctx context.Context, tx graph.Tx) error {
			cancel()
			_, err := tx.Nodes(gone, graph.Instant{}, d.ID)
			return err
		},
		good("e"))
	for i, want := range []bool{true, false, true, false, true, false, true, false, false, true} {
		if got := errs[i] == nil; got != want {
			t.Errorf("update %d: %v", i, errs[i])
		}
	}
	for _, i := range []int{1, 3, 5} {
		if !errors.Is(errs[i], mine) {
			t.Errorf("update %d returns another error: %v", i, errs[i])
		}
	}
	page, err := s.Find(t.Context(), graph.Query{Parents: []registry.ID{d.ID}, Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, n := range page.Nodes {
		names = append(names, n.Name)
	}
	if got := strings.Join(names, " "); got != "a b c d e" {
		t.Errorf("stored: %s", got)
	}
	entries, err := s.Log(t.Context(), graph.LogQuery{Limit: 100})
	if err != nil || len(entries) != 6 || entries[5].Seq != 6 {
		t.Errorf("%d entries, %v", len(entries), err)
	}
	if runs < 4 { // Two of them are rehearsals.
		t.Errorf("the batch ran %d times: nothing was undone", runs)
	}
}

// TestUpdatesJoinATransactionThatWaitedForItsLockOnNeo4j submits updates while another one takes
// the lock: they are committed with it, and what they read is read together.
func TestUpdatesJoinATransactionThatWaitedForItsLockOnNeo4j(t *testing.T) {
	s := open(t, WithoutLease())
	d := putDataset(t, s)
	c := countStatements(s)
	count := s.onQuery
	var others sync.WaitGroup
	record := func(name string) {
		err := s.Update(graph.MayRehearse(t.Context()), func(tx graph.Tx) error { return recordVersion(t.Context(), tx, name, d) })
		if err != nil {
			t.Error(err)
		}
	}
	s.onQuery = func(text string, params map[string]any) {
		count(text, params)
		if text != lockAndReadHead || c.counts[text] > 1 {
			return
		}
		for i := range 10 {
			others.Go(func() { record(fmt.Sprint("other ", i)) })
		}
		for s.jobs.Len() < 10 {
			runtime.Gosched()
		}
	}
	record("first")
	others.Wait()
	if c.counts[lockAndReadHead] != 1 || c.counts[readForeseen] != 1 || c.counts[writePending] != 1 || c.all != 3 {
		t.Errorf("11 updates: %v", c.counts)
	}
	page, err := s.Find(t.Context(), graph.Query{Parents: []registry.ID{d.ID}, Limit: 100})
	if err != nil || len(page.Nodes) != 11 {
		t.Errorf("%d versions, %v", len(page.Nodes), err)
	}
}

// TestTheLastChildIsKnownAfterAWriteOnNeo4j numbers children by the last one, as use cases do. It is
// read once: each commit knows it from what it wrote.
func TestTheLastChildIsKnownAfterAWriteOnNeo4j(t *testing.T) {
	s := open(t, WithoutLease())
	d := putDataset(t, s)
	c := countStatements(s)
	for i := range 5 {
		c.all = 0
		err := s.Update(graph.MayRehearse(t.Context()), func(tx graph.Tx) error {
			page, err := tx.Find(t.Context(), graph.LastChildQuery(registry.KindDatasetVersion, registry.IndexName, d.ID))
			if err != nil {
				return err
			}
			name := "a"
			if len(page.Nodes) > 0 {
				name = page.Nodes[0].Name + "a"
			}
			return recordVersion(t.Context(), tx, name, d)
		})
		if err != nil {
			t.Fatal(err)
		}
		if i > 0 && c.all != 2 {
			t.Errorf("update %d sent %d statements", i, c.all)
		}
	}
	page, err := s.Find(t.Context(), graph.LastChildQuery(registry.KindDatasetVersion, registry.IndexName, d.ID))
	if err != nil || len(page.Nodes) != 1 || page.Nodes[0].Name != "aaaaa" {
		t.Errorf("%v, %v", graphtest.NamesOf(page.Nodes), err)
	}
}

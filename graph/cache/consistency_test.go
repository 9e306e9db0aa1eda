package cache

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"pedigree/graph"
	"pedigree/graph/graphtest"
	"pedigree/registry"
)

// countingStore counts the calls of Closure and of Ping, which reads the head.
type countingStore struct {
	graph.Store
	closures, heads int
}

func (c *countingStore) Ping(ctx context.Context) (graph.Info, error) {
	c.heads++
	return c.Store.Ping(ctx)
}

func (c *countingStore) Closure(ctx context.Context, q graph.ClosureQuery) (graph.Closure, error) {
	c.closures++
	return c.Store.Closure(ctx, q)
}

// randomRun changes a small graph at random, through either store, and compares the
// answers of the cache with those of the inner store.
type randomRun struct {
	*rand.Rand
	s     *Store
	inner *countingStore
	// otherStore is another Store on the same file.
	otherStore graph.Store
	now        time.Time
	closures   int
}

const randomNodes = 30

func (d *randomRun) node(i int) *graph.Node {
	kind := []registry.Kind{registry.KindDatasetVersion, registry.KindModelVersion}[i%2]
	return &graph.Node{ID: registry.NewID(kind, fmt.Sprint(i)), Kind: kind, Name: fmt.Sprint(i, "-", d.IntN(1000)),
		ValidFrom: d.now.Add(time.Duration(d.IntN(20)-15) * time.Minute)}
}

func (d *randomRun) edge() *graph.Edge {
	from := 1 + d.IntN(randomNodes-1)
	e := &graph.Edge{Kind: registry.EdgeDerivedFrom, From: d.node(from).ID, To: d.node(d.IntN(from)).ID, ValidFrom: d.now.Add(time.Duration(d.IntN(20)-15) * time.Minute)}
	if d.IntN(4) == 0 {
		e.ValidTo = e.ValidFrom.Add(time.Duration(1+d.IntN(30)) * time.Minute)
	}
	return e
}

// randomUpdate runs one Update of some writes.
func (d *randomRun) randomUpdate(ctx context.Context) error {
	var s graph.Store = d.s
	if d.IntN(8) == 0 {
		s = d.otherStore
	}
	return s.Update(ctx, func(tx graph.Tx) error {
		for range 1 + d.IntN(3) {
			var err error
			switch n := d.node(d.IntN(randomNodes)); d.IntN(8) {
			case 0, 1:
				err = tx.Put(ctx, n)
			case 2:
				err = tx.Unlink(ctx, d.edge())
			case 3:
				if d.IntN(6) == 0 {
					err = tx.Delete(ctx, n)
				}
			default:
				err = tx.Link(ctx, d.edge())
			}
			if code := registry.CodeOf(err); code != "" && code != registry.NotFound && code != registry.FailedPrecondition {
				return err // Deleted nodes can be neither written nor linked.
			}
		}
		return tx.Append(ctx, &registry.LogEntry{Actor: "t", Action: registry.LogImported})
	})
}

func (d *randomRun) randomQuery() graph.ClosureQuery {
	q := graph.ClosureQuery{Roots: []registry.ID{d.node(d.IntN(randomNodes)).ID}, Direction: []graph.Direction{graph.Upstream, graph.Downstream}[d.IntN(2)],
		Depth: d.IntN(6), Fanout: 100, Limit: 1000, Bare: true}
	switch d.IntN(6) {
	case 0:
		q.Fanout = 1 + d.IntN(4)
	case 1:
		q.Limit = 1 + d.IntN(9)
	case 2:
		q.At.Valid = d.now
	case 3:
		q.Stages = []graph.Stage{{From: registry.KindModelVersion, Direction: graph.Downstream, Through: []registry.Kind{registry.KindDatasetVersion}, Depth: 2, Fanout: 50, Limit: 50}}
	}
	return q
}

// compareSteps runs updates and closures, and returns the first difference.
func (d *randomRun) compareSteps(ctx context.Context, steps int) (string, error) {
	for range steps {
		if d.IntN(3) == 0 {
			d.now = d.now.Add(time.Minute)
			if err := d.randomUpdate(ctx); err != nil {
				return "", err
			}
		}
		q := d.randomQuery()
		got, err := d.s.Closure(ctx, q)
		if err != nil {
			return "", err
		}
		d.closures++
		want, err := d.inner.Store.Closure(ctx, q)
		if err != nil {
			return "", err
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			return fmt.Sprintf("%+v (- the store, + the cache)\n%s", q, diff), nil
		}
	}
	return "", nil
}

func newRandomRun(t *testing.T, seed uint64, size int) *randomRun {
	path := newPath(t)
	inner := &countingStore{Store: open(t, path).Store}
	d := &randomRun{Rand: rand.New(rand.NewPCG(seed, 3)), s: New(inner, size), inner: inner, otherStore: open(t, path).Store,
		now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	err := d.s.Update(t.Context(), func(tx graph.Tx) error {
		for i := range randomNodes {
			if err := tx.Put(t.Context(), d.node(i)); err != nil {
				return err
			}
		}
		return tx.Append(t.Context(), &registry.LogEntry{Actor: "t", Action: registry.LogImported})
	})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestCacheAnswersAsTheStoreDoes runs random updates, through this store and another
// one, also with a very small cache.
func TestCacheAnswersAsTheStoreDoes(t *testing.T) {
	for _, size := range []int{1000, 12} {
		for seed := range uint64(graphtest.Rounds()) {
			d := newRandomRun(t, seed, size)
			diff, err := d.compareSteps(t.Context(), 400)
			if err != nil || diff != "" {
				t.Fatalf("seed %d, %d nodes: %v\n%s", seed, size, err, diff)
			}
			if d.inner.closures >= d.closures+d.closures/4 {
				t.Errorf("seed %d, %d nodes: %d closures asked the store %d times", seed, size, d.closures, d.inner.closures)
			}
		}
	}
}

// TestCachedClosureReadsOnlyTheHead counts calls of the store: one closure for what is
// not cached, then the head alone, until an Update writes to something in the answer.
func TestCachedClosureReadsOnlyTheHead(t *testing.T) {
	d := newRandomRun(t, 1, 1000)
	write := func(of graph.Store, i, j int) {
		t.Helper()
		err := of.Update(t.Context(), func(tx graph.Tx) error {
			if err := tx.Link(t.Context(), &graph.Edge{Kind: registry.EdgeDerivedFrom, From: d.node(i).ID, To: d.node(j).ID}); err != nil {
				return err
			}
			return tx.Append(t.Context(), &registry.LogEntry{Actor: "t", Action: registry.LogImported})
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	ask := func(what string, nodes, closures, heads int) {
		t.Helper()
		d.inner.closures, d.inner.heads = 0, 0
		c, err := d.s.Closure(t.Context(), graph.ClosureQuery{Roots: []registry.ID{d.node(20).ID}, Direction: graph.Upstream, Depth: 9, Fanout: 9, Limit: 99, Bare: true})
		if err != nil || len(c.Nodes) != nodes || d.inner.closures != closures || d.inner.heads != heads {
			t.Errorf("%s: %d nodes, %d closures and %d heads asked for, %v", what, len(c.Nodes), d.inner.closures, d.inner.heads, err)
		}
	}
	write(d.s, 20, 10)
	write(d.s, 10, 4)
	ask("new", 3, 1, 0)
	ask("known", 3, 0, 1)
	write(d.s, 29, 28)
	ask("another node was written", 3, 0, 1)
	write(d.s, 10, 2)
	ask("an end of an edge was written", 4, 1, 1)
	ask("known again", 4, 0, 1)
	write(d.otherStore, 29, 27)
	ask("another wrote", 4, 1, 1)
	ask("known once more", 4, 0, 1)
}

// timedOutStore is a store that runs out of time after one hop.
type timedOutStore struct{ graph.Store }

func (l timedOutStore) Closure(ctx context.Context, q graph.ClosureQuery) (graph.Closure, error) {
	q.Depth, q.Stages = 1, nil
	c, err := l.Store.Closure(ctx, q)
	c.TimedOut = true
	return c, err
}

// TestTimedOutClosureIsNotCached: the partial answer is returned, is not cached, and
// the store is asked only once for it.
func TestTimedOutClosureIsNotCached(t *testing.T) {
	d := newRandomRun(t, 1, 1000)
	err := d.s.Update(t.Context(), func(tx graph.Tx) error {
		link := func(i, j int) *graph.Edge {
			return &graph.Edge{Kind: registry.EdgeDerivedFrom, From: d.node(i).ID, To: d.node(j).ID}
		}
		if err := tx.Link(t.Context(), link(20, 10), link(10, 4)); err != nil {
			return err
		}
		return tx.Append(t.Context(), &registry.LogEntry{Actor: "t", Action: registry.LogImported})
	})
	if err != nil {
		t.Fatal(err)
	}
	d.inner.Store = timedOutStore{d.inner.Store}
	q := graph.ClosureQuery{Roots: []registry.ID{d.node(20).ID}, Direction: graph.Upstream, Depth: 9, Fanout: 9, Limit: 99, Bare: true,
		Stages: []graph.Stage{{From: registry.KindModelVersion, Direction: graph.Downstream, Depth: 1, Fanout: 9, Limit: 9}}}
	for i := range 2 {
		c, err := d.s.Closure(t.Context(), q)
		if err != nil || !c.TimedOut || len(c.Nodes) != 2 || len(c.Edges) != 1 || d.inner.closures != i+1 {
			t.Errorf("%d closures: %+v, %v", d.inner.closures, c, err)
		}
	}
}

// TestPendingUpdatesAreBounded: while another store writes too, overlapping Updates do
// not pile up without bound.
func TestPendingUpdatesAreBounded(t *testing.T) {
	k := newNodeCache(10)
	k.head = 1
	k.beginUpdate() // It stays under way all the while.
	for seq := range int64(1000) {
		k.beginUpdate()
		k.endUpdate(writeSet{first: seq + 3, last: seq + 3, succeeded: true}, nil)
		if len(k.pending) > maxPending {
			t.Fatalf("%d wait", len(k.pending))
		}
	}
}

// TestCacheIsBounded checks the bounds on nodes, arcs and bypassed closures.
func TestCacheIsBounded(t *testing.T) {
	k := newNodeCache(10)
	k.head = 1
	for n := range int64(1000) {
		id := registry.NewID(registry.KindRun, fmt.Sprint(n))
		k.merge(n, &entry{node: &graph.Node{ID: id, Number: n}, lists: []arcList{{edgeFilter{}, make([]graph.Arc, n%50)}}})
		k.setBypass(graph.ClosureQuery{Roots: []registry.ID{id}})
		k.setBypass(graph.ClosureQuery{Roots: []registry.ID{id}, Depth: 1})
		for _, g := range []*generation{k.young, k.old} {
			arcs := 0
			for _, e := range g.entries {
				arcs += e.arcCount()
			}
			if len(g.entries) > 10 || arcs > 3*10+50 || arcs != g.arcCount || len(k.bypass) > maxBypass {
				t.Fatalf("%d nodes, %d arcs of which %d are counted, %d bypassed", len(g.entries), arcs, g.arcCount, len(k.bypass))
			}
		}
	}
}

// TestIgnoredWritesAreDetected is the negative control: when the cache ignores writes,
// the comparison must find a difference.
func TestIgnoredWritesAreDetected(t *testing.T) {
	d := newRandomRun(t, 1, 1000)
	d.s.cache.ignoreWrites = true
	if diff, err := d.compareSteps(t.Context(), 400); err != nil || diff == "" {
		t.Errorf("no difference was found, %v", err)
	}
}

// TestDifferential runs the same random operations on a store and on one with a cache.
func TestDifferential(t *testing.T) {
	for seed := range uint64(2) {
		graphtest.Differential(t, 77+seed, min(20*graphtest.Rounds(), 300), open(t, newPath(t)).Store, open(t, newPath(t)))
	}
}

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

// counting counts the closures and heads that a store is asked for.
type counting struct {
	graph.Store
	closures, heads int
}

func (c *counting) Ping(ctx context.Context) (graph.Info, error) {
	c.heads++
	return c.Store.Ping(ctx)
}

func (c *counting) Closure(ctx context.Context, q graph.ClosureQuery) (graph.Closure, error) {
	c.closures++
	return c.Store.Closure(ctx, q)
}

// drifter changes a small graph by chance, from one store or the other, and compares
// what memory answers with what the store does.
type drifter struct {
	*rand.Rand
	s     *Store
	inner *counting
	// elsewhere is another Store on the same file.
	elsewhere graph.Store
	now       time.Time
	asked     int
}

const drifters = 30

func (d *drifter) node(i int) *graph.Node {
	kind := []registry.Kind{registry.KindDatasetVersion, registry.KindModelVersion}[i%2]
	return &graph.Node{ID: registry.NewID(kind, fmt.Sprint(i)), Kind: kind, Name: fmt.Sprint(i, "-", d.IntN(1000)),
		ValidFrom: d.now.Add(time.Duration(d.IntN(20)-15) * time.Minute)}
}

func (d *drifter) edge() *graph.Edge {
	from := 1 + d.IntN(drifters-1)
	e := &graph.Edge{Kind: registry.EdgeDerivedFrom, From: d.node(from).ID, To: d.node(d.IntN(from)).ID, ValidFrom: d.now.Add(time.Duration(d.IntN(20)-15) * time.Minute)}
	if d.IntN(4) == 0 {
		e.ValidTo = e.ValidFrom.Add(time.Duration(1+d.IntN(30)) * time.Minute)
	}
	return e
}

// change runs one Update of some writes.
func (d *drifter) change(ctx context.Context) error {
	var s graph.Store = d.s
	if d.IntN(8) == 0 {
		s = d.elsewhere
	}
	return s.Update(ctx, func(tx graph.Tx) error {
		for range 1 + d.IntN(3) {
			var err error
			switch n := d.node(d.IntN(drifters)); d.IntN(8) {
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
				return err // What is deleted can be neither written nor linked.
			}
		}
		return tx.Append(ctx, &registry.LogEntry{Actor: "t", Action: registry.LogImported})
	})
}

func (d *drifter) question() graph.ClosureQuery {
	q := graph.ClosureQuery{Roots: []registry.ID{d.node(d.IntN(drifters)).ID}, Direction: []graph.Direction{graph.Upstream, graph.Downstream}[d.IntN(2)],
		Depth: d.IntN(6), Fanout: 100, Limit: 1000, Bare: true, At: graph.Instant{Valid: d.now, Current: true}}
	switch d.IntN(6) {
	case 0:
		q.Fanout = 1 + d.IntN(4)
	case 1:
		q.Limit = 1 + d.IntN(9)
	case 2:
		q.At = graph.Instant{}
	case 3:
		q.Then = []graph.Stage{{From: registry.KindModelVersion, Direction: graph.Downstream, Through: []registry.Kind{registry.KindDatasetVersion}, Depth: 2, Fanout: 50, Limit: 50}}
	}
	return q
}

// drift changes and asks, and returns the first difference.
func (d *drifter) drift(ctx context.Context, steps int) (string, error) {
	for range steps {
		if d.IntN(3) == 0 {
			d.now = d.now.Add(time.Minute)
			if err := d.change(ctx); err != nil {
				return "", err
			}
		}
		q := d.question()
		got, err := d.s.Closure(ctx, q)
		if err != nil {
			return "", err
		}
		d.asked++
		want, err := d.inner.Store.Closure(ctx, q)
		if err != nil {
			return "", err
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			return fmt.Sprintf("%+v (- the store, + memory)\n%s", q, diff), nil
		}
	}
	return "", nil
}

func newDrifter(t *testing.T, seed uint64, size int) *drifter {
	path := fresh(t)
	inner := &counting{Store: open(t, path).Store}
	d := &drifter{Rand: rand.New(rand.NewPCG(seed, 3)), s: New(inner, size), inner: inner, elsewhere: open(t, path).Store,
		now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	err := d.s.Update(t.Context(), func(tx graph.Tx) error {
		for i := range drifters {
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

// TestMemoryAnswersAsTheStoreDoes under changes from here and from elsewhere, also
// where little is kept.
func TestMemoryAnswersAsTheStoreDoes(t *testing.T) {
	for _, size := range []int{1000, 12} {
		for seed := range uint64(graphtest.Rounds()) {
			d := newDrifter(t, seed, size)
			diff, err := d.drift(t.Context(), 400)
			if err != nil || diff != "" {
				t.Fatalf("seed %d, %d nodes: %v\n%s", seed, size, err, diff)
			}
			if d.inner.closures >= d.asked+d.asked/4 {
				t.Errorf("seed %d, %d nodes: %d questions asked the store %d times", seed, size, d.asked, d.inner.closures)
			}
		}
	}
}

// TestWhatIsKnownIsNotAskedAgain counts what a store is asked for: the surroundings of
// what is new, then the head alone, until something of the answer is written.
func TestWhatIsKnownIsNotAskedAgain(t *testing.T) {
	d := newDrifter(t, 1, 1000)
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
	ask("something else was written", 3, 0, 1)
	write(d.s, 10, 2)
	ask("an end of an edge was written", 4, 1, 1)
	ask("known again", 4, 0, 1)
	write(d.elsewhere, 29, 27)
	ask("another wrote", 4, 1, 1)
	ask("known once more", 4, 0, 1)
}

// late is a store whose time runs out after one hop.
type late struct{ graph.Store }

func (l late) Closure(ctx context.Context, q graph.ClosureQuery) (graph.Closure, error) {
	q.Depth, q.Then = 1, nil
	c, err := l.Store.Closure(ctx, q)
	c.TimedOut = true
	return c, err
}

// TestWhatWasFoundInTimeIsTheAnswer, and is neither kept nor asked for again.
func TestWhatWasFoundInTimeIsTheAnswer(t *testing.T) {
	d := newDrifter(t, 1, 1000)
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
	d.inner.Store = late{d.inner.Store}
	q := graph.ClosureQuery{Roots: []registry.ID{d.node(20).ID}, Direction: graph.Upstream, Depth: 9, Fanout: 9, Limit: 99, Bare: true,
		Then: []graph.Stage{{From: registry.KindModelVersion, Direction: graph.Downstream, Depth: 1, Fanout: 9, Limit: 9}}}
	for i := range 2 {
		c, err := d.s.Closure(t.Context(), q)
		if err != nil || !c.TimedOut || len(c.Nodes) != 2 || len(c.Edges) != 1 || d.inner.closures != i+1 {
			t.Errorf("%d closures: %+v, %v", d.inner.closures, c, err)
		}
	}
}

// TestUpdatesDoNotWaitForEver: beside a writer elsewhere, Updates that overlap are not
// remembered without end.
func TestUpdatesDoNotWaitForEver(t *testing.T) {
	k := newKept(10)
	k.head = 1
	k.begin() // One that is under way all the while.
	for seq := range int64(1000) {
		k.begin()
		k.end(writes{first: seq + 3, last: seq + 3, ran: true}, nil)
		if len(k.done) > mostDone {
			t.Fatalf("%d wait", len(k.done))
		}
	}
}

// TestMemoryIsBounded by nodes, by arcs and in what it remembers as hard.
func TestMemoryIsBounded(t *testing.T) {
	k := newKept(10)
	k.head = 1
	for n := range int64(1000) {
		id := registry.NewID(registry.KindRun, fmt.Sprint(n))
		k.add(n, &entry{node: &graph.Node{ID: id, Number: n}, arcs: []known{{way{}, make([]graph.Arc, n%50)}}})
		k.setHard(graph.ClosureQuery{Roots: []registry.ID{id}})
		k.setHard(graph.ClosureQuery{Roots: []registry.ID{id}, Depth: 1})
		for _, g := range []*generation{k.young, k.old} {
			arcs := 0
			for _, e := range g.entries {
				arcs += e.size()
			}
			if len(g.entries) > 10 || arcs > 3*10+50 || arcs != g.arcs || len(k.hard) > mostHard {
				t.Fatalf("%d nodes, %d arcs of which %d are counted, %d hard", len(g.entries), arcs, g.arcs, len(k.hard))
			}
		}
	}
}

// TestDeafMemoryDrifts is the twin: when writes pass unheard, answers differ.
func TestDeafMemoryDrifts(t *testing.T) {
	d := newDrifter(t, 1, 1000)
	d.s.kept.deaf = true
	if diff, err := d.drift(t.Context(), 400); err != nil || diff == "" {
		t.Errorf("no difference was found, %v", err)
	}
}

// TestDifferential does the same by chance on a store and on one with memory.
func TestDifferential(t *testing.T) {
	for seed := range uint64(2) {
		graphtest.Differential(t, 77+seed, min(20*graphtest.Rounds(), 300), open(t, fresh(t)).Store, open(t, fresh(t)))
	}
}

package graphtest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pedigree/graph"
	"pedigree/registry"
)

var closureTests = []subtest{
	{"a closure is what a plain reading of its definition gives", closureMatchesReference},
	{"a node that is reached twice comes once, at its fewest hops", diamondOnce},
	{"roots are level zero, once each, and unknown ones are left out", closureRoots},
	{"a lattice with a thousand million paths is walked at once", latticeIsFast},
	{"a deep chain is walked to its end", deepChain},
	{"the head is the sequence that the walk saw", closureHead},
	{"a bare closure leaves out documents", bareClosure},
	{"limit, fanout and depth tell what they cut", closureCuts},
	{"a kind that is not walked through is held and not expanded", closureThrough},
}

// lattice puts layers of width nodes, each derived from all nodes of the layer below,
// and returns the layers from the top.
func (k *kit) lattice(width, layers int, prefix string) (out [][]*graph.Node) {
	k.Helper()
	for l := range layers {
		out = append(out, many(registry.KindDatasetVersion, fmt.Sprint(prefix, l, "-"), width))
		k.put(out[l]...)
	}
	for l := range layers - 1 {
		var edges []*graph.Edge
		for _, a := range out[l] {
			for _, b := range out[l+1] {
				edges = append(edges, derived(a, b))
			}
		}
		k.link(edges...)
	}
	return out
}

func latticeIsFast(k *kit) {
	layers := k.lattice(8, 10, "l")
	start := time.Now()
	c := k.closure(graph.ClosureQuery{Roots: ids(layers[0][0]), Depth: 50})
	if len(c.Nodes) != 1+9*8 || len(c.Edges) != 8+8*64 || c.LimitReached || len(c.OverFanout)+len(c.CutAtDepth) > 0 {
		k.Fatalf("%d nodes, %d edges", len(c.Nodes), len(c.Edges))
	}
	down := k.closure(graph.ClosureQuery{Roots: ids(layers[9]...), Depth: 50, Direction: graph.Downstream})
	if len(down.Nodes) != 80 || len(down.Edges) != 9*64 {
		k.Fatalf("%d nodes, %d edges", len(down.Nodes), len(down.Edges))
	}
	k.wantCycleCode(k.update(func(tx graph.Tx) error { return tx.Link(k.ctx, derived(layers[9][0], layers[0][0])) }), 10)
	if took := time.Since(start); took > 20*time.Second {
		k.Fatalf("took %v", took)
	}
}

func (k *kit) wantCycleCode(err error, length int) {
	k.Helper()
	k.wantCode(registry.FailedPrecondition, err)
	path, _ := err.(*registry.Error).Details["path"].([]string)
	if len(path) != min(length, graph.MaxCyclePath) {
		k.Fatalf("path %v, want %d ids", path, length)
	}
	k.wantEqual("text", err.(*registry.Error).Message, graph.CycleError(path, length).(*registry.Error).Message)
}

func diamondOnce(k *kit) {
	n := many(registry.KindDatasetVersion, "n", 5)
	k.put(n...)
	k.link(derived(n[0], n[1]), derived(n[0], n[2]), derived(n[1], n[3]), derived(n[2], n[3]), derived(n[3], n[4]), derived(n[0], n[4]))
	c := k.closure(graph.ClosureQuery{Roots: ids(n[0]), Depth: 9})
	k.wantEqual("nodes", reachedNames(c), "[n000000:0 n000001:1 n000002:1 n000004:1 n000003:2]")
	k.wantEqual("edges", len(c.Edges), 6)
	c = k.closure(graph.ClosureQuery{Roots: ids(n[0]), Depth: 1})
	k.wantEqual("edges between what is held", len(c.Edges), 3)
	k.wantEqual("deep", c.CutAtDepth, fmt.Sprint(ids(n[1], n[2])))
}

func closureRoots(k *kit) {
	a, b, c := dv("a"), dv("b"), dv("c")
	k.put(a, b, c)
	k.link(derived(c, a))
	cl := k.closure(graph.ClosureQuery{Roots: []registry.ID{c.ID, "nobody", b.ID, c.ID, a.ID}, Depth: 3})
	k.wantEqual("nodes", reachedNames(cl), "[a:0 b:0 c:0]")
	k.wantEqual("edges", len(cl.Edges), 1)
	cl = k.closure(graph.ClosureQuery{Roots: []registry.ID{"nobody"}, Depth: 3})
	if len(cl.Nodes)+len(cl.Edges)+len(cl.CutAtDepth)+len(cl.OverFanout) > 0 || cl.LimitReached || cl.TimedOut {
		k.Fatalf("got %+v", cl)
	}
	cl = k.closure(graph.ClosureQuery{Roots: ids(c)})
	k.wantEqual("depth 0", reachedNames(cl), "[c:0]")
	k.wantEqual("deep", cl.CutAtDepth, fmt.Sprint(ids(c)))
	cl = k.closure(graph.ClosureQuery{Roots: ids(c, b, a), Limit: 2, Depth: 1})
	k.wantEqual("limited roots", reachedNames(cl), "[a:0 b:0]")
	k.wantEqual("full", cl.LimitReached, true)
	k.wantEqual("nothing lies behind these", len(cl.CutEarly), 0)
}

func deepChain(k *kit) {
	n := 300
	if fullRun() {
		n = 10000
	}
	chain := many(registry.KindDatasetVersion, "c", n)
	k.put(chain...)
	var edges []*graph.Edge
	for i := range n - 1 {
		edges = append(edges, derived(chain[i], chain[i+1]))
	}
	k.link(edges...)
	c := k.closure(graph.ClosureQuery{Roots: ids(chain[0]), Depth: 10000, Bare: true})
	if len(c.Nodes) != n || len(c.Edges) != n-1 || c.Nodes[n-1].Depth != n-1 || len(c.CutAtDepth) > 0 {
		k.Fatalf("%d nodes, %d edges", len(c.Nodes), len(c.Edges))
	}
	c = k.closure(graph.ClosureQuery{Roots: ids(chain[0]), Depth: n - 2})
	k.wantEqual("deep", c.CutAtDepth, fmt.Sprint(ids(chain[n-2])))
}

func closureHead(k *kit) {
	k.put(dv("a"))
	k.put(dv("b"))
	k.wantEqual("head", k.closure(graph.ClosureQuery{Roots: ids(dv("a"))}).Head, 2)
	k.put(dv("a"))
	k.wantEqual("head", k.closure(graph.ClosureQuery{Roots: ids(dv("a"))}).Head, 3)
	k.wantEqual("head of nothing", k.closure(graph.ClosureQuery{}).Head, 3)
}

func bareClosure(k *kit) {
	a, b := dv("a"), dv("b")
	k.put(a, b)
	k.link(derived(b, a))
	for _, at := range []graph.Instant{{}, {Valid: sec(1)}, {Known: 2}} {
		q := graph.ClosureQuery{Roots: ids(b), Depth: 1, At: at}
		if c := k.closure(q); string(c.Nodes[1].Node.Doc) != `{"name":"a"}` {
			k.Fatalf("got %+v", c.Nodes[1].Node)
		}
		q.Bare = true
		if c := k.closure(q); c.Nodes[1].Node.Doc != nil || c.Nodes[1].Node.Name != "a" || c.Nodes[1].Node.Kind != a.Kind {
			k.Fatalf("got %+v", c.Nodes[1].Node)
		}
	}
}

func closureCuts(k *kit) {
	hub, leaves := k.star(10)
	down := graph.ClosureQuery{Roots: ids(hub), Direction: graph.Downstream, Depth: 2}
	for _, c := range []struct {
		fanout, limit, nodes int
		wide, full           bool
	}{{9, 100, 10, true, false}, {10, 100, 11, false, false}, {11, 11, 11, false, false}, {11, 10, 10, false, true}, {3, 3, 3, true, true}, {3, 4, 4, true, false}} {
		down.Fanout, down.Limit = c.fanout, c.limit
		got := k.closure(down)
		if len(got.Nodes) != c.nodes || (len(got.OverFanout) == 1) != c.wide || got.LimitReached != c.full || len(got.CutAtDepth) > 0 || len(got.Edges) != c.nodes-1 {
			k.Fatalf("fanout %d, limit %d: %d nodes, %d edges, wide %v, full %v", c.fanout, c.limit, len(got.Nodes), len(got.Edges), got.OverFanout, got.LimitReached)
		}
		if (len(got.CutEarly) == 1) != c.full {
			k.Fatalf("fanout %d, limit %d: cut %v", c.fanout, c.limit, got.CutEarly)
		}
		k.wantEqual("first leaves", got.Nodes[1].Node.Name, leaves[0].Name)
	}
	down.Depth, down.Limit = 0, 5
	k.wantEqual("deep", k.closure(down).CutAtDepth, fmt.Sprint(ids(hub)))
}

func closureThrough(k *kit) {
	v, r, d, d2, r2 := mv("v"), run("r"), dv("d"), dv("d2"), run("r2")
	k.put(v, r, d, r2, d2)
	k.link(edge(registry.EdgeGeneratedBy, v, r), edge(registry.EdgeUsed, r, d), edge(registry.EdgeGeneratedBy, d, r2), edge(registry.EdgeUsed, r2, d2))
	q := graph.ClosureQuery{Roots: ids(v), Depth: 9, Through: []registry.Kind{registry.KindRun}}
	k.wantEqual("through runs", reachedNames(k.closure(q)), "[v:0 r:1 d:2]")
	q.Roots = ids(d)
	k.wantEqual("a root is always expanded", reachedNames(k.closure(q)), "[d:0 r2:1 d2:2]")
	q.Roots, q.Depth = ids(v), 2
	k.wantEqual("deep is told of any kind", k.closure(q).CutAtDepth, fmt.Sprint(ids(d)))
	q.Edges, q.Depth, q.Through = []registry.EdgeKind{registry.EdgeGeneratedBy}, 9, nil
	k.wantEqual("edge kinds", reachedNames(k.closure(q)), "[v:0 r:1]")
}

// closureMatchesReference compares walks over random graphs, with revisions, ended and
// retracted edges, with the brute-force model.
func closureMatchesReference(k *kit) {
	seeds, walks := min(Rounds(), 12), 150
	w, shapes := newReferenceGraph(), &queryShapes{}
	for seed := range seeds {
		r := rand.New(rand.NewPCG(uint64(seed), 7))
		made := k.randomGraph(w, r, fmt.Sprint("s", seed, "-"), 40)
		for i := range walks {
			q := shapes.closure(r, k.randomWalk(w, r, made))
			want := w.closure(q)
			got := k.closure(q)
			if g, x := formatClosure(got), formatClosure(want); g != x {
				k.Fatalf("seed %d, walk %d, %+v\n got\n%s\nwant\n%s", seed, i, q, g, x)
			}
			k.compareNeighbors(w, r, q)
		}
	}
}

func (k *kit) compareNeighbors(w *referenceGraph, r *rand.Rand, c graph.ClosureQuery) {
	k.Helper()
	q := graph.NeighborQuery{IDs: c.Roots, Direction: c.Direction, Edges: c.Edges, At: c.At, LimitPerNode: 1 + r.IntN(4), After: int64(r.IntN(30)), Count: true, CountLimit: int64(r.IntN(4))}
	k.checkNeighbors(w, q)
	for _, id := range q.IDs {
		n := w.node(id, q.At)
		if n == nil {
			return // Who gives numbers knows that the nodes exist.
		}
		q.Numbers = append(q.Numbers, n.Number)
	}
	k.checkNeighbors(w, q)
}

func (k *kit) checkNeighbors(w *referenceGraph, q graph.NeighborQuery) {
	k.Helper()
	for i, h := range k.neighbors(q) {
		far, more, degree := w.neighbors(q.IDs[i], q)
		if w.node(q.IDs[i], q.At) == nil {
			far, more, degree = []string{}, false, 0
		}
		if fmt.Sprint(revisionNames(h.Nodes), h.More, h.Degree) != fmt.Sprint(far, more, degree) {
			k.Fatalf("%+v of %s:\n got %v %v %d\nwant %v %v %d", q, q.IDs[i], revisionNames(h.Nodes), h.More, h.Degree, far, more, degree)
		}
	}
}

// randomSubset returns a random subset of a list, empty in half of the cases.
func randomSubset[T any](r *rand.Rand, list []T) (out []T) {
	if r.IntN(2) == 0 {
		return nil
	}
	for _, v := range list {
		if r.IntN(2) == 0 {
			out = append(out, v)
		}
	}
	return out
}

func (k *kit) randomWalk(w *referenceGraph, r *rand.Rand, made []*graph.Node) graph.ClosureQuery {
	q := graph.ClosureQuery{Direction: graph.Upstream, Edges: randomSubset(r, registry.EdgeKinds()), Through: randomSubset(r, registry.LineageKinds()),
		Depth: r.IntN(6), Fanout: 1 + r.IntN(5), Limit: 1 + r.IntN(50)}
	if r.IntN(2) == 0 {
		q.Direction = graph.Downstream
	}
	for range 1 + r.IntN(3) {
		q.Roots = append(q.Roots, made[r.IntN(len(made))].ID)
	}
	if r.IntN(2) == 0 {
		q.At.Known = int64(1 + r.IntN(int(k.head())+2))
	}
	if r.IntN(2) == 0 {
		q.At.Valid = sec(r.IntN(60))
	}
	if r.IntN(3) == 0 {
		q.Stages = randomStages(r)
	}
	return q
}

// randomGraph writes n nodes in several updates: every effect after its causes, some
// nodes a second time, and edges that end, are retracted or are linked again.
func (k *kit) randomGraph(w *referenceGraph, r *rand.Rand, prefix string, n int) []*graph.Node {
	k.Helper()
	var made []*graph.Node
	kinds := registry.LineageKinds()
	for i := range n {
		x := node(kinds[r.IntN(len(kinds))], fmt.Sprint(prefix, i))
		x.ValidFrom = sec(r.IntN(40))
		k.put(x)
		w.record(x)
		made = append(made, x)
		k.randomEdges(w, r, x, made)
		if again := made[r.IntN(len(made))]; r.IntN(4) == 0 {
			again.Since, again.Doc = sec(r.IntN(60)), []byte(fmt.Sprintf(`{"put":%d}`, i))
			k.put(again)
			w.record(again)
		}
	}
	return made
}

func (k *kit) randomEdges(w *referenceGraph, r *rand.Rand, x *graph.Node, made []*graph.Node) {
	k.Helper()
	var batch []*graph.Edge
	for _, to := range made[:len(made)-1] {
		for _, ek := range registry.EdgeKinds() {
			if r.IntN(4) > 0 || registry.CheckEdge(ek, x.Kind, to.Kind) != nil {
				continue
			}
			e := edge(ek, x, to)
			e.ValidFrom = sec(r.IntN(40))
			if r.IntN(3) == 0 {
				e.ValidTo = e.ValidFrom.Add(time.Duration(r.IntN(20)) * time.Second)
			}
			batch = append(batch, e)
		}
	}
	if len(batch) > 0 {
		k.link(batch...)
		w.edges = append(w.edges, batch...)
	}
	live := slices.DeleteFunc(slices.Clone(w.edges), func(e *graph.Edge) bool { return e.RetractedSeq != 0 })
	if len(live) > 0 && r.IntN(3) == 0 {
		old := live[r.IntN(len(live))]
		k.unlink(old)
		if old.RetractedSeq == 0 {
			k.Fatalf("not retracted: %+v", old)
		}
		if r.IntN(2) == 0 {
			again := *old
			again.RetractedSeq, again.By = 0, "another"
			k.link(&again)
			if !again.Created || again.RetractedSeq != 0 {
				k.Fatalf("not linked again: %+v", again)
			}
			w.edges = append(w.edges, &again)
		}
	}
}

// smallHub reports whether tests use small hubs.
func smallHub() bool { return testing.Short() || !fullRun() }

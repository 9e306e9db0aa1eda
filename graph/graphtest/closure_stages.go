package graphtest

import (
	"errors"
	"fmt"
	"math/rand/v2"

	"pedigree/graph"
	"pedigree/registry"
)

var stageTests = []subtest{
	{"stages go on from what was found, each at the same head", closureStages},
	{"a stage out of its bounds is refused", closureStageBounds},
	{"a closure under writes is of one moment, its stages too", closureUnderWrites},
}

// closureStages asks for the stages that lineage uses: what a version came from, the
// history of its commits, and what was released from them.
func closureStages(k *kit) {
	v, old, r := mv("v"), mv("old"), run("r")
	var commits []*graph.Node
	for i := range 4 {
		commits = append(commits, node(registry.KindCommit, fmt.Sprint("c", i)))
	}
	tag := node(registry.KindTag, "t")
	k.put(append([]*graph.Node{v, old, r, tag}, commits...)...)
	k.link(edge(registry.EdgeGeneratedBy, v, r), edge(registry.EdgeRanCode, r, commits[0]), edge(registry.EdgePointsAt, tag, commits[1]),
		edge(registry.EdgeReleasedFrom, old, tag), edge(registry.EdgeParent, commits[0], commits[1]), edge(registry.EdgeParent, commits[1], commits[2]),
		edge(registry.EdgeParent, commits[2], commits[3]))
	q := graph.ClosureQuery{Roots: ids(v), Depth: 9, Edges: []registry.EdgeKind{registry.EdgeGeneratedBy, registry.EdgeRanCode}, Stages: []graph.Stage{
		{From: registry.KindCommit, Direction: graph.Upstream, Edges: []registry.EdgeKind{registry.EdgeParent}, Depth: 2, Fanout: 9, Limit: 9},
		{From: registry.KindCommit, Direction: graph.Downstream, Edges: []registry.EdgeKind{registry.EdgePointsAt, registry.EdgeReleasedFrom},
			Through: []registry.Kind{registry.KindTag}, Depth: 2, Fanout: 9, Limit: 9}}}
	for _, at := range []graph.Instant{{}, {Valid: sec(9)}, {Known: k.head()}} {
		q.At = at
		c := k.closure(q)
		k.wantEqual("walk", reachedNames(c), "[v:0 r:1 c0:2]")
		k.wantEqual("stages", len(c.Stages), 2)
		k.wantEqual("history", reachedNames(c.Stages[0]), "[c0:0 c1:1 c2:2]")
		k.wantEqual("history goes on", c.Stages[0].CutAtDepth, fmt.Sprint(ids(commits[2])))
		k.wantEqual("releases", reachedNames(c.Stages[1]), "[c0:0 c1:0 c2:0 t:1 old:2]")
		k.wantEqual("edges of releases", len(c.Stages[1].Edges), 2)
		k.wantEqual("heads", []int64{c.Head, c.Stages[0].Head, c.Stages[1].Head}, fmt.Sprint([]int64{k.head(), k.head(), k.head()}))
	}
	q.Roots = ids(tag)
	q.Edges = nil
	q.Depth = 0
	c := k.closure(q)
	k.wantEqual("stages of nothing", []int{len(c.Stages), len(c.Stages[0].Nodes), len(c.Stages[1].Nodes)}, "[2 0 0]")
}

// closureUnderWrites reads while every Update puts the root again and links it to
// another node instead. Every answer must be the state at one head.
func closureUnderWrites(k *kit) {
	root, far := mv("root"), many(registry.KindDatasetVersion, "far", 3)
	k.put(append(far, root)...)
	k.link(derived(root, far[0]))
	writes := 40 * min(Rounds(), 10)
	done := make(chan error, 1)
	go func() {
		var err error
		for i := 1; i <= writes && err == nil; i++ {
			err = k.update(func(tx graph.Tx) error {
				return errors.Join(tx.Put(k.ctx, root), tx.Unlink(k.ctx, derived(root, far[(i-1)%3])), tx.Link(k.ctx, derived(root, far[i%3])))
			})
		}
		done <- err
	}()
	reads := 0
	for writing := true; writing; reads++ {
		select {
		case err := <-done:
			if err != nil {
				k.Fatal(err)
			}
			writing = false
		default:
		}
		c := k.closure(graph.ClosureQuery{Roots: ids(root), Depth: 3, Stages: []graph.Stage{
			{From: registry.KindModelVersion, Direction: graph.Upstream, Depth: 1, Fanout: 9, Limit: 9}}})
		for _, w := range []graph.Closure{c, c.Stages[0]} {
			if len(w.Nodes) != 2 || len(w.Edges) != 1 || w.Head != c.Head {
				k.Fatalf("%d nodes, %d edges at %d", len(w.Nodes), len(w.Edges), w.Head)
			}
			// The first two Updates are the setup; each of the others writes everything
			// again.
			if seq := w.Edges[0].RecordedSeq; seq != w.Head || c.Head > 2 && w.Nodes[0].Node.RecordedSeq+w.Nodes[1].Node.RecordedSeq != w.Head+1 {
				k.Fatalf("at head %d: edge %d, nodes %d and %d", w.Head, seq, w.Nodes[0].Node.RecordedSeq, w.Nodes[1].Node.RecordedSeq)
			}
			if w.Edges[0].To != far[(w.Head-2)%3].ID {
				k.Fatalf("at head %d: edge to %s", w.Head, w.Edges[0].To)
			}
		}
	}
	k.Logf("%d reads", reads)
}

func closureStageBounds(k *kit) {
	k.put(dv("a"))
	good := graph.Stage{From: registry.KindCommit, Direction: graph.Upstream, Depth: 1, Fanout: 1, Limit: 1}
	for i, spoil := range []func(*graph.Stage){func(s *graph.Stage) { s.Depth = 10001 }, func(s *graph.Stage) { s.Fanout = 0 }, func(s *graph.Stage) { s.Limit = 0 },
		func(s *graph.Stage) { s.Direction = "UP" }, func(s *graph.Stage) { s.Edges = []registry.EdgeKind{"LIKES"} }} {
		bad := good
		spoil(&bad)
		for _, roots := range [][]registry.ID{ids(dv("a")), {"nobody"}} {
			_, err := k.Closure(k.ctx, graph.ClosureQuery{Roots: roots, Direction: graph.Upstream, Depth: 1, Fanout: 1, Limit: 1, Stages: []graph.Stage{good, bad}})
			if registry.CodeOf(err) != registry.InvalidArgument {
				k.Fatalf("spoilt stage %d: %v", i, err)
			}
		}
	}
}

// randomStages returns one or two stages. Their edges come from a short list, as those
// of callers do: a store may keep a statement for each.
func randomStages(r *rand.Rand) (out []graph.Stage) {
	edges := [][]registry.EdgeKind{nil, {registry.EdgeParent}, {registry.EdgePointsAt, registry.EdgeReleasedFrom}, {registry.EdgeUsed, registry.EdgeGeneratedBy}}
	kinds := registry.LineageKinds()
	for range 1 + r.IntN(2) {
		s := graph.Stage{From: kinds[r.IntN(len(kinds))], Direction: graph.Upstream, Edges: edges[r.IntN(len(edges))], Through: randomSubset(r, kinds),
			Depth: r.IntN(4), Fanout: 1 + r.IntN(5), Limit: 1 + r.IntN(50)}
		if r.IntN(2) == 0 {
			s.Direction = graph.Downstream
		}
		if r.IntN(8) == 0 {
			s.Depth = 25
		}
		out = append(out, s)
	}
	return out
}

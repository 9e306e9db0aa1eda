package graphtest

import (
	"fmt"
	"slices"

	"pedigree/graph"
	"pedigree/registry"
)

var neighborTests = []subtest{
	{"far ends come in order of their number", neighborOrder},
	{"a cap cuts and After goes on until all are seen", neighborPages},
	{"degrees count every edge of the direction and kinds", neighborDegree},
	{"edge kinds narrow a hop", neighborKinds},
	{"hops answer in the order of the ids, empty for an unknown one", neighborUnknown},
	{"a bare hop leaves out documents", neighborBare},
	{"a malformed hop is INVALID_ARGUMENT", badNeighbors},
}

func farNames(h graph.Neighbors) []string { return names(h.Nodes) }

// star puts a hub and n leaves, each derived from the hub. The order of the leaves'
// Numbers is not that of their names.
func (k *kit) star(n int) (hub *graph.Node, leaves []*graph.Node) {
	k.Helper()
	hub, leaves = dv("hub"), many(registry.KindDatasetVersion, "leaf", n)
	mixed := slices.Clone(leaves)
	slices.Reverse(mixed)
	k.put(append([]*graph.Node{hub}, mixed...)...)
	var edges []*graph.Edge
	for i := range leaves {
		edges = append(edges, derived(leaves[(i*7)%n], hub))
	}
	for part := range slices.Chunk(edges, 1000) {
		k.link(part...)
	}
	return hub, mixed
}

func neighborOrder(k *kit) {
	hub, leaves := k.star(10)
	h := k.neighbors(graph.NeighborQuery{IDs: ids(hub), Direction: graph.Downstream})[0]
	k.wantEqual("leaves", farNames(h), fmt.Sprint(names(leaves)))
	for i, e := range h.Edges {
		if e.From != leaves[i].ID || e.To != hub.ID || h.Nodes[i].Number != leaves[i].Number || e.ID == "" || e.RecordedSeq != 2 {
			k.Fatalf("edge %d: %+v", i, e)
		}
	}
	if h.More || h.NodeID != hub.ID {
		k.Fatalf("got %+v", h)
	}
	k.wantEqual("upstream", farNames(k.neighbors(graph.NeighborQuery{IDs: ids(leaves[3])})[0]), "[hub]")
}

// neighborPages is repeated with more leaves in largeHub.
func neighborPages(k *kit) {
	hub, leaves := k.star(13)
	for _, size := range []int{1, 2, 5, 12, 13, 14} {
		k.wantEqual(fmt.Sprint("cap ", size), k.allNeighbors(hub.ID, size), fmt.Sprint(names(leaves)))
	}
}

func (k *kit) allNeighbors(hub registry.ID, size int) (all []string) {
	k.Helper()
	q := graph.NeighborQuery{IDs: []registry.ID{hub}, Direction: graph.Downstream, LimitPerNode: size, Bare: true}
	for {
		h := k.neighbors(q)[0]
		if len(h.Nodes) != len(h.Edges) || len(h.Nodes) > size || h.More && len(h.Nodes) != size {
			k.Fatalf("cap %d: %d nodes, %d edges, more %v", size, len(h.Nodes), len(h.Edges), h.More)
		}
		all = append(all, farNames(h)...)
		if !h.More {
			return all
		}
		q.After = h.Nodes[len(h.Nodes)-1].Number
	}
}

func neighborDegree(k *kit) {
	hub, leaves := k.star(9)
	k.unlink(derived(leaves[0], hub))
	h := k.neighbors(graph.NeighborQuery{IDs: ids(hub, leaves[0], leaves[1]), Direction: graph.Downstream, LimitPerNode: 2, Count: true, After: leaves[4].Number})
	k.wantEqual("degrees", []int64{h[0].Degree, h[1].Degree, h[2].Degree}, "[8 0 0]")
	k.wantEqual("past leaf 4", farNames(h[0]), fmt.Sprint(names(leaves[5:7])))
	h = k.neighbors(graph.NeighborQuery{IDs: ids(hub, leaves[0], leaves[1]), Count: true, Edges: []registry.EdgeKind{registry.EdgeDerivedFrom}})
	k.wantEqual("upstream degrees", []int64{h[0].Degree, h[1].Degree, h[2].Degree}, "[0 0 1]")
	h = k.neighbors(graph.NeighborQuery{IDs: ids(leaves[1]), Count: true, Edges: []registry.EdgeKind{registry.EdgeUsed}})
	k.wantEqual("of another kind", h[0].Degree, 0)
}

func neighborKinds(k *kit) {
	d, r, c, v := dv("d"), run("r"), node(registry.KindCommit, "c"), mv("v")
	k.put(d, r, c, v)
	k.link(edge(registry.EdgeUsed, r, d), edge(registry.EdgeRanCode, r, c), edge(registry.EdgeGeneratedBy, v, r))
	for _, q := range []struct {
		edges []registry.EdgeKind
		want  string
	}{{nil, "[d c]"}, {[]registry.EdgeKind{registry.EdgeRanCode}, "[c]"}, {[]registry.EdgeKind{registry.EdgeRanCode, registry.EdgeUsed}, "[d c]"},
		{[]registry.EdgeKind{registry.EdgeGeneratedBy}, "[]"}} {
		h := k.neighbors(graph.NeighborQuery{IDs: ids(r), Edges: q.edges, Count: true})[0]
		k.wantEqual(fmt.Sprint(q.edges), farNames(h), q.want)
		k.wantEqual("degree", h.Degree, len(h.Edges))
	}
	k.wantEqual("downstream", farNames(k.neighbors(graph.NeighborQuery{IDs: ids(r), Direction: graph.Downstream})[0]), "[v]")
}

func neighborUnknown(k *kit) {
	a, b := dv("a"), dv("b")
	k.put(a, b)
	k.link(derived(b, a))
	h := k.neighbors(graph.NeighborQuery{IDs: []registry.ID{b.ID, "nobody", a.ID, b.ID}, Count: true})
	for i, want := range []string{"[a]", "[]", "[]", "[a]"} {
		k.wantEqual(fmt.Sprint("hop ", i), farNames(h[i]), want)
	}
	k.wantEqual("of", []registry.ID{h[0].NodeID, h[1].NodeID, h[2].NodeID, h[3].NodeID}, fmt.Sprint([]registry.ID{b.ID, "nobody", a.ID, b.ID}))
	k.wantEqual("nobody", len(k.neighbors(graph.NeighborQuery{})), 0)
}

func neighborBare(k *kit) {
	a, b := dv("a"), dv("b")
	k.put(a, b)
	k.link(derived(b, a))
	if n := k.neighbors(graph.NeighborQuery{IDs: ids(b)})[0].Nodes[0]; string(n.Doc) != `{"name":"a"}` {
		k.Fatalf("got %+v", n)
	}
	if n := k.neighbors(graph.NeighborQuery{IDs: ids(b), Bare: true})[0].Nodes[0]; n.Doc != nil || n.Name != "a" {
		k.Fatalf("got %+v", n)
	}
}

func badNeighbors(k *kit) {
	a := dv("a")
	k.put(a)
	for what, q := range map[string]graph.NeighborQuery{
		"no cap":            {IDs: ids(a), Direction: graph.Upstream},
		"no direction":      {IDs: ids(a), LimitPerNode: 1},
		"unknown edge kind": {IDs: ids(a), Direction: graph.Upstream, LimitPerNode: 1, Edges: []registry.EdgeKind{"LIKES"}},
	} {
		if _, err := k.Neighbors(k.ctx, q); registry.CodeOf(err) != registry.InvalidArgument {
			k.Errorf("%s: %v", what, err)
		}
	}
	for what, q := range map[string]graph.ClosureQuery{
		"no limit":          {Roots: ids(a), Direction: graph.Upstream, Fanout: 1},
		"no fanout":         {Roots: ids(a), Direction: graph.Upstream, Limit: 1},
		"negative depth":    {Roots: ids(a), Direction: graph.Upstream, Limit: 1, Fanout: 1, Depth: -1},
		"too deep":          {Roots: ids(a), Direction: graph.Upstream, Limit: 1, Fanout: 1, Depth: 10001},
		"unknown direction": {Roots: ids(a), Direction: "SIDEWAYS", Limit: 1, Fanout: 1},
		"unknown edge kind": {Roots: ids(a), Direction: graph.Upstream, Limit: 1, Fanout: 1, Edges: []registry.EdgeKind{"LIKES"}},
	} {
		if _, err := k.Closure(k.ctx, q); registry.CodeOf(err) != registry.InvalidArgument {
			k.Errorf("closure with %s: %v", what, err)
		}
	}
}

package graphtest

import (
	"errors"
	"fmt"
	"slices"

	"pedigree/graph"
	"pedigree/registry"
)

var bulkTests = []subtest{
	{"thousands of nodes and edges are written in one update", bulkWrite},
	{"a large hub is complete through After", largeHub},
	{"many ids are read in one call", manyIDs},
}

func bulkWrite(k *kit) {
	const n = 3000
	nodes := many(registry.KindDatasetVersion, "n", n)
	for i, x := range nodes {
		x.Slots = []string{fmt.Sprint("s/", i)}
		x.Parent = "ds_bulk"
	}
	var edges []*graph.Edge
	for i := range n - 1 {
		edges = append(edges, derived(nodes[i+1], nodes[i/2]))
	}
	k.mustUpdate(func(tx graph.Tx) error { return errors.Join(tx.Put(k.ctx, nodes...), tx.Link(k.ctx, edges...)) })
	k.mustUpdate(func(tx graph.Tx) error {
		return errors.Join(tx.Put(k.ctx, nodes...), tx.Link(k.ctx, edges...), tx.Unlink(k.ctx, edges[:1000]...))
	})
	if nodes[n-1].Revision != 2 || nodes[n-1].Number != n || edges[n-2].Created || edges[999].RetractedSeq != 2 || edges[1000].RetractedSeq != 0 {
		k.Fatalf("%+v, %+v, %+v", nodes[n-1], edges[n-2], edges[999])
	}
	k.wantEqual("count", k.find(graph.Query{Parents: []registry.ID{"ds_bulk"}, Limit: 1, Count: true}).Total, n)
	all := k.pages(graph.Query{Kinds: []registry.Kind{registry.KindDatasetVersion}, Limit: 1000, Bare: true})
	if len(all) != n || !slices.IsSortedFunc(all, func(a, b *graph.Node) int { return int(a.Number - b.Number) }) {
		k.Fatalf("%d nodes", len(all))
	}
	c := k.closure(graph.ClosureQuery{Roots: ids(nodes[n-1]), Depth: 100, At: graph.Instant{Known: 1}})
	k.wantEqual("last of the walk", c.Nodes[len(c.Nodes)-1].Node.Name, nodes[0].Name)
	k.delete(nodes[:1000]...)
	k.wantEqual("count", k.find(graph.Query{Parents: []registry.ID{"ds_bulk"}, Limit: 1, Count: true}).Total, n-1000)
}

func largeHub(k *kit) {
	n := 5000
	if !smallHub() {
		n = 1 << 16
	}
	hub, leaves := dv("hub"), many(registry.KindDatasetVersion, "leaf", n)
	k.put(hub)
	for part := range slices.Chunk(leaves, 5000) {
		var edges []*graph.Edge
		for _, l := range part {
			edges = append(edges, derived(l, hub))
		}
		k.mustUpdate(func(tx graph.Tx) error { return errors.Join(tx.Put(k.ctx, part...), tx.Link(k.ctx, edges...)) })
	}
	want := names(leaves)
	for _, size := range []int{1000, n - 1, n, n + 1} {
		got := k.allNeighbors(hub.ID, size)
		if !slices.Equal(got, want) {
			k.Fatalf("cap %d: %d of %d leaves, or in another order", size, len(got), n)
		}
	}
	h := k.neighbors(graph.NeighborQuery{IDs: ids(hub), Direction: graph.Downstream, LimitPerNode: 1, Count: true})[0]
	k.wantEqual("degree", h.Degree, n)
	c := k.closure(graph.ClosureQuery{Roots: ids(hub), Direction: graph.Downstream, Depth: 2, Fanout: 100, Limit: 500, Bare: true})
	if len(c.Nodes) != 101 || len(c.Edges) != 100 || len(c.OverFanout) != 1 || c.LimitReached {
		k.Fatalf("%d nodes, %d edges, wide %v", len(c.Nodes), len(c.Edges), c.OverFanout)
	}
	c = k.closure(graph.ClosureQuery{Roots: ids(leaves[7]), Depth: 1, Fanout: 100, Limit: 500})
	if len(c.Nodes) != 2 || len(c.Edges) != 1 || len(c.CutAtDepth) != 0 {
		k.Fatalf("got %+v", c)
	}
	c = k.closure(graph.ClosureQuery{Roots: ids(hub), Direction: graph.Downstream, Depth: 1, Fanout: n, Limit: n, Bare: true})
	if len(c.Nodes) != n || len(c.Edges) != n-1 || len(c.OverFanout) != 0 || !c.LimitReached {
		k.Fatalf("%d nodes, %d edges, full %v", len(c.Nodes), len(c.Edges), c.LimitReached)
	}
}

func manyIDs(k *kit) {
	nodes := many(registry.KindRun, "r", 1500)
	k.put(nodes...)
	ask := ids(nodes...)
	slices.Reverse(ask)
	got, err := k.Nodes(k.ctx, graph.Instant{}, ask...)
	if err != nil || len(got) != len(ask) {
		k.Fatalf("%d nodes, %v", len(got), err)
	}
	for i, n := range got {
		if n == nil || n.ID != ask[i] {
			k.Fatalf("node %d: %+v", i, n)
		}
	}
}

package lineage

import (
	"cmp"
	"container/heap"
	"context"
	"math"
	"slices"

	"pedigree/graph"
	"pedigree/registry"
)

// unlimitedDepth is more hops than a walk of MaxNodes nodes can take.
const unlimitedDepth = 10000

// Paths are the paths from one node to another.
type Paths struct {
	// Ways are the k shortest paths or fewer, each from the first node to the second,
	// shortest first, then by their ids.
	Shortest [][]registry.ID
	// Exhaustive is true exactly when Ways has every path.
	Exhaustive bool
	// Nodes and Edges are all nodes and edges on any path.
	Nodes []*graph.Node
	Edges []graph.Edge
	// Reasons are why the graph may have more paths.
	Reasons []Reason
	Head    int64
}

// FindPaths returns the k shortest paths between two nodes, along or against the edges,
// whichever connects them. NOT_FOUND when one of the two is unknown or hidden; when
// there is no path, the result is empty and exhaustive.
func FindPaths(ctx context.Context, r graph.Reader, from, to registry.ID, k int, at graph.Instant) (*Paths, error) {
	if _, err := readRoots(ctx, r, at, from, to); err != nil {
		return nil, err
	}
	p, err := pathsUpstream(ctx, r, from, to, k, at)
	if err != nil || len(p.Shortest) > 0 || from == to {
		return p, err
	}
	back, err := pathsUpstream(ctx, r, to, from, k, at)
	if err != nil {
		return nil, err
	}
	for _, w := range back.Shortest {
		slices.Reverse(w)
	}
	back.Exhaustive = back.Exhaustive && p.Exhaustive
	back.Reasons = slices.Compact(slices.Sorted(slices.Values(append(back.Reasons, p.Reasons...))))
	return back, nil
}

// pathsUpstream finds paths from an effect to a cause within the bounded walk.
func pathsUpstream(ctx context.Context, r graph.Reader, from, to registry.ID, k int, at graph.Instant) (*Paths, error) {
	c, err := closureUntilDeadline(ctx, r, graph.ClosureQuery{Roots: []registry.ID{from}, Direction: graph.Upstream, Depth: unlimitedDepth,
		Fanout: MaxNodes, Limit: MaxNodes, At: at, Bare: true})
	if err != nil {
		return nil, err
	}
	p := &Paths{Head: c.Head}
	if c.LimitReached || len(c.OverFanout) > 0 {
		p.Reasons = append(p.Reasons, ReasonNodes)
	}
	if c.TimedOut {
		p.Reasons = append(p.Reasons, ReasonTime)
	}
	up, down := map[registry.ID][]registry.ID{}, map[registry.ID][]registry.ID{}
	for _, e := range c.Edges {
		if !slices.Contains(up[e.From], e.To) {
			up[e.From] = append(up[e.From], e.To)
			down[e.To] = append(down[e.To], e.From)
		}
	}
	distance := distancesTo(to, down)
	if _, ok := distance[from]; !ok {
		p.Exhaustive = len(p.Reasons) == 0
		return p, nil
	}
	var on []registry.ID
	for _, n := range c.Nodes {
		if _, ok := distance[n.Node.ID]; ok {
			on = append(on, n.Node.ID)
		}
	}
	if p.Nodes, err = Nodes(ctx, r, at, on...); err != nil {
		return nil, err
	}
	p.Nodes = slices.DeleteFunc(p.Nodes, func(n *graph.Node) bool { return n == nil })
	for _, e := range c.Edges {
		_, a := distance[e.From]
		_, z := distance[e.To]
		if a && z {
			p.Edges = append(p.Edges, e)
		}
	}
	p.Shortest = shortestPaths(from, to, k, up, distance)
	p.Exhaustive = len(p.Reasons) == 0 && countPaths(from, to, up, distance, k) <= float64(len(p.Shortest))
	return p, nil
}

// distancesTo returns, for every node that reaches the target, the fewest hops to it.
func distancesTo(to registry.ID, down map[registry.ID][]registry.ID) map[registry.ID]int {
	distance := map[registry.ID]int{to: 0}
	queue := []registry.ID{to}
	for i := 0; i < len(queue); i++ {
		for _, e := range down[queue[i]] {
			if _, ok := distance[e]; !ok {
				distance[e] = distance[queue[i]] + 1
				queue = append(queue, e)
			}
		}
	}
	return distance
}

// countPaths counts the paths without listing them, up to 1e15, far above any k.
func countPaths(from, to registry.ID, up map[registry.ID][]registry.ID, distance map[registry.ID]int, k int) float64 {
	memo := map[registry.ID]float64{to: 1}
	var count func(id registry.ID) float64
	count = func(id registry.ID) float64 {
		if n, ok := memo[id]; ok {
			return n
		}
		memo[id] = 0 // Ends the recursion on a cycle, which the stores refuse.
		n := 0.0
		for _, far := range up[id] {
			if _, ok := distance[far]; ok {
				n += count(far)
			}
		}
		memo[id] = math.Min(n, 1e15)
		return memo[id]
	}
	return count(from)
}

// shortestPaths lists the k shortest paths by best-first search (A*). The exact distance
// to the target orders the heap, so the paths come off it shortest first.
func shortestPaths(from, to registry.ID, k int, up map[registry.ID][]registry.ID, distance map[registry.ID]int) [][]registry.ID {
	h := &partialPathHeap{{path: []registry.ID{from}, total: distance[from]}}
	var out [][]registry.ID
	for h.Len() > 0 && len(out) < k {
		w := heap.Pop(h).(partialPath)
		last := w.path[len(w.path)-1]
		if last == to {
			out = append(out, w.path)
			continue
		}
		for _, far := range up[last] {
			l, ok := distance[far]
			if !ok || slices.Contains(w.path, far) {
				continue
			}
			path := append(slices.Clone(w.path), far)
			heap.Push(h, partialPath{path: path, total: len(path) - 1 + l})
		}
	}
	return out
}

type partialPath struct {
	path  []registry.ID
	total int
}

type partialPathHeap []partialPath

func (h partialPathHeap) Len() int      { return len(h) }
func (h partialPathHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h partialPathHeap) Less(i, j int) bool {
	return cmp.Or(cmp.Compare(h[i].total, h[j].total), slices.Compare(h[i].path, h[j].path)) < 0
}
func (h *partialPathHeap) Push(x any) { *h = append(*h, x.(partialPath)) }
func (h *partialPathHeap) Pop() any {
	old := *h
	x := old[len(old)-1]
	*h = old[:len(old)-1]
	return x
}

package graph

import (
	"cmp"
	"slices"
	"sync"

	"pedigree/registry"
)

// Arc is an edge in the direction of a walk, with the Numbers of its ends: the walk
// goes from Near to Far. Its Edge may lack ID, From and To; Replay then sets them.
type Arc struct {
	Near, Far int64
	Edge
}

// CompareArcs orders arcs as a walk follows them: by near end, far end and kind.
func CompareArcs(a, b Arc) int {
	return compareArcs(&a, &b)
}

func compareArcs(a, b *Arc) int {
	switch {
	case a.Near != b.Near:
		return cmp.Compare(a.Near, b.Near)
	case a.Far != b.Far:
		return cmp.Compare(a.Far, b.Far)
	}
	return cmp.Compare(a.Kind, b.Kind)
}

// MemoryGraph is a part of the graph in memory, for one walk at one instant and head.
type MemoryGraph interface {
	// Node returns the node with a Number, nil when it is not in memory, and whether it
	// exists at the instant.
	Node(number int64) (*Node, bool)
	// Arcs returns the arcs of a node that exist at the instant, in the direction and
	// of the kinds of the walk, in order. It returns false when not all of them are in
	// memory.
	Arcs(number int64) ([]Arc, bool)
}

// memoryWalk is a closure walk over a Held. complete becomes false when the walk
// needs something that is not in memory.
type memoryWalk struct {
	*walkBuffers
	source   MemoryGraph
	q        ClosureQuery
	out      Closure
	complete bool
}

// walkBuffers are the temporary data of a walk. They are pooled.
type walkBuffers struct {
	visited map[int64]visitedNode
	// arcs are the arcs of the nodes in out.Nodes, by index; nil until they are read.
	arcs [][]Arc
	next []int64
}

// maxPooledNodes is the maximum number of visited nodes of buffers that return to
// the pool.
const maxPooledNodes = 256

var bufferPool = sync.Pool{New: func() any { return &walkBuffers{visited: make(map[int64]visitedNode, 64)} }}

func (s *walkBuffers) release() {
	if len(s.visited) > maxPooledNodes || cap(s.next) > 4*maxPooledNodes {
		return
	}
	clear(s.visited)
	clear(s.arcs)
	s.arcs, s.next = s.arcs[:0], s.next[:0]
	bufferPool.Put(s)
}

// visitedNode is a node that the walk has looked up: nil when it does not exist at
// the instant. index is its position in out.Nodes, -1 when it is not there.
type visitedNode struct {
	node  *Node
	index int
}

// ClosureInMemory computes the closure of q from roots, given by Number, over a part of the
// graph in memory. It ignores the stages of q. It returns false when the walk needed
// something that is not in memory; the closure may then be incomplete. The nodes are
// shared with source, not copied.
func ClosureInMemory(q ClosureQuery, roots []int64, source MemoryGraph) (Closure, bool) {
	return walkInMemory(q, roots, source, 64)
}

// walkInMemory is Replay with an estimate of the number of nodes.
func walkInMemory(q ClosureQuery, roots []int64, source MemoryGraph, sizeHint int) (Closure, bool) {
	buffers := bufferPool.Get().(*walkBuffers)
	defer buffers.release()
	w := &memoryWalk{source: source, q: q, walkBuffers: buffers, complete: true}
	w.out.Nodes = make([]ClosureNode, 0, sizeHint)
	w.addLevel(roots, 0)
	for d, start := 0, 0; d < q.Depth && start < len(w.out.Nodes); d++ {
		end := len(w.out.Nodes)
		next := w.expand(start, end)
		start = end
		w.addLevel(next, d+1)
	}
	w.collectEdges()
	return w.out, w.complete
}

// visit looks up a node.
func (w *memoryWalk) visit(number int64) visitedNode {
	v, ok := w.visited[number]
	if !ok {
		n, atInstant := w.source.Node(number)
		w.complete = w.complete && n != nil
		if v = (visitedNode{n, -1}); !atInstant {
			v.node = nil
		}
		w.visited[number] = v
	}
	return v
}

// addLevel adds the new nodes of a level in order of Number, up to Limit nodes.
func (w *memoryWalk) addLevel(level []int64, depth int) {
	slices.Sort(level)
	for _, number := range slices.Compact(level) {
		v := w.visit(number)
		if v.index >= 0 || v.node == nil {
			continue
		}
		if len(w.out.Nodes) == w.q.Limit {
			w.out.LimitReached = true
			break
		}
		w.visited[number] = visitedNode{v.node, len(w.out.Nodes)}
		w.out.Nodes = append(w.out.Nodes, ClosureNode{Node: v.node, Depth: depth})
		w.arcs = append(w.arcs, nil)
	}
}

// arcsOf returns the arcs of out.Nodes[index] whose far ends exist.
func (w *memoryWalk) arcsOf(index int) []Arc {
	if w.arcs[index] != nil {
		return w.arcs[index]
	}
	all, complete := w.source.Arcs(w.out.Nodes[index].Node.Number)
	w.complete = w.complete && complete
	for i := range all {
		if w.visit(all[i].Far).node == nil {
			all = slices.DeleteFunc(slices.Clone(all), func(a Arc) bool { return w.visit(a.Far).node == nil })
			break
		}
	}
	w.arcs[index] = all
	return all
}

// expand returns the first Fanout far ends of each of out.Nodes[start:end].
func (w *memoryWalk) expand(start, end int) []int64 {
	next := w.next[:0]
	for index := start; index < end; index++ {
		n := w.out.Nodes[index].Node
		if !w.q.GoesThrough(w.out.Nodes[index]) {
			continue
		}
		arcs := w.arcsOf(index)
		if len(arcs) > w.q.Fanout {
			w.out.OverFanout = append(w.out.OverFanout, n.ID)
			arcs = arcs[:w.q.Fanout]
		}
		for i := range arcs {
			next = append(next, arcs[i].Far)
		}
	}
	w.next = next
	return next
}

// collectEdges sets the edges between the nodes of the closure, and which nodes were cut.
func (w *memoryWalk) collectEdges() {
	inner := make([]*Arc, 0, len(w.out.Nodes)+len(w.out.Nodes)/2)
	for index, n := range w.out.Nodes {
		leadsOn := false
		arcs := w.arcsOf(index)
		for i := range arcs {
			if w.visited[arcs[i].Far].index >= 0 {
				inner = append(inner, &arcs[i])
			} else {
				leadsOn = true
			}
		}
		switch {
		case !leadsOn:
		case n.Depth == w.q.Depth:
			w.out.CutAtDepth = append(w.out.CutAtDepth, n.Node.ID)
		case w.out.LimitReached && w.q.GoesThrough(n):
			w.out.CutEarly = append(w.out.CutEarly, n.Node.ID)
		}
	}
	if len(inner) == 0 {
		return
	}
	downstream := w.q.Direction == Downstream
	slices.SortFunc(inner, func(a, b *Arc) int { // By the effect's Number, then the cause's.
		if downstream {
			return cmp.Or(cmp.Compare(a.Far, b.Far), cmp.Compare(a.Near, b.Near), cmp.Compare(a.Kind, b.Kind))
		}
		return compareArcs(a, b)
	})
	// The spare capacity is for callers that join walks.
	w.out.Edges = make([]Edge, len(inner), len(inner)+len(inner)/8+4)
	for i, a := range inner {
		e := &w.out.Edges[i]
		if *e = a.Edge; e.ID != "" {
			continue
		}
		e.From, e.To = w.visited[a.Near].node.ID, w.visited[a.Far].node.ID
		if downstream {
			e.From, e.To = e.To, e.From
		}
		e.ID = EdgeID(e.Kind, e.From, e.To, e.RecordedSeq)
	}
}

// StagesInMemory computes the stages of q, each from the closure before it, and appends
// them to first.Then. source returns the part of the graph for a stage. It returns
// false when something is not in memory.
func StagesInMemory(q ClosureQuery, first *Closure, source func(stage int) MemoryGraph) bool {
	last, complete := first, true
	for i, s := range q.Stages {
		var roots []int64
		for _, n := range last.OfKind(s.From) {
			roots = append(roots, n.Number)
		}
		next, ok := walkInMemory(s.Query(q, nil), roots, source(i), len(roots))
		next.Head = first.Head
		first.Stages = append(first.Stages, next)
		last, complete = &next, complete && ok
	}
	return complete
}

// KindsWithEdges returns the kinds of nodes that can have edges of the given kinds in a
// direction. No edge kinds means all.
func KindsWithEdges(direction Direction, edges []registry.EdgeKind) (out []registry.Kind) {
	if len(edges) == 0 {
		edges = registry.EdgeKinds()
	}
	for _, e := range edges {
		from, to := registry.EdgeEnds(e)
		if direction == Downstream {
			from = to
		}
		for _, k := range from {
			if !slices.Contains(out, k) {
				out = append(out, k)
			}
		}
	}
	return out
}

package graph

import (
	"cmp"
	"slices"
	"sync"

	"pedigree/registry"
)

// Arc is an edge as a walk meets it: by the Numbers of its ends, near first. Its
// Edge may lack ID, From and To, which Replay then fills in.
type Arc struct {
	Near, Far int64
	Edge
}

// CompareArcs orders arcs as a walk takes them: by near end, far end and kind.
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

// Held is a part of the graph that is held in memory, at one instant and head, as
// one walk sees it.
type Held interface {
	// Node returns the node of a Number, nil for one that is not held, and whether it
	// is there at the instant.
	Node(number int64) (*Node, bool)
	// Arcs returns the arcs of a node in the walk's direction and kinds that stand at
	// the instant, in order; false where they are not all held.
	Arcs(number int64) ([]Arc, bool)
}

// replay is a walk over what is held.
type memoryWalk struct {
	*walkBuffers
	source   Held
	q        ClosureQuery
	out      Closure
	complete bool
}

// scratch is what a walk needs until it is done; it is used again.
type walkBuffers struct {
	visited map[int64]visitedNode
	// arcs are those of the nodes that are held, by place, as far as they were asked for.
	arcs [][]Arc
	next []int64
}

// mostScratch is how many nodes a scratch may have held to be used again.
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

// spot is a node that was met: nil where it is not there, and its place in out.Nodes,
// -1 before it has one.
type visitedNode struct {
	node  *Node
	index int
}

// Replay walks from roots, by Number, over a part of the graph as ClosureQuery
// defines it, stages left out. It reports false where something is missing that the
// walk asked for: the answer may then be too small. The nodes are those that are
// held, not copies.
func Replay(q ClosureQuery, roots []int64, source Held) (Closure, bool) {
	return walkInMemory(q, roots, source, 64)
}

// replayed is Replay with a guess of how many nodes there will be.
func walkInMemory(q ClosureQuery, roots []int64, source Held, sizeHint int) (Closure, bool) {
	buffers := bufferPool.Get().(*walkBuffers)
	defer buffers.release()
	w := &memoryWalk{source: source, q: q, walkBuffers: buffers, complete: true}
	w.out.Nodes = make([]Reached, 0, sizeHint)
	w.addLevel(roots, 0)
	for d, start := 0, 0; d < q.Depth && start < len(w.out.Nodes); d++ {
		end := len(w.out.Nodes)
		next := w.expand(start, end, d)
		start = end
		w.addLevel(next, d+1)
	}
	w.collectEdges()
	return w.out, w.complete
}

// look returns a node that may be there.
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

// enter takes new nodes into a level by Number, until Limit are held.
func (w *memoryWalk) addLevel(level []int64, depth int) {
	slices.Sort(level)
	for _, number := range slices.Compact(level) {
		v := w.visit(number)
		if v.index >= 0 || v.node == nil {
			continue
		}
		if len(w.out.Nodes) == w.q.Limit {
			w.out.Full = true
			break
		}
		w.visited[number] = visitedNode{v.node, len(w.out.Nodes)}
		w.out.Nodes = append(w.out.Nodes, Reached{Node: v.node, Depth: depth})
		w.arcs = append(w.arcs, nil)
	}
}

// arcsOf are those of a held node, to far ends that are there.
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

// expand returns the first Fanout far ends of the nodes of a level, by place.
func (w *memoryWalk) expand(start, end, depth int) []int64 {
	next := w.next[:0]
	for index := start; index < end; index++ {
		n := w.out.Nodes[index].Node
		if depth > 0 && len(w.q.Through) > 0 && !slices.Contains(w.q.Through, n.Kind) {
			continue
		}
		arcs := w.arcsOf(index)
		if len(arcs) > w.q.Fanout {
			w.out.Wide = append(w.out.Wide, n.ID)
			arcs = arcs[:w.q.Fanout]
		}
		for i := range arcs {
			next = append(next, arcs[i].Far)
		}
	}
	w.next = next
	return next
}

// finish adds the edges between held nodes, and names those at Depth that lead on.
func (w *memoryWalk) collectEdges() {
	inner := make([]*Arc, 0, len(w.out.Nodes)+len(w.out.Nodes)/2)
	for index, n := range w.out.Nodes {
		leadsOn := false
		arcs := w.arcsOf(index)
		for i := range arcs {
			if w.visited[arcs[i].Far].index >= 0 {
				inner = append(inner, &arcs[i])
			} else {
				leadsOn = n.Depth == w.q.Depth
			}
		}
		if leadsOn {
			w.out.Deep = append(w.out.Deep, n.Node.ID)
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
	// Who joins walks adds a few more.
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

// ReplayStages walks the stages of a query, each from the walk before it, over what
// is held for it. It reports false where something is missing.
func ReplayStages(q ClosureQuery, first *Closure, source func(stage int) Held) bool {
	last, complete := first, true
	for i, s := range q.Then {
		var roots []int64
		for _, n := range last.OfKind(s.From) {
			roots = append(roots, n.Number)
		}
		next, ok := walkInMemory(s.Query(q, nil), roots, source(i), len(roots))
		next.Head = first.Head
		first.Then = append(first.Then, next)
		last, complete = &next, complete && ok
	}
	return complete
}

// NearKinds are the kinds of node that edges of some kinds (none: of any) lead on
// from in a direction; nodes of others have none.
func NearKinds(direction Direction, edges []registry.EdgeKind) (out []registry.Kind) {
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

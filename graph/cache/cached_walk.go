package cache

import (
	"slices"

	"pedigree/graph"
	"pedigree/registry"
)

// cacheView is what one closure walks over: a generation, and an older one if there is
// one.
type cacheView struct {
	young, old *generation
	// oldHits are the entries of the old generation that the walk used.
	oldHits []int64
}

func (m *cacheView) entry(n int64) *entry {
	e := m.young.entries[n]
	if e == nil && m.old != nil {
		if e = m.old.entries[n]; e != nil {
			m.oldHits = append(m.oldHits, n)
		}
	}
	return e
}

func (m *cacheView) number(id registry.ID) (int64, bool) {
	n, ok := m.young.numbers[id]
	if !ok && m.old != nil {
		n, ok = m.old.numbers[id]
	}
	return n, ok
}

// closure walks, then walks each stage. It returns false when something is missing; the
// answer then holds only what is there.
func (m *cacheView) closure(q graph.ClosureQuery, head int64) (graph.Closure, bool) {
	var roots []int64
	for _, id := range q.Roots {
		n, ok := m.number(id)
		if !ok && m.old != nil {
			return graph.Closure{}, false // It may exist and not be cached.
		}
		if ok {
			roots = append(roots, n)
		}
	}
	view := func(d graph.Direction, kinds []registry.EdgeKind) graph.MemoryGraph {
		return &walkView{cacheView: m, filter: edgeFilterOf(d, kinds), direction: d, kinds: kinds}
	}
	out, ok := graph.ClosureInMemory(q, roots, view(q.Direction, q.Edges))
	out.Head = head
	if !ok && m.old != nil {
		return out, false // The caller asks the store.
	}
	ok = graph.StagesInMemory(q, &out, func(i int) graph.MemoryGraph { return view(q.Stages[i].Direction, q.Stages[i].Edges) }) && ok
	copyNodes(&out)
	for i := range out.Stages {
		copyNodes(&out.Stages[i])
	}
	return out, ok
}

// copyNodes gives the caller its own nodes, because policies write masks into them.
// What the nodes point to is shared and never written.
func copyNodes(c *graph.Closure) {
	nodes := make([]graph.Node, len(c.Nodes))
	for i := range c.Nodes {
		nodes[i] = *c.Nodes[i].Node
		c.Nodes[i].Node = &nodes[i]
	}
}

// walkView is the cache as one walk sees it: one direction, some edge kinds.
type walkView struct {
	*cacheView
	filter    edgeFilter
	direction graph.Direction
	kinds     []registry.EdgeKind
}

// Node implements graph.Held.
func (v *walkView) Node(n int64) (*graph.Node, bool) {
	e := v.entry(n)
	if e == nil {
		return nil, false
	}
	return e.node, true
}

// Arcs implements graph.Held.
func (v *walkView) Arcs(n int64) ([]graph.Arc, bool) {
	e := v.entry(n)
	if e == nil {
		return nil, false
	}
	arcs, ok := e.arcsFor(v.filter)
	if !ok { // Not cached. Correct only for a kind of node that has no such edges.
		return nil, !slices.Contains(graph.KindsWithEdges(v.direction, v.kinds), e.node.Kind)
	}
	return arcs, true
}

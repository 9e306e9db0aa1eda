package cache

import (
	"slices"
	"time"

	"pedigree/graph"
	"pedigree/registry"
)

// memory is what one closure walks over: a generation, and an older one where there
// is one.
type memory struct {
	young, old *generation
	// aged are entries of the old generation that were used.
	aged []int64
}

func (m *memory) entry(n int64) *entry {
	e := m.young.entries[n]
	if e == nil && m.old != nil {
		if e = m.old.entries[n]; e != nil {
			m.aged = append(m.aged, n)
		}
	}
	return e
}

func (m *memory) number(id registry.ID) (int64, bool) {
	n, ok := m.young.numbers[id]
	if !ok && m.old != nil {
		n, ok = m.old.numbers[id]
	}
	return n, ok
}

// closure walks, and then each stage; false where something is missing, and the
// answer is what is there.
func (m *memory) closure(q graph.ClosureQuery, head int64) (graph.Closure, bool) {
	var roots []int64
	for _, id := range q.Roots {
		n, ok := m.number(id)
		if !ok && m.old != nil {
			return graph.Closure{}, false // It may be there without being kept.
		}
		if ok {
			roots = append(roots, n)
		}
	}
	part := func(d graph.Direction, kinds []registry.EdgeKind) graph.Held {
		return &part{memory: m, way: wayOf(d, kinds), direction: d, kinds: kinds, at: q.At.Valid}
	}
	out, ok := graph.Replay(q, roots, part(q.Direction, q.Edges))
	out.Head = head
	if !ok && m.old != nil {
		return out, false // The store is asked.
	}
	ok = graph.ReplayStages(q, &out, func(i int) graph.Held { return part(q.Then[i].Direction, q.Then[i].Edges) }) && ok
	copied(&out)
	for i := range out.Then {
		copied(&out.Then[i])
	}
	return out, ok
}

// copied gives the caller nodes of its own: policies write masks into them. What
// they point to is shared, and never written to.
func copied(c *graph.Closure) {
	nodes := make([]graph.Node, len(c.Nodes))
	for i := range c.Nodes {
		nodes[i] = *c.Nodes[i].Node
		c.Nodes[i].Node = &nodes[i]
	}
}

// part is memory as one walk sees it.
type part struct {
	*memory
	way       way
	direction graph.Direction
	kinds     []registry.EdgeKind
	at        time.Time
}

// Node is of graph.Held.
func (p *part) Node(n int64) (*graph.Node, bool) {
	e := p.entry(n)
	if e == nil {
		return nil, false
	}
	return e.node, p.at.IsZero() || !e.node.ValidFrom.After(p.at)
}

// Arcs is of graph.Held.
func (p *part) Arcs(n int64) ([]graph.Arc, bool) {
	e := p.entry(n)
	if e == nil {
		return nil, false
	}
	arcs, ok := e.on(p.way)
	if !ok { // There can be none.
		return nil, !slices.Contains(graph.NearKinds(p.direction, p.kinds), e.node.Kind)
	}
	for i := range arcs {
		if p.gone(&arcs[i]) {
			return slices.DeleteFunc(slices.Clone(arcs), func(a graph.Arc) bool { return p.gone(&a) }), true
		}
	}
	return arcs, true
}

// gone reports whether an edge does not stand at the instant.
func (p *part) gone(a *graph.Arc) bool {
	return !p.at.IsZero() && (a.ValidFrom.After(p.at) || !a.ValidTo.IsZero() && !a.ValidTo.After(p.at))
}

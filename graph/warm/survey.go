package warm

import (
	"slices"

	"pedigree/graph"
	"pedigree/registry"
)

// surveyed are the entries that a closure over surroundings makes, by Number; nil
// when it was cut short by its size or by time.
func surveyed(q graph.ClosureQuery, c graph.Closure) *generation {
	out := newGeneration()
	if len(c.Then) != len(q.Then) || !survey(out, surroundings(q), c) {
		return nil
	}
	for i, s := range surroundings(q).Then {
		if !survey(out, s.Query(q, nil), c.Then[i]) {
			return nil
		}
	}
	return out
}

// survey adds what one walk found: its nodes, and the arcs of those whose far ends
// were all taken.
func survey(out *generation, q graph.ClosureQuery, c graph.Closure) bool {
	if c.Full || c.TimedOut {
		return false
	}
	w := wayOf(q.Direction, q.Edges)
	numbers := make(map[registry.ID]int64, len(c.Nodes))
	for _, r := range c.Nodes {
		numbers[r.Node.ID] = r.Node.Number
	}
	arcs := make(map[int64][]graph.Arc, len(c.Nodes))
	for _, e := range c.Edges {
		a := graph.Arc{Near: numbers[e.From], Far: numbers[e.To], Edge: e}
		if w.down {
			a.Near, a.Far = a.Far, a.Near
		}
		arcs[a.Near] = append(arcs[a.Near], a)
	}
	for _, r := range c.Nodes {
		e := out.entries[r.Node.Number]
		if e == nil {
			e = &entry{node: r.Node}
			out.entries[r.Node.Number], out.numbers[r.Node.ID] = e, r.Node.Number
		}
		if _, has := e.on(w); !has && whole(q, c, r) {
			own := arcs[r.Node.Number]
			slices.SortFunc(own, graph.CompareArcs)
			e.arcs = append(e.arcs, known{w, own})
		}
	}
	return true
}

// whole reports whether all far ends of a node were taken.
func whole(q graph.ClosureQuery, c graph.Closure, r graph.Reached) bool {
	if r.Depth == q.Depth {
		return !slices.Contains(c.Deep, r.Node.ID)
	}
	walked := r.Depth == 0 || len(q.Through) == 0 || slices.Contains(q.Through, r.Node.Kind)
	return walked && !slices.Contains(c.Wide, r.Node.ID)
}

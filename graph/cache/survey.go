package cache

import (
	"slices"

	"pedigree/graph"
)

// surveyed are the entries that a closure over surroundings makes, by Number; false
// when it was cut short by its size or by time.
func surveyed(q graph.ClosureQuery, c graph.Closure) (*generation, bool) {
	out, asked := newGeneration(), surroundings(q)
	whole := survey(out, asked, c) && len(c.Then) == len(q.Then)
	for i := range c.Then {
		whole = survey(out, asked.Then[i].Query(q, nil), c.Then[i]) && whole
	}
	return out, whole
}

// survey adds what one walk found: its nodes, and the arcs of those whose far ends
// were all taken; false when it was cut short.
func survey(out *generation, q graph.ClosureQuery, c graph.Closure) bool {
	made := make([]entry, len(c.Nodes)) // In one piece, as the arcs.
	for i, r := range c.Nodes {
		if out.entries[r.Node.Number] == nil {
			made[i].node = r.Node
			out.entries[r.Node.Number], out.numbers[r.Node.ID] = &made[i], r.Node.Number
		}
	}
	w := wayOf(q.Direction, q.Edges)
	arcs, runs := arcsOf(out, c.Edges, w.down), make(map[int64][]graph.Arc, len(c.Nodes))
	for from := 0; from < len(arcs); {
		to := from
		for to < len(arcs) && arcs[to].Near == arcs[from].Near {
			to++
		}
		runs[arcs[from].Near] = arcs[from:to:to]
		from = to
	}
	for _, r := range c.Nodes {
		e := out.entries[r.Node.Number]
		if _, has := e.on(w); !has && whole(q, c, r) {
			e.arcs = append(e.arcs, known{w, runs[r.Node.Number]})
		}
	}
	return !c.Full && !c.TimedOut
}

// arcsOf are the edges of a walk in the order of arcs; a closure tells them by the
// effect.
func arcsOf(g *generation, edges []graph.Edge, down bool) []graph.Arc {
	out := make([]graph.Arc, len(edges))
	for i, e := range edges {
		out[i] = graph.Arc{Near: g.numbers[e.From], Far: g.numbers[e.To], Edge: e}
		if down {
			out[i].Near, out[i].Far = out[i].Far, out[i].Near
		}
	}
	if down {
		slices.SortFunc(out, graph.CompareArcs)
	}
	return out
}

// whole reports whether all far ends of a node were taken.
func whole(q graph.ClosureQuery, c graph.Closure, r graph.Reached) bool {
	if r.Depth == q.Depth {
		return !slices.Contains(c.Deep, r.Node.ID)
	}
	walked := r.Depth == 0 || len(q.Through) == 0 || slices.Contains(q.Through, r.Node.Kind)
	return walked && !slices.Contains(c.Wide, r.Node.ID)
}

package cache

import (
	"slices"

	"pedigree/graph"
)

// entriesOf makes the cache entries, by Number, of a closure over a neighborhood. It
// returns false when the closure was cut short by its size or by time.
func entriesOf(q graph.ClosureQuery, c graph.Closure) (*generation, bool) {
	out, asked := newGeneration(), neighborhoodQuery(q)
	complete := addEntries(out, asked, c) && len(c.Stages) == len(q.Stages)
	for i := range c.Stages {
		complete = addEntries(out, asked.Stages[i].Query(q, nil), c.Stages[i]) && complete
	}
	return out, complete
}

// addEntries adds the nodes of one walk, and the arcs of those nodes whose far ends
// were all taken. It returns false when the walk was cut short.
func addEntries(out *generation, q graph.ClosureQuery, c graph.Closure) bool {
	entries := make([]entry, len(c.Nodes)) // One allocation for all, as for the arcs.
	for i, r := range c.Nodes {
		if out.entries[r.Node.Number] == nil {
			entries[i].node = r.Node
			out.entries[r.Node.Number], out.numbers[r.Node.ID] = &entries[i], r.Node.Number
		}
	}
	filter := edgeFilterOf(q.Direction, q.Edges)
	arcs, byNode := arcsOf(out, c.Edges, filter.down), make(map[int64][]graph.Arc, len(c.Nodes))
	for from := 0; from < len(arcs); {
		to := from
		for to < len(arcs) && arcs[to].Near == arcs[from].Near {
			to++
		}
		byNode[arcs[from].Near] = arcs[from:to:to]
		from = to
	}
	for _, r := range c.Nodes {
		e := out.entries[r.Node.Number]
		if _, has := e.arcsFor(filter); !has && hasAllArcs(q, c, r) {
			e.lists = append(e.lists, arcList{filter, byNode[r.Node.Number]})
		}
	}
	return !c.LimitReached && !c.TimedOut
}

// arcsOf returns the edges of a walk in the order of graph.CompareArcs; a closure has
// them in the order of the effect.
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

// hasAllArcs reports whether all far ends of a node were taken.
func hasAllArcs(q graph.ClosureQuery, c graph.Closure, r graph.ClosureNode) bool {
	if r.Depth == q.Depth {
		return !slices.Contains(c.CutAtDepth, r.Node.ID)
	}
	walked := r.Depth == 0 || len(q.Through) == 0 || slices.Contains(q.Through, r.Node.Kind)
	return walked && !slices.Contains(c.OverFanout, r.Node.ID)
}

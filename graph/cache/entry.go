package cache

import (
	"slices"

	"pedigree/graph"
	"pedigree/registry"
)

// edgeFilter is a direction and a set of edge kinds. kinds has one bit for each index
// in registry.EdgeKinds; 0 means all kinds.
type edgeFilter struct {
	down  bool
	kinds uint32
}

func edgeFilterOf(d graph.Direction, kinds []registry.EdgeKind) edgeFilter {
	w := edgeFilter{down: d == graph.Downstream}
	for _, k := range kinds {
		w.kinds |= 1 << slices.Index(allEdgeKinds, k)
	}
	return w
}

var allEdgeKinds = registry.EdgeKinds()

// entry is what is cached of a node. An entry is never changed, only replaced.
type entry struct {
	node  *graph.Node
	lists []arcList
}

// arcList is all arcs of a node under one filter, in order, whatever their validity.
type arcList struct {
	filter edgeFilter
	arcs   []graph.Arc
}

func (e *entry) arcsFor(w edgeFilter) ([]graph.Arc, bool) {
	for i := range e.lists {
		if e.lists[i].filter == w {
			return e.lists[i].arcs, true
		}
	}
	return nil, false
}

// arcCount is the number of arcs of an entry, 0 for nil.
func (e *entry) arcCount() (arcs int) {
	if e != nil {
		for i := range e.lists {
			arcs += len(e.lists[i].arcs)
		}
	}
	return arcs
}

// generation is a bounded map of entries by Number.
type generation struct {
	entries map[int64]*entry
	numbers map[registry.ID]int64
	// arcCount counts the arcs of all entries, and of some that were invalidated.
	arcCount int
}

func newGeneration() *generation {
	return &generation{entries: map[int64]*entry{}, numbers: map[registry.ID]int64{}}
}

// dropArcs drops the arcs of a node in one direction.
func (g *generation) dropArcs(id registry.ID, down bool) {
	n, ok := g.numbers[id]
	if !ok {
		return
	}
	old := g.entries[n]
	g.entries[n] = &entry{node: old.node, lists: slices.DeleteFunc(slices.Clone(old.lists), func(k arcList) bool { return k.filter.down == down })}
}

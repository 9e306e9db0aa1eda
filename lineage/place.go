package lineage

import (
	"slices"

	"pedigree/graph"
	"pedigree/registry"
)

// place gives every item its depth, layer and tree parent, walking from the root
// up and down as asked. Items that the kept edges do not reach (their way in was
// cut) are dropped.
func place(b *builder, edges []graph.Edge, d Direction) {
	up, down := map[registry.ID][]registry.ID{}, map[registry.ID][]registry.ID{}
	for _, e := range edges {
		up[e.From] = append(up[e.From], e.To)
		down[e.To] = append(down[e.To], e.From)
	}
	reached := map[registry.ID]bool{b.root: true}
	layers := !b.reasons[ReasonNodes] && !b.reasons[ReasonTime]
	if root := b.items[b.root]; root != nil {
		root.Depth, root.Layer = 0, layerOf(layers, 0)
	}
	if d != Downstream {
		b.spread(up, reached, layers)
	}
	if d != Upstream {
		b.spread(down, reached, layers)
	}
	for id := range b.items {
		if !reached[id] {
			delete(b.items, id)
		}
	}
}

func layerOf(known bool, layer int) int {
	if !known {
		return -1
	}
	return layer
}

// spread walks one way from the root, breadth first for depth and tree parent
// (the smallest id among those one hop nearer), then in topological order for the
// longest way.
func (b *builder) spread(next map[registry.ID][]registry.ID, reached map[registry.ID]bool, layers bool) {
	depth := map[registry.ID]int{b.root: 0}
	order := []registry.ID{b.root}
	for i := 0; i < len(order); i++ {
		id := order[i]
		for _, far := range next[id] {
			it := b.items[far]
			if it == nil {
				continue
			}
			if _, ok := depth[far]; !ok {
				depth[far] = depth[id] + 1
				order = append(order, far)
				it.Depth, it.TreeParent = depth[far], id
				reached[far] = true
			} else if depth[far] == depth[id]+1 && id < it.TreeParent {
				it.TreeParent = id
			}
		}
	}
	if !layers {
		return
	}
	longest := longestWays(order, next, depth)
	for _, id := range order[1:] {
		b.items[id].Layer = longest[id]
	}
}

// longestWays returns the most hops from the root to each node of a DAG (Kahn's
// order); nodes on a cycle, which writes refuse, keep their depth.
func longestWays(nodes []registry.ID, next map[registry.ID][]registry.ID, depth map[registry.ID]int) map[registry.ID]int {
	indegree := map[registry.ID]int{}
	for _, id := range nodes {
		for _, far := range next[id] {
			if _, ok := depth[far]; ok {
				indegree[far]++
			}
		}
	}
	longest := map[registry.ID]int{}
	for id, d := range depth {
		longest[id] = d
	}
	queue := slices.DeleteFunc(slices.Clone(nodes), func(id registry.ID) bool { return indegree[id] > 0 })
	for i := 0; i < len(queue); i++ {
		for _, far := range next[queue[i]] {
			if _, ok := depth[far]; !ok {
				continue
			}
			longest[far] = max(longest[far], longest[queue[i]]+1)
			if indegree[far]--; indegree[far] == 0 {
				queue = append(queue, far)
			}
		}
	}
	return longest
}

package lineage

import (
	"pedigree/graph"
	"pedigree/registry"
)

// computeLayout sets the depth, layer and tree parent of every item, by walks from the
// root in the asked direction. It drops items that no kept edge reaches, because the
// path to them was cut, and reports whether there were any.
func computeLayout(b *builder, edges []graph.Edge, d Direction) (dropped bool) {
	p := newIndexedItems(b)
	withLayers := !b.reasons[ReasonNodes] && !b.reasons[ReasonTime]
	if root := b.items[b.root]; root != nil {
		root.Depth, root.Layer = 0, layerIfKnown(withLayers, 0)
	}
	if d != Downstream {
		p.layOut(edges, true, withLayers)
	}
	if d != Upstream {
		p.layOut(edges, false, withLayers)
	}
	for i, it := range p.items[1:] {
		if !p.reached[i+1] {
			delete(b.items, it.Node.ID)
			dropped = true
		}
	}
	return dropped
}

func layerIfKnown(known bool, layer int) int {
	if !known {
		return -1
	}
	return layer
}

// indexedItems gives the items indexes, which are faster than ids. The root has index 0,
// even when it is not among the items (items[0] is nil then).
type indexedItems struct {
	b       *builder
	items   []*Item
	reached []bool
}

func newIndexedItems(b *builder) *indexedItems {
	p := &indexedItems{b: b, items: make([]*Item, 1, len(b.items)+1)}
	p.items[0] = b.items[b.root]
	for id, it := range b.items {
		if id != b.root {
			it.index = int32(len(p.items))
			p.items = append(p.items, it)
		}
	}
	p.reached = make([]bool, len(p.items))
	return p
}

// indexOf returns the index of an id, and whether it has one.
func (p *indexedItems) indexOf(id registry.ID) (int32, bool) {
	if item := p.b.items[id]; item != nil {
		return item.index, true
	}
	return 0, id == p.b.root
}

// idAt returns the id at an index.
func (p *indexedItems) idAt(index int32) registry.ID {
	if index == 0 {
		return p.b.root
	}
	return p.items[index].Node.ID
}

// adjacency is an adjacency list (CSR): the neighbors of i are
// targets[start[i]:start[i+1]].
type adjacency struct{ start, targets []int32 }

func (w adjacency) neighbors(i int32) []int32 { return w.targets[w.start[i]:w.start[i+1]] }

// adjacencyOf builds the adjacency list of the edges between items, directed away from
// the root.
func (p *indexedItems) adjacencyOf(edges []graph.Edge, up bool) adjacency {
	w := adjacency{start: make([]int32, len(p.items)+1), targets: make([]int32, 0, len(edges))}
	ends := make([][2]int32, 0, len(edges))
	for i := range edges {
		from, a := p.indexOf(edges[i].From)
		to, z := p.indexOf(edges[i].To)
		if !a || !z {
			continue
		}
		if !up {
			from, to = to, from
		}
		ends = append(ends, [2]int32{from, to})
		w.start[from+1]++
	}
	for i := range p.items {
		w.start[i+1] += w.start[i]
	}
	w.targets = w.targets[:len(ends)]
	next := append([]int32(nil), w.start...)
	for _, e := range ends {
		w.targets[next[e[0]]] = e[1]
		next[e[0]]++
	}
	return w
}

// layOut walks in one direction from the root: breadth first for the depth and the tree
// parent (the smallest id among the neighbors of depth-1), then in topological order for
// the longest path.
func (p *indexedItems) layOut(edges []graph.Edge, up, withLayers bool) {
	w := p.adjacencyOf(edges, up)
	depth := make([]int32, len(p.items)) // 0: not reached; else the depth + 1
	depth[0] = 1
	order := append(make([]int32, 0, len(p.items)), 0)
	for i := 0; i < len(order); i++ {
		near := order[i]
		for _, far := range w.neighbors(near) {
			it := p.items[far]
			if it == nil {
				continue
			}
			if depth[far] == 0 {
				depth[far] = depth[near] + 1
				order = append(order, far)
				it.Depth, it.TreeParent = int(depth[near]), p.idAt(near)
				p.reached[far] = true
			} else if depth[far] == depth[near]+1 && p.idAt(near) < it.TreeParent {
				it.TreeParent = p.idAt(near)
			}
		}
	}
	if !withLayers {
		return
	}
	longest := longestPaths(order, w, depth)
	for _, i := range order[1:] {
		p.items[i].Layer = int(longest[i])
	}
}

// longestPaths returns the most hops from the root to each index of a DAG (Kahn's
// algorithm). Nodes on a cycle, which the stores refuse, keep their depth.
func longestPaths(order []int32, w adjacency, depth []int32) []int32 {
	indegree := make([]int32, len(depth))
	for _, i := range order {
		for _, far := range w.neighbors(i) {
			if depth[far] > 0 {
				indegree[far]++
			}
		}
	}
	longest := make([]int32, len(depth))
	queue := make([]int32, 0, len(order))
	for _, i := range order {
		longest[i] = depth[i] - 1
		if indegree[i] == 0 {
			queue = append(queue, i)
		}
	}
	for q := 0; q < len(queue); q++ {
		for _, far := range w.neighbors(queue[q]) {
			if depth[far] == 0 {
				continue
			}
			longest[far] = max(longest[far], longest[queue[q]]+1)
			if indegree[far]--; indegree[far] == 0 {
				queue = append(queue, far)
			}
		}
	}
	return longest
}

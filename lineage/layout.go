package lineage

import (
	"pedigree/graph"
	"pedigree/registry"
)

// place gives every item its depth, layer and tree parent, walking from the root
// up and down as asked. Items that the kept edges do not reach (their way in was
// cut) are dropped; it reports whether there were any.
func place(b *builder, edges []graph.Edge, d Direction) (dropped bool) {
	p := newPlacer(b)
	layers := !b.reasons[ReasonNodes] && !b.reasons[ReasonTime]
	if root := b.items[b.root]; root != nil {
		root.Depth, root.Layer = 0, layerOf(layers, 0)
	}
	if d != Downstream {
		p.spread(edges, true, layers)
	}
	if d != Upstream {
		p.spread(edges, false, layers)
	}
	for i, it := range p.items[1:] {
		if !p.reached[i+1] {
			delete(b.items, it.Node.ID)
			dropped = true
		}
	}
	return dropped
}

func layerOf(known bool, layer int) int {
	if !known {
		return -1
	}
	return layer
}

// placer works on places in a list instead of ids: the root is at 0, also where it
// stands above the items and is none itself.
type placer struct {
	b       *builder
	items   []*Item
	reached []bool
}

func newPlacer(b *builder) *placer {
	p := &placer{b: b, items: make([]*Item, 1, len(b.items)+1)}
	p.items[0] = b.items[b.root]
	for id, it := range b.items {
		if id != b.root {
			it.at = int32(len(p.items))
			p.items = append(p.items, it)
		}
	}
	p.reached = make([]bool, len(p.items))
	return p
}

// at is the place of an id.
func (p *placer) at(id registry.ID) (int32, bool) {
	if it := p.b.items[id]; it != nil {
		return it.at, true
	}
	return 0, id == p.b.root
}

// id is the id at a place.
func (p *placer) id(at int32) registry.ID {
	if at == 0 {
		return p.b.root
	}
	return p.items[at].Node.ID
}

// ways lists the far ends of every place: those of i are to[start[i]:start[i+1]].
type ways struct{ start, to []int32 }

func (w ways) of(i int32) []int32 { return w.to[w.start[i]:w.start[i+1]] }

// ways turns edges between items round, so that they lead away from the root.
func (p *placer) ways(edges []graph.Edge, up bool) ways {
	w := ways{start: make([]int32, len(p.items)+1), to: make([]int32, 0, len(edges))}
	ends := make([][2]int32, 0, len(edges))
	for i := range edges {
		from, a := p.at(edges[i].From)
		to, z := p.at(edges[i].To)
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
	w.to = w.to[:len(ends)]
	next := append([]int32(nil), w.start...)
	for _, e := range ends {
		w.to[next[e[0]]] = e[1]
		next[e[0]]++
	}
	return w
}

// spread walks one way from the root, breadth first for depth and tree parent
// (the smallest id among those one hop nearer), then in topological order for the
// longest way.
func (p *placer) spread(edges []graph.Edge, up, layers bool) {
	w := p.ways(edges, up)
	depth := make([]int32, len(p.items)) // 0 is not reached, else one more than the depth
	depth[0] = 1
	order := append(make([]int32, 0, len(p.items)), 0)
	for i := 0; i < len(order); i++ {
		near := order[i]
		for _, far := range w.of(near) {
			it := p.items[far]
			if it == nil {
				continue
			}
			if depth[far] == 0 {
				depth[far] = depth[near] + 1
				order = append(order, far)
				it.Depth, it.TreeParent = int(depth[near]), p.id(near)
				p.reached[far] = true
			} else if depth[far] == depth[near]+1 && p.id(near) < it.TreeParent {
				it.TreeParent = p.id(near)
			}
		}
	}
	if !layers {
		return
	}
	longest := longestWays(order, w, depth)
	for _, i := range order[1:] {
		p.items[i].Layer = int(longest[i])
	}
}

// longestWays returns the most hops from the root to each place of a DAG (Kahn's
// order); those on a cycle, which writes refuse, keep their depth.
func longestWays(order []int32, w ways, depth []int32) []int32 {
	indegree := make([]int32, len(depth))
	for _, i := range order {
		for _, far := range w.of(i) {
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
		for _, far := range w.of(queue[q]) {
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

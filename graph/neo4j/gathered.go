package neo4j

import (
	"cmp"
	"slices"

	"pedigree/graph"
	"pedigree/registry"
)

// gathered is what a query gathered, and the moment that it tells of.
type gathered struct {
	lens  lens
	own   bool
	head  int64
	nodes map[int64]*found
}

// found is a gathered node. A walk copies none of it: every closure of the answer
// has the same node.
type found struct {
	*graph.Node
	since int64 // ValidFrom, in microseconds
}

// seen reports whether a node is there at the instant.
func (g *gathered) seen(n *found) bool { return n.since <= g.lens.valid }

// take reads the nodes of one walk; false where they are not all, or not packed.
func (g *gathered) take(nodes, docs []any) bool {
	if len(nodes) >= onceNodes {
		return false
	}
	for i, packed := range nodes {
		n, ok := unpackNode(packed)
		if !ok {
			return false
		}
		if g.nodes[n.Number] != nil {
			continue
		}
		if docs != nil && docs[i] != "" {
			doc, _ := docs[i].(string)
			n.Doc = []byte(doc)
		}
		g.nodes[n.Number] = &found{n, micros(n.ValidFrom)}
	}
	return true
}

// arcs reads the edges of one walk that stand at the instant; false where they are
// not all.
func (g *gathered) arcs(packed []any, d graph.Direction) ([]arc, bool) {
	if len(packed) >= onceEdges {
		return nil, false
	}
	out := make([]arc, 0, len(packed))
	for _, p := range packed {
		a, ok := unpackArc(p, d)
		if !ok {
			return nil, false
		}
		if (g.own || a.recorded <= g.head) && a.from <= g.lens.valid && (a.to == 0 || a.to > g.lens.ended) {
			out = append(out, a)
		}
	}
	slices.SortFunc(out, compareArcs)
	return out, true
}

func compareArcs(a, b arc) int {
	return cmp.Or(cmp.Compare(a.near, b.near), cmp.Compare(a.far, b.far), cmp.Compare(a.kind, b.kind))
}

// replay is a walk over what was gathered, as graph.ClosureQuery defines it.
type replay struct {
	*gathered
	q graph.ClosureQuery
	// arcs are sorted by near end, far end and kind.
	arcs  []arc
	depth map[int64]int
	out   graph.Closure
	whole bool
}

// walk walks from roots; false where something is missing.
func (g *gathered) walk(q graph.ClosureQuery, roots []int64, packed []any) (graph.Closure, bool) {
	r := &replay{gathered: g, q: q, depth: make(map[int64]int, len(g.nodes))}
	r.out.Head = g.head
	if r.arcs, r.whole = g.arcs(packed, q.Direction); !r.whole {
		return r.out, false
	}
	level := r.enter(roots, 0)
	for d := 0; d < q.Depth && len(level) > 0; d++ {
		level = r.enter(r.expand(level, d), d+1)
	}
	r.finish()
	return r.out, r.whole
}

// enter takes new nodes into a level by number, until Limit are held.
func (r *replay) enter(level []int64, depth int) (taken []int64) {
	slices.Sort(level)
	for _, number := range level {
		if _, held := r.depth[number]; held {
			continue
		}
		if len(r.out.Nodes) == r.q.Limit {
			r.out.Full = true
			break
		}
		n := r.nodes[number]
		if !r.own && n.RecordedSeq > r.head {
			r.whole = false // It was put again after the head.
		}
		r.depth[number] = depth
		r.out.Nodes = append(r.out.Nodes, graph.Reached{Node: n.Node, Depth: depth})
		taken = append(taken, number)
	}
	return taken
}

// arcsOf are the arcs of a held node, to far ends that are there.
func (r *replay) arcsOf(number int64) []arc {
	start, _ := slices.BinarySearchFunc(r.arcs, number, func(a arc, n int64) int { return cmp.Compare(a.near, n) })
	end, gone := start, false
	for end < len(r.arcs) && r.arcs[end].near == number {
		far := r.nodes[r.arcs[end].far]
		r.whole = r.whole && far != nil
		gone = gone || far == nil || !r.seen(far)
		end++
	}
	if !gone {
		return r.arcs[start:end]
	}
	return slices.DeleteFunc(slices.Clone(r.arcs[start:end]), func(a arc) bool { return r.nodes[a.far] == nil || !r.seen(r.nodes[a.far]) })
}

// expand returns the first Fanout far ends of the nodes of a level.
func (r *replay) expand(level []int64, depth int) (next []int64) {
	for _, number := range level {
		n := r.nodes[number]
		if depth > 0 && len(r.q.Through) > 0 && !slices.Contains(r.q.Through, n.Kind) {
			continue
		}
		arcs := r.arcsOf(number)
		if len(arcs) > r.q.Fanout {
			r.out.Wide = append(r.out.Wide, n.ID)
			arcs = arcs[:r.q.Fanout]
		}
		for _, a := range arcs {
			next = append(next, a.far)
		}
	}
	return next
}

// finish adds the edges between held nodes, and names those at Depth that lead on.
func (r *replay) finish() {
	among := make([]arc, 0, len(r.arcs))
	for _, n := range r.out.Nodes {
		deep := false
		for _, a := range r.arcsOf(n.Node.Number) {
			if _, held := r.depth[a.far]; !held {
				deep = n.Depth == r.q.Depth
			} else if r.q.Direction == graph.Downstream {
				a.near, a.far = a.far, a.near
				among = append(among, a)
			} else {
				among = append(among, a)
			}
		}
		if deep {
			r.out.Deep = append(r.out.Deep, n.Node.ID)
		}
	}
	if len(among) == 0 {
		return
	}
	slices.SortFunc(among, compareArcs)
	r.out.Edges = make([]graph.Edge, len(among))
	for i, a := range among {
		r.out.Edges[i] = a.edge(r.id(a.near), r.id(a.far))
	}
}

func (r *replay) id(number int64) registry.ID { return r.nodes[number].ID }

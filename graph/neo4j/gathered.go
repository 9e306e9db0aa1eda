package neo4j

import (
	"cmp"
	"slices"

	"pedigree/graph"
)

// gathered is what a query gathered, and the moment that it tells of.
type gathered struct {
	lens  lens
	own   bool
	head  int64
	nodes map[int64]*found
	// late tells that a node that was asked for was put again after the head.
	late bool
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

// part is what was gathered for one walk.
type part struct {
	*gathered
	arcs []graph.Arc // in order
}

// Node is of graph.Held. One that was put again after the head is not as it was.
func (p *part) Node(number int64) (*graph.Node, bool) {
	n := p.nodes[number]
	if n == nil {
		return nil, false
	}
	seen := p.seen(n)
	p.late = p.late || seen && !p.own && n.RecordedSeq > p.head
	return n.Node, seen
}

// Arcs is of graph.Held. Those of a node that was not reached are not told apart
// from none: the far end of such an arc is missing then.
func (p *part) Arcs(number int64) ([]graph.Arc, bool) {
	start, _ := slices.BinarySearchFunc(p.arcs, number, func(a graph.Arc, n int64) int { return cmp.Compare(a.Near, n) })
	end := start
	for end < len(p.arcs) && p.arcs[end].Near == number {
		end++
	}
	return p.arcs[start:end], true
}

// partOf reads the edges of one walk that stand at the instant; false where they are
// not all.
func (g *gathered) partOf(packed []any, d graph.Direction) (*part, bool) {
	out := &part{gathered: g}
	if len(packed) >= onceEdges {
		return out, false
	}
	out.arcs = make([]graph.Arc, 0, len(packed))
	for _, p := range packed {
		a, ok := unpackArc(p, d)
		if !ok {
			return out, false
		}
		from, to := micros(a.ValidFrom), micros(a.ValidTo)
		if (g.own || a.RecordedSeq <= g.head) && from <= g.lens.valid && (to == 0 || to > g.lens.ended) {
			out.arcs = append(out.arcs, a)
		}
	}
	slices.SortFunc(out.arcs, graph.CompareArcs)
	return out, true
}

package neo4j

import (
	"cmp"
	"slices"

	"pedigree/graph"
)

// subgraph is what a single query read, and the head and instant it is for.
type subgraph struct {
	asOf      asOf
	holdsLock bool
	head      int64
	nodes     map[int64]*subgraphNode
	// changed is true when a node that the walk needed was put again after the head.
	changed bool
}

// subgraphNode is a node of the subgraph. A walk does not copy it: every closure of the
// answer has the same node.
type subgraphNode struct {
	*graph.Node
	validFrom int64 // microseconds
}

// isVisible reports whether a node exists at the instant.
func (g *subgraph) isVisible(n *subgraphNode) bool { return n.validFrom <= g.asOf.valid }

// addNodes adds the nodes of one walk. It returns false when they are not complete, or
// not packed.
func (g *subgraph) addNodes(nodes, docs []any) bool {
	if len(nodes) >= singleQueryNodes {
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
		g.nodes[n.Number] = &subgraphNode{n, micros(n.ValidFrom)}
	}
	return true
}

// subgraphWalk is the part of the subgraph for one walk.
type subgraphWalk struct {
	*subgraph
	arcs []graph.Arc // in order
}

// Node implements graph.Held. A node that was put again after the head is not as it was
// at the head.
func (p *subgraphWalk) Node(number int64) (*graph.Node, bool) {
	n := p.nodes[number]
	if n == nil {
		return nil, false
	}
	seen := p.isVisible(n)
	p.changed = p.changed || seen && !p.holdsLock && n.RecordedSeq > p.head
	return n.Node, seen
}

// Arcs implements graph.Held. A node that was not reached looks like one without arcs:
// the far end of such an arc is missing then.
func (p *subgraphWalk) Arcs(number int64) ([]graph.Arc, bool) {
	start, _ := slices.BinarySearchFunc(p.arcs, number, func(a graph.Arc, n int64) int { return cmp.Compare(a.Near, n) })
	end := start
	for end < len(p.arcs) && p.arcs[end].Near == number {
		end++
	}
	return p.arcs[start:end], true
}

// walkOf reads the edges of one walk that are valid at the instant. It returns false
// when they are not complete.
func (g *subgraph) walkOf(packed []any, d graph.Direction) (*subgraphWalk, bool) {
	out := &subgraphWalk{subgraph: g}
	if len(packed) >= singleQueryEdges {
		return out, false
	}
	out.arcs = make([]graph.Arc, 0, len(packed))
	for _, p := range packed {
		a, ok := unpackArc(p, d)
		if !ok {
			return out, false
		}
		from, to := micros(a.ValidFrom), micros(a.ValidTo)
		if (g.holdsLock || a.RecordedSeq <= g.head) && from <= g.asOf.valid && (to == 0 || to > g.asOf.endsAfter) {
			out.arcs = append(out.arcs, a)
		}
	}
	slices.SortFunc(out.arcs, graph.CompareArcs)
	return out, true
}

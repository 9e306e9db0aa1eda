package lineage

import (
	"cmp"
	"context"
	"slices"

	"pedigree/graph"
	"pedigree/registry"
)

// The bounds of one read of neighbors: how many nodes per query, how many neighbors of
// one node, and how many in one round.
const (
	mergeBatch    = 500
	maxPageSize   = 1000
	maxRoundReads = 20_000
)

// effectMerge merges the effects of the nodes of one level into one list, sorted by
// Number and without duplicates, and reads only as much of it as the caller takes. Each
// round reads a page of every node, after the same Number. It returns the effects up to
// the smallest Number that a truncated page ends at; the next round reads on from there.
type effectMerge struct {
	impact   *Impact
	nodes    []*bfsNode // the nodes with more effects to read, by Number
	kinds    map[registry.Kind]bool
	edges    []registry.EdgeKind
	bare     bool
	pageSize int
	// position is the Number up to which the list was read, previousPosition the same
	// before the last round.
	position, previousPosition int64
	done                       bool
}

// mergeEffects starts a merge of the effects of a level, of some kinds. want is how many
// of them the caller will probably take.
func (w *Impact) mergeEffects(level []*bfsNode, kinds map[registry.Kind]bool, bare bool, want int) *effectMerge {
	e := &effectMerge{impact: w, kinds: kinds, bare: bare}
	causes := map[registry.Kind]bool{}
	for _, k := range registry.EdgeKinds() {
		from, to := registry.EdgeEnds(k)
		if slices.ContainsFunc(from, func(k registry.Kind) bool { return kinds[k] }) &&
			slices.ContainsFunc(level, func(s *bfsNode) bool { return slices.Contains(to, s.node.Kind) }) {
			e.edges = append(e.edges, k)
			for _, c := range to {
				causes[c] = true
			}
		}
	}
	for _, s := range level {
		if causes[s.node.Kind] {
			e.nodes = append(e.nodes, s)
		}
	}
	e.done = len(e.nodes) == 0
	e.pageSize = min(max(want/max(len(e.nodes), 1)+1, 8), maxPageSize/2)
	return e
}

// next returns the next part of the list. It may be empty before the end.
func (e *effectMerge) next(ctx context.Context) ([]Descendant, error) {
	e.previousPosition = e.position
	found := map[int64]Descendant{}
	truncatedAt := map[*bfsNode]int64{} // the last Number of each truncated page
	var unfinished []*bfsNode
	for part := range slices.Chunk(e.nodes, mergeBatch) {
		q := graph.NeighborQuery{Direction: graph.Downstream, Edges: e.edges, At: e.impact.at, After: e.position, LimitPerNode: e.pageSize, Bare: e.bare}
		for _, s := range part {
			q.IDs, q.Numbers = append(q.IDs, s.node.ID), append(q.Numbers, s.node.Number)
		}
		hops, err := e.impact.r.Neighbors(ctx, q)
		if err != nil {
			return nil, err
		}
		for i, h := range hops {
			e.impact.readCount += len(h.Nodes)
			for _, n := range h.Nodes {
				if _, ok := found[n.Number]; !ok && e.kinds[n.Kind] && !e.impact.Without[n.ID] {
					found[n.Number] = Descendant{Node: n, Depth: part[i].depth + 1, parent: part[i]}
				}
			}
			if len(h.Nodes) == 0 {
				continue
			}
			unfinished = append(unfinished, part[i])
			if h.More {
				// The same neighbor may follow by another edge kind; it is in found already.
				truncatedAt[part[i]] = h.Nodes[len(h.Nodes)-1].Number
			}
		}
	}
	return e.takeComplete(found, truncatedAt, unfinished), nil
}

// takeComplete sorts the effects found and keeps those up to the Number that every node
// was read to.
func (e *effectMerge) takeComplete(found map[int64]Descendant, truncatedAt map[*bfsNode]int64, unfinished []*bfsNode) []Descendant {
	out := make([]Descendant, 0, len(found))
	for _, d := range found {
		out = append(out, d)
	}
	slices.SortFunc(out, func(a, b Descendant) int { return cmp.Compare(a.Node.Number, b.Node.Number) })
	if len(truncatedAt) == 0 {
		e.done = true
		if len(out) > 0 {
			e.position = out[len(out)-1].Node.Number
		}
		return out
	}
	bound := int64(-1)
	for _, n := range truncatedAt {
		if bound < 0 || n < bound {
			bound = n
		}
	}
	e.position, e.nodes = bound, unfinished
	e.pageSize = min(2*e.pageSize, maxPageSize, max(maxRoundReads/len(unfinished), 4))
	return slices.DeleteFunc(out, func(d Descendant) bool { return d.Node.Number > bound })
}

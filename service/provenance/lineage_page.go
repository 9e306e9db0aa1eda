package provenance

import (
	"context"
	"slices"
	"sync"
	"time"

	"pedigree/graph"
	"pedigree/lineage"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service/core"
)

// view converts the result of a walk to the answer for one caller: it decodes nouns and
// replaces the ids of hidden nodes by opaque ids.
type view struct {
	explorer  *Explorer
	ctx       context.Context
	scope     *policies.Scope
	at        core.ResolvedInstant
	under     *recallScope // narrows an impact; nil for all that descends
	opaqueIDs map[registry.ID]registry.ID
	realIDs   map[registry.ID]registry.ID
}

// visibleID returns the id of a node in answers: an opaque id if the node is hidden.
func (v *view) visibleID(id registry.ID) registry.ID {
	if out, ok := v.opaqueIDs[id]; ok {
		return out
	}
	return id
}

// registerHidden makes opaque ids for those of the nodes that are hidden.
func (v *view) registerHidden(nodes ...*graph.Node) {
	for _, n := range nodes {
		if n.Hidden {
			if v.opaqueIDs == nil {
				v.opaqueIDs, v.realIDs = map[registry.ID]registry.ID{}, map[registry.ID]registry.ID{}
			}
			out := v.scope.OpaqueID(n.ID)
			v.opaqueIDs[n.ID], v.realIDs[out] = out, n.ID
		}
	}
}

func (v *view) node(n *graph.Node) (registry.ProvenanceNode, error) {
	noun, err := v.explorer.core.Decode(n, v.at.NounInstant())
	if err != nil {
		return nil, err
	}
	core.ReplaceHiddenID(v.scope, noun)
	walked, ok := noun.(registry.ProvenanceNode)
	if !ok {
		return nil, registry.Errorf(registry.Internal, "a walk met a node of kind %s", n.Kind)
	}
	return walked, nil
}

// nouns decodes the nodes of a list, one that comes twice once. They become siblings.
func (v *view) nouns(nodes []*graph.Node) ([]registry.ProvenanceNode, error) {
	out, decoded := make([]registry.ProvenanceNode, len(nodes)), make(map[registry.ID]registry.ProvenanceNode, len(nodes))
	for i, n := range nodes {
		if out[i] = decoded[n.ID]; out[i] != nil {
			continue
		}
		var err error
		if out[i], err = v.node(n); err != nil {
			return nil, err
		}
		decoded[n.ID] = out[i]
	}
	core.Siblings(v.ctx, out)
	return out, nil
}

// edge converts an edge. If one of its ends is hidden, the id is opaque and the times are left
// out, because they could reveal the hidden node.
func (v *view) edge(e *graph.Edge) core.LineageEdge {
	out := core.NewLineageEdge(e)
	if v.visibleID(e.From) != e.From || v.visibleID(e.To) != e.To {
		out.ID, out.ValidFrom, out.ValidTo = v.scope.OpaqueID(e.ID), time.Time{}, time.Time{}
	}
	out.From, out.To = v.visibleID(e.From), v.visibleID(e.To)
	return out
}

func (v *view) truncation(g *lineage.Graph) Truncation {
	t := Truncation{Truncated: len(g.Reasons) > 0, Reasons: g.Reasons, Frontier: []registry.ID{}, Redacted: g.Redacted}
	if t.Reasons == nil {
		t.Reasons = []lineage.Reason{}
	}
	for _, id := range g.Frontier {
		t.Frontier = append(t.Frontier, v.visibleID(id))
	}
	slices.Sort(t.Frontier)
	t.Frontier = t.Frontier[:min(len(t.Frontier), maxFrontier)]
	return t
}

// page filters the nodes of a graph, sorts them by depth and visible id, and returns one page,
// with the edges whose later end is on the page.
func (v *view) page(g *lineage.Graph, in LineageInput, start pageStart, size int, bindings any) (*LineageGraph, error) {
	for _, it := range g.Items {
		v.registerHidden(it.Node)
	}
	filter, err := newNodeFilter(in.Where)
	if err != nil {
		return nil, err
	}
	matching := make([]*lineage.Item, 0, len(g.Items))
	for _, it := range g.Items {
		if ok, err := filter(it.Node); err != nil {
			return nil, err
		} else if ok {
			matching = append(matching, it)
		}
	}
	// A walk is ordered by depth and real id; opaque ids change the order.
	slices.SortFunc(matching, func(a, b *lineage.Item) int {
		return v.compareToStart(a, pageStart{Depth: b.Depth, ID: v.visibleID(b.Node.ID)})
	})
	from := 0
	for start.Depth >= 0 && from < len(matching) && v.compareToStart(matching[from], start) <= 0 {
		from++
	}
	to := min(from+size, len(matching))
	out := &LineageGraph{Root: v.visibleID(g.Root), Truncation: v.truncation(g), HistoryCut: g.HistoryCut,
		AsOf: v.at.Valid, KnownAt: v.at.KnownAt}
	out.Nodes = v.pageNodes(g, matching, from, to)
	out.Edges = v.pageEdges(g, matching, from, to)
	at := start.At
	if at.Known == 0 {
		at.Known = g.Head // Further pages show the same state.
	}
	cursor := func(it *lineage.Item) string {
		return v.explorer.core.SealCursor(v.scope.Actor().Subject, bindings, pageStart{at, it.Depth, v.visibleID(it.Node.ID)})
	}
	out.PageInfo.HasNextPage, out.PageInfo.HasPreviousPage = to < len(matching), from > 0
	if to > from && !in.NoCursors {
		out.PageInfo.StartCursor, out.PageInfo.EndCursor = cursor(matching[from]), cursor(matching[to-1])
	}
	return out, nil
}

// compareToStart compares the position of an item with a page start, by depth, then visible id.
func (v *view) compareToStart(it *lineage.Item, p pageStart) int {
	if it.Depth != p.Depth {
		return it.Depth - p.Depth
	}
	id := v.visibleID(it.Node.ID)
	switch {
	case id < p.ID:
		return -1
	case id > p.ID:
		return 1
	}
	return 0
}

// pageNodes returns the nodes of a page, in one allocation. The tree parent of a node is its
// nearest ancestor in the tree that matches the filter, on this page or another.
func (v *view) pageNodes(g *lineage.Graph, matching []*lineage.Item, from, to int) []*LineageNode {
	parent := func(it *lineage.Item) registry.ID { return it.TreeParent }
	if len(matching) < len(g.Items) {
		byID, returned := make(map[registry.ID]*lineage.Item, len(g.Items)), make(map[registry.ID]bool, len(matching))
		for _, it := range g.Items {
			byID[it.Node.ID] = it
		}
		for _, it := range matching {
			returned[it.Node.ID] = true
		}
		parent = func(it *lineage.Item) registry.ID {
			id := it.TreeParent
			for id != "" && !returned[id] {
				id = byID[id].TreeParent
			}
			return id
		}
	}
	nodes, parents, out := make([]LineageNode, to-from), make([]registry.ID, to-from), make([]*LineageNode, to-from)
	page := &pageNouns{view: v, items: matching[from:to]}
	for i, it := range matching[from:to] {
		n := &nodes[i]
		*n = LineageNode{ID: v.visibleID(it.Node.ID), Kind: it.Node.Kind, Name: it.Node.Name, Mask: it.Node.Mask, Hidden: it.Node.Hidden,
			Depth: it.Depth, HistoryCut: it.HistoryCut, page: page, index: i}
		if it.Layer >= 0 {
			n.Layer = &it.Layer
		}
		if id := parent(it); id != "" {
			parents[i] = v.visibleID(id)
			n.TreeParent = &parents[i]
		}
		out[i] = n
	}
	return out
}

// pageNouns are the nouns of the nodes of a page, once they are needed. An answer of ids, kinds
// and names needs none.
type pageNouns struct {
	view  *view
	items []*lineage.Item
	once  sync.Once
	nouns []registry.ProvenanceNode
	err   error
}

func (p *pageNouns) get(index int) (registry.ProvenanceNode, error) {
	p.once.Do(func() {
		nodes := make([]*graph.Node, len(p.items))
		for i, it := range p.items {
			nodes[i] = it.Node
		}
		p.nouns, p.err = p.view.nouns(nodes)
	})
	if p.err != nil {
		return nil, p.err
	}
	return p.nouns[index], nil
}

// pageEdges returns the edges whose later end is on a page, in one allocation.
func (v *view) pageEdges(g *lineage.Graph, matching []*lineage.Item, from, to int) []*core.LineageEdge {
	edges := make([]core.LineageEdge, 0, len(g.Edges))
	if to-from == len(g.Items) { // The page has all nodes.
		for i := range g.Edges {
			edges = append(edges, v.edge(&g.Edges[i]))
		}
	} else {
		rank := make(map[registry.ID]int, len(matching))
		for i, it := range matching {
			rank[it.Node.ID] = i + 1
		}
		for i := range g.Edges {
			a, b := rank[g.Edges[i].From], rank[g.Edges[i].To]
			if later := max(a, b) - 1; a > 0 && b > 0 && later >= from && later < to {
				edges = append(edges, v.edge(&g.Edges[i]))
			}
		}
	}
	out := make([]*core.LineageEdge, len(edges))
	for i := range edges {
		out[i] = &edges[i]
	}
	return out
}

// degrees fills in the degrees of the nodes of a page. They include edges to hidden nodes.
func (v *view) degrees(g *LineageGraph, at graph.Instant) error {
	ids := make([]registry.ID, len(g.Nodes))
	for i, n := range g.Nodes {
		ids[i] = n.ID
		if r, ok := v.realIDs[ids[i]]; ok {
			ids[i] = r
		}
	}
	for _, d := range []graph.Direction{graph.Upstream, graph.Downstream} {
		hops, err := lineage.Neighbors(v.ctx, v.scope, graph.NeighborQuery{IDs: ids, Direction: d, At: at, LimitPerNode: 1, Bare: true, Count: true})
		if err != nil {
			return err
		}
		for i, h := range hops {
			if d == graph.Upstream {
				g.Nodes[i].UpstreamDegree = int(h.Degree)
			} else {
				g.Nodes[i].DownstreamDegree = int(h.Degree)
			}
		}
	}
	return nil
}

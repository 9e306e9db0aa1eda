package core

import (
	"context"

	"pedigree/graph"
	"pedigree/policies"
	"pedigree/registry"
)

// ListNeighbors returns one page of the neighbors of a node, ordered by their numbers. A
// neighbor that the caller does not see is a registry.Restricted with an opaque id of this
// caller; it is left out when N does not include that type.
func ListNeighbors[N registry.Node, E any](ctx context.Context, c *Core, of registry.Node, q HopQuery, p Paging, edge func(string, registry.EdgeKind, N) E) (*Connection[E], error) {
	scope, err := c.Gate.Read(ctx, registry.CatalogRead)
	if err != nil {
		return nil, err
	}
	size, err := p.Size(50)
	if err != nil {
		return nil, err
	}
	bindings := []any{"hops", of.NodeMeta().ID, q.Direction, q.Edge}
	if !q.At.Today() {
		bindings = append(bindings, q.At)
	}
	l := ListIdentity{bindings, "", false}
	if p.After != nil && *p.After != "" {
		var v []int64
		if err := c.OpenCursor(scope.Actor().Subject, l, *p.After, &v); err != nil {
			return nil, err
		}
		q.after = v[0]
	}
	q.Limit = max(size, 1)
	page, err := c.neighborPage(ctx, scope, of, q, size)
	if err != nil {
		return nil, err
	}
	conn := &Connection[E]{Edges: []E{}}
	conn.PageInfo.HasNextPage, conn.PageInfo.HasPreviousPage = page.more, q.after > 0
	seal := c.SealCursors(scope.Actor().Subject, l)
	for i, n := range page.nodes {
		cursor := seal([]int64{n.Number})
		if i == 0 {
			conn.PageInfo.StartCursor = cursor
		}
		conn.PageInfo.EndCursor = cursor
		typed, ok := page.nouns[i].(N)
		if !ok {
			continue // A registry.Restricted, and N is a noun.
		}
		conn.Edges = append(conn.Edges, edge(cursor, page.edges[i].Kind, typed))
	}
	conn.Count = func(ctx context.Context) (*int, error) {
		counted := q
		counted.Limit, counted.after, counted.count = 1, 0, true
		return LoadHops(ctx, scope, of, counted, func(_ context.Context, hops []graph.Neighbors) ([]*int, error) {
			out := make([]*int, len(hops))
			for i, h := range hops {
				if h.Degree <= graph.MaxCount {
					out[i] = new(int(h.Degree))
				}
			}
			return out, nil
		})
	}
	return conn, nil
}

// neighborPage is a page of the neighbors of one node.
type neighborPage struct {
	childPage
	edges []graph.Edge
}

// neighborField is the field of the first neighbors of a node, at most size of them.
type neighborField struct {
	HopQuery
	size int
}

// neighborPage reads a page of the neighbors of a node. The first page is read together with
// those of the node's siblings. A further page is not: its cursor belongs to this node.
func (c *Core) neighborPage(ctx context.Context, scope *policies.Scope, of registry.Node, q HopQuery, size int) (neighborPage, error) {
	pages := func(ctx context.Context, all []registry.Node) ([]neighborPage, error) {
		hops, err := findHops(ctx, scope, q, idsOf(all))
		if err != nil {
			return nil, err
		}
		out, nouns := make([]neighborPage, len(hops)), make([][]registry.Node, len(hops))
		for i, h := range hops {
			p := neighborPage{edges: h.Edges}
			p.nodes = h.Nodes[:min(size, len(h.Nodes))]
			p.more = h.More || len(p.nodes) < len(h.Nodes)
			if p.nouns, err = c.decodeAll(p.nodes, q.At); err != nil {
				return nil, err
			}
			for _, n := range p.nouns {
				ReplaceHiddenID(scope, n)
			}
			out[i], nouns[i] = p, p.nouns
		}
		Siblings(ctx, nouns...)
		return out, nil
	}
	if q.after == 0 {
		return Batch(ctx, of, neighborField{q, size}, pages)
	}
	out, err := pages(ctx, []registry.Node{of})
	if err != nil {
		return neighborPage{}, err
	}
	return out[0], nil
}

// opaqueIDMaker makes ids for nodes that the caller does not see.
type opaqueIDMaker interface{ OpaqueID(registry.ID) registry.ID }

// ReplaceHiddenID replaces the id of a restricted node by an opaque id. Other nodes stay.
func ReplaceHiddenID(scope opaqueIDMaker, n registry.Node) {
	if r, ok := n.(*registry.Restricted); ok {
		r.ID = scope.OpaqueID(r.ID)
	}
}

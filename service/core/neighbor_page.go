package core

import (
	"context"

	"pedigree/registry"
)

// ListNeighbors returns one page of the neighbors of a node, ordered by their numbers. A
// neighbor that the caller does not see is a registry.Restricted with an opaque id of this
// caller; it is left out when N does not include that type.
func ListNeighbors[N registry.Node, E any](ctx context.Context, c *Core, id registry.ID, q HopQuery, p Paging, edge func(string, registry.EdgeKind, N) E) (*Connection[E], error) {
	scope, err := c.Gate.Read(ctx, registry.CatalogRead)
	if err != nil {
		return nil, err
	}
	size, err := p.Size(50)
	if err != nil {
		return nil, err
	}
	bindings := []any{"hops", id, q.Direction, q.Edge}
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
	found, err := LoadHops(ctx, scope, id, q)
	if err != nil {
		return nil, err
	}
	conn := &Connection[E]{Edges: []E{}}
	shown := found.Nodes[:min(size, len(found.Nodes))]
	conn.PageInfo.HasNextPage, conn.PageInfo.HasPreviousPage = found.More || len(shown) < len(found.Nodes), q.after > 0
	for i, n := range shown {
		noun, err := c.Decode(n, q.At)
		if err != nil {
			return nil, err
		}
		ReplaceHiddenID(scope, noun)
		cursor := c.SealCursor(scope.Actor().Subject, l, []int64{n.Number})
		if i == 0 {
			conn.PageInfo.StartCursor = cursor
		}
		conn.PageInfo.EndCursor = cursor
		typed, ok := noun.(N)
		if !ok {
			continue // A registry.Restricted, and N is a noun.
		}
		conn.Edges = append(conn.Edges, edge(cursor, found.Edges[i].Kind, typed))
	}
	conn.Count = func(ctx context.Context) (*int, error) {
		counted := q
		counted.Limit, counted.after, counted.count = 1, 0, true
		h, err := LoadHops(ctx, scope, id, counted)
		n := int(h.Degree)
		return &n, err
	}
	return conn, nil
}

// opaqueIDMaker makes ids for nodes that the caller does not see.
type opaqueIDMaker interface{ OpaqueID(registry.ID) registry.ID }

// ReplaceHiddenID replaces the id of a restricted node by an opaque id. Other nodes stay.
func ReplaceHiddenID(scope opaqueIDMaker, n registry.Node) {
	if r, ok := n.(*registry.Restricted); ok {
		r.ID = scope.OpaqueID(r.ID)
	}
}

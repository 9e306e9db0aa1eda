package neo4j

import (
	"context"
	"maps"
	"slices"

	"pedigree/graph"
	"pedigree/registry"
)

// Nodes returns the nodes in the order of ids, nil where there is none.
func (s *Store) Nodes(ctx context.Context, at graph.Instant, ids ...registry.ID) (nodes []*graph.Node, err error) {
	err = s.read(ctx, func(v *view) error {
		nodes, err = v.Nodes(ctx, at, ids...)
		return err
	})
	return nodes, err
}

// Nodes returns the nodes as of the Update so far.
func (v *view) Nodes(ctx context.Context, at graph.Instant, ids ...registry.ID) ([]*graph.Node, error) {
	out := make([]*graph.Node, len(ids))
	if at == (graph.Instant{}) && v.fromMemory(ids, out) {
		return out, v.checkUsable(ctx)
	}
	byID, err := v.nodes(ctx, asOfInstant(at), ids, false)
	if err != nil {
		return nil, err
	}
	for i, id := range ids {
		if n := byID[id]; n != nil {
			c := *n
			if at != (graph.Instant{}) {
				c.Served = registry.ServedUnknown
			}
			out[i] = &c
		}
	}
	return out, nil
}

// fromMemory sets nodes of the present that the transaction has read or written; false when
// it has not met all of them.
func (v *view) fromMemory(ids []registry.ID, out []*graph.Node) bool {
	if v.pending == nil {
		return false
	}
	for i, id := range ids {
		n, met := v.pending.read[v.key(string(id))]
		if !met {
			return false
		}
		if n != nil {
			out[i] = copyNode(n)
		}
	}
	return true
}

// copyNode copies a node with what a caller may change in place.
func copyNode(n *graph.Node) *graph.Node {
	c := *n
	c.Slots, c.Columns, c.Doc = slices.Clone(n.Slots), maps.Clone(n.Columns), slices.Clone(n.Doc)
	return &c
}

// nodes reads nodes at an instant.
func (v *view) nodes(ctx context.Context, l asOf, ids []registry.ID, bare bool) (map[registry.ID]*graph.Node, error) {
	byID := make(map[registry.ID]*graph.Node, len(ids))
	if len(ids) == 0 {
		return byID, nil
	}
	keys := distinct(keysOf(v, ids))
	rows, err := v.queryNodes(ctx, keys, l.nodesText(bare), l.with(map[string]any{"keys": keys}))
	if err != nil {
		return nil, err
	}
	remembers := v.pending != nil && !bare && l == asOfInstant(graph.Instant{})
	if remembers {
		for _, key := range keys {
			v.pending.remember(key, nil)
			v.pending.rememberNode(key, nil)
		}
	}
	for _, r := range rows {
		p := r["node"].(map[string]any)
		n := nodeOf(p, bare)
		n.Served = servedOf(p)
		byID[n.ID] = n
		if remembers {
			v.pending.remember(v.key(string(n.ID)), storedNodeOf(p))
			kept := copyNode(n)
			v.pending.rememberNode(v.key(string(n.ID)), kept)
		}
	}
	return byID, nil
}

// Find returns one page of the nodes that match.
func (s *Store) Find(ctx context.Context, q graph.Query) (page graph.Page, err error) {
	err = s.read(ctx, func(v *view) error {
		page, err = v.Find(ctx, q)
		return err
	})
	return page, err
}

// Neighbors returns one hop from many nodes.
func (s *Store) Neighbors(ctx context.Context, q graph.NeighborQuery) (hops []graph.Neighbors, err error) {
	err = s.read(ctx, func(v *view) error {
		hops, err = v.Neighbors(ctx, q)
		return err
	})
	return hops, err
}

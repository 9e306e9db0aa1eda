package catalog

import (
	"context"

	"pedigree/registry"
	"pedigree/service/core"
)

// Node returns any noun by its id, as of a past when one is given; nil when there
// is none that the caller sees.
func (c *Catalog) Node(ctx context.Context, id registry.ID, past ...core.PointInTime) (registry.Node, error) {
	nodes, err := c.Nodes(ctx, []registry.ID{id}, past...)
	if err != nil {
		return nil, err
	}
	return nodes[0], nil
}

// Nodes returns up to 100 nouns by their ids, as of a past when one is given, nil
// where there is none that the caller sees.
func (c *Catalog) Nodes(ctx context.Context, ids []registry.ID, past ...core.PointInTime) ([]registry.Node, error) {
	if len(ids) > MaxIDs {
		return nil, registry.Invalid("ids", "must be at most %d, not %d", MaxIDs, len(ids))
	}
	at, known, err := c.core.ResolvePointInTime(ctx, past)
	if err != nil || !known {
		return make([]registry.Node, len(ids)), err
	}
	nodes, err := c.core.NodesAt(ctx, at, ids)
	if err != nil {
		return nil, err
	}
	for i, n := range nodes {
		if n == nil {
			continue
		}
		if core.IsTombstone(n) {
			nodes[i] = nil // A tombstone stands in lineage alone.
			continue
		}
		switch n := n.(type) {
		case *registry.Token:
			nodes[i] = nil // Tokens have no door.
		case *registry.ModelCard:
			if nodes[i], err = c.cardNode(ctx, n); err != nil {
				return nil, err
			}
		}
	}
	return nodes, nil
}

// cardNode fills the derived fields of a card that was fetched by its own id; nil
// when its version is not seen.
func (c *Catalog) cardNode(ctx context.Context, card *registry.ModelCard) (registry.Node, error) {
	v, err := core.NounAs[*registry.ModelVersion](c.core.NodeAt(ctx, card.ReadAt, card.Parent))
	if err != nil || v == nil {
		return nil, err
	}
	whole, err := c.CardOf(ctx, v)
	if err != nil || whole == nil {
		return nil, err
	}
	return whole, nil
}

// SeenID returns an id when the caller sees the node that it names, nil when not.
func (c *Catalog) VisibleID(ctx context.Context, id registry.ID) (*registry.ID, error) {
	if id == "" {
		return nil, nil
	}
	n, err := c.core.Node(ctx, id)
	if err != nil || n == nil {
		return nil, err
	}
	return &id, nil
}

// MaxIDs is how many ids one question takes.
const MaxIDs = 100

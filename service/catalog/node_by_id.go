package catalog

import (
	"context"

	"pedigree/registry"
	"pedigree/service/core"
)

// Node returns a noun of any kind by its id, optionally at a point in time; nil when there is
// none that the caller sees.
func (c *Catalog) Node(ctx context.Context, id registry.ID, past ...core.PointInTime) (registry.Node, error) {
	nodes, err := c.Nodes(ctx, []registry.ID{id}, past...)
	if err != nil {
		return nil, err
	}
	return nodes[0], nil
}

// Nodes returns up to MaxIDs nouns by their ids, optionally at a point in time. An entry is nil
// when there is no such noun that the caller sees.
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
			nodes[i] = nil // Only lineage shows tombstones.
			continue
		}
		c.countGet(ctx, n)
		switch n := n.(type) {
		case *registry.Token:
			nodes[i] = nil // The API has no type for tokens.
		case *registry.ModelCard:
			if nodes[i], err = c.cardNode(ctx, n); err != nil {
				return nil, err
			}
		}
	}
	return nodes, nil
}

// cardNode returns a card that was read by its own id with its derived fields; nil when the
// caller does not see its version.
func (c *Catalog) cardNode(ctx context.Context, card *registry.ModelCard) (registry.Node, error) {
	v, err := core.Related[*registry.ModelVersion](ctx, c.core, card, "version", parentOf)
	if err != nil || v == nil {
		return nil, err
	}
	if derived := derivedCard(card, v); derived != nil {
		return derived, nil
	}
	return nil, nil
}

// ReplacementOf returns the id of the version that took PRODUCTION from a version; nil when the
// caller does not see it.
func (c *Catalog) ReplacementOf(ctx context.Context, v *registry.ModelVersion) (*registry.ID, error) {
	return core.VisibleID(ctx, c.core, v, "replacement", func(v *registry.ModelVersion) registry.ID { return v.ReplacedBy })
}

// ReplacementIn returns the id of the version that took PRODUCTION in a transition; nil when the
// caller does not see it.
func (c *Catalog) ReplacementIn(ctx context.Context, t *registry.Transition) (*registry.ID, error) {
	return core.VisibleID(ctx, c.core, t, "replacement", func(t *registry.Transition) registry.ID { return t.ReplacedBy })
}

// MaxIDs is the largest number of ids in one query.
const MaxIDs = 100

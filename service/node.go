package service

import (
	"context"
	"pedigree/registry"
)

// Node returns any noun by its id, as of a past when one is given; nil when there
// is none that the caller sees.
func (s *Service) Node(ctx context.Context, id registry.ID, past ...PointInTime) (registry.Node, error) {
	nodes, err := s.Nodes(ctx, []registry.ID{id}, past...)
	if err != nil {
		return nil, err
	}
	return nodes[0], nil
}

// Nodes returns up to 100 nouns by their ids, as of a past when one is given, nil
// where there is none that the caller sees.
func (s *Service) Nodes(ctx context.Context, ids []registry.ID, past ...PointInTime) ([]registry.Node, error) {
	if len(ids) > maxIDs {
		return nil, registry.Invalid("ids", "must be at most %d, not %d", maxIDs, len(ids))
	}
	at, known, err := s.resolvePointInTime(ctx, past)
	if err != nil || !known {
		return make([]registry.Node, len(ids)), err
	}
	nodes, err := s.nodesAt(ctx, at, ids)
	if err != nil {
		return nil, err
	}
	for i, n := range nodes {
		if n == nil {
			continue
		}
		if isTombstone(n) {
			nodes[i] = nil // A tombstone stands in lineage alone.
			continue
		}
		switch n := n.(type) {
		case *registry.Token:
			nodes[i] = nil // Tokens have no door.
		case *registry.ModelCard:
			if nodes[i], err = s.cardNode(ctx, n); err != nil {
				return nil, err
			}
		}
	}
	return nodes, nil
}

// cardNode fills the derived fields of a card that was fetched by its own id; nil
// when its version is not seen.
func (s *Service) cardNode(ctx context.Context, c *registry.ModelCard) (registry.Node, error) {
	v, err := nounAs[*registry.ModelVersion](s.nodeAt(ctx, c.ReadAt, c.Parent))
	if err != nil || v == nil {
		return nil, err
	}
	whole, err := s.CardOf(ctx, v)
	if err != nil || whole == nil {
		return nil, err
	}
	return whole, nil
}

// SeenID returns an id when the caller sees the node that it names, nil when not.
func (s *Service) SeenID(ctx context.Context, id registry.ID) (*registry.ID, error) {
	if id == "" {
		return nil, nil
	}
	n, err := s.node(ctx, id)
	if err != nil || n == nil {
		return nil, err
	}
	return &id, nil
}

// maxIDs is how many ids one question takes.
const maxIDs = 100

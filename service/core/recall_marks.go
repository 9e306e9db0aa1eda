package core

import (
	"context"

	"pedigree/graph"
	"pedigree/lineage"
	"pedigree/policies"
	"pedigree/registry"
)

// OpenRecalls returns the recalls that are open at an instant, whoever sees them.
func OpenRecalls(ctx context.Context, r policies.RecallReader, at graph.Instant) ([]*registry.Recall, error) {
	nodes, err := r.Open(ctx, at)
	if err != nil {
		return nil, err
	}
	out := make([]*registry.Recall, len(nodes))
	for i, n := range nodes {
		if out[i], err = DecodeWhole(n, &registry.Recall{}); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// MarkRecalled finds out under which open recalls nodes stand at an instant. Where no recall is
// open it reads nothing else.
func MarkRecalled(ctx context.Context, r policies.RecallReader, at graph.Instant, ids []registry.ID, bounds lineage.RecallBounds) (*lineage.RecallMarks, error) {
	open, err := OpenRecalls(ctx, r, at)
	if err != nil {
		return nil, err
	}
	return lineage.MarkRecalled(ctx, r, at, open, ids, bounds)
}

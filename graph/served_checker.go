package graph

import "context"

// ServedChecker is a Store that can compute registry.Served of all nodes anew.
type ServedChecker interface {
	// CheckServed returns how many nodes have another value than their stage and edges
	// give them, 0 in a sound store. With repair it stores the right values.
	CheckServed(ctx context.Context, repair bool) (wrong int64, err error)
}

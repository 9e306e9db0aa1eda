package core

import (
	"context"
	"time"

	"pedigree/graph"
	"pedigree/policies"
	"pedigree/registry"
)

// Service is the registry as its doors see it.
type Core struct {
	Gate      *policies.Gate
	cursorKey []byte
	batchWait time.Duration
}

// Option changes how a Service is built.
type Option func(*Core)

// BatchWait sets how long a loader waits for the sibling fields of an answer
// before it asks the store for all of them at once.
func BatchWait(d time.Duration) Option { return func(c *Core) { c.batchWait = d } }

// New builds the service behind a gate.
func New(gate *policies.Gate, options ...Option) *Core {
	c := &Core{Gate: gate, cursorKey: gate.Key("cursors"), batchWait: batchWait}
	for _, o := range options {
		o(c)
	}
	return c
}

// Now returns the clock of the registry.
func (c *Core) Now() time.Time { return c.Gate.Now() }

// Node fetches one noun by id for a reading action; nil when there is none that
// the caller sees.
func (c *Core) Node(ctx context.Context, id registry.ID) (registry.Node, error) {
	nodes, err := c.Nodes(ctx, []registry.ID{id})
	if err != nil {
		return nil, err
	}
	return nodes[0], nil
}

// Nodes fetches nouns by id through the request's loader, nil where there is
// none that the caller sees.
func (c *Core) Nodes(ctx context.Context, ids []registry.ID) ([]registry.Node, error) {
	return c.NodesAt(ctx, registry.Instant{}, ids)
}

// NodesAt is nodes at an instant.
func (c *Core) NodesAt(ctx context.Context, at registry.Instant, ids []registry.ID) ([]registry.Node, error) {
	scope, err := c.Gate.Read(ctx, registry.CatalogRead)
	if err != nil {
		return nil, err
	}
	found, err := loadNodes(ctx, scope, at, ids)
	if err != nil {
		return nil, err
	}
	out := make([]registry.Node, len(ids))
	for i, n := range found {
		if n == nil || n.Hidden || hiddenAfterErasure(n) {
			continue
		}
		if out[i], err = c.Decode(n, at); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// NodeAt is node at an instant.
func (c *Core) NodeAt(ctx context.Context, at registry.Instant, id registry.ID) (registry.Node, error) {
	nodes, err := c.NodesAt(ctx, at, []registry.ID{id})
	if err != nil {
		return nil, err
	}
	return nodes[0], nil
}

// NounAs decodes into the noun that the caller expects, nil for another kind.
func NounAs[T registry.Node](n registry.Node, err error) (T, error) {
	t, _ := n.(T)
	return t, err
}

// GetNoun fetches one noun by id as of a past; nil when there is none that the caller
// sees, or when it was deleted by then.
func GetNoun[N registry.Node](ctx context.Context, c *Core, id registry.ID, past []PointInTime) (N, error) {
	var none N
	at, known, err := c.ResolvePointInTime(ctx, past)
	if err != nil || !known {
		return none, err
	}
	n, err := c.NodeAt(ctx, at, id)
	if err != nil || n == nil || IsTombstone(n) {
		return none, err
	}
	return NounAs[N](n, nil)
}

// IsTombstone reports whether a noun was a tombstone at the instant that it was read
// at; one that was erased later still stood then.
func IsTombstone(n registry.Node) bool {
	m := n.NodeMeta()
	return m.Deleted && !m.Erased
}

// hiddenAfterErasure reports whether nothing is told of a node that was erased: a tombstone of
// today stands in lineage, and as a model.
func hiddenAfterErasure(n *graph.Node) bool {
	return n.Erased() && !n.Kind.Walked() && n.Kind != registry.KindModel
}

package service

import (
	"context"
	"pedigree/graph"
	"pedigree/policies"
	"pedigree/registry"
	"time"
)

// Service is the registry as its doors see it.
type Service struct {
	gate      *policies.Gate
	cursorKey []byte
	batchWait time.Duration
}

// Option changes how a Service is built.
type Option func(*Service)

// BatchWait sets how long a loader waits for the sibling fields of an answer
// before it asks the store for all of them at once.
func BatchWait(d time.Duration) Option { return func(s *Service) { s.batchWait = d } }

// New builds the service behind a gate.
func New(gate *policies.Gate, options ...Option) *Service {
	s := &Service{gate: gate, cursorKey: gate.Key("cursors"), batchWait: batchWait}
	for _, o := range options {
		o(s)
	}
	return s
}

// Now returns the clock of the registry.
func (s *Service) Now() time.Time { return s.gate.Now() }

// node fetches one noun by id for a reading action; nil when there is none that
// the caller sees.
func (s *Service) node(ctx context.Context, id registry.ID) (registry.Node, error) {
	nodes, err := s.nodes(ctx, []registry.ID{id})
	if err != nil {
		return nil, err
	}
	return nodes[0], nil
}

// nodes fetches nouns by id through the request's loader, nil where there is
// none that the caller sees.
func (s *Service) nodes(ctx context.Context, ids []registry.ID) ([]registry.Node, error) {
	return s.nodesAt(ctx, registry.Instant{}, ids)
}

// nodesAt is nodes at an instant.
func (s *Service) nodesAt(ctx context.Context, at registry.Instant, ids []registry.ID) ([]registry.Node, error) {
	scope, err := s.gate.Read(ctx, registry.CatalogRead)
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
		if out[i], err = s.decode(n, at); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// nodeAt is node at an instant.
func (s *Service) nodeAt(ctx context.Context, at registry.Instant, id registry.ID) (registry.Node, error) {
	nodes, err := s.nodesAt(ctx, at, []registry.ID{id})
	if err != nil {
		return nil, err
	}
	return nodes[0], nil
}

// nounAs decodes into the noun that the caller expects, nil for another kind.
func nounAs[T registry.Node](n registry.Node, err error) (T, error) {
	t, _ := n.(T)
	return t, err
}

// getNoun fetches one noun by id as of a past; nil when there is none that the caller
// sees, or when it was deleted by then.
func getNoun[N registry.Node](ctx context.Context, s *Service, id registry.ID, past []PointInTime) (N, error) {
	var none N
	at, known, err := s.resolvePointInTime(ctx, past)
	if err != nil || !known {
		return none, err
	}
	n, err := s.nodeAt(ctx, at, id)
	if err != nil || n == nil || isTombstone(n) {
		return none, err
	}
	return nounAs[N](n, nil)
}

// isTombstone reports whether a noun was a tombstone at the instant that it was read
// at; one that was erased later still stood then.
func isTombstone(n registry.Node) bool {
	m := n.NodeMeta()
	return m.Deleted && !m.Erased
}

// hiddenAfterErasure reports whether nothing is told of a node that was erased: a tombstone of
// today stands in lineage, and as a model.
func hiddenAfterErasure(n *graph.Node) bool {
	return n.Erased() && !n.Kind.Walked() && n.Kind != registry.KindModel
}

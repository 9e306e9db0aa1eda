package service

import (
	"context"
	"time"

	"pedigree/graph"
	"pedigree/policies"
	"pedigree/registry"
)

// LinkLineageInput is an edge to record.
type LinkLineageInput struct {
	From           registry.ID       `json:"from,omitzero"`
	To             registry.ID       `json:"to,omitzero"`
	Kind           registry.EdgeKind `json:"kind,omitzero"`
	ValidFrom      time.Time         `json:"validFrom,omitzero"`
	Reason         string            `json:"reason,omitzero"`
	IdempotencyKey *string           `json:"-"`
}

// LinkLineagePayload carries the edge and whether it is new.
type LinkLineagePayload struct {
	Edge    *LineageEdge
	Created bool
}

func (in *LinkLineageInput) check() error {
	return first(text("reason", &in.Reason), checkTime("validFrom", in.ValidFrom))
}

// LinkLineage records an edge between two nodes that the caller sees. A cycle is
// FAILED_PRECONDITION with the path that it would close.
func (s *Service) LinkLineage(ctx context.Context, in LinkLineageInput) (*LinkLineagePayload, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	r, err := s.write(ctx, registry.LineageLink, idempotent{"linkLineage", in.IdempotencyKey, in}, func(ctx context.Context, tx *policies.Tx) (result, error) {
		return s.linkLineage(ctx, tx, in)
	})
	if err != nil {
		return nil, err
	}
	forget(ctx)
	edge := r.edge
	if edge == nil { // A retry: the edge stands since the first time.
		edge = &graph.Edge{Kind: in.Kind, From: in.From, To: in.To, ValidFrom: in.ValidFrom}
	}
	out := lineageEdge(edge)
	return &LinkLineagePayload{&out, r.Created}, nil
}

func (s *Service) linkLineage(ctx context.Context, tx *policies.Tx, in LinkLineageInput) (result, error) {
	edge := &graph.Edge{Kind: in.Kind, From: in.From, To: in.To, ValidFrom: when(in.ValidFrom, time.Time{})}
	ends, err := tx.Nodes(ctx, in.From, in.To)
	if err != nil {
		return result{}, err
	}
	if ends[0] != nil && ends[1] != nil {
		if err := registry.CheckEdge(in.Kind, ends[0].Kind, ends[1].Kind); err != nil {
			return result{}, err
		}
	}
	r, err := finishFact(ctx, tx, false, false, in.From, []*graph.Edge{edge}, registry.LogEntry{Action: registry.LogLineageLinked,
		Objects: []registry.ID{in.From, in.To}, Reason: in.Reason, Detail: detail("kind", in.Kind)})
	r.Created, r.edge = edge.Created, edge
	return r, err
}

// RetractLineageInput names an edge to withdraw.
type RetractLineageInput struct {
	From           registry.ID       `json:"from,omitzero"`
	To             registry.ID       `json:"to,omitzero"`
	Kind           registry.EdgeKind `json:"kind,omitzero"`
	Reason         string            `json:"reason,omitzero"`
	IdempotencyKey *string           `json:"-"`
}

// RetractLineagePayload tells whether there was such an edge.
type RetractLineagePayload struct{ Retracted bool }

func (in *RetractLineageInput) check() error { return text("reason", &in.Reason) }

// RetractLineage withdraws an edge that was never true. Who has no
// lineage.retract.any withdraws only what they recorded.
func (s *Service) RetractLineage(ctx context.Context, in RetractLineageInput) (*RetractLineagePayload, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	r, err := s.write(ctx, registry.LineageRetract, idempotent{"retractLineage", in.IdempotencyKey, in}, func(ctx context.Context, tx *policies.Tx) (result, error) {
		return s.retractLineage(ctx, tx, in)
	})
	forget(ctx)
	return &RetractLineagePayload{r.Created}, err
}

func (s *Service) retractLineage(ctx context.Context, tx *policies.Tx, in RetractLineageInput) (result, error) {
	ends, err := tx.Nodes(ctx, in.From, in.To)
	if err != nil {
		return result{}, err
	}
	if ends[0] == nil || ends[1] == nil {
		return result{}, registry.Errorf(registry.NotFound, "there is no edge from %s to %s that you see", registry.Shorten(string(in.From), 60), registry.Shorten(string(in.To), 60))
	}
	e, err := findEdge(ctx, tx, in)
	if err != nil || e == nil {
		return result{}, err
	}
	if tx.OwnOnly() && e.By != tx.Subject() && !tx.May(registry.LineageRetractAny, "") {
		return result{}, registry.Errorf(registry.Forbidden, "you may only retract what you recorded; this was recorded by somebody else")
	}
	if err := tx.Unlink(ctx, e); err != nil {
		return result{}, err
	}
	return result{IDs: []registry.ID{e.ID}, Created: true, Changed: true}, tx.Log(ctx, registry.LogEntry{Action: registry.LogLineageRetracted,
		Objects: []registry.ID{in.From, in.To}, Reason: in.Reason, Detail: detail("kind", in.Kind, "edge", string(e.ID))})
}

// findEdge finds the live edge of a kind between two nodes, from the effect's
// side, which has few; nil for none.
func findEdge(ctx context.Context, tx *policies.Tx, in RetractLineageInput) (*graph.Edge, error) {
	hops, err := tx.Neighbors(ctx, graph.HopQuery{IDs: []registry.ID{in.From}, Direction: graph.Upstream, Edges: []registry.EdgeKind{in.Kind}, Cap: 100000, Bare: true})
	if err != nil {
		return nil, err
	}
	for i := range hops[0].Edges {
		if e := &hops[0].Edges[i]; e.To == in.To {
			return e, nil
		}
	}
	return nil, nil
}

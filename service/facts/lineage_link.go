package facts

import (
	"context"
	"time"

	"pedigree/graph"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service/core"
)

// LinkLineageInput describes an edge from an effect to a cause. A zero ValidFrom means the
// ValidFrom of the effect.
type LinkLineageInput struct {
	From           registry.ID       `json:"from,omitzero"`
	To             registry.ID       `json:"to,omitzero"`
	Kind           registry.EdgeKind `json:"kind,omitzero"`
	ValidFrom      time.Time         `json:"validFrom,omitzero"`
	Reason         string            `json:"reason,omitzero"`
	IdempotencyKey *string           `json:"-"`
}

// LinkLineagePayload has the edge and whether it is new.
type LinkLineagePayload struct {
	Edge    *core.LineageEdge
	Created bool
}

func (in *LinkLineageInput) check() error {
	return core.FirstError(core.CheckText("reason", &in.Reason), core.CheckTime("validFrom", in.ValidFrom))
}

// LinkLineage records an edge between two nodes that the caller sees. An edge that would close
// a cycle is FAILED_PRECONDITION; the error details have the path. An edge that is known with
// another validFrom than the told one is CONFLICT.
func (r *Recorder) LinkLineage(ctx context.Context, in LinkLineageInput) (*LinkLineagePayload, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	result, err := r.core.Write(ctx, registry.LineageLink, core.Idempotent("linkLineage", in.IdempotencyKey, in), func(ctx context.Context, tx *policies.Tx) (core.WriteResult, error) {
		return writeLink(ctx, tx, in)
	})
	if err != nil {
		return nil, err
	}
	core.ClearLoaders(ctx)
	if result.Edge == nil { // The result was stored by a release that did not store edges.
		return &LinkLineagePayload{nil, result.Created}, nil
	}
	out := core.NewLineageEdge(result.Edge)
	return &LinkLineagePayload{&out, result.Created}, nil
}

func writeLink(ctx context.Context, tx *policies.Tx, in LinkLineageInput) (core.WriteResult, error) {
	edge := &graph.Edge{Kind: in.Kind, From: in.From, To: in.To, ValidFrom: core.StoredTime(in.ValidFrom, time.Time{})}
	ends, err := tx.Nodes(ctx, in.From, in.To)
	if err != nil {
		return core.WriteResult{}, err
	}
	if ends[0] != nil && ends[1] != nil {
		if err := registry.CheckEdge(in.Kind, ends[0].Kind, ends[1].Kind); err != nil {
			return core.WriteResult{}, err
		}
	}
	told := edge.ValidFrom
	result, err := core.LinkAndLog(ctx, tx, core.Written{}, in.From, []*graph.Edge{edge}, registry.LogEntry{Action: registry.LogLineageLinked,
		Objects: []registry.ID{in.From, in.To}, Reason: in.Reason, Detail: core.LogDetail("kind", in.Kind)})
	if err == nil && !told.IsZero() && !edge.ValidFrom.Equal(told) {
		err = registry.Errorf(registry.Conflict, "the edge is recorded since %s, not %s", edge.ValidFrom.Format(time.RFC3339Nano), told.Format(time.RFC3339Nano))
		err.(*registry.Error).Field = "validFrom"
	}
	result.Created, result.Edge = edge.Created, edge
	return result, err
}

// RetractLineageInput selects an edge to retract.
type RetractLineageInput struct {
	From           registry.ID       `json:"from,omitzero"`
	To             registry.ID       `json:"to,omitzero"`
	Kind           registry.EdgeKind `json:"kind,omitzero"`
	Reason         string            `json:"reason,omitzero"`
	IdempotencyKey *string           `json:"-"`
}

// RetractLineagePayload reports whether there was such an edge.
type RetractLineagePayload struct{ Retracted bool }

func (in *RetractLineageInput) check() error { return core.CheckText("reason", &in.Reason) }

// RetractLineage retracts an edge that was never true. Callers without permission for
// lineage.retract.any may retract only edges that they recorded.
func (r *Recorder) RetractLineage(ctx context.Context, in RetractLineageInput) (*RetractLineagePayload, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	result, err := r.core.Write(ctx, registry.LineageRetract, core.Idempotent("retractLineage", in.IdempotencyKey, in), func(ctx context.Context, tx *policies.Tx) (core.WriteResult, error) {
		return writeRetraction(ctx, tx, in)
	})
	core.ClearLoaders(ctx)
	return &RetractLineagePayload{result.Created}, err
}

func writeRetraction(ctx context.Context, tx *policies.Tx, in RetractLineageInput) (core.WriteResult, error) {
	ends, err := tx.Nodes(ctx, in.From, in.To)
	if err != nil {
		return core.WriteResult{}, err
	}
	if ends[0] == nil || ends[1] == nil {
		return core.WriteResult{}, registry.Errorf(registry.NotFound, "there is no edge from %s to %s that you see", registry.Shorten(string(in.From), 60), registry.Shorten(string(in.To), 60))
	}
	e, err := tx.LiveEdge(ctx, in.Kind, in.From, in.To)
	if err != nil || e == nil {
		return core.WriteResult{}, err
	}
	if err := tx.Unlink(ctx, e); err != nil {
		return core.WriteResult{}, err
	}
	return core.WriteResult{IDs: []registry.ID{e.ID}, Created: true, Changed: true}, tx.Log(ctx, registry.LogEntry{Action: registry.LogLineageRetracted,
		Objects: []registry.ID{in.From, in.To}, Reason: in.Reason, Detail: core.LogDetail("kind", in.Kind, "edge", string(e.ID))})
}

// FactKind returns registry.FactLink.
func (*LinkLineageInput) FactKind() registry.FactKind { return registry.FactLink }

// FactAction returns the action that recording needs permission for.
func (*LinkLineageInput) FactAction() registry.Action { return registry.LineageLink }

// CheckFact checks the input as one fact of a batch.
func (in *LinkLineageInput) CheckFact() error {
	return core.FirstError(core.RefuseIdempotencyKey(in.IdempotencyKey), in.check())
}

// ResolveFact returns a copy with every reference replaced.
func (in *LinkLineageInput) ResolveFact(r core.References) core.Fact {
	out := *in
	out.From, out.To = r.One(in.From), r.One(in.To)
	return &out
}

// FactReads returns the nodes, and the effects of edges, that WriteFact will read.
func (in *LinkLineageInput) FactReads() (ids, effects []registry.ID) {
	return []registry.ID{in.To}, []registry.ID{in.From}
}

// WriteFact writes the fact in a transaction.
func (in *LinkLineageInput) WriteFact(ctx context.Context, tx *policies.Tx) (core.WriteResult, error) {
	return writeLink(ctx, tx, *in)
}

// FactKind returns registry.FactRetract.
func (*RetractLineageInput) FactKind() registry.FactKind { return registry.FactRetract }

// FactAction returns the action that recording needs permission for.
func (*RetractLineageInput) FactAction() registry.Action { return registry.LineageRetract }

// CheckFact checks the input as one fact of a batch.
func (in *RetractLineageInput) CheckFact() error {
	return core.FirstError(core.RefuseIdempotencyKey(in.IdempotencyKey), in.check())
}

// ResolveFact returns a copy with every reference replaced.
func (in *RetractLineageInput) ResolveFact(r core.References) core.Fact {
	out := *in
	out.From, out.To = r.One(in.From), r.One(in.To)
	return &out
}

// FactReads returns the nodes, and the effects of edges, that WriteFact will read.
func (in *RetractLineageInput) FactReads() (ids, effects []registry.ID) {
	return []registry.ID{in.From, in.To}, nil
}

// WriteFact writes the fact in a transaction.
func (in *RetractLineageInput) WriteFact(ctx context.Context, tx *policies.Tx) (core.WriteResult, error) {
	return writeRetraction(ctx, tx, *in)
}

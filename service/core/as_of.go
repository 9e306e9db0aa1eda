package core

import (
	"context"
	"time"

	"pedigree/graph"
	"pedigree/policies"
	"pedigree/registry"
)

// PointInTime selects a state of the registry: what was true at AsOf (valid time), as it was
// recorded at KnownAt (transaction time). A zero time means now. When both are zero, the
// current state is read, without revisions.
type PointInTime struct{ AsOf, KnownAt time.Time }

// NounInstant returns the instant that nouns read at i carry; fields of these nouns are read
// at the same instant. It is zero for the current state. An instant that only continues the
// pages of an earlier answer (Known is set) is not the current state.
func (i ResolvedInstant) NounInstant() registry.Instant {
	if !i.Explicit && i.Known == 0 {
		return registry.Instant{}
	}
	return registry.Instant{Valid: i.Valid, Known: i.Known}
}

// StoreInstant converts an instant of a noun to an instant of a store.
func StoreInstant(at registry.Instant) graph.Instant {
	return graph.Instant{Valid: at.Valid, Known: at.Known}
}

// ResolvePointInTime returns the instant of an optional argument; the zero instant when there
// is none. known is false for a time before anything was recorded: then there is nothing to
// read.
func (c *Core) ResolvePointInTime(ctx context.Context, past []PointInTime) (at registry.Instant, known bool, err error) {
	scope, err := c.Gate.Read(ctx, registry.CatalogRead)
	if err != nil || len(past) == 0 {
		return at, true, err
	}
	i, err := c.ResolveInstant(ctx, scope, past[0].AsOf, past[0].KnownAt)
	if registry.CodeOf(err) == registry.NotFound {
		return at, false, nil
	}
	return i.NounInstant(), true, err
}

// ResolvedInstant is the instant that an answer shows. Cursors hold it, so that all pages of
// an answer show the same instant.
type ResolvedInstant struct {
	// Valid is the valid time, Known the log sequence of the transaction time, 0 for the latest.
	Valid time.Time `json:"v"`
	Known int64     `json:"k"`
	// KnownAt is the transaction time that answers report. Explicit is true when the caller
	// gave asOf or knownAt.
	KnownAt  time.Time `json:"t"`
	Explicit bool      `json:"a"`
}

// ResolveInstant converts asOf and knownAt to an instant; both default to now. It answers
// INVALID_ARGUMENT for times that CheckTime refuses.
func (c *Core) ResolveInstant(ctx context.Context, scope *policies.Scope, asOf, knownAt time.Time) (ResolvedInstant, error) {
	if err := FirstError(CheckTime("asOf", asOf), CheckTime("knownAt", knownAt)); err != nil {
		return ResolvedInstant{}, err
	}
	now := c.Gate.Now()
	at := ResolvedInstant{Valid: StoredTime(asOf, now), KnownAt: StoredTime(knownAt, now), Explicit: !asOf.IsZero() || !knownAt.IsZero()}
	if !knownAt.IsZero() {
		seq, err := scope.LogSeqAt(ctx, at.KnownAt)
		if err != nil {
			return at, err
		}
		at.Known = seq
	}
	return at, nil
}

// StoreInstant converts i to an instant of a store.
func (i ResolvedInstant) StoreInstant() graph.Instant {
	return graph.Instant{Valid: i.Valid, Known: i.Known, Current: !i.Explicit}
}

// WalkInstant is like StoreInstant, for a walk. It reads the current state, which is faster
// than reading revisions, only if Known is not set.
func (i ResolvedInstant) WalkInstant() graph.Instant {
	at := i.StoreInstant()
	at.Current = at.Current && at.Known == 0
	return at
}

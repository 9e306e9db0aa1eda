package core

import (
	"cmp"
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
	// KnownAt is the transaction time that answers report: that of the newest log entry that
	// the answer contains. Explicit is true when the caller gave asOf or knownAt.
	KnownAt  time.Time `json:"t"`
	Explicit bool      `json:"a"`
	// Head is the log sequence of a present that several reads show, 0 when it is not known
	// yet.
	Head int64 `json:"-"`
}

// ResolveInstant converts asOf and knownAt to an instant; both default to now. It answers
// INVALID_ARGUMENT for times that CheckTime refuses, and for those that lie ahead.
func (c *Core) ResolveInstant(ctx context.Context, scope *policies.Scope, asOf, knownAt time.Time) (ResolvedInstant, error) {
	if err := FirstError(CheckTime("asOf", asOf), CheckTime("knownAt", knownAt)); err != nil {
		return ResolvedInstant{}, err
	}
	now := c.Gate.Now()
	if err := FirstError(CheckNotAhead("asOf", asOf, now), CheckNotAhead("knownAt", knownAt, now)); err != nil {
		// What an answer named is never refused, also when it comes from a clock that was ahead.
		newest, e := scope.NewestHead(ctx)
		if e != nil || FirstError(CheckNotAhead("asOf", asOf, newest.At), CheckNotAhead("knownAt", knownAt, newest.At)) != nil {
			return ResolvedInstant{}, err
		}
	}
	at := ResolvedInstant{Valid: StoredTime(asOf, now), KnownAt: now, Explicit: !asOf.IsZero() || !knownAt.IsZero()}
	if !knownAt.IsZero() {
		head, err := scope.HeadAt(ctx, StoredTime(knownAt, now))
		if err != nil {
			return at, err
		}
		if at.Known, at.KnownAt = head.Seq, head.At; asOf.IsZero() {
			at.Valid = LaterTime(now, head.At)
		}
	}
	return at, nil
}

// ResolvePinned is ResolveInstant for an answer that takes several reads: all of them show
// the head that the store has now, or the one that knownAt names.
func (c *Core) ResolvePinned(ctx context.Context, scope *policies.Scope, asOf, knownAt time.Time) (ResolvedInstant, error) {
	at, err := c.ResolveInstant(ctx, scope, asOf, knownAt)
	if err != nil || at.Known > 0 {
		return at, err
	}
	newest, err := scope.NewestHead(ctx)
	if at.Explicit {
		at.Known, at.KnownAt = newest.Seq, newest.At // asOf is given.
		return at, err
	}
	return at.seen(newest), err
}

// Seen returns i for an answer that was read at the head of the store, which had that log
// sequence. An instant of the past, or of a further page, stays.
func (i ResolvedInstant) Seen(ctx context.Context, scope *policies.Scope, head int64) (ResolvedInstant, error) {
	if i.Known > 0 || head == 0 {
		return i, nil
	}
	h, err := scope.HeadOf(ctx, head)
	if i.Explicit {
		i.Known, i.KnownAt = h.Seq, h.At
		return i, err
	}
	return i.seen(h), err
}

// seen returns the present at a head. It is never before the times that are recorded there,
// which may come from clocks that are ahead.
func (i ResolvedInstant) seen(h policies.Head) ResolvedInstant {
	i.Head, i.KnownAt, i.Valid = h.Seq, h.At, LaterTime(i.Valid, h.At)
	return i
}

// StoreInstant converts i to an instant of a store. The present is all that is recorded and
// not retracted, in its newest revision, as for gets and lists.
func (i ResolvedInstant) StoreInstant() graph.Instant {
	if i.Explicit {
		return graph.Instant{Valid: i.Valid, Known: i.Known}
	}
	return graph.Instant{Known: cmp.Or(i.Known, i.Head)}
}

package core

import (
	"context"
	"time"

	"pedigree/graph"
	"pedigree/policies"
	"pedigree/registry"
)

// PointInTime asks for an answer as of a past: as it was at AsOf, as far as it was known
// at KnownAt. Zero is now; both zero is today, which is not asked of revisions.
type PointInTime struct{ AsOf, KnownAt time.Time }

// NounInstant is the instant that nouns read at i carry, and so all that is reached from
// them. A page that goes on in what another saw is a past too.
func (i ResolvedInstant) NounInstant() registry.Instant {
	if !i.Explicit && i.Known == 0 {
		return registry.Instant{}
	}
	return registry.Instant{Valid: i.Valid, Known: i.Known}
}

// StoreInstant is how a store is asked for an instant.
func StoreInstant(at registry.Instant) graph.Instant {
	return graph.Instant{Valid: at.Valid, Known: at.Known}
}

// ResolvePointInTime turns what a get was asked for into an instant. known is false for a time
// before anything was recorded: then there is nothing to get.
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

// AskedInstant is the past that a question is asked of: what it shows, and as a page
// of it is bound to.
type ResolvedInstant struct {
	Valid time.Time `json:"v"`
	Known int64     `json:"k"`
	// KnownAt is told to the caller; Asked says that one of the two was given.
	KnownAt  time.Time `json:"t"`
	Explicit bool      `json:"a"`
}

// ResolveInstant turns asOf and knownAt into an instant; both default to now.
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

func (i ResolvedInstant) StoreInstant() graph.Instant {
	return graph.Instant{Valid: i.Valid, Known: i.Known, Current: !i.Explicit}
}

// WalkInstant is the instant of a walk: the present is read the fast way only where no
// sequence is pinned.
func (i ResolvedInstant) WalkInstant() graph.Instant {
	at := i.StoreInstant()
	at.Current = at.Current && at.Known == 0
	return at
}

package policies

import (
	"context"
	"time"

	"pedigree/graph"
	"pedigree/registry"
)

// Ledger keeps small numbers beside the graph: positions, outcomes, a lease, deliveries. They are no revisions,
// and not in the log.
type Ledger struct {
	counters graph.Counters
	now      func() time.Time
}

// Ledger returns the numbers of webhooks; FORBIDDEN for who may not manage all webhooks, and
// FAILED_PRECONDITION for a store that keeps none.
func (g *Gate) Ledger(ctx context.Context) (*Ledger, error) {
	s, err := g.Read(ctx, registry.WebhookManageAny)
	if err != nil {
		return nil, err
	}
	if !s.MayOn(registry.WebhookManageAny, Target{}) {
		return nil, s.forbidden(registry.WebhookManageAny)
	}
	return g.ledger()
}

// DeliveryLedger returns the numbers of deliveries of git hosts; FORBIDDEN for who may not record
// commits everywhere, and FAILED_PRECONDITION for a store that keeps none.
func (g *Gate) DeliveryLedger(ctx context.Context) (*Ledger, error) {
	s, err := g.Read(ctx, registry.CommitRecord)
	if err != nil {
		return nil, err
	}
	if !s.MayOn(registry.CommitRecord, Target{}) {
		return nil, s.forbidden(registry.CommitRecord)
	}
	return g.ledger()
}

func (g *Gate) ledger() (*Ledger, error) {
	if g.counters == nil {
		return nil, registry.Errorf(registry.FailedPrecondition, "this store keeps no counters")
	}
	return &Ledger{g.counters, g.now}, nil
}

// LedgerOf returns the numbers of one webhook and of its parts, as its manager may see them.
func (s *Scope) LedgerOf(ctx context.Context, keys ...graph.CountKey) ([][]graph.Count, error) {
	if len(keys) == 0 || s.gate.counters == nil {
		return make([][]graph.Count, len(keys)), nil
	}
	return s.gate.counters.Counts(ctx, noDay, keys...)
}

// noDay comes after every day, so that only what has no day is read.
const noDay = "9999-12-31"

// Read returns the numbers of keys.
func (l *Ledger) Read(ctx context.Context, keys ...graph.CountKey) ([][]graph.Count, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	return l.counters.Counts(ctx, noDay, keys...)
}

// Set writes numbers, all or none.
func (l *Ledger) Set(ctx context.Context, rows ...graph.Count) error {
	return l.counters.SetCounts(ctx, rows...)
}

// leaseKind is the kind of the row of a lease.
const leaseKind = "lease"

// released is added to the number of a lease that is given back, so that no claim that began
// before it succeeds.
const released = 1000

// Lease is the right to do something that one server of a store does at a time. It is a number and
// the time of its end. A claim adds one to the number of a lease that has ended; it holds when the
// number is then one more than it was read: of several claims at the same time at most one does.
type Lease struct {
	key    graph.CountKey
	number int64
	ends   time.Time
}

// NewLease returns a lease that is not held.
func NewLease(object registry.ID) *Lease {
	return &Lease{key: graph.CountKey{Object: object, Subject: leaseKind}}
}

// Hold claims a lease, or makes it last for a time from now. It returns false while another server
// holds it. Servers whose clocks differ by more than the time may both hold it.
func (l *Ledger) Hold(ctx context.Context, lease *Lease, last time.Duration) (bool, error) {
	now := l.now().UTC().Truncate(time.Microsecond)
	number, ends, err := l.leaseRow(ctx, lease.key)
	if err != nil {
		return false, err
	}
	mine := lease.number != 0 && number == lease.number && now.Before(ends)
	if !mine && now.Before(ends) {
		lease.number = 0
		return false, nil
	}
	claim := graph.Count{CountKey: lease.key, Kind: leaseKind, Last: now.Add(last)}
	if want := number; mine {
		lease.ends = claim.Last
		return true, l.counters.AddCounts(ctx, claim)
	} else {
		claim.N, lease.number = 1, 0
		if err := l.counters.AddCounts(ctx, claim); err != nil {
			return false, err
		}
		if number, _, err = l.leaseRow(ctx, lease.key); err != nil || number != want+1 {
			return false, err
		}
	}
	lease.number, lease.ends = number, claim.Last
	return true, nil
}

// Release gives a lease back, if it is held.
func (l *Ledger) Release(ctx context.Context, lease *Lease) error {
	if lease.number == 0 || !l.now().Before(lease.ends) {
		return nil
	}
	row := graph.Count{CountKey: lease.key, Kind: leaseKind, N: lease.number + released, Last: time.UnixMicro(0)}
	lease.number = 0
	return l.counters.SetCounts(ctx, row)
}

func (l *Ledger) leaseRow(ctx context.Context, key graph.CountKey) (number int64, ends time.Time, err error) {
	rows, err := l.counters.Counts(ctx, noDay, key)
	if err != nil {
		return 0, ends, err
	}
	for _, r := range rows[0] {
		if r.Kind == leaseKind && r.Day == "" {
			return r.N, r.Last, nil
		}
	}
	return 0, ends, nil
}

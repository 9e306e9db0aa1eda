package lineageout

import (
	"context"
	"time"

	"pedigree/graph"
	"pedigree/policies"
	"pedigree/registry"
)

// SinkSubject is who events that go out are told as.
const SinkSubject = "pedigree:openlineage"

// A receiver of events is a position in the log, kept in the counters of the store as that of a
// webhook is. Which receiver it is says its address: a new address is told everything from the start.

func sinkID(address string) registry.ID {
	return registry.NewID(registry.KindWebhookIndex, "openlineage", address)
}

func positionKey(address string) graph.CountKey {
	return graph.CountKey{Object: sinkID(address), Subject: "state"}
}

// positionRow is the kind of the row of a position.
const positionRow = "position"

// EventPosition returns the sequence up to which a receiver was told, and the head of the log.
func (t *Teller) EventPosition(ctx context.Context, address string) (position, head int64, err error) {
	ledger, err := t.core.Gate.Ledger(ctx)
	if err != nil {
		return 0, 0, err
	}
	scope, err := t.core.Gate.Read(ctx, registry.WebhookManageAny)
	if err != nil {
		return 0, 0, err
	}
	if head, err = scope.LogSize(ctx); err != nil {
		return 0, 0, err
	}
	rows, err := ledger.Read(ctx, positionKey(address))
	if err != nil {
		return 0, 0, err
	}
	for _, r := range rows[0] {
		if r.Kind == positionRow {
			position = r.N
		}
	}
	return position, head, nil
}

// NoteEventPosition notes the sequence up to which a receiver was told.
func (t *Teller) NoteEventPosition(ctx context.Context, address string, position int64) error {
	ledger, err := t.core.Gate.Ledger(ctx)
	if err != nil {
		return err
	}
	return ledger.Set(ctx, graph.Count{CountKey: positionKey(address), Kind: positionRow, N: position, Last: t.core.Now()})
}

// ClaimEvents claims the right to tell events for a time from now, or makes it last. It returns false
// while another server of the store has it.
func (t *Teller) ClaimEvents(ctx context.Context, last time.Duration) (bool, error) {
	ledger, err := t.core.Gate.Ledger(ctx)
	if err != nil {
		return false, err
	}
	t.leaseLock.Lock()
	defer t.leaseLock.Unlock()
	if t.lease == nil {
		t.lease = policies.NewLease(sinkID(""))
	}
	return ledger.Hold(ctx, t.lease, last)
}

// ReleaseEvents gives back the right to tell events.
func (t *Teller) ReleaseEvents(ctx context.Context) error {
	ledger, err := t.core.Gate.Ledger(ctx)
	if err != nil {
		return err
	}
	t.leaseLock.Lock()
	defer t.leaseLock.Unlock()
	if t.lease == nil {
		return nil
	}
	return ledger.Release(ctx, t.lease)
}

// AsEventSink returns a context that acts as the receiver of events: with a role that the operator of
// the server gives it, and those that an administrator has assigned to SinkSubject.
func (t *Teller) AsEventSink(ctx context.Context, role string) (context.Context, error) {
	if _, err := t.core.Gate.Ledger(ctx); err != nil {
		return nil, err
	}
	actor, err := t.core.Gate.Federated(ctx, SinkSubject, []registry.Grant{{Role: role, Scope: registry.ScopeAll}})
	if err != nil {
		return nil, err
	}
	return t.core.WithLoaders(policies.As(ctx, actor, "openlineage")), nil
}

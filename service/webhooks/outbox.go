package webhooks

import (
	"context"
	"sync"
	"time"

	"pedigree/graph"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service/core"
)

// Due is a webhook as its deliverer sees it.
type Due struct {
	registry.Webhook
	State State
	// Secrets sign a delivery, the newest first: none for formats that have no signature.
	Secrets []string
	// NoSecret says that the secret cannot be read, so that nothing may be told.
	NoSecret bool
}

// Note is what a deliverer found out, written at once: where the webhook is now, the attempt if
// there was one, a sequence that was given up, and one that was told after all.
type Note struct {
	State    State
	Delivery *registry.Delivery
	Dead     int64
	Revived  int64
}

// changeBell tells that webhooks of this server changed.
type changeBell struct {
	once sync.Once
	c    chan struct{}
}

func (b *changeBell) channel() chan struct{} {
	b.once.Do(func() { b.c = make(chan struct{}, 1) })
	return b.c
}

func (b *changeBell) ring() {
	select {
	case b.channel() <- struct{}{}:
	default:
	}
}

// WebhooksChanged gets a value when webhooks were changed by this server.
func (h *Hooks) WebhooksChanged() <-chan struct{} {
	h.listened.Store(true)
	return h.changed.channel()
}

// WatchEvents returns a channel that gets a value whenever something may have happened, and a
// function that ends the watch.
func (h *Hooks) WatchEvents() (happened <-chan struct{}, end func()) { return h.core.Gate.WatchLog() }

// deliveries is the object of the lease for delivering.
var deliveries = registry.WebhookIndexID()

// ClaimDeliveries claims the right to deliver for a time from now, or makes it last. It returns false
// while another server of the store has it.
func (h *Hooks) ClaimDeliveries(ctx context.Context, last time.Duration) (bool, error) {
	ledger, err := h.core.Gate.Ledger(ctx)
	if err != nil {
		return false, err
	}
	h.leaseLock.Lock()
	defer h.leaseLock.Unlock()
	if h.lease == nil {
		h.lease = policies.NewLease(deliveries)
	}
	return ledger.Hold(ctx, h.lease, last)
}

// ReleaseDeliveries gives back the right to deliver.
func (h *Hooks) ReleaseDeliveries(ctx context.Context) error {
	ledger, err := h.core.Gate.Ledger(ctx)
	if err != nil {
		return err
	}
	h.leaseLock.Lock()
	defer h.leaseLock.Unlock()
	if h.lease == nil {
		return nil
	}
	return ledger.Release(ctx, h.lease)
}

// DueWebhooks returns all webhooks with where they are, also those that have nothing to tell.
func (h *Hooks) DueWebhooks(ctx context.Context) ([]*Due, error) {
	ledger, err := h.core.Gate.Ledger(ctx)
	if err != nil {
		return nil, err
	}
	scope, err := h.core.Gate.Read(ctx, registry.WebhookManageAny)
	if err != nil {
		return nil, err
	}
	index, err := scope.WebhookIndex(ctx)
	if err != nil || index == nil || len(index.Webhooks) == 0 {
		return nil, err
	}
	ids := make([]registry.ID, len(index.Webhooks))
	for i, e := range index.Webhooks {
		ids[i] = e.ID
	}
	nodes, err := scope.Webhooks(ctx, ids...)
	if err != nil {
		return nil, err
	}
	var out []*Due
	var keys []graph.CountKey
	for _, n := range nodes {
		if n == nil {
			continue
		}
		w, err := core.DecodeWhole(n, &registry.Webhook{})
		if err != nil {
			return nil, err
		}
		out, keys = append(out, h.due(w)), append(keys, stateKey(w.ID))
	}
	rows, err := ledger.Read(ctx, keys...)
	if err != nil {
		return nil, err
	}
	for i, d := range out {
		d.State = stateOf(&d.Webhook, rows[i])
	}
	return out, nil
}

func (h *Hooks) due(w *registry.Webhook) *Due {
	d := &Due{Webhook: *w}
	if len(w.Sealed) > 0 {
		secret, err := h.open(w)
		d.Secrets, d.NoSecret = []string{secret}, err != nil
	}
	if w.Format == registry.WebhookStandard {
		if d.Secrets = []string{h.secret(w.ID, w.Secrets)}; w.Secrets > 1 && h.core.Now().Before(w.OldUntil) {
			d.Secrets = append(d.Secrets, h.secret(w.ID, w.Secrets-1))
		}
	}
	return d
}

// AsSubjectOf returns a context that acts as the subject of a webhook, with what it holds now:
// UNAUTHENTICATED when the token does not hold any more that the webhook was made with, and
// FORBIDDEN when the subject holds no role.
func (h *Hooks) AsSubjectOf(ctx context.Context, d *Due) (context.Context, error) {
	if _, err := h.core.Gate.Ledger(ctx); err != nil {
		return nil, err
	}
	actor, err := h.core.Gate.ActorOf(ctx, d.Subject, d.Token)
	if err != nil {
		return nil, err
	}
	if len(actor.Grants) == 0 {
		return nil, registry.Errorf(registry.Forbidden, "%q holds no role", d.Subject)
	}
	return h.core.WithLoaders(policies.As(ctx, actor, "webhook")), nil
}

// NoteDelivery writes what a deliverer found out, all or nothing. FAILED_PRECONDITION when there is
// no place for another dead letter.
func (h *Hooks) NoteDelivery(ctx context.Context, d *Due, note Note) error {
	ledger, err := h.core.Gate.Ledger(ctx)
	if err != nil {
		return err
	}
	now := h.core.Now()
	var rows []graph.Count
	if note.Delivery != nil {
		ring := place(note.State.Deliveries, registry.KeptDeliveries)
		rows = append(rows, graph.Count{CountKey: logKey(d.ID), Kind: ring, N: packDelivery(*note.Delivery), Last: note.Delivery.At})
		note.State.Deliveries++
	}
	if note.Dead > 0 || note.Revived > 0 {
		dead, err := ledger.Read(ctx, deadKey(d.ID))
		if err != nil {
			return err
		}
		if note.Dead > 0 {
			free, ok := freePlace(dead[0], note.Dead)
			if !ok {
				return registry.Errorf(registry.FailedPrecondition, "there are %d dead letters", registry.MaxDeadLetters)
			}
			rows = append(rows, graph.Count{CountKey: deadKey(d.ID), Kind: free, N: note.Dead, Last: now})
		}
		for _, r := range dead[0] {
			if note.Revived > 0 && r.N == note.Revived {
				r.N = 0
				rows = append(rows, r)
			}
		}
	}
	if err := ledger.Set(ctx, append(rows, note.State.rows(d.ID, now)...)...); err != nil {
		return err
	}
	d.State = note.State
	return nil
}

package webhooks

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"pedigree/graph"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service/core"
)

// State is where a webhook is.
type State struct {
	// Position is the sequence up to which everything was told or given up.
	Position int64
	// Attempts is how often the next event was tried, NextAttempt when it is tried again.
	Attempts    int
	NextAttempt time.Time
	// Deliveries is how many attempts there were in all.
	Deliveries int64
	// Commands is the number of the last command that was done.
	Commands int
	// Digest is the end of the digest that is being told, 0 for none; LastDigest is when the last one
	// was told.
	Digest     int64
	LastDigest time.Time
}

// The kinds of the rows of a state. The position is stored one higher, so that none is not 0.
const (
	rowPosition, rowAttempts, rowDeliveries, rowCommands, rowDigest = "position", "attempts", "deliveries", "commands", "digest"
)

func stateOf(w *registry.Webhook, rows []graph.Count) (s State) {
	s.Position = w.Start
	for _, r := range rows {
		switch r.Kind {
		case rowPosition:
			s.Position = r.N
		case rowAttempts:
			if s.Attempts = int(r.N); r.N > 0 {
				s.NextAttempt = r.Last
			}
		case rowDeliveries:
			s.Deliveries = r.N
		case rowCommands:
			s.Commands = int(r.N)
		case rowDigest:
			if s.Digest = r.N; r.Last.UnixMicro() > 0 {
				s.LastDigest = r.Last
			}
		}
	}
	return s
}

// rows returns the rows of a state.
func (s State) rows(id registry.ID, now time.Time) []graph.Count {
	key, last := stateKey(id), s.LastDigest
	if last.IsZero() {
		last = time.UnixMicro(0)
	}
	next := s.NextAttempt
	if next.IsZero() {
		next = time.UnixMicro(0)
	}
	return []graph.Count{{CountKey: key, Kind: rowPosition, N: s.Position, Last: now}, {CountKey: key, Kind: rowAttempts, N: int64(s.Attempts), Last: next},
		{CountKey: key, Kind: rowDeliveries, N: s.Deliveries, Last: now}, {CountKey: key, Kind: rowCommands, N: int64(s.Commands), Last: now},
		{CountKey: key, Kind: rowDigest, N: s.Digest, Last: last}}
}

// deadOf returns dead letters, the oldest first.
func deadOf(rows []graph.Count) (out []registry.DeadLetter) {
	for _, r := range rows {
		if r.N > 0 {
			out = append(out, registry.DeadLetter{Seq: r.N, At: r.Last})
		}
	}
	slices.SortFunc(out, func(a, b registry.DeadLetter) int { return cmp.Compare(a.Seq, b.Seq) })
	return out
}

// The parts of the number of a delivery: outcome 8 bits, status 10, attempt 6, sequence 39.
const (
	outcomeBits, statusBits, attemptBits = 8, 10, 6
)

func packDelivery(d registry.Delivery) int64 {
	outcome := slices.Index(registry.DeliveryOutcomes(), d.Outcome)
	return ((d.Seq<<attemptBits|int64(min(d.Attempt, 1<<attemptBits-1)))<<statusBits|int64(min(max(d.Status, 0), 1<<statusBits-1)))<<outcomeBits | int64(outcome)
}

func unpackDelivery(r graph.Count) registry.Delivery {
	take := func(bits int) int {
		v := int(r.N & (1<<bits - 1))
		r.N >>= bits
		return v
	}
	d := registry.Delivery{At: r.Last}
	outcomes := registry.DeliveryOutcomes()
	d.Outcome = outcomes[min(take(outcomeBits), len(outcomes)-1)]
	d.Status, d.Attempt = take(statusBits), take(attemptBits)
	d.Seq = r.N
	return d
}

// deliveriesOf returns the deliveries of a log, the newest first. Kinds are the places of the ring.
func deliveriesOf(rows []graph.Count, all int64) []*registry.Delivery {
	out := make([]*registry.Delivery, 0, len(rows))
	for i := all - 1; i >= 0 && i >= all-registry.KeptDeliveries; i-- {
		for _, r := range rows {
			if r.Kind == place(i, registry.KeptDeliveries) {
				d := unpackDelivery(r)
				out = append(out, &d)
			}
		}
	}
	return out
}

// place is the kind of the row of the nth thing in a ring.
func place(n int64, size int64) string { return fmt.Sprintf("%03d", n%size) }

// freePlace returns a place for a dead letter: that of the same sequence, or one that is free;
// false when all are taken.
func freePlace(rows []graph.Count, seq int64) (string, bool) {
	taken := map[int]bool{}
	for _, r := range rows {
		if r.N == seq {
			return r.Kind, true
		}
		if n, err := strconv.Atoi(r.Kind); err == nil && r.N > 0 {
			taken[n] = true
		}
	}
	for n := range registry.MaxDeadLetters {
		if !taken[n] {
			return place(int64(n), registry.MaxDeadLetters), true
		}
	}
	return "", false
}

// Hook is a webhook with what is known of its deliveries.
type Hook struct {
	registry.Webhook
	State State
	batch *batch
	at    int
}

// batch reads the deliveries and dead letters of all webhooks of a list at once.
type batch struct {
	once sync.Once
	read func() ([][]graph.Count, error)
	rows [][]graph.Count
	err  error
}

func (b *batch) of(i int) (deliveries, dead []graph.Count, err error) {
	b.once.Do(func() { b.rows, b.err = b.read() })
	if b.err != nil {
		return nil, nil, b.err
	}
	return b.rows[2*i], b.rows[2*i+1], nil
}

// Status says how the webhook is doing.
func (h *Hook) Status() registry.WebhookState {
	switch {
	case h.Paused:
		return registry.WebhookPaused
	case h.State.Attempts > 0:
		return registry.WebhookFailing
	}
	return registry.WebhookActive
}

// MLflowEvents are the events of MLflow that the webhook tells.
func (h *Hook) MLflowEvents() []string {
	out := []string{}
	for _, e := range h.MLflow {
		out = append(out, e.String())
	}
	return out
}

// Position is the sequence up to which everything was told or given up.
func (h *Hook) Position() int64 { return h.State.Position }

// Attempts is how often the next event was tried in vain.
func (h *Hook) Attempts() int { return h.State.Attempts }

// NextAttempt is when a webhook that fails is tried again, nil for others.
func (h *Hook) NextAttempt() *time.Time {
	if h.State.Attempts == 0 {
		return nil
	}
	return &h.State.NextAttempt
}

// hooks returns webhooks with their states, in one read.
func (h *Hooks) hooks(ctx context.Context, scope *policies.Scope, nodes []*graph.Node) (out []*Hook, err error) {
	var keys, parts []graph.CountKey
	b := &batch{}
	for _, n := range nodes {
		if n == nil {
			continue
		}
		w, err := core.DecodeWhole(n, &registry.Webhook{})
		if err != nil {
			return nil, err
		}
		out = append(out, &Hook{Webhook: *w, batch: b, at: len(out)})
		keys, parts = append(keys, stateKey(w.ID)), append(parts, logKey(w.ID), deadKey(w.ID))
	}
	rows, err := scope.LedgerOf(ctx, keys...)
	if err != nil {
		return nil, err
	}
	for i, hook := range out {
		hook.State = stateOf(&hook.Webhook, rows[i])
	}
	b.read = func() ([][]graph.Count, error) { return scope.LedgerOf(ctx, parts...) }
	return out, nil
}

// Webhooks lists the webhooks of a subject; without one the caller's own, and all for who may
// manage all.
func (h *Hooks) Webhooks(ctx context.Context, subject string) ([]*Hook, error) {
	scope, err := h.core.Gate.Read(ctx, registry.WebhookManageOwn)
	if err != nil {
		return nil, err
	}
	core.ToNFC(&subject)
	index, err := scope.WebhookIndex(ctx)
	if err != nil || index == nil {
		return []*Hook{}, err
	}
	var ids []registry.ID
	for _, e := range index.Webhooks {
		if !e.Personal && (subject == "" || e.Subject == subject) {
			ids = append(ids, e.ID)
		}
	}
	if len(ids) == 0 {
		return []*Hook{}, nil
	}
	nodes, err := scope.Webhooks(ctx, ids...)
	if err != nil {
		return nil, err
	}
	return h.hooks(ctx, scope, nodes)
}

// Webhook returns a webhook, nil when there is none that the caller may manage.
func (h *Hooks) Webhook(ctx context.Context, id registry.ID) (*Hook, error) {
	scope, err := h.core.Gate.Read(ctx, registry.WebhookManageOwn)
	if err != nil {
		return nil, err
	}
	nodes, err := scope.Webhooks(ctx, id)
	if err != nil {
		return nil, err
	}
	found, err := h.hooks(ctx, scope, nodes)
	if err != nil || len(found) == 0 || found[0].Personal {
		return nil, err
	}
	return found[0], nil
}

// DeliveriesOf returns the last attempts of a webhook, the newest first.
func (h *Hooks) DeliveriesOf(ctx context.Context, hook *Hook) ([]*registry.Delivery, error) {
	if _, err := h.core.Gate.Read(ctx, registry.WebhookManageOwn); err != nil {
		return nil, err
	}
	rows, _, err := hook.batch.of(hook.at)
	return deliveriesOf(rows, hook.State.Deliveries), err
}

// DeadLettersOf returns the events of a webhook that were given up, the oldest first.
func (h *Hooks) DeadLettersOf(ctx context.Context, hook *Hook) ([]*registry.DeadLetter, error) {
	if _, err := h.core.Gate.Read(ctx, registry.WebhookManageOwn); err != nil {
		return nil, err
	}
	_, rows, err := hook.batch.of(hook.at)
	out := []*registry.DeadLetter{}
	for _, d := range deadOf(rows) {
		out = append(out, &d)
	}
	return out, err
}

// Package service holds the use cases, one file a noun: the one API that every
// door calls. It reads and writes through a policies.Gate, and never a store.
package service

import (
	"context"
	"encoding/json"
	"time"

	"golang.org/x/text/unicode/norm"

	"pedigree/graph"
	"pedigree/policies"
	"pedigree/registry"
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

// Ready answers UNAVAILABLE while the store does not answer. It is open to all.
func (s *Service) Ready(ctx context.Context) error { return s.gate.Ping(ctx) }

// Authenticate returns the actor that a bearer token names. It is open to all.
func (s *Service) Authenticate(ctx context.Context, token string) (registry.Actor, error) {
	return s.gate.Authenticate(ctx, token)
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

// nounAs decodes into the noun that the caller expects, nil for another kind.
func nounAs[T registry.Node](n registry.Node, err error) (T, error) {
	t, _ := n.(T)
	return t, err
}

// toNFC brings a name from outside to Unicode NFC.
func toNFC(texts ...*string) {
	for _, t := range texts {
		*t = norm.NFC.String(*t)
	}
}

// checkName brings a name to NFC and checks it.
func checkName(field string, v *string) error {
	toNFC(v)
	return registry.CheckName(field, *v)
}

// checkKey is name for names of foreign systems; empty is allowed.
func checkKey(field string, v *string) error {
	toNFC(v)
	if *v == "" {
		return nil
	}
	return registry.CheckKey(field, *v)
}

// checkText brings free text to NFC and checks it.
func checkText(field string, v *string) error {
	toNFC(v)
	return registry.CheckText(field, *v)
}

// firstError returns the first error.
func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// storedTime brings a time from outside to what is kept; the zero time becomes def.
func storedTime(t, def time.Time) time.Time {
	if t.IsZero() {
		return def
	}
	return t.UTC().Truncate(time.Microsecond)
}

// earliestTime and latest bound the times that are taken.
var earliestTime, latestTime = time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)

// checkTime refuses times that no store keeps.
func checkTime(field string, t time.Time) error {
	if !t.IsZero() && (t.Before(earliestTime) || t.After(latestTime)) {
		return registry.Invalid(field, "must lie between %s and %s", earliestTime.Format(time.DateOnly), latestTime.Format(time.DateOnly))
	}
	return nil
}

// checkTags holds keys and values to their rules.
func checkTags(field string, tags []registry.KeyValue) error {
	if len(tags) > 200 {
		return registry.Invalid(field, "has more than 200 entries")
	}
	seen := map[string]bool{}
	for i := range tags {
		toNFC(&tags[i].Key, &tags[i].Value)
		if err := registry.CheckKey(field+".key", tags[i].Key); err != nil {
			return err
		}
		if seen[tags[i].Key] {
			return registry.Invalid(field, "the key %q is given twice", tags[i].Key)
		}
		seen[tags[i].Key] = true
		if err := registry.CheckText(field+".value", tags[i].Value); err != nil {
			return err
		}
	}
	return nil
}

// checkRevision answers CONFLICT when the caller saw another revision.
func checkRevision(want *int, have int64) error {
	if want != nil && int64(*want) != have {
		e := registry.Errorf(registry.Conflict, "it was changed meanwhile: you saw revision %d, it is at %d; read it again and repeat your change", *want, have)
		e.Details = map[string]any{"revision": have}
		return e
	}
	return nil
}

// writeResult is what a write leaves behind for its answer and for a retry with the
// same idempotency key.
type writeResult struct {
	IDs     []registry.ID `json:"ids"`
	Created bool          `json:"created"`
	Count   int           `json:"count,omitempty"`
	// Changed tells that something was written, be it new or added.
	Changed bool `json:"changed,omitempty"`
	// Facts are the results of a batch.
	Facts []RecordedFact `json:"facts,omitempty"`
	edge  *graph.Edge
}

// idempotentCall is the part of every input that makes retries safe.
type idempotentCall struct {
	mutation string
	key      *string
	input    any
}

// write runs a use case in one transaction, once per idempotency key.
func (s *Service) write(ctx context.Context, action registry.Action, idem idempotentCall, fn func(context.Context, *policies.Tx) (writeResult, error)) (writeResult, error) {
	var out writeResult
	err := s.gate.Write(ctx, action, func(ctx context.Context, tx *policies.Tx) error {
		var err error
		out, err = runIdempotent(ctx, tx, idem, func() (writeResult, error) { return fn(ctx, tx) })
		return err
	})
	return out, err
}

// runIdempotent runs a use case inside a transaction unless its idempotency key was used.
func runIdempotent(ctx context.Context, tx *policies.Tx, idem idempotentCall, fn func() (writeResult, error)) (writeResult, error) {
	replay, mark, err := lookupIdempotencyKey(ctx, tx, idem)
	if err != nil {
		return writeResult{}, err
	}
	if replay != nil {
		return *replay, nil
	}
	out, err := fn()
	if err != nil {
		return out, err
	}
	return out, mark(out)
}

// idempotencyKeyLifetime is how long a key holds.
const idempotencyKeyLifetime = 24 * time.Hour

type idempotencyRecord struct {
	Input  string      `json:"input"`
	Result writeResult `json:"result"`
	At     time.Time   `json:"at"`
}

// lookupIdempotencyKey looks an idempotency key up: a replay, or a function that marks the key
// as used.
func lookupIdempotencyKey(ctx context.Context, tx *policies.Tx, idem idempotentCall) (*writeResult, func(writeResult) error, error) {
	if idem.key == nil || *idem.key == "" {
		return nil, func(writeResult) error { return nil }, nil
	}
	k := *idem.key
	if err := registry.CheckText("idempotencyKey", k); err != nil || len(k) > 255 {
		return nil, nil, registry.Invalid("idempotencyKey", "must be at most 255 characters of text")
	}
	id := registry.NewID(registry.KindIdempotency, tx.Subject(), idem.mutation, k)
	raw, err := registry.Canonical(idem.input)
	if err != nil {
		return nil, nil, err
	}
	hash := string(registry.NewID(registry.KindIdempotency, string(raw)))
	found, err := tx.House(ctx, id)
	if err != nil {
		return nil, nil, err
	}
	if found[0] != nil {
		var old idempotencyRecord
		if err := json.Unmarshal(found[0].Doc, &old); err != nil {
			return nil, nil, err
		}
		if tx.Now().Before(old.At.Add(idempotencyKeyLifetime)) {
			if old.Input != hash {
				return nil, nil, registry.Errorf(registry.Conflict, "the idempotencyKey %q was used with another input; take a new key", registry.Shorten(k, 60))
			}
			return &old.Result, nil, nil
		}
	}
	mark := func(r writeResult) error {
		doc, err := registry.Canonical(idempotencyRecord{Input: hash, Result: r, At: tx.Now()})
		if err != nil {
			return err
		}
		if !r.anythingNew() {
			return nil // Nothing was written: doing it again is as good as remembering it.
		}
		return tx.Put(ctx, &graph.Node{ID: id, Kind: registry.KindIdempotency, ValidFrom: tx.Now(), Since: tx.Now(), Doc: doc,
			Slots: []string{"idem/" + tx.Subject() + "/" + idem.mutation + "/" + k}})
	}
	return nil, mark, nil
}

// anythingNew reports whether the use case wrote anything.
func (r writeResult) anythingNew() bool { return r.Created }

// As puts an actor into the context; everything under it acts as that subject.
func As(ctx context.Context, actor registry.Actor, requestID string) context.Context {
	return policies.As(ctx, actor, requestID)
}

// RequestID returns the id of the request of a context, "" outside of one.
func RequestID(ctx context.Context) string { return policies.RequestID(ctx) }

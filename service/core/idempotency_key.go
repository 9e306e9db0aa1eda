package core

import (
	"context"
	"encoding/json"
	"time"

	"pedigree/graph"
	"pedigree/policies"
	"pedigree/registry"
)

// WriteResult is the result of a write. It is stored under the idempotency key of the call,
// so that a retry can return it again.
type WriteResult struct {
	IDs     []registry.ID `json:"ids"`
	Created bool          `json:"created"`
	Count   int           `json:"count,omitempty"`
	// Changed is true when anything was written, new or added to what was known.
	Changed bool `json:"changed,omitempty"`
	// NotTaken are the told fields that contradict what is recorded; see Written.
	NotTaken []string `json:"notTaken,omitempty"`
	// Facts are the results of a batch.
	Facts []RecordedFact `json:"facts,omitempty"`
	// Edge is the edge that was linked.
	Edge *graph.Edge `json:"edge,omitempty"`
	// Seq is the log sequence of the write, At its time.
	Seq int64     `json:"seq,omitempty"`
	At  time.Time `json:"at,omitzero"`
	// replayed is true for the stored result of an earlier call.
	replayed bool
}

// IdempotentCall identifies a call of a mutation, so that a retry of it is recognized.
type IdempotentCall struct {
	mutation string
	key      *string
	input    any
}

// Idempotent identifies a call of a mutation by its idempotency key and its input. With a nil
// or empty key every call is a new one.
func Idempotent(mutation string, key *string, input any) IdempotentCall {
	return IdempotentCall{mutation, key, input}
}

// NotIdempotent is the call of a mutation that takes no idempotency key.
var NotIdempotent = IdempotentCall{}

// Write runs fn in one transaction with permission for an action, at most once per
// idempotency key. It refuses times in the input of the call that lie ahead.
func (c *Core) Write(ctx context.Context, action registry.Action, idem IdempotentCall, fn func(context.Context, *policies.Tx) (WriteResult, error)) (WriteResult, error) {
	return c.WriteAny(ctx, []registry.Action{action}, idem, fn)
}

// WriteAny is Write for a change that each of several actions allows. fn must ask Tx.May which
// of them the caller may do.
func (c *Core) WriteAny(ctx context.Context, actions []registry.Action, idem IdempotentCall, fn func(context.Context, *policies.Tx) (WriteResult, error)) (WriteResult, error) {
	var out WriteResult
	if err := CheckTimesNotAhead(idem.input, c.Gate.Now()); err != nil {
		return out, err
	}
	err := c.Gate.WriteAny(c.KnowTrust(ctx), actions, func(ctx context.Context, tx *policies.Tx) error {
		var err error
		out, err = RunIdempotent(ctx, tx, idem, func() (WriteResult, error) { return fn(ctx, tx) })
		return err
	})
	return out, err
}

// RunIdempotent runs fn inside a transaction. If the idempotency key was used before with the
// same input, it returns the stored result instead; with another input it answers CONFLICT.
func RunIdempotent(ctx context.Context, tx *policies.Tx, idem IdempotentCall, fn func() (WriteResult, error)) (WriteResult, error) {
	replay, mark, err := lookupIdempotencyKey(ctx, tx, idem)
	if err != nil {
		return WriteResult{}, err
	}
	if replay != nil {
		replay.replayed = true
		return *replay, nil
	}
	out, err := fn()
	if err != nil {
		return out, err
	}
	out.Seq, out.At = tx.LastLogged()
	return out, mark(out)
}

// idempotencyKeyLifetime is how long a result is stored under its key.
const idempotencyKeyLifetime = 24 * time.Hour

// idempotencyRecord is the document of a KindIdempotency node. Input is a hash.
type idempotencyRecord struct {
	Input  string      `json:"input"`
	Result WriteResult `json:"result"`
	At     time.Time   `json:"at"`
}

// lookupIdempotencyKey returns the stored result of an idempotency key, or else a function
// that stores a result under the key.
func lookupIdempotencyKey(ctx context.Context, tx *policies.Tx, idem IdempotentCall) (*WriteResult, func(WriteResult) error, error) {
	if idem.key == nil || *idem.key == "" {
		return nil, func(WriteResult) error { return nil }, nil
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
	found, err := tx.NodesUnfiltered(ctx, id)
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
	mark := func(r WriteResult) error {
		doc, err := registry.Canonical(idempotencyRecord{Input: hash, Result: r, At: tx.Now()})
		if err != nil {
			return err
		}
		if !r.anythingWritten() {
			return nil // A retry finds the same state and answers the same.
		}
		return tx.Put(ctx, &graph.Node{ID: id, Kind: registry.KindIdempotency, ValidFrom: tx.Now(), Since: tx.Now(), Doc: doc,
			Slots: []string{"idem/" + tx.Subject() + "/" + idem.mutation + "/" + k}})
	}
	return nil, mark, nil
}

// anythingWritten reports whether the write created or changed anything.
func (r WriteResult) anythingWritten() bool { return r.Created || r.Changed }

// CheckRevision answers CONFLICT when want is set and is not the current revision.
func CheckRevision(want *int, have int64) error {
	if want != nil && int64(*want) != have {
		e := registry.Errorf(registry.Conflict, "it was changed meanwhile: you saw revision %d, it is at %d; read it again and repeat your change", *want, have)
		e.Details = map[string]any{"revision": have}
		return e
	}
	return nil
}

// ReadBack reads a noun after a write, with the fields that the caller sees. For the stored
// result of an earlier call it reads the noun as that call left it. It has a timeout of its
// own: a committed write is answered even if the operation's deadline has passed.
func (c *Core) ReadBack(ctx context.Context, r WriteResult, id registry.ID) (registry.Node, error) {
	nouns, err := c.ReadBackAll(ctx, r, id)
	if err != nil || len(nouns) == 0 {
		return nil, err
	}
	return nouns[0], nil
}

// ReadBackAll is ReadBack for several nouns. It returns none when the caller may write but
// not read.
func (c *Core) ReadBackAll(ctx context.Context, r WriteResult, ids ...registry.ID) ([]registry.Node, error) {
	ClearLoaders(ctx)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), readBackTimeout)
	defer cancel()
	var nouns []registry.Node
	var err error
	if r.replayed && r.Seq > 0 {
		nouns, err = c.nodesAsWritten(ctx, r, ids)
	} else {
		nouns, err = c.Nodes(ctx, ids)
	}
	if registry.CodeOf(err) == registry.Forbidden {
		return nil, nil
	}
	return nouns, err
}

// nodesAsWritten reads nouns as an earlier write left them. Their fields are read at the time
// of that write.
func (c *Core) nodesAsWritten(ctx context.Context, r WriteResult, ids []registry.ID) ([]registry.Node, error) {
	scope, err := c.Gate.Read(ctx, registry.CatalogRead)
	if err != nil {
		return nil, err
	}
	found, err := scope.Nodes(ctx, graph.Instant{Known: r.Seq}, ids...)
	if err != nil {
		return nil, err
	}
	nouns, err := c.decodeVisible(found, registry.Instant{Valid: r.At, Known: r.Seq})
	Siblings(ctx, nouns)
	return nouns, err
}

// readBackTimeout bounds the read after a committed write.
const readBackTimeout = 5 * time.Second

// LogDetail returns the detail of a log entry as canonical JSON, from pairs of a key and a
// value. Nil values and empty strings are left out.
func LogDetail(pairs ...any) registry.JSON {
	m := map[string]any{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if v := pairs[i+1]; v != "" && v != nil {
			m[pairs[i].(string)] = v
		}
	}
	b, err := registry.Canonical(m)
	if err != nil {
		return nil
	}
	return b
}

// DeletePayload carries the id of what was deleted, nil when nothing was.
type DeletePayload struct{ DeletedID *registry.ID }

// NewDeletePayload makes the payload of a write that deleted the first id of its result.
func NewDeletePayload(ctx context.Context, r WriteResult, err error) (*DeletePayload, error) {
	if err != nil {
		return nil, err
	}
	ClearLoaders(ctx)
	if len(r.IDs) == 0 {
		return &DeletePayload{}, nil
	}
	return &DeletePayload{&r.IDs[0]}, nil
}

package core

import (
	"context"

	"pedigree/policies"
	"pedigree/registry"
)

// Fact is an input that a batch of facts can hold. Package bulk finds the kinds of facts by
// this interface, so that it needs no list of kinds.
type Fact interface {
	// FactKind returns the kind of the fact.
	FactKind() registry.FactKind
	// FactAction returns the action that the caller needs permission for.
	FactAction() registry.Action
	// CheckFact checks the input and normalizes its names, without reading the store.
	CheckFact() error
	// ResolveFact returns a copy in which the references replaced every id.
	ResolveFact(References) Fact
	// FactReads returns the nodes, and the effects of edges, that WriteFact will read.
	FactReads() (ids, effects []registry.ID)
	// WriteFact writes the fact in a transaction.
	WriteFact(ctx context.Context, tx *policies.Tx) (WriteResult, error)
}

// References replaces ids of the form "@ref" in the inputs of a batch.
type References struct {
	// One returns the replacement of an id. It returns ids that are no references unchanged.
	One func(registry.ID) registry.ID
}

// All returns a list with every id replaced.
func (r References) All(ids []registry.ID) []registry.ID {
	if len(ids) == 0 {
		return ids
	}
	out := make([]registry.ID, len(ids))
	for i, id := range ids {
		out[i] = r.One(id)
	}
	return out
}

// Optional returns the replacement of an id, nil for nil.
func (r References) Optional(id *registry.ID) *registry.ID {
	if id == nil {
		return nil
	}
	out := r.One(*id)
	return &out
}

// RefuseIdempotencyKey answers INVALID_ARGUMENT when a fact of a batch has an idempotency key
// of its own.
func RefuseIdempotencyKey(key *string) error {
	if key != nil {
		return registry.Invalid("idempotencyKey", "belongs to the batch, not to a fact of it")
	}
	return nil
}

// IDsOf returns the ids behind the pointers that are not nil.
func IDsOf(ids ...*registry.ID) (out []registry.ID) {
	for _, id := range ids {
		if id != nil {
			out = append(out, *id)
		}
	}
	return out
}

// RecordedFact is the result of one fact of a batch.
type RecordedFact struct {
	// Index is the fact's place in the input, from 0.
	Index int               `json:"index"`
	Kind  registry.FactKind `json:"kind"`
	// ID identifies the node or edge that the fact is about. It is nil when there is none, as
	// for the retraction of an edge that does not exist.
	ID      *registry.ID `json:"id,omitempty"`
	Created bool         `json:"created,omitempty"`
	// Merged is true when the fact was known before and something was added to it.
	Merged bool `json:"merged,omitempty"`
	// NotTaken are the told fields that contradict what is recorded; see Written.
	NotTaken []string `json:"notTaken,omitempty"`
}

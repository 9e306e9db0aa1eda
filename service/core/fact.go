package core

import (
	"context"

	"pedigree/policies"
	"pedigree/registry"
)

// Fact is an input that a batch of facts can hold. Every record and register input
// implements it, so that a batch needs no list of kinds.
type Fact interface {
	FactKind() registry.FactKind
	FactAction() registry.Action
	// CheckFact checks the input and normalizes its names. It does not read the store.
	CheckFact() error
	// ResolveFact returns a copy in which every id went through the references.
	ResolveFact(References) Fact
	// FactReads returns the nodes, and the effects of edges, that WriteFact will read.
	FactReads() (ids, effects []registry.ID)
	WriteFact(ctx context.Context, tx *policies.Tx) (WriteResult, error)
}

// References replaces ids of the form "@ref" in the inputs of a batch.
type References struct {
	// One returns the id to use in the place of another.
	One func(registry.ID) registry.ID
}

// All replaces every id of a list.
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

// Optional replaces an id that may be nil.
func (r References) Optional(id *registry.ID) *registry.ID {
	if id == nil {
		return nil
	}
	out := r.One(*id)
	return &out
}

// RefuseIdempotencyKey refuses the idempotency key of a fact: its batch has one.
func RefuseIdempotencyKey(key *string) error {
	if key != nil {
		return registry.Invalid("idempotencyKey", "belongs to the batch, not to a fact of it")
	}
	return nil
}

// IdsOf lists the ids behind pointers that are set.
func IDsOf(ids ...*registry.ID) (out []registry.ID) {
	for _, id := range ids {
		if id != nil {
			out = append(out, *id)
		}
	}
	return out
}

// RecordedFact tells what became of one fact.
type RecordedFact struct {
	// Index is the fact's place in the input, from 0.
	Index int               `json:"index"`
	Kind  registry.FactKind `json:"kind"`
	// ID is what the fact is about: "" where there is nothing, as for a retraction
	// of what was not there.
	ID      *registry.ID `json:"id,omitempty"`
	Created bool         `json:"created,omitempty"`
	// Merged tells that it was known, and that something was added to it.
	Merged bool `json:"merged,omitempty"`
}

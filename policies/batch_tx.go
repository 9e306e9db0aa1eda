package policies

import (
	"context"
	"errors"

	"pedigree/graph"
	"pedigree/registry"
)

// Batch is a transaction of many steps, each with its own action.
type Batch struct {
	tx     *Tx
	buffer *bufferedTx
}

// WriteBatch runs fn in one transaction when the actor may do the action; each
// step asks for its own besides. Writes are held back and joined where that
// changes nothing but their cost. fn may run more than once.
func (g *Gate) WriteBatch(ctx context.Context, action registry.Action, fn func(context.Context, *Batch) error) error {
	s, err := g.scope(ctx)
	if err != nil {
		return err
	}
	grants := s.grantsFor(action)
	if len(grants) == 0 {
		return s.forbidden(action)
	}
	return g.store.Update(ctx, func(tx graph.Tx) error {
		u := newBufferedTx(tx)
		b := &Batch{tx: newTx(g, s, u, grants), buffer: u}
		if err := fn(ctx, b); err != nil {
			return err
		}
		return u.flush(ctx)
	})
}

// Tx is the transaction of the batch's own action.
func (b *Batch) Tx() *Tx { return b.tx }

// Step begins the step of a number and returns the transaction as the actor may
// write it for an action: FORBIDDEN without a grant.
func (b *Batch) Step(number int, action registry.Action) (*Tx, error) {
	b.buffer.currentStep = number
	grants := b.tx.scope.grantsFor(action)
	if len(grants) == 0 {
		return nil, b.tx.scope.forbidden(action)
	}
	c := *b.tx
	c.granted = grants
	return &c, nil
}

// Warm reads nodes and the causes of effects ahead, in a few calls.
func (b *Batch) Warm(ctx context.Context, ids, effects []registry.ID) error {
	return b.buffer.prefetch(ctx, ids, effects)
}

// Flush writes what was held back. Edges that were recorded have their ids then.
func (b *Batch) Flush(ctx context.Context) error { return b.buffer.flush(ctx) }

// StepOf tells which step an error belongs to, and its cause: a cycle is found
// when edges are written, after the step that closed it.
func StepOf(err error, current int) (int, error) {
	var e *stepError
	if errors.As(err, &e) {
		return e.step, e.err
	}
	return current, err
}

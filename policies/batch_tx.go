package policies

import (
	"context"
	"errors"

	"pedigree/graph"
	"pedigree/registry"
)

// Batch is one transaction of many steps, each with its own action.
type Batch struct {
	tx     *Tx
	buffer *bufferedTx
}

// WriteBatch runs fn in one transaction when the actor may do the action; each step
// needs its own action too. Writes are buffered and combined into fewer store calls
// (see bufferedTx). fn may run more than once.
func (g *Gate) WriteBatch(ctx context.Context, action registry.Action, fn func(context.Context, *Batch) error) error {
	s, grants, err := g.grantsOf(ctx, action)
	if err != nil {
		return err
	}
	defer g.watch.tell()
	defer g.clearIdentities()
	return g.store.Update(ctx, func(tx graph.Tx) error {
		u := newBufferedTx(tx)
		t, err := newTx(ctx, g, s, u, grants)
		if err != nil {
			return err
		}
		if err := fn(ctx, &Batch{tx: t, buffer: u}); err != nil {
			return err
		}
		return u.flush(ctx)
	})
}

// Tx is the transaction of the batch's own action.
func (b *Batch) Tx() *Tx { return b.tx }

// Step begins a numbered step and returns the transaction under the actor's grants for
// an action: FORBIDDEN when there is none.
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

// Prefetch prefetches nodes, and the edges from effects to their causes, in a few calls.
func (b *Batch) Prefetch(ctx context.Context, ids, effects []registry.ID) error {
	return b.buffer.prefetch(ctx, ids, effects)
}

// Flush writes the buffered nodes, edges and log entries. Buffered edges get their ids.
func (b *Batch) Flush(ctx context.Context) error { return b.buffer.flush(ctx) }

// StepOf returns the step that an error belongs to, and its cause. That may be an
// earlier step than the current one: a cycle is found when buffered edges are written.
func StepOf(err error, current int) (int, error) {
	var e *stepError
	if errors.As(err, &e) {
		return e.step, e.err
	}
	return current, err
}

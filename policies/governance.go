package policies

import (
	"context"
	"slices"

	"pedigree/graph"
	"pedigree/registry"
)

// Inspect runs fn as a transaction that cannot write, when the actor may do an action. It is
// for questions about what a write would meet.
func (g *Gate) Inspect(ctx context.Context, action registry.Action, fn func(context.Context, *Tx) error) error {
	s, err := g.Read(ctx, action)
	if err != nil {
		return err
	}
	t, err := newTx(ctx, g, s, readOnlyTx{g.store}, nil)
	if err != nil {
		return err
	}
	return fn(ctx, t)
}

// readOnlyTx is a graph.Tx whose writes fail.
type readOnlyTx struct{ graph.Reader }

func (readOnlyTx) refuse() error {
	return registry.Errorf(registry.Internal, "a question wrote to the registry")
}

// Put fails.
func (r readOnlyTx) Put(context.Context, ...*graph.Node) error { return r.refuse() }

// Link fails.
func (r readOnlyTx) Link(context.Context, ...*graph.Edge) error { return r.refuse() }

// Unlink fails.
func (r readOnlyTx) Unlink(context.Context, ...*graph.Edge) error { return r.refuse() }

// Delete fails.
func (r readOnlyTx) Delete(context.Context, ...*graph.Node) error { return r.refuse() }

// Append fails.
func (r readOnlyTx) Append(context.Context, ...*registry.LogEntry) error { return r.refuse() }

// Grants returns the actor's grants, which an approval keeps.
func (t *Tx) Grants() []registry.Grant { return slices.Clone(t.scope.actor.Grants) }

// SubjectMay reports whether a subject may do an action on a target, by what the registry holds
// of the subject in this transaction. A subject that it never held, such as an operator at the
// store, has the given grants. One that was deleted may do nothing.
func (t *Tx) SubjectMay(ctx context.Context, subject string, otherwise []registry.Grant, action registry.Action, target Target) (bool, error) {
	nodes, err := t.tx.Nodes(ctx, graph.Instant{}, registry.ActorID(subject))
	if err != nil {
		return false, err
	}
	actor := registry.Actor{Grants: otherwise}
	if nodes[0] != nil {
		actor.Grants = nil
		if !decodeNode(nodes[0], &actor) {
			return false, nil
		}
	}
	grants, err := t.gate.resolveGrants(ctx, t.tx, t.scope.table, actor.Grants)
	if err != nil {
		return false, err
	}
	of := *t.scope
	of.grants = grants
	return t.allowed(of.grantsFor(action), target), nil
}

// ClosureUnfiltered walks over all nodes, also those hidden from the actor. It is for rules over
// what a version was made from. Never return its result to a caller.
func (t *Tx) ClosureUnfiltered(ctx context.Context, q graph.ClosureQuery) (graph.Closure, error) {
	return t.tx.Closure(ctx, q)
}

// ReaderUnfiltered returns the transaction as a reader of all nodes, also of the past. It is for rules
// over what a version was made from. Never return what it reads to a caller.
func (t *Tx) ReaderUnfiltered() graph.Reader { return t.tx }

// MayOn reports whether the actor may do an action on a target.
func (s *Scope) MayOn(action registry.Action, target Target) bool {
	return slices.ContainsFunc(s.grantsFor(action), func(g actionGrant) bool {
		return g.conditions.ofTarget(target) && (g.models == nil || g.models.has(target.Model))
	})
}

// SlotHolders returns the nodes that hold one of some unique keys, also when they are hidden
// from the actor.
func (t *Tx) SlotHolders(ctx context.Context, slots ...string) ([]*graph.Node, error) {
	return All(ctx, t.tx, graph.Query{Slots: slots, Order: registry.IndexName, Limit: 1000})
}

// LogUnfiltered reads log entries, also those that the actor may not see. It is for rules over
// the log. Never return its result to a caller.
func (t *Tx) LogUnfiltered(ctx context.Context, q graph.LogQuery) ([]registry.LogEntry, error) {
	return t.tx.Log(ctx, q)
}

// Package cache is a graph.Store before another one: it keeps the surroundings of
// nodes that were walked lately and answers closures of today from memory, when the
// store's head is the one that they are known at.
//
// What is kept are nodes without documents and, of a direction and some kinds, all
// edges of a node that are not retracted, whatever they are valid for; a walk then
// is graph.Replay over them. What an Update of this Store wrote is forgotten when it
// is committed, by node; where the head has moved by another's hand, everything is.
// So an answer is always that of the head which the store had when it was asked.
package cache

import (
	"context"
	"slices"

	"pedigree/graph"
	"pedigree/registry"
)

// DefaultNodes is how many nodes a generation holds; two are kept. A node with its
// edges takes about a KiB.
const DefaultNodes = 24_000

// maxClosure is how many nodes a closure may have for its surroundings to be kept: a
// large one would push out what others ask for.
const maxClosure = 512

// Store is a graph.Store that answers closures from memory where it can. All else
// is the inner store's.
type Store struct {
	graph.Store
	kept *kept
}

var _ graph.Store = (*Store)(nil)

// New puts memory before a store; a generation holds so many nodes, DefaultNodes
// when 0.
func New(inner graph.Store, nodes int) *Store {
	if nodes == 0 {
		nodes = DefaultNodes
	}
	return &Store{Store: inner, kept: newKept(nodes)}
}

// Closure answers from memory, where all is kept that the walk asks for, at the
// store's head; else it asks the store for the surroundings of the walk, keeps them
// and walks there. Walks that are not of today, with documents, or bounded by kinds
// go to the store as they are.
func (s *Store) Closure(ctx context.Context, q graph.ClosureQuery) (graph.Closure, error) {
	if !serves(q) || ctx.Err() != nil || s.kept.isHard(q) {
		return s.Store.Closure(ctx, q)
	}
	if s.kept.knows(q.Roots) { // What is new need not be asked for the head.
		info, err := s.Store.Ping(ctx)
		if err != nil {
			return s.Store.Closure(ctx, q)
		}
		if out, ok := s.kept.answer(q, info.Head); ok {
			return out, nil
		}
	}
	// Where time runs out, what was found by then is the answer.
	around, err := s.Store.Closure(ctx, surroundings(q))
	if err != nil {
		return graph.Closure{}, err
	}
	if out, ok := s.kept.learn(q, around); ok {
		return out, nil
	}
	s.kept.setHard(q)
	return s.Store.Closure(ctx, q)
}

// serves reports whether a closure is of a form that is answered from memory; what
// the store would refuse it sees itself.
func serves(q graph.ClosureQuery) bool {
	if q.At.Known != 0 || !q.At.Current && !q.At.Valid.IsZero() || !q.Bare || len(q.Through) > 0 || len(q.Roots) == 0 {
		return false
	}
	ok := servesWalk(q.Direction, q.Edges, q.Depth, q.Fanout, q.Limit)
	for _, s := range q.Then {
		ok = ok && servesWalk(s.Direction, s.Edges, s.Depth, s.Fanout, s.Limit)
	}
	return ok
}

func servesWalk(d graph.Direction, kinds []registry.EdgeKind, depth, fanout, limit int) bool {
	unknown := func(k registry.EdgeKind) bool { return !slices.Contains(allEdges, k) }
	return (d == graph.Upstream || d == graph.Downstream) && depth >= 0 && depth < 10000 && fanout > 0 && limit > 0 && !slices.ContainsFunc(kinds, unknown)
}

// surroundings asks for all that a walk and its stages can meet, at any time, and
// for the edges of the last nodes: one more hop.
func surroundings(q graph.ClosureQuery) graph.ClosureQuery {
	q.At = graph.Instant{}
	q.Depth++
	stages := make([]graph.Stage, len(q.Then))
	for i, s := range q.Then {
		s.Depth++
		stages[i] = s
	}
	q.Then = stages
	return q
}

// Update notes what a transaction writes, and forgets it when it is committed.
func (s *Store) Update(ctx context.Context, fn func(graph.Tx) error) error {
	s.kept.begin()
	var w writes
	err := s.Store.Update(ctx, func(tx graph.Tx) error {
		w = writes{} // Of a run before this one nothing was committed.
		err := fn(&noting{Tx: tx, writes: &w})
		w.ran = err == nil
		return err
	})
	s.kept.end(w, err)
	return err
}

// Restore forgets everything: it writes without a log entry of its own.
func (s *Store) Restore(ctx context.Context, source string, b *graph.Batch) (graph.Mark, error) {
	defer s.kept.reset()
	return s.Store.Restore(ctx, source, b)
}

// writes are what an Update wrote: nodes anew, edges of effects and of causes, and
// the log sequences that it took.
type writes struct {
	nodes       []registry.ID
	ends        [2][]registry.ID // by place in the direction, see way
	first, last int64
	// ran tells that the closure went through: only then can it have been committed.
	ran bool
}

// noting is a graph.Tx that notes what is written.
type noting struct {
	graph.Tx
	writes *writes
}

func (t *noting) note(nodes []*graph.Node) {
	for _, n := range nodes {
		t.writes.nodes = append(t.writes.nodes, n.ID)
	}
}

func (t *noting) noteEdges(edges []*graph.Edge) {
	for _, e := range edges {
		t.writes.ends[0] = append(t.writes.ends[0], e.From)
		t.writes.ends[1] = append(t.writes.ends[1], e.To)
	}
}

// Put is graph.Tx's.
func (t *noting) Put(ctx context.Context, nodes ...*graph.Node) error {
	t.note(nodes)
	return t.Tx.Put(ctx, nodes...)
}

// Delete is graph.Tx's.
func (t *noting) Delete(ctx context.Context, nodes ...*graph.Node) error {
	t.note(nodes)
	return t.Tx.Delete(ctx, nodes...)
}

// Link is graph.Tx's.
func (t *noting) Link(ctx context.Context, edges ...*graph.Edge) error {
	t.noteEdges(edges)
	return t.Tx.Link(ctx, edges...)
}

// Unlink is graph.Tx's.
func (t *noting) Unlink(ctx context.Context, edges ...*graph.Edge) error {
	t.noteEdges(edges)
	return t.Tx.Unlink(ctx, edges...)
}

// Append is graph.Tx's.
func (t *noting) Append(ctx context.Context, entries ...*registry.LogEntry) error {
	err := t.Tx.Append(ctx, entries...)
	if err == nil && len(entries) > 0 {
		if t.writes.first == 0 {
			t.writes.first = entries[0].Seq
		}
		t.writes.last = entries[len(entries)-1].Seq
	}
	return err
}

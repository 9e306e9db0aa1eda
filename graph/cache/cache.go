// Package cache wraps a graph.Store: it keeps the neighborhood of recently walked nodes
// in memory, and answers closures of the present from it while the store's head is
// unchanged.
//
// It caches the graph, not answers: nodes without documents and, for a direction and a
// set of edge kinds, all edges of a node that are not retracted, whatever their
// validity. A walk is graph.ClosureInMemory over them. An Update of this Store invalidates the
// nodes it wrote when it is committed; when another Store has moved the head, the whole
// cache is dropped. An answer is always that of the head that the store had when it was
// asked.
package cache

import (
	"context"
	"slices"

	"pedigree/graph"
	"pedigree/registry"
)

// DefaultNodes is the default number of nodes in a generation. The cache holds two
// generations. A node with its edges takes about 1 KiB.
const DefaultNodes = 24_000

// maxCachedClosure is the number of nodes up to which a closure is cached. A larger one
// would evict what other callers ask for.
const maxCachedClosure = 512

// Store is a graph.Store that answers closures from memory where it can. Every other
// call goes to the inner store.
type Store struct {
	graph.Store
	cache *nodeCache
}

var _ graph.Store = (*Store)(nil)

// New puts a cache in front of a store. A generation holds nodes nodes; 0 means
// DefaultNodes.
func New(inner graph.Store, nodes int) *Store {
	if nodes == 0 {
		nodes = DefaultNodes
	}
	return &Store{Store: inner, cache: newNodeCache(nodes)}
}

// Unwrap returns the inner store, whose counters are beside the graph.
func (s *Store) Unwrap() graph.Store { return s.Store }

// Closure answers from memory when the cache holds all that the walk needs, at the
// store's head. Otherwise it reads the neighborhood of the walk from the store, caches
// it and walks there. It passes on unchanged what it cannot cache: walks at another
// time or head, with documents, bounded by kinds, or from very many roots.
func (s *Store) Closure(ctx context.Context, q graph.ClosureQuery) (graph.Closure, error) {
	present := q
	if q.At.Valid.IsZero() { // What is known at the head is the present.
		present.At.Known = 0
	}
	if !isCacheable(present) || ctx.Err() != nil || s.cache.shouldBypass(q) {
		return s.Store.Closure(ctx, q)
	}
	if s.cache.hasNodes(q.Roots) { // A root that is not cached is a miss: the head need not be read.
		info, err := s.Store.Ping(ctx)
		if err != nil {
			return s.Store.Closure(ctx, q)
		}
		if q.At.Known == 0 || q.At.Known == info.Head {
			if out, ok := s.cache.cachedClosure(present, info.Head); ok {
				return out, nil
			}
		}
	}
	if q.At.Known != 0 {
		return s.Store.Closure(ctx, q)
	}
	// When time runs out, the answer is what was found by then.
	neighborhood, err := s.Store.Closure(ctx, neighborhoodQuery(q))
	if err != nil {
		return graph.Closure{}, err
	}
	if out, ok := s.cache.answerAndStore(q, neighborhood); ok {
		return out, nil
	}
	s.cache.setBypass(q)
	return s.Store.Closure(ctx, q)
}

// isCacheable reports whether a closure has a form that the cache can answer. The store
// itself refuses invalid queries.
func isCacheable(q graph.ClosureQuery) bool {
	if q.At != (graph.Instant{}) || !q.Bare || len(q.Through) > 0 || len(q.Roots) == 0 || len(q.Roots) > maxCachedClosure {
		return false
	}
	ok := isCacheableWalk(q.Direction, q.Edges, q.Depth, q.Fanout, q.Limit)
	for _, s := range q.Stages {
		ok = ok && isCacheableWalk(s.Direction, s.Edges, s.Depth, s.Fanout, s.Limit)
	}
	return ok
}

func isCacheableWalk(d graph.Direction, kinds []registry.EdgeKind, depth, fanout, limit int) bool {
	unknown := func(k registry.EdgeKind) bool { return !slices.Contains(allEdgeKinds, k) }
	return (d == graph.Upstream || d == graph.Downstream) && depth >= 0 && depth < 10000 && fanout > 0 && limit > 0 && !slices.ContainsFunc(kinds, unknown)
}

// neighborhoodQuery asks for all that a walk and its stages can meet, at any time, and
// for the edges of the last nodes: one more hop.
func neighborhoodQuery(q graph.ClosureQuery) graph.ClosureQuery {
	q.At = graph.Instant{}
	q.Depth++
	stages := make([]graph.Stage, len(q.Stages))
	for i, s := range q.Stages {
		s.Depth++
		stages[i] = s
	}
	q.Stages = stages
	return q
}

// Update records what a transaction writes, and invalidates it when it is committed.
func (s *Store) Update(ctx context.Context, fn func(graph.Tx) error) error {
	s.cache.beginUpdate()
	var w writeSet
	err := s.Store.Update(ctx, func(tx graph.Tx) error {
		w = writeSet{} // An earlier run of the closure committed nothing.
		err := fn(&recordingTx{Tx: tx, writes: &w})
		w.succeeded = err == nil
		return err
	})
	s.cache.endUpdate(w, err)
	return err
}

// Restore drops the cache, because it writes without a log entry of its own.
func (s *Store) Restore(ctx context.Context, source string, b *graph.Batch) (graph.DumpPosition, error) {
	defer s.cache.reset()
	return s.Store.Restore(ctx, source, b)
}

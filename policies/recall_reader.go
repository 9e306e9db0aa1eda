package policies

import (
	"context"
	"slices"

	"pedigree/graph"
	"pedigree/registry"
)

// RecallReader reads what tells whether nodes are recalled, whoever asks: a mark is shown to all
// who see the marked node, also when they see neither the recall nor its nodes. Never return its
// results to a caller.
type RecallReader struct{ store graph.Reader }

// RecallReader returns the reader of recalls, and of walks, without regard to what the actor sees.
func (s *Scope) RecallReader() RecallReader { return RecallReader{s.store} }

// RecallReader returns the reader of recalls and walks as of the transaction so far.
func (t *Tx) RecallReader() RecallReader { return RecallReader{t.tx} }

// Open returns the recalls that are open at an instant, in the order of their numbers. Of the
// present it takes one read of an index, which is empty when no recall is open.
func (r RecallReader) Open(ctx context.Context, at graph.Instant) ([]*graph.Node, error) {
	open := graph.Predicate{Column: registry.IndexStage, Op: graph.In, Values: []any{string(registry.RecallOpen)}}
	q := graph.Query{Kinds: []registry.Kind{registry.KindRecall}, Order: registry.IndexNumber, Limit: registry.MaxOpenRecalls + 1}
	if at == (graph.Instant{}) {
		q.Where = []graph.Predicate{open}
		return All(ctx, r.store, q)
	}
	q.Bare = true
	all, err := All(ctx, r.store, q)
	if err != nil {
		return nil, err
	}
	var out []*graph.Node
	for part := range slices.Chunk(all, 1000) {
		ids := make([]registry.ID, len(part))
		for i, n := range part {
			ids[i] = n.ID
		}
		then, err := r.store.Nodes(ctx, at, ids...)
		if err != nil {
			return nil, err
		}
		for _, n := range then {
			if n != nil && n.Text(registry.IndexStage) == string(registry.RecallOpen) {
				out = append(out, n)
			}
		}
	}
	return out, nil
}

// Closure walks through all nodes.
func (r RecallReader) Closure(ctx context.Context, q graph.ClosureQuery) (graph.Closure, error) {
	return r.store.Closure(ctx, q)
}

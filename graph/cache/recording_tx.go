package cache

import (
	"context"

	"pedigree/graph"
	"pedigree/registry"
)

// writeSet is what an Update wrote: nodes, the ends of edges, and its log sequences.
type writeSet struct {
	nodes       []registry.ID
	edgeEnds    [2][]registry.ID // [0] the From ends (effects), [1] the To ends (causes)
	first, last int64
	// succeeded reports that the closure returned without error: only then can it have
	// been committed.
	succeeded bool
}

// recordingTx is a graph.Tx that records what is written.
type recordingTx struct {
	graph.Tx
	writes *writeSet
}

func (t *recordingTx) recordNodes(nodes []*graph.Node) {
	for _, n := range nodes {
		t.writes.nodes = append(t.writes.nodes, n.ID)
	}
}

func (t *recordingTx) recordEdges(edges []*graph.Edge) {
	for _, e := range edges {
		t.writes.edgeEnds[0] = append(t.writes.edgeEnds[0], e.From)
		t.writes.edgeEnds[1] = append(t.writes.edgeEnds[1], e.To)
	}
}

// Put implements graph.Tx.
func (t *recordingTx) Put(ctx context.Context, nodes ...*graph.Node) error {
	t.recordNodes(nodes)
	return t.Tx.Put(ctx, nodes...)
}

// Delete implements graph.Tx.
func (t *recordingTx) Delete(ctx context.Context, nodes ...*graph.Node) error {
	t.recordNodes(nodes)
	return t.Tx.Delete(ctx, nodes...)
}

// Link implements graph.Tx.
func (t *recordingTx) Link(ctx context.Context, edges ...*graph.Edge) error {
	t.recordEdges(edges)
	return t.Tx.Link(ctx, edges...)
}

// Unlink implements graph.Tx.
func (t *recordingTx) Unlink(ctx context.Context, edges ...*graph.Edge) error {
	t.recordEdges(edges)
	return t.Tx.Unlink(ctx, edges...)
}

// Append implements graph.Tx.
func (t *recordingTx) Append(ctx context.Context, entries ...*registry.LogEntry) error {
	err := t.Tx.Append(ctx, entries...)
	if err == nil && len(entries) > 0 {
		if t.writes.first == 0 {
			t.writes.first = entries[0].Seq
		}
		t.writes.last = entries[len(entries)-1].Seq
	}
	return err
}

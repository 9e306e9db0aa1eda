package graphs

import (
	"context"
	"fmt"
	"time"

	"pedigree/graph"
	"pedigree/registry"
)

// Loaded tells how a graph went into a store: nodes and edges in Updates of their
// own, so that each has its whole cost, commit and log entry included. The making
// of nodes is not counted.
type Loaded struct {
	Nodes, Edges         int
	NodesTook, EdgesTook time.Duration
}

// Load writes a graph to a store: the nodes of a batch in an Update, then its
// edges, each with one log entry, as an import does.
func (p Plan) Load(ctx context.Context, s graph.Store, batch int, progress func(Loaded)) (done Loaded, err error) {
	update := func(took *time.Duration, what string, n int, of registry.ID, write func(graph.Tx) error) error {
		if n == 0 {
			return nil
		}
		start := time.Now()
		defer func() { *took += time.Since(start) }()
		return s.Update(ctx, func(tx graph.Tx) error {
			if err := write(tx); err != nil {
				return err
			}
			return tx.Append(ctx, &registry.LogEntry{Actor: by, Action: registry.LogImported, Objects: []registry.ID{of},
				Detail: fmt.Appendf(nil, `{%q:%d}`, what, n)})
		})
	}
	err = p.Batches(batch, func(b Batch) error {
		of := b.Nodes[0].ID
		err := update(&done.NodesTook, "nodes", len(b.Nodes), of, func(tx graph.Tx) error { return tx.Put(ctx, b.Nodes...) })
		if err == nil {
			err = update(&done.EdgesTook, "edges", len(b.Edges), of, func(tx graph.Tx) error { return tx.Link(ctx, b.Edges...) })
		}
		done.Nodes, done.Edges = done.Nodes+len(b.Nodes), done.Edges+len(b.Edges)
		progress(done)
		return err
	})
	return done, err
}

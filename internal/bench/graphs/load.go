package graphs

import (
	"context"
	"fmt"
	"time"

	"pedigree/graph"
	"pedigree/registry"
)

// LoadStats holds the counts and times of a load. Nodes and edges are written in
// separate Updates, so that each time includes the commit and the log entry. The
// time to generate the graph is not included.
type LoadStats struct {
	Nodes, Edges         int
	NodesTook, EdgesTook time.Duration
}

// Load writes the graph to a store. For each batch it writes the nodes in one Update
// and the edges in the next, each with one log entry, as an import does. It calls
// progress after each batch.
func (p Plan) Load(ctx context.Context, s graph.Store, batch int, progress func(LoadStats)) (done LoadStats, err error) {
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
			return tx.Append(ctx, &registry.LogEntry{Actor: actor, Action: registry.LogImported, Objects: []registry.ID{of},
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

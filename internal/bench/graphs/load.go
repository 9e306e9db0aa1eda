package graphs

import (
	"context"
	"fmt"
	"time"

	"pedigree/graph"
	"pedigree/registry"
)

// Loaded tells how a graph went into a store.
type Loaded struct {
	Nodes, Edges int
	// Took is the time within Update, the making of nodes left out; Put, Link and
	// Append are its parts, the rest of it is the commit.
	Took, Put, Link, Append time.Duration
}

// Load writes a graph to a store, a batch of nodes and their edges an Update with
// one log entry, as an import does.
func (p Plan) Load(ctx context.Context, s graph.Store, batch int, progress func(Loaded)) (done Loaded, err error) {
	err = p.Batches(batch, func(b Batch) error {
		part := Loaded{Nodes: len(b.Nodes), Edges: len(b.Edges)}
		start := time.Now()
		err := s.Update(ctx, func(tx graph.Tx) error {
			part.Put, part.Link, part.Append = 0, 0, 0
			return part.write(ctx, tx, b)
		})
		part.Took = time.Since(start)
		done = Loaded{done.Nodes + part.Nodes, done.Edges + part.Edges, done.Took + part.Took, done.Put + part.Put, done.Link + part.Link, done.Append + part.Append}
		progress(done)
		return err
	})
	return done, err
}

func (l *Loaded) write(ctx context.Context, tx graph.Tx, b Batch) error {
	timed := func(took *time.Duration, fn func() error) func() error {
		return func() error {
			start := time.Now()
			defer func() { *took += time.Since(start) }()
			return fn()
		}
	}
	entry := &registry.LogEntry{Actor: by, Action: registry.LogImported, Objects: []registry.ID{b.Nodes[0].ID},
		Detail: fmt.Appendf(nil, `{"edges":%d,"nodes":%d}`, len(b.Edges), len(b.Nodes))}
	for _, step := range []func() error{timed(&l.Put, func() error { return tx.Put(ctx, b.Nodes...) }),
		timed(&l.Link, func() error { return tx.Link(ctx, b.Edges...) }), timed(&l.Append, func() error { return tx.Append(ctx, entry) })} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

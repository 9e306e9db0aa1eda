package lineage

import (
	"context"
	"errors"
	"time"

	"pedigree/graph"
	"pedigree/registry"
)

// The deadline of a context ends a walk with what it has found, and reason TIME.
// What is needed to tell of it (its roots, the way to a row) is read all the same.

// grace is how long after a deadline the rest of an answer may take.
const gracePeriod = 2 * time.Second

// expired reports whether the deadline of a walk has passed. A cancelled walk is
// not expired: nobody waits for its answer.
func expired(ctx context.Context) bool { return errors.Is(ctx.Err(), context.DeadlineExceeded) }

// steady outlives the deadline of ctx by the grace, and no cancellation of it.
func withGracePeriod(ctx context.Context) (context.Context, context.CancelFunc) {
	out, cancel := context.WithTimeout(context.WithoutCancel(ctx), gracePeriod)
	stop := context.AfterFunc(ctx, func() {
		if errors.Is(ctx.Err(), context.Canceled) {
			cancel()
		}
	})
	return out, func() { stop(); cancel() }
}

// Nodes reads nodes for an answer, also past the deadline.
func Nodes(ctx context.Context, r graph.Reader, at graph.Instant, ids ...registry.ID) ([]*graph.Node, error) {
	nodes, err := r.Nodes(ctx, at, ids...)
	if err == nil || !expired(ctx) {
		return nodes, err
	}
	graceCtx, cancel := withGracePeriod(ctx)
	defer cancel()
	return r.Nodes(graceCtx, at, ids...)
}

// Neighbors reads one hop for an answer, also past the deadline.
func Neighbors(ctx context.Context, r graph.Reader, q graph.HopQuery) ([]graph.Hops, error) {
	hops, err := r.Neighbors(ctx, q)
	if err == nil || !expired(ctx) {
		return hops, err
	}
	graceCtx, cancel := withGracePeriod(ctx)
	defer cancel()
	return r.Neighbors(graceCtx, q)
}

// closure walks until the deadline. A store that is not done some time after it
// has found the roots and nothing else.
func closureUntilDeadline(ctx context.Context, r graph.Reader, q graph.ClosureQuery) (graph.Closure, error) {
	c, err := r.Closure(ctx, q)
	if err == nil || !expired(ctx) {
		return c, err
	}
	nodes, err := Nodes(ctx, r, q.At, q.Roots...)
	if err != nil {
		return graph.Closure{}, err
	}
	c = graph.Closure{TimedOut: true, Head: q.At.Known}
	for _, n := range nodes {
		if n != nil {
			c.Nodes = append(c.Nodes, graph.Reached{Node: n})
		}
	}
	return c, nil
}

// roots reads the nodes that a question starts from: NOT_FOUND names the first
// that is unknown, out of sight or no lineage node.
func readRoots(ctx context.Context, r graph.Reader, at graph.Instant, ids ...registry.ID) ([]*graph.Node, error) {
	nodes, err := Nodes(ctx, r, at, ids...)
	if err != nil {
		return nil, err
	}
	for i, n := range nodes {
		if n == nil || n.Hidden || !n.Kind.Walked() {
			return nil, registry.Errorf(registry.NotFound, "there is no lineage node %s; take the id of a version, dataset version, run, feature, commit, tag or deployment", ids[i])
		}
	}
	return nodes, nil
}

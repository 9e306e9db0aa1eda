package lineage

import (
	"context"
	"errors"
	"time"

	"pedigree/graph"
	"pedigree/registry"
)

// The deadline of a context ends a walk: the answer has what was found until then, and
// reason TIME. What the answer needs besides (its roots, the path to a row) is read after
// the deadline, within gracePeriod.

// gracePeriod is how long after a deadline the rest of an answer may take.
const gracePeriod = 2 * time.Second

// expired reports whether the deadline of a walk has passed. A cancelled walk is not
// expired: it fails, because nobody waits for its answer.
func expired(ctx context.Context) bool { return errors.Is(ctx.Err(), context.DeadlineExceeded) }

// withGracePeriod returns a context that ends gracePeriod from now, or when ctx is
// cancelled. The deadline of ctx does not end it.
func withGracePeriod(ctx context.Context) (context.Context, context.CancelFunc) {
	out, cancel := context.WithTimeout(context.WithoutCancel(ctx), gracePeriod)
	stop := context.AfterFunc(ctx, func() {
		if errors.Is(ctx.Err(), context.Canceled) {
			cancel()
		}
	})
	return out, func() { stop(); cancel() }
}

// Nodes reads nodes for an answer, also after the deadline.
func Nodes(ctx context.Context, r graph.Reader, at graph.Instant, ids ...registry.ID) ([]*graph.Node, error) {
	nodes, err := r.Nodes(ctx, at, ids...)
	if err == nil || !expired(ctx) {
		return nodes, err
	}
	graceCtx, cancel := withGracePeriod(ctx)
	defer cancel()
	return r.Nodes(graceCtx, at, ids...)
}

// Neighbors reads one hop for an answer, also after the deadline.
func Neighbors(ctx context.Context, r graph.Reader, q graph.NeighborQuery) ([]graph.Neighbors, error) {
	hops, err := r.Neighbors(ctx, q)
	if err == nil || !expired(ctx) {
		return hops, err
	}
	graceCtx, cancel := withGracePeriod(ctx)
	defer cancel()
	return r.Neighbors(graceCtx, q)
}

// closureUntilDeadline runs a closure query. When the deadline made the store fail, it
// returns the roots only.
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
			c.Nodes = append(c.Nodes, graph.ClosureNode{Node: n})
			c.CutEarly = append(c.CutEarly, n.ID)
		}
	}
	return c, nil
}

// readRoots reads the start nodes of a walk. NOT_FOUND names the first that is unknown,
// hidden or of no lineage kind.
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

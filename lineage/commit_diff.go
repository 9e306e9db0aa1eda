package lineage

import (
	"cmp"
	"context"
	"slices"

	"pedigree/graph"
	"pedigree/registry"
)

// CommitDiff are the commits in the history of the second set of commits only (Added) and
// of the first only (Removed), newest first.
type CommitDiff struct {
	Added, Removed []*graph.Node
	// Complete is true when both histories were read to their end.
	Complete bool
}

// CommitsBetween compares the histories of two sets of commits, each up to MaxNodes
// commits. Hidden commits are left out.
func CommitsBetween(ctx context.Context, r graph.Reader, a, b []registry.ID, at graph.Instant) (*CommitDiff, error) {
	before, beforeComplete, err := ancestorsOf(ctx, r, a, at)
	if err != nil {
		return nil, err
	}
	after, afterComplete, err := ancestorsOf(ctx, r, b, at)
	if err != nil {
		return nil, err
	}
	return &CommitDiff{Added: commitsOnlyIn(after, before), Removed: commitsOnlyIn(before, after), Complete: beforeComplete && afterComplete}, nil
}

func ancestorsOf(ctx context.Context, r graph.Reader, commits []registry.ID, at graph.Instant) (map[registry.ID]*graph.Node, bool, error) {
	out := map[registry.ID]*graph.Node{}
	if len(commits) == 0 {
		return out, true, nil
	}
	c, err := closureUntilDeadline(ctx, r, graph.ClosureQuery{Roots: commits, Direction: graph.Upstream, Edges: []registry.EdgeKind{registry.EdgeParent},
		Depth: unlimitedDepth, Fanout: MaxNodes, Limit: MaxNodes, At: at, Bare: true})
	if err != nil {
		return nil, false, err
	}
	for _, n := range c.Nodes {
		out[n.Node.ID] = n.Node
	}
	return out, !c.LimitReached && !c.TimedOut && len(c.CutAtDepth) == 0, nil
}

// commitsOnlyIn lists the visible commits of one history that the other does not have.
func commitsOnlyIn(history, other map[registry.ID]*graph.Node) (out []*graph.Node) {
	for id, n := range history {
		if other[id] == nil && !n.Hidden {
			out = append(out, n)
		}
	}
	slices.SortFunc(out, func(a, b *graph.Node) int {
		return cmp.Or(b.ValidFrom.Compare(a.ValidFrom), cmp.Compare(a.ID, b.ID))
	})
	return out
}

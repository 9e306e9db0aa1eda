package lineage

import (
	"context"
	"slices"

	"pedigree/graph"
	"pedigree/registry"
)

// A closure has all edges between its own nodes. A graph that joins several closures
// also needs the edges from a node of one to a node of another: from effects of the root
// to its causes, and to older commits from what the walk did not go on from. One more
// closure, of depth 0 and with these nodes as roots, has them.

// joiner collects the nodes of the closures of one walk.
type joiner struct {
	// causes and effects are those of the root.
	causes, effects []graph.ClosureNode
	// olderCommits are the commits that only history reached, unfollowed the other nodes
	// whose edges to such commits are in no closure.
	olderCommits, unfollowed []graph.ClosureNode
}

// addOlderCommits records the commits that history added to the closure c of q, and the
// runs and tags in c that the walk did not go on from.
func (j *joiner) addOlderCommits(q graph.ClosureQuery, c graph.Closure, history []graph.ClosureNode, keep map[registry.ID]bool) {
	for _, n := range history {
		if n.Depth > 0 && keep[n.Node.ID] {
			j.olderCommits = append(j.olderCommits, n)
		}
	}
	cut := map[registry.ID]bool{}
	for _, id := range slices.Concat(c.OverFanout, c.CutAtDepth, c.CutEarly) {
		cut[id] = true
	}
	for _, n := range c.Nodes {
		if cut[n.Node.ID] || !q.GoesThrough(n) {
			j.unfollowed = append(j.unfollowed, n)
		}
	}
}

// ends returns the ids of the nodes that an edge of no closure may connect, and the kinds
// of such edges. It leaves out kinds of nodes between which no edge is possible.
func (j *joiner) ends() (ids []registry.ID, kinds []registry.EdgeKind) {
	from, to := j.unfollowed, j.olderCommits
	if len(j.effects) > 0 {
		from, to = slices.Concat(j.effects, from), slices.Concat(j.causes, to)
	}
	if len(from) == 0 || len(to) == 0 {
		return nil, nil // Most walks of one direction.
	}
	fromKinds, toKinds := kindsOf(from), kindsOf(to)
	starts, targets := map[registry.Kind]bool{}, map[registry.Kind]bool{}
	for _, k := range registry.EdgeKinds() {
		a, z := registry.EdgeEnds(k)
		a = slices.DeleteFunc(a, func(k registry.Kind) bool { return !fromKinds[k] })
		z = slices.DeleteFunc(z, func(k registry.Kind) bool { return !toKinds[k] })
		if len(a) == 0 || len(z) == 0 {
			continue
		}
		kinds = append(kinds, k)
		for _, k := range a {
			starts[k] = true
		}
		for _, k := range z {
			targets[k] = true
		}
	}
	seen := map[registry.ID]bool{}
	add := func(nodes []graph.ClosureNode, of map[registry.Kind]bool) {
		for _, n := range nodes {
			if id := n.Node.ID; of[n.Node.Kind] && !seen[id] {
				seen[id] = true
				ids = append(ids, id)
			}
		}
	}
	add(from, starts)
	add(to, targets)
	return ids, kinds
}

func kindsOf(nodes []graph.ClosureNode) map[registry.Kind]bool {
	out := map[registry.Kind]bool{}
	for _, n := range nodes {
		out[n.Node.Kind] = true
	}
	return out
}

// edgesBetween returns the closure of depth 0 of some nodes: all edges between them. The
// cache answers it from the edges of the walks where it can.
func edgesBetween(ctx context.Context, r graph.Reader, ids []registry.ID, edges []registry.EdgeKind, at graph.Instant) (graph.Closure, error) {
	// The limit leaves room for the neighbors that the cache reads.
	return closureUntilDeadline(ctx, r, graph.ClosureQuery{Roots: ids, Direction: graph.Upstream, Edges: edges, Fanout: MaxNodes, Limit: len(ids) + MaxNodes, At: at, Bare: true})
}

// join adds the edges that connect nodes of different closures.
func (b *builder) join(ctx context.Context, r graph.Reader, o Options) error {
	ids, kinds := b.ends()
	if len(kinds) == 0 {
		return nil
	}
	edges := lineageEdges // As the walks, so that the cache need not hold the same edges twice.
	if slices.Contains(kinds, registry.EdgeParent) {
		edges = nil
	}
	c, err := edgesBetween(ctx, r, ids, edges, o.At)
	if err != nil {
		return err
	}
	c.CutEarly = nil // They are in the graph: only edges are missing.
	b.noteEarlyEnd(c)
	b.edges = append(b.edges, c.Edges...)
	return nil
}

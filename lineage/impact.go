package lineage

import (
	"context"
	"slices"

	"pedigree/graph"
	"pedigree/registry"
)

// Descendant is something that came of one of the roots of an impact question.
type Descendant struct {
	Node *graph.Node
	// Depth is the fewest hops from any of the roots; Path the ids of one such way,
	// the root first.
	Depth int
	Path  []registry.ID
}

// Impact is everything that descends from the roots.
type Impact struct {
	// Descendants are ordered by depth and id; the roots are not among them.
	Descendants []Descendant
	// Nodes are the nodes of all paths, by id.
	Nodes    map[registry.ID]*graph.Node
	Reasons  []Reason
	Frontier []registry.ID
	Head     int64
}

// impactDepth bounds the walk of an impact question; MaxNodes ends it sooner.
const impactDepth = 50

// allHistory follows commit history to its end.
const allHistory = 10000

// WalkImpact returns all that descends from the roots: NOT_FOUND names a root
// that is unknown or hidden. A commit's descendants include what later commits
// made.
func WalkImpact(ctx context.Context, r graph.Reader, roots []registry.ID, at graph.Instant) (*Impact, error) {
	nodes, err := r.Nodes(ctx, at, roots...)
	if err != nil {
		return nil, err
	}
	for i, n := range nodes {
		if n == nil || n.Hidden || !n.Kind.Walked() {
			return nil, registry.Errorf(registry.NotFound, "there is no lineage node %s; take the id of a version, dataset version, run, feature, commit, tag or deployment", roots[i])
		}
	}
	// A virtual root above all given ones makes depth the fewest hops from any.
	b := newBuilder("")
	o := Options{Direction: Downstream, MaxDepth: impactDepth, History: allHistory, Fanout: MaxNodes, At: at}
	if err := b.down(ctx, r, nodes, o); err != nil {
		return nil, err
	}
	edges := b.distinct()
	for _, id := range roots {
		edges = append(edges, graph.Edge{From: id, To: ""})
	}
	place(b, edges, Downstream)
	g := b.finishPlaced()
	out := &Impact{Nodes: map[registry.ID]*graph.Node{}, Reasons: g.Reasons, Frontier: g.Frontier, Head: g.Head}
	byID := map[registry.ID]*Item{}
	for _, it := range g.Items {
		byID[it.Node.ID], out.Nodes[it.Node.ID] = it, it.Node
	}
	for _, it := range g.Items {
		if slices.Contains(roots, it.Node.ID) {
			continue
		}
		out.Descendants = append(out.Descendants, Descendant{Node: it.Node, Depth: it.Depth - 1, Path: pathTo(byID, it)})
	}
	return out, nil
}

// pathTo follows tree parents back to a root and returns the way in order.
func pathTo(items map[registry.ID]*Item, it *Item) (path []registry.ID) {
	for it != nil {
		path = append(path, it.Node.ID)
		it = items[it.TreeParent]
	}
	slices.Reverse(path)
	return path
}

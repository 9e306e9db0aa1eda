package lineage

import (
	"encoding/json"
	"slices"

	"pedigree/graph"
	"pedigree/registry"
)

// Changes are the nodes of a kind that differ between two graphs: those in one graph
// only, and pairs of different nodes with the same LogicalKey.
type Changes struct {
	Added, Removed []*graph.Node
	Changed        []Pair
}

// Pair is a node of the first graph and its match in the second.
type Pair struct{ Before, After *graph.Node }

// None reports whether there are no changes.
func (c Changes) None() bool { return len(c.Added)+len(c.Removed)+len(c.Changed) == 0 }

// Diff compares the nodes of a kind in two graphs. Nodes that are in both are equal; the
// others are matched by LogicalKey, nearest with nearest. Hidden nodes and the roots are
// left out.
func Diff(a, b *Graph, kind registry.Kind) (c Changes) {
	before, after := a.visibleNodes(kind), b.visibleNodes(kind)
	only := func(nodes, other []*graph.Node) []*graph.Node {
		ids := map[registry.ID]bool{}
		for _, n := range other {
			ids[n.ID] = true
		}
		return slices.DeleteFunc(slices.Clone(nodes), func(n *graph.Node) bool { return ids[n.ID] })
	}
	unmatched := map[string][]*graph.Node{}
	removed := only(before, after)
	for _, n := range removed {
		if k := LogicalKey(n); k != "" {
			unmatched[k] = append(unmatched[k], n)
		}
	}
	matched := map[registry.ID]bool{}
	for _, n := range only(after, before) {
		k := LogicalKey(n)
		if len(unmatched[k]) == 0 {
			c.Added = append(c.Added, n)
			continue
		}
		was := unmatched[k][0]
		unmatched[k], matched[was.ID] = unmatched[k][1:], true
		c.Changed = append(c.Changed, Pair{was, n})
	}
	c.Removed = slices.DeleteFunc(removed, func(n *graph.Node) bool { return matched[n.ID] })
	return c
}

// visibleNodes lists the visible nodes of a kind without the root, nearest first.
func (g *Graph) visibleNodes(kind registry.Kind) (out []*graph.Node) {
	for _, it := range g.Items {
		if n := it.Node; n.Kind == kind && !n.Hidden && n.ID != g.Root {
			out = append(out, n)
		}
	}
	return out
}

// LogicalKey identifies a node across versions: by its dataset or model, by the producer
// and name of a run, by the owner and column (or name) of a feature. It is "" when these
// are unknown or hidden.
func LogicalKey(n *graph.Node) string {
	switch n.Kind {
	case registry.KindDatasetVersion, registry.KindModelVersion:
		return string(n.Parent)
	case registry.KindRun, registry.KindFeature:
	default:
		return ""
	}
	var d struct{ Name, Producer, Of, Column string }
	if json.Unmarshal(n.Doc, &d) != nil || d.Name == "" {
		return ""
	}
	if n.Kind == registry.KindRun {
		return d.Producer + "\x00" + d.Name
	}
	if d.Of == "" {
		return ""
	}
	if d.Column != "" {
		return d.Of + "\x00column\x00" + d.Column
	}
	return d.Of + "\x00name\x00" + d.Name
}

// EntryCommits lists, by repository, the visible commits that a run ran or a tag points at,
// and the root when it is a commit.
func (g *Graph) EntryCommits() map[registry.ID][]*graph.Node {
	entry := map[registry.ID]bool{g.Root: true}
	for _, e := range g.Edges {
		if e.Kind == registry.EdgeRanCode || e.Kind == registry.EdgePointsAt {
			entry[e.To] = true
		}
	}
	out := map[registry.ID][]*graph.Node{}
	for _, it := range g.Items {
		if n := it.Node; n.Kind == registry.KindCommit && !n.Hidden && entry[n.ID] {
			out[n.Parent] = append(out[n.Parent], n)
		}
	}
	return out
}

// TrainingRuns returns the visible runs that generated the root, or the root itself when it is a
// run. For a deployment it returns the deployed version and the runs of that version.
func (g *Graph) TrainingRuns() (version *graph.Node, runs []*graph.Node) {
	nodes := map[registry.ID]*graph.Node{}
	for _, it := range g.Items {
		nodes[it.Node.ID] = it.Node
	}
	root := nodes[g.Root]
	switch root.Kind {
	case registry.KindRun:
		return nil, []*graph.Node{root}
	case registry.KindModelVersion:
		version = root
	case registry.KindDeployment:
		for _, e := range g.Edges {
			if e.Kind == registry.EdgeDeploys && e.From == g.Root && !nodes[e.To].Hidden {
				version, root = nodes[e.To], nodes[e.To]
			}
		}
	}
	for _, e := range g.Edges {
		if n := nodes[e.To]; e.Kind == registry.EdgeGeneratedBy && e.From == root.ID && !n.Hidden {
			runs = append(runs, n)
		}
	}
	return version, runs
}

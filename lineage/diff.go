package lineage

import (
	"context"
	"encoding/json"
	"maps"
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

// Comparison compares two graphs. It decides for a node that only one of them has whether
// it stands behind the other root too, beyond what ended that walk.
type Comparison struct{ a, b comparedSide }

// comparedSide is one graph of a Comparison. beyond are the nodes of a walk without a
// bound of depth, nil when the graph is complete; undecided is true when that was cut too.
type comparedSide struct {
	*Graph
	nodes, beyond map[registry.ID]bool
	undecided     bool
}

// Compare compares two walks with the same options. With beyond, it walks again without a
// bound of depth where one of them was cut and lacks nodes of the other; without, it
// compares what is within the options.
func Compare(ctx context.Context, r graph.Reader, a, b *Graph, o Options, beyond bool) (*Comparison, error) {
	c := &Comparison{comparedSide{Graph: a, nodes: a.nodeSet()}, comparedSide{Graph: b, nodes: b.nodeSet()}}
	if !beyond {
		return c, nil
	}
	if err := c.a.walkBeyond(ctx, r, c.b.nodes, o); err != nil {
		return nil, err
	}
	return c, c.b.walkBeyond(ctx, r, c.a.nodes, o)
}

func (g *Graph) nodeSet() map[registry.ID]bool {
	out := make(map[registry.ID]bool, len(g.Items))
	for _, it := range g.Items {
		out[it.Node.ID] = true
	}
	return out
}

// cut reports whether a bound ended the walk. Hidden nodes are walked through.
func (g *Graph) cut() bool {
	return slices.ContainsFunc(g.Reasons, func(r Reason) bool { return r != ReasonAccess })
}

func (s *comparedSide) walkBeyond(ctx context.Context, r graph.Reader, other map[registry.ID]bool, o Options) error {
	lacks := false
	for id := range other {
		lacks = lacks || !s.nodes[id]
	}
	if !s.cut() || !lacks {
		return nil
	}
	o.MaxDepth, o.Fanout, o.Bare = MaxNodes, MaxNodes, true
	g, err := Walk(ctx, r, s.Root, o)
	if err != nil {
		return err
	}
	s.beyond, s.undecided = g.nodeSet(), g.cut()
	return nil
}

// mayHave reports whether a node stands behind the root, or whether that is undecided.
func (s *comparedSide) mayHave(id registry.ID) bool {
	return s.nodes[id] || s.beyond[id] || s.undecided
}

// Nodes compares the nodes of a kind. Nodes that may stand behind both roots are equal;
// the others are matched by LogicalKey, nearest with nearest. Hidden nodes and the two
// roots are left out.
func (c *Comparison) Nodes(kind registry.Kind) (out Changes) {
	only := func(of, other *comparedSide) []*graph.Node {
		return slices.DeleteFunc(of.visibleNodes(kind), func(n *graph.Node) bool { return n.ID == other.Root || other.mayHave(n.ID) })
	}
	unmatched := map[string][]*graph.Node{}
	removed := only(&c.a, &c.b)
	for _, n := range removed {
		if k := LogicalKey(n); k != "" {
			unmatched[k] = append(unmatched[k], n)
		}
	}
	matched := map[registry.ID]bool{}
	for _, n := range only(&c.b, &c.a) {
		k := LogicalKey(n)
		if len(unmatched[k]) == 0 {
			out.Added = append(out.Added, n)
			continue
		}
		was := unmatched[k][0]
		unmatched[k], matched[was.ID] = unmatched[k][1:], true
		out.Changed = append(out.Changed, Pair{was, n})
	}
	out.Removed = slices.DeleteFunc(removed, func(n *graph.Node) bool { return matched[n.ID] })
	return out
}

// SameEdges reports whether the two graphs have the same edges, when one root stands for
// the other.
func (c *Comparison) SameEdges() bool {
	type key struct {
		kind     registry.EdgeKind
		from, to registry.ID
	}
	edges := func(g *Graph) map[key]bool {
		out := make(map[key]bool, len(g.Edges))
		for _, e := range g.Edges {
			k := key{e.Kind, e.From, e.To}
			if k.from == g.Root {
				k.from = ""
			}
			if k.to == g.Root {
				k.to = ""
			}
			out[k] = true
		}
		return out
	}
	return maps.Equal(edges(c.a.Graph), edges(c.b.Graph))
}

// EntryCommits lists, by repository, the commits that each side reaches by a run or a
// tag. A commit of one side that may stand behind the other too is in both.
func (c *Comparison) EntryCommits() (a, b map[registry.ID][]*graph.Node) {
	a, b = c.a.EntryCommits(), c.b.EntryCommits()
	added := func(to map[registry.ID][]*graph.Node, from map[registry.ID][]*graph.Node, side *comparedSide) map[registry.ID][]*graph.Node {
		out := maps.Clone(to)
		for repository, commits := range from {
			for _, n := range commits {
				same := func(x *graph.Node) bool { return x.ID == n.ID }
				if side.mayHave(n.ID) && !side.nodes[n.ID] && !slices.ContainsFunc(out[repository], same) {
					out[repository] = append(slices.Clone(out[repository]), n)
				}
			}
		}
		return out
	}
	return added(a, b, &c.a), added(b, a, &c.b)
}

// Cut reports whether a bound ended one of the walks.
func (c *Comparison) Cut() bool { return c.a.cut() || c.b.cut() }

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

// Package lineage walks the provenance graph through a graph.Reader: causes and effects
// of a node, paths between nodes, impact, column lineage and gaps. The reader decides
// what the caller may see; walks go on through hidden nodes, which stay stubs. The
// package only reads: it must not write, log or check permissions.
package lineage

import (
	"cmp"
	"context"
	"slices"
	"sync"

	"pedigree/graph"
	"pedigree/registry"
)

// MaxNodes is the most nodes of one walk. A larger answer is truncated with reason
// NODES.
const MaxNodes = 5000

// Direction is the direction of a walk.
type Direction string

// The directions: to causes, to effects, and the union of both.
const (
	Upstream   Direction = "UPSTREAM"
	Downstream Direction = "DOWNSTREAM"
	Both       Direction = "BOTH"
)

// Options bound a walk.
type Options struct {
	Direction Direction
	// MaxDepth is the most hops from the root, 0 to 50; PARENT hops do not count.
	MaxDepth int
	// History is the most PARENT hops to follow from a commit.
	History int
	// Through are the kinds that the walk continues from; empty means all.
	Through []registry.Kind
	// Fanout is the most neighbors of one node to follow.
	Fanout int
	At     graph.Instant
	// Bare leaves out the documents of nodes.
	Bare bool
}

// Reason is why an answer is truncated.
type Reason string

// The reasons of truncation.
const (
	ReasonDepth  Reason = "DEPTH"
	ReasonNodes  Reason = "NODES"
	ReasonFanout Reason = "FANOUT"
	ReasonTime   Reason = "TIME"
	ReasonAccess Reason = "ACCESS"
)

// Graph is the result of a walk: every node once, and all edges between them.
type Graph struct {
	Root  registry.ID
	Items []*Item
	Edges []graph.Edge
	// Reasons are why something is missing, in a fixed order; empty when nothing is.
	Reasons []Reason
	// Frontier lists the nodes whose further neighbors were left out.
	Frontier []registry.ID
	// Redacted counts the hidden nodes among Items.
	Redacted int
	// HistoryCut is true when there are older commits than those shown.
	HistoryCut bool
	// Head is the newest log sequence that the walk saw.
	Head int64
}

// Item is a node of a Graph with its position in the layout.
type Item struct {
	Node *graph.Node
	// Depth is the fewest hops from the root.
	Depth int
	// Layer is the most hops from the root within the graph, so that every edge between
	// causes, or between effects, leads to another layer; -1 when MaxNodes or a deadline
	// cut the walk.
	Layer int
	// TreeParent is the parent of the node in a tree: a node of depth-1, "" for the root.
	TreeParent registry.ID
	// HistoryCut is true when this commit has parents that were not followed.
	HistoryCut bool
	index      int32 // its index in indexedItems
}

// Walk returns the causes, the effects, or both, of a node. NOT_FOUND when the root does
// not exist at the instant or is hidden. When something was written between the closures
// that it joins, it walks again at the head of the first.
func Walk(ctx context.Context, r graph.Reader, root registry.ID, o Options) (*Graph, error) {
	b, err := walk(ctx, r, root, o)
	if err == nil && b.otherHead && o.At.Known == 0 && !expired(ctx) {
		o.At.Known = b.head
		b, err = walk(ctx, r, root, o)
	}
	if err != nil {
		return nil, err
	}
	if o.At.Known != 0 {
		b.head = o.At.Known
	}
	return b.finish(o.Direction), nil
}

func walk(ctx context.Context, r graph.Reader, root registry.ID, o Options) (*builder, error) {
	b := newBuilder(root)
	if o.Direction != Downstream {
		if err := b.walkUpstream(ctx, r, o); err != nil {
			return nil, err
		}
	}
	if o.Direction != Upstream {
		if err := b.walkDownstream(ctx, r, root, o); err != nil {
			return nil, err
		}
	}
	return b, b.join(ctx, r, o)
}

// closureRoot returns the root of a closure, its first node.
func closureRoot(c graph.Closure, root registry.ID) (*graph.Node, error) {
	if len(c.Nodes) == 0 || c.Nodes[0].Node.Hidden || !c.Nodes[0].Node.Kind.Walked() {
		return nil, registry.Errorf(registry.NotFound, "there is no lineage node %s; take the id of a version, dataset version, run, feature, commit, tag or deployment", root)
	}
	return c.Nodes[0].Node, nil
}

// stageResult returns the closure of a stage; an empty one when a deadline ended the
// walk before it.
func stageResult(c graph.Closure, i int) graph.Closure {
	if i < len(c.Stages) {
		return c.Stages[i]
	}
	return graph.Closure{}
}

// builder merges closures into one graph.
type builder struct {
	root       registry.ID
	items      map[registry.ID]*Item
	edges      []graph.Edge // with duplicates
	reasons    map[Reason]bool
	frontier   map[registry.ID]bool
	historyCut map[registry.ID]bool
	joiner
	head int64
	// otherHead is true when the closures are not all of one head.
	otherHead bool
}

func newBuilder(root registry.ID) *builder {
	return &builder{root: root, items: itemMaps.Get().(map[registry.ID]*Item), reasons: map[Reason]bool{},
		frontier: map[registry.ID]bool{}, historyCut: map[registry.ID]bool{}}
}

// lineageEdges are all edge kinds but PARENT, which has its own bound (History).
var lineageEdges = slices.DeleteFunc(registry.EdgeKinds(), func(k registry.EdgeKind) bool { return k == registry.EdgeParent })

func (o Options) closureQuery(roots []registry.ID, d graph.Direction) graph.ClosureQuery {
	return graph.ClosureQuery{Roots: roots, Direction: d, Edges: lineageEdges, Through: o.Through, Depth: o.MaxDepth,
		Fanout: o.Fanout, Limit: MaxNodes, At: o.At, Bare: o.Bare}
}

// add merges a closure, without the nodes for which keep is false, and returns its
// commits. A nil keep keeps all.
func (b *builder) add(c graph.Closure, keep func(registry.ID) bool) (commits []registry.ID) {
	items := make([]Item, 0, len(c.Nodes)) // One allocation; it never grows.
	for _, n := range c.Nodes {
		if keep != nil && !keep(n.Node.ID) {
			continue
		}
		if n.Node.Kind == registry.KindCommit {
			commits = append(commits, n.Node.ID)
		}
		if b.items[n.Node.ID] == nil {
			items = append(items, Item{Node: n.Node, Layer: -1})
			b.items[n.Node.ID] = &items[len(items)-1]
		}
	}
	if b.edges == nil && keep == nil {
		b.edges = c.Edges // All of its nodes are in items.
	} else {
		for _, e := range c.Edges {
			if b.items[e.From] != nil && b.items[e.To] != nil {
				b.edges = append(b.edges, e)
			}
		}
	}
	b.noteTruncated(ReasonFanout, c.OverFanout)
	b.noteEarlyEnd(c)
	return commits
}

// noteEarlyEnd records that the limit or the deadline ended a closure, and its head.
func (b *builder) noteEarlyEnd(c graph.Closure) {
	if c.LimitReached {
		b.reasons[ReasonNodes] = true
	}
	if c.TimedOut {
		b.reasons[ReasonTime] = true
	}
	for _, id := range c.CutEarly {
		if b.items[id] != nil {
			b.frontier[id] = true
		}
	}
	b.otherHead = b.otherHead || b.head != 0 && c.Head != 0 && c.Head != b.head
	b.head = cmp.Or(b.head, c.Head)
}

func (b *builder) noteTruncated(reason Reason, ids []registry.ID) {
	for _, id := range ids {
		if b.items[id] != nil {
			b.reasons[reason], b.frontier[id] = true, true
		}
	}
}

// walkUpstream walks to causes, then follows commit history: PARENT edges from commits,
// up to Options.History hops, as far as the commit that an earlier version of the root's
// model was released from. One closure query with two stages reads everything.
func (b *builder) walkUpstream(ctx context.Context, r graph.Reader, o Options) error {
	q := o.closureQuery([]registry.ID{b.root}, graph.Upstream)
	q.Stages = []graph.Stage{
		{From: registry.KindCommit, Direction: graph.Upstream, Edges: []registry.EdgeKind{registry.EdgeParent},
			Depth: o.History, Fanout: o.Fanout, Limit: MaxNodes},
		{From: registry.KindCommit, Direction: graph.Downstream, Edges: []registry.EdgeKind{registry.EdgePointsAt, registry.EdgeReleasedFrom},
			Through: []registry.Kind{registry.KindTag}, Depth: 2, Fanout: releaseFanout, Limit: MaxNodes}}
	c, err := closureUntilDeadline(ctx, r, q)
	if err != nil {
		return err
	}
	root, err := closureRoot(c, b.root)
	if err != nil {
		return err
	}
	commits := b.add(c, nil)
	b.noteTruncated(ReasonDepth, c.CutAtDepth)
	b.causes = c.Nodes[1:]
	if len(commits) == 0 {
		return nil
	}
	history := stageResult(c, 0)
	keep, cut := historyUntil(commits, history.Edges, earlierReleases(rootVersion(root, c), stageResult(c, 1)))
	before := len(b.items)
	b.add(history, func(id registry.ID) bool { return keep[id] })
	if len(b.items) > before {
		b.addOlderCommits(q, c, history.Nodes, keep)
	}
	for id := range cut {
		b.historyCut[id] = true
	}
	for _, id := range history.CutAtDepth {
		if keep[id] {
			b.historyCut[id] = true
		}
	}
	return nil
}

// releaseFanout is the most tags of a commit, and versions of a tag, to read.
const releaseFanout = 100

// historyUntil walks commit history from the start commits and returns the commits to
// keep, including the stops, and the stops whose parents were left out.
func historyUntil(start []registry.ID, edges []graph.Edge, stops map[registry.ID]bool) (kept, cut map[registry.ID]bool) {
	parents := map[registry.ID][]registry.ID{}
	for _, e := range edges {
		parents[e.From] = append(parents[e.From], e.To)
	}
	kept, cut = map[registry.ID]bool{}, map[registry.ID]bool{}
	queue := slices.Clone(start)
	for len(queue) > 0 {
		id := queue[0]
		queue = queue[1:]
		if kept[id] {
			continue
		}
		kept[id] = true
		if !stops[id] {
			queue = append(queue, parents[id]...)
		}
	}
	for id := range stops {
		// A parent may be kept because another path leads to it.
		cut[id] = kept[id] && slices.ContainsFunc(parents[id], func(p registry.ID) bool { return !kept[p] })
		if !cut[id] {
			delete(cut, id)
		}
	}
	return kept, cut
}

// earlierReleases returns the commits that earlier versions of the same model were
// released from. The closure has the tags of the commits and the versions of the tags.
func earlierReleases(version *graph.Node, c graph.Closure) map[registry.ID]bool {
	if version == nil || version.Hidden {
		return nil
	}
	earlier := map[registry.ID]bool{}
	for _, v := range c.OfKind(registry.KindModelVersion) {
		earlier[v.ID] = v.Parent == version.Parent && v.Text(registry.IndexVersion) < version.Text(registry.IndexVersion)
	}
	tags := map[registry.ID]bool{}
	for _, e := range c.Edges {
		if e.Kind == registry.EdgeReleasedFrom && earlier[e.From] {
			tags[e.To] = true
		}
	}
	out := map[registry.ID]bool{}
	for _, e := range c.Edges {
		if e.Kind == registry.EdgePointsAt && tags[e.From] {
			out[e.To] = true
		}
	}
	return out
}

// rootVersion returns the model version of a root: itself, or the one that a deployment
// deploys; nil for other kinds.
func rootVersion(root *graph.Node, c graph.Closure) *graph.Node {
	if root.Kind == registry.KindModelVersion {
		return root
	}
	for _, e := range c.Edges {
		if e.Kind != registry.EdgeDeploys || e.From != root.ID {
			continue
		}
		for _, v := range c.OfKind(registry.KindModelVersion) {
			if v.ID == e.To {
				return v
			}
		}
	}
	return nil
}

// walkDownstream walks to effects. From a commit it follows PARENT to later commits
// first, because what a later commit made contains the earlier one.
func (b *builder) walkDownstream(ctx context.Context, r graph.Reader, root registry.ID, o Options) error {
	q := o.closureQuery([]registry.ID{root}, graph.Downstream)
	commitRoot := root.Kind() == registry.KindCommit && o.History > 0
	if commitRoot {
		q.Stages = []graph.Stage{{From: registry.KindCommit, Direction: q.Direction, Edges: q.Edges, Through: q.Through, Depth: q.Depth, Fanout: q.Fanout, Limit: q.Limit}}
		q.Edges, q.Through, q.Depth = []registry.EdgeKind{registry.EdgeParent}, nil, o.History
	}
	c, err := closureUntilDeadline(ctx, r, q)
	if err == nil && b.head != 0 && c.Head != b.head && !c.TimedOut {
		q.At.Known = b.head // Both directions of a walk show the same state.
		c, err = closureUntilDeadline(ctx, r, q)
	}
	if err != nil {
		return err
	}
	if _, err := closureRoot(c, root); err != nil {
		return err
	}
	if commitRoot {
		b.add(c, nil)
		for _, id := range c.CutAtDepth {
			b.historyCut[id] = true
		}
		c = stageResult(c, 0)
	}
	b.effects = slices.DeleteFunc(slices.Clone(c.Nodes), func(n graph.ClosureNode) bool { return n.Node.ID == root })
	b.add(c, nil)
	b.noteTruncated(ReasonDepth, c.CutAtDepth)
	return nil
}

// finish computes the layout and sorts: nodes by depth and id, edges by their ends.
func (b *builder) finish(d Direction) *Graph {
	edges, held := b.distinctEdges(), len(b.items)
	if computeLayout(b, edges, d) {
		edges = slices.DeleteFunc(edges, func(e graph.Edge) bool { return b.items[e.From] == nil || b.items[e.To] == nil })
	}
	g := b.result()
	g.Edges = edges
	if held <= maxPooledItems {
		clear(b.items)
		itemMaps.Put(b.items)
	}
	b.items = nil
	return g
}

// itemMaps reuses the maps of finished walks that have at most maxPooledItems entries.
var itemMaps = sync.Pool{New: func() any { return make(map[registry.ID]*Item, 64) }}

const maxPooledItems = 256

// distinctEdges returns every edge once, sorted by its ends. An Edge is large, so it
// sorts indexes and then moves each edge once.
func (b *builder) distinctEdges() []graph.Edge {
	order := func(x, y *graph.Edge) int {
		if x.From != y.From {
			return cmp.Compare(x.From, y.From)
		}
		return cmp.Or(cmp.Compare(x.To, y.To), cmp.Compare(x.Kind, y.Kind))
	}
	source := make([]int32, len(b.edges))
	for i := range source {
		source[i] = int32(i)
	}
	slices.SortFunc(source, func(i, j int32) int { return order(&b.edges[i], &b.edges[j]) })
	permute(b.edges, source)
	kept := b.edges[:0]
	for i := range b.edges {
		if n := len(kept); n == 0 || order(&kept[n-1], &b.edges[i]) != 0 {
			kept = append(kept, b.edges[i])
		}
	}
	return kept
}

// permute sets list[i] to the old list[source[i]] for every i, in place. It overwrites
// source.
func permute[T any](list []T, source []int32) {
	for i := range source {
		if source[i] < 0 || int(source[i]) == i {
			continue
		}
		first, to := list[i], int32(i)
		for {
			f := source[to]
			source[to] = -1
			if int(f) == i {
				list[to] = first
				break
			}
			list[to] = list[f]
			to = f
		}
	}
}

// orderedReasons lists reasons in their fixed order.
func orderedReasons(reasons map[Reason]bool) (out []Reason) {
	for _, r := range []Reason{ReasonDepth, ReasonNodes, ReasonFanout, ReasonTime, ReasonAccess} {
		if reasons[r] {
			out = append(out, r)
		}
	}
	return out
}

// result sorts the nodes and collects what is missing.
func (b *builder) result() *Graph {
	g := &Graph{Root: b.root, Head: b.head, HistoryCut: len(b.historyCut) > 0}
	for id := range b.historyCut {
		if it := b.items[id]; it != nil {
			it.HistoryCut = true
		}
	}
	g.Items = make([]*Item, 0, len(b.items))
	for _, it := range b.items {
		g.Items = append(g.Items, it)
		if it.Node.Hidden {
			g.Redacted++
		}
	}
	slices.SortFunc(g.Items, func(x, y *Item) int {
		return cmp.Or(cmp.Compare(x.Depth, y.Depth), cmp.Compare(x.Node.ID, y.Node.ID))
	})
	if g.Redacted > 0 {
		b.reasons[ReasonAccess] = true
	}
	g.Reasons = orderedReasons(b.reasons)
	for id := range b.frontier {
		g.Frontier = append(g.Frontier, id)
	}
	slices.Sort(g.Frontier)
	return g
}

package lineage

import (
	"context"
	"slices"

	"pedigree/graph"
	"pedigree/registry"
)

// A recall marks nodes as bad, and with them all that descends from them by lineage edges. The
// marks are found by walking from the nodes that are asked about to what they came from, so that
// nothing is stored on descendants, and an edge that is recorded late carries the mark at once.
//
// Commit history is walked the other way, from the recalled commits to the later ones: what
// was recalled is mostly young, and history is long.

// Closer walks: the part of a graph.Reader that recalls need.
type Closer interface {
	Closure(ctx context.Context, q graph.ClosureQuery) (graph.Closure, error)
}

// recallDepth is more hops than a walk within RecallBounds takes. A cache answers no deeper ones.
const recallDepth = 9998

// RecallBounds bound the walks for the marks of some nodes: how many nodes that they came from,
// and how many commits after recalled and fixing ones.
type RecallBounds struct{ Nodes, Commits int }

// The bounds of a read, which a page of nodes shares, and of a promotion, which must know.
var (
	RecallReadBounds      = RecallBounds{Nodes: 20_000, Commits: 20_000}
	RecallPromotionBounds = RecallBounds{Nodes: 100_000, Commits: 200_000}
)

// RecallMarks says under which recalls some nodes stand.
type RecallMarks struct {
	recalls []*registry.Recall
	marked  map[registry.ID][]int // indexes in recalls, ascending
	unknown map[registry.ID]bool
	// causes are the edges that were walked, from effects; laterCommits has, by recall, the commits
	// that stand under it, nil for a recall of no commit.
	causes       map[registry.ID][]registry.ID
	parents      map[registry.ID][]registry.ID
	laterCommits []map[registry.ID]bool
	head         int64
}

// Of returns the recalls that a node stands under.
func (m *RecallMarks) Of(id registry.ID) (out []*registry.Recall) {
	for _, i := range m.marked[id] {
		out = append(out, m.recalls[i])
	}
	return out
}

// State returns whether a node is recalled. A node under a recall is recalled, however much of
// what it came from was not walked.
func (m *RecallMarks) State(id registry.ID) registry.RecallState {
	switch {
	case len(m.marked[id]) > 0:
		return registry.IsRecalled
	case m.unknown[id]:
		return registry.RecallUnknown
	}
	return registry.NotRecalled
}

// MarkRecalled finds out under which of some recalls nodes stand, by one walk for all nodes, and
// by up to two over commits when commits are recalled. When something was written between the
// walks, it walks again at the head of the first.
func MarkRecalled(ctx context.Context, r Closer, at graph.Instant, recalls []*registry.Recall, ids []registry.ID, bounds RecallBounds) (*RecallMarks, error) {
	m, agrees, err := markRecalled(ctx, r, at, recalls, ids, bounds)
	if err == nil && !agrees && at.Known == 0 {
		at.Known = m.head
		m, _, err = markRecalled(ctx, r, at, recalls, ids, bounds)
	}
	return m, err
}

func markRecalled(ctx context.Context, r Closer, at graph.Instant, recalls []*registry.Recall, ids []registry.ID, bounds RecallBounds) (*RecallMarks, bool, error) {
	m := &RecallMarks{recalls: recalls, marked: map[registry.ID][]int{}, unknown: map[registry.ID]bool{}, causes: map[registry.ID][]registry.ID{},
		parents: map[registry.ID][]registry.ID{}, laterCommits: make([]map[registry.ID]bool, len(recalls))}
	if len(recalls) == 0 || len(ids) == 0 {
		return m, true, nil
	}
	c, err := closeOver(ctx, r, graph.ClosureQuery{Roots: ids, Direction: graph.Upstream, Edges: lineageEdges, Depth: recallDepth, Fanout: bounds.Nodes, Limit: bounds.Nodes, At: at, Bare: true})
	if err != nil {
		return nil, false, err
	}
	m.head = c.Head
	effects := map[registry.ID][]registry.ID{}
	for _, e := range c.Edges {
		effects[e.To] = append(effects[e.To], e.From)
		m.causes[e.From] = append(m.causes[e.From], e.To)
	}
	commits := make([]registry.ID, 0, 8)
	for _, n := range c.Nodes {
		if n.Node.Kind == registry.KindCommit {
			commits = append(commits, n.Node.ID)
		}
	}
	h, err := walkHistory(ctx, r, at, recalls, len(commits) > 0, bounds.Commits)
	if err != nil {
		return nil, false, err
	}
	m.parents = h.parents
	reached := make(map[registry.ID]bool, len(c.Nodes))
	for _, n := range c.Nodes {
		reached[n.Node.ID] = true
	}
	unknown := slices.Concat(c.CutEarly, c.OverFanout, c.CutAtDepth)
	for i, recall := range recalls {
		var seeds []registry.ID
		for _, id := range recall.Nodes {
			if reached[id] {
				seeds = append(seeds, id)
			}
		}
		after, uncertain := h.after(recall)
		m.laterCommits[i] = after
		for _, id := range commits {
			switch {
			case after[id]:
				seeds = append(seeds, id)
			case uncertain(id):
				unknown = append(unknown, id)
			}
		}
		for id := range downFrom(seeds, effects) {
			m.marked[id] = append(m.marked[id], i)
		}
	}
	m.unknown = downFrom(unknown, effects)
	if c.TimedOut && len(c.CutEarly) == 0 {
		for _, id := range ids {
			m.unknown[id] = true
		}
	}
	return m, h.head == 0 || h.head == c.Head, nil
}

// closeOver walks. When the deadline made the store fail, the roots are all that is known.
func closeOver(ctx context.Context, r Closer, q graph.ClosureQuery) (graph.Closure, error) {
	c, err := r.Closure(ctx, q)
	if err == nil || !expired(ctx) {
		return c, err
	}
	return graph.Closure{TimedOut: true, CutEarly: q.Roots, Head: q.At.Known}, nil
}

// downFrom returns nodes and all that they are causes of.
func downFrom(seeds []registry.ID, effects map[registry.ID][]registry.ID) map[registry.ID]bool {
	out, queue := make(map[registry.ID]bool, len(seeds)), slices.Clone(seeds)
	for len(queue) > 0 {
		id := queue[len(queue)-1]
		queue = queue[:len(queue)-1]
		if out[id] {
			continue
		}
		out[id] = true
		queue = append(queue, effects[id]...)
	}
	return out
}

// history is what was walked of commits after recalled and fixing ones.
type history struct {
	parents, children map[registry.ID][]registry.ID
	// recalledCut and fixedCut say that not all commits after recalled, or fixing, ones were met.
	recalledCut, fixedCut bool
	head                  int64
}

// walkHistory walks from recalled and fixing commits to later ones. Without commits among the nodes
// asked about, or among the recalled, it walks nowhere.
func walkHistory(ctx context.Context, r Closer, at graph.Instant, recalls []*registry.Recall, any bool, limit int) (*history, error) {
	h := &history{parents: map[registry.ID][]registry.ID{}, children: map[registry.ID][]registry.ID{}}
	var bad, fixes []registry.ID
	for _, recall := range recalls {
		if from := commitsOf(recall.Nodes); len(from) > 0 {
			bad, fixes = append(bad, from...), append(fixes, recall.FixedBy...)
		}
	}
	if !any || len(bad) == 0 {
		return h, nil
	}
	var err error
	if h.recalledCut, err = h.add(ctx, r, at, bad, limit); err != nil || len(fixes) == 0 {
		return h, err
	}
	h.fixedCut, err = h.add(ctx, r, at, fixes, limit)
	return h, err
}

// add walks from commits to later ones, and reports whether some were not met.
func (h *history) add(ctx context.Context, r Closer, at graph.Instant, from []registry.ID, limit int) (bool, error) {
	slices.Sort(from)
	c, err := closeOver(ctx, r, graph.ClosureQuery{Roots: slices.Compact(from), Direction: graph.Downstream, Edges: []registry.EdgeKind{registry.EdgeParent}, Depth: recallDepth,
		Fanout: limit, Limit: limit, At: at, Bare: true})
	if err != nil {
		return false, err
	}
	if h.head == 0 || c.Head > h.head {
		h.head = c.Head
	}
	for _, e := range c.Edges {
		h.children[e.To] = append(h.children[e.To], e.From)
		h.parents[e.From] = append(h.parents[e.From], e.To)
	}
	return c.LimitReached || c.TimedOut || len(c.OverFanout) > 0 || len(c.CutAtDepth) > 0, nil
}

// after returns the commits that stand under a recall, and a function that reports whether it is
// not known if a commit that was not returned does. A commit stands under it when it is recalled,
// or when a way of parents leads from it to a recalled one, and it is no fix and has none as an
// ancestor.
func (h *history) after(recall *registry.Recall) (map[registry.ID]bool, func(registry.ID) bool) {
	bad := commitsOf(recall.Nodes)
	if len(bad) == 0 {
		return nil, func(registry.ID) bool { return false }
	}
	out := downFrom(bad, h.children)
	for id := range downFrom(recall.FixedBy, h.children) {
		if !slices.Contains(bad, id) {
			delete(out, id)
		}
	}
	if h.fixedCut && len(recall.FixedBy) > 0 { // Some of these may have a fix as an ancestor.
		for id := range out {
			if !slices.Contains(bad, id) {
				delete(out, id)
			}
		}
		return out, func(registry.ID) bool { return true }
	}
	return out, func(registry.ID) bool { return h.recalledCut }
}

func commitsOf(ids []registry.ID) (out []registry.ID) {
	for _, id := range ids {
		if id.Kind() == registry.KindCommit {
			out = append(out, id)
		}
	}
	return out
}

// Path returns a shortest way from a node to one that a recall names, both included; nil when the
// node does not stand under it.
func (m *RecallMarks) Path(of registry.ID, recall registry.ID) []registry.ID {
	i := slices.IndexFunc(m.recalls, func(r *registry.Recall) bool { return r.ID == recall })
	if i < 0 {
		return nil
	}
	bad := m.recalls[i].Nodes
	from, queue := map[registry.ID]registry.ID{of: ""}, []registry.ID{of}
	for len(queue) > 0 {
		id := queue[0]
		queue = queue[1:]
		if slices.Contains(bad, id) {
			var out []registry.ID
			for ; id != ""; id = from[id] {
				out = append(out, id)
			}
			slices.Reverse(out)
			return out
		}
		next := slices.Clone(m.causes[id])
		if m.laterCommits[i][id] {
			for _, p := range m.parents[id] {
				if m.laterCommits[i][p] {
					next = append(next, p)
				}
			}
		}
		slices.Sort(next)
		for _, c := range next {
			if _, met := from[c]; !met {
				from[c] = id
				queue = append(queue, c)
			}
		}
	}
	return nil
}

// FixedCommits returns the commits that a recall does not reach over parents: its fixes, and those
// that have one as an ancestor. complete is false when there are more than are walked.
func FixedCommits(ctx context.Context, r Closer, at graph.Instant, recall *registry.Recall, limit int) (fixed map[registry.ID]bool, complete bool, err error) {
	if len(recall.FixedBy) == 0 || len(commitsOf(recall.Nodes)) == 0 {
		return nil, true, nil
	}
	h := &history{parents: map[registry.ID][]registry.ID{}, children: map[registry.ID][]registry.ID{}}
	cut, err := h.add(ctx, r, at, slices.Clone(recall.FixedBy), limit)
	if err != nil {
		return nil, false, err
	}
	fixed = downFrom(recall.FixedBy, h.children)
	for _, id := range recall.Nodes {
		delete(fixed, id)
	}
	return fixed, !cut, nil
}

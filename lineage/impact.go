package lineage

import (
	"cmp"
	"context"
	"slices"

	"pedigree/graph"
	"pedigree/registry"
)

// Impact is a lazy breadth-first walk to the descendants of some nodes, nearest first,
// then by Number. It goes only as far as the caller takes rows. Within Budgets it keeps
// in memory the descendants that can lead to a target kind, but not the rows, so there
// may be any number of rows.
type Impact struct {
	// Roots are the start nodes; Head is the newest log sequence that the walk saw.
	Roots []*graph.Node
	Head  int64
	Budgets
	// DocumentsOfFew is for a caller who wants the documents of the rows that it takes: those of a
	// level with few causes are read with them.
	DocumentsOfFew bool
	// Light keeps of the nodes that the walk continues from only what identifies them, for a caller who
	// reads those of the paths by their ids.
	Light bool
	// Without are nodes that the walk does not enter: it is as if they were not there.
	Without map[registry.ID]bool

	r       graph.Reader
	at      graph.Instant
	targets map[registry.Kind]bool
	// intermediates are the kinds that can have effects of the target kinds.
	intermediates map[registry.Kind]bool
	expanded      map[registry.ID]*bfsNode // the nodes that the walk continues from
	rowNumbers    map[int64]bool           // the rows so far; nil when the walk began after a row
	hidden        map[registry.ID]*graph.Node
	reasons       map[Reason]bool
	frontier      map[registry.ID]bool
	readCount     int
}

// Budgets bound the work of an Impact.
type Budgets struct {
	// PerNode, PerLevel and Total are the most nodes to continue from: among the
	// neighbors of one node, in one level, and in all. Reads is the most neighbors to
	// read.
	PerNode, PerLevel, Total, Reads int
}

// ImpactBudgets are the budgets of one request: some 20 MB and, on SQLite, about a
// second.
var ImpactBudgets = Budgets{PerNode: MaxNodes, PerLevel: MaxNodes, Total: 4 * MaxNodes, Reads: 100_000}

// StreamBudgets are the budgets of a list that is handed out while it is walked: at most some 400 MB
// (250,000 nodes took 190).
var StreamBudgets = Budgets{PerNode: 500_000, PerLevel: 500_000, Total: 500_000, Reads: 5_000_000}

// wholeLevel is from how many causes in a level are read the documents of their effects: of more, too
// much is read that is no row of the page.
const wholeLevel = 8

// Descendant is an effect, direct or not, of one of the roots of an Impact.
type Descendant struct {
	// Node has no document unless Rows was called with whole, or it is one of few.
	Node *graph.Node
	// Depth is the fewest hops from any of the roots.
	Depth  int
	parent *bfsNode
}

// Path returns one shortest path to it, from the root to itself, without documents.
func (d Descendant) Path() []*graph.Node {
	out := []*graph.Node{d.Node}
	for s := d.parent; s != nil; s = s.parent {
		out = append(out, s.node)
	}
	slices.Reverse(out)
	return out
}

// RowPosition is a position among the rows: after the row of a depth and Number. The zero
// RowPosition is before the first row.
type RowPosition struct {
	Depth  int
	Number int64
}

// bfsNode is a node that the walk continues from, with its parent in the breadth-first
// tree and how many children it has there.
type bfsNode struct {
	node     *graph.Node
	depth    int
	parent   *bfsNode
	children int
}

// NewImpact starts a walk from roots to nodes of the target kinds. NOT_FOUND names a
// root that is unknown or hidden.
func NewImpact(ctx context.Context, r graph.Reader, ids []registry.ID, targets []registry.Kind, at graph.Instant) (*Impact, error) {
	nodes, err := readRoots(ctx, r, at, ids...)
	if err != nil {
		return nil, err
	}
	head, err := closureUntilDeadline(ctx, r, graph.ClosureQuery{Roots: ids[:1], Direction: graph.Downstream, Fanout: 1, Limit: 1, At: at, Bare: true})
	if err != nil {
		return nil, err
	}
	w := &Impact{Head: head.Head, Budgets: ImpactBudgets, r: r, at: at, targets: map[registry.Kind]bool{}, expanded: map[registry.ID]*bfsNode{},
		hidden: map[registry.ID]*graph.Node{}, reasons: map[Reason]bool{}, frontier: map[registry.ID]bool{}}
	if at.Known != 0 {
		w.Head = at.Known // The walk sees nothing newer.
	}
	slices.SortFunc(nodes, func(a, b *graph.Node) int { return cmp.Compare(a.Number, b.Number) })
	w.Roots = slices.CompactFunc(nodes, func(a, b *graph.Node) bool { return a.ID == b.ID })
	for _, k := range targets {
		w.targets[k] = true
	}
	w.intermediates = intermediateKinds(w.targets)
	return w, nil
}

// intermediateKinds returns the kinds that can have effects of the target kinds.
func intermediateKinds(targets map[registry.Kind]bool) map[registry.Kind]bool {
	kinds := map[registry.Kind]bool{}
	for grown := true; grown; {
		grown = false
		for _, e := range registry.EdgeKinds() {
			from, to := registry.EdgeEnds(e)
			if !slices.ContainsFunc(from, func(k registry.Kind) bool { return targets[k] || kinds[k] }) {
				continue
			}
			for _, k := range to {
				grown = grown || !kinds[k]
				kinds[k] = true
			}
		}
	}
	return kinds
}

// Rows calls take for each row after a place, in order, until take returns false. With
// whole, rows have their documents; want is how many rows the caller will probably take.
// It returns the place up to which it has passed all rows to take, and whether there may
// be more. Call it once per Impact.
func (w *Impact) Rows(ctx context.Context, after RowPosition, whole bool, want int, take func(Descendant) bool) (RowPosition, bool, error) {
	if after == (RowPosition{}) {
		w.rowNumbers = map[int64]bool{}
	}
	var level []*bfsNode
	for _, n := range w.Roots {
		s := &bfsNode{node: n}
		w.expanded[n.ID], level = s, append(level, s)
	}
	at := after
	for depth := 1; len(level) > 0; depth++ {
		if depth >= after.Depth {
			if depth > at.Depth {
				at = RowPosition{Depth: depth}
			}
			number, more, err := w.levelRows(ctx, level, at.Number, whole, want, take)
			at.Number = number
			if err != nil || more {
				return at, more, err
			}
		}
		next, err := w.nextLevel(ctx, level, depth)
		if err != nil {
			return at, false, err
		}
		level = next
		if expired(ctx) {
			w.reasons[ReasonTime] = true
			return at, len(level) > 0, nil
		}
		if w.readCount > w.Reads {
			w.reasons[ReasonNodes] = true
			return at, at != after, nil // Without progress, the next call would end here again.
		}
	}
	return at, false, nil
}

// levelRows passes the rows of one level after a Number to take. It returns the Number
// up to which it did so, and whether there may be more.
func (w *Impact) levelRows(ctx context.Context, level []*bfsNode, after int64, whole bool, want int, take func(Descendant) bool) (int64, bool, error) {
	e := w.mergeEffects(level, w.targets, !whole && !(w.DocumentsOfFew && len(level) <= wholeLevel), want)
	for e.position = after; !e.done; {
		if expired(ctx) || w.readCount > w.Reads {
			w.noteExhausted(ctx, e)
			return e.position, true, nil
		}
		batch, err := e.next(ctx)
		if err == nil {
			batch, err = w.dropNearer(ctx, batch)
		}
		if err != nil {
			if !expired(ctx) {
				return e.position, false, err
			}
			w.noteExhausted(ctx, e)
			return e.previousPosition, true, nil
		}
		if expired(ctx) && slices.ContainsFunc(batch, func(d Descendant) bool { return d.Node.Hidden }) {
			w.noteExhausted(ctx, e) // They may be hidden because of the deadline: continue before them.
			return e.previousPosition, true, nil
		}
		for _, d := range batch {
			if w.rowNumbers != nil {
				w.rowNumbers[d.Node.Number] = true
			}
			if d.Node.Hidden {
				w.hidden[d.Node.ID] = d.Node
				continue
			}
			if !take(d) {
				return d.Node.Number - 1, true, nil
			}
		}
	}
	return e.position, false, nil
}

// noteExhausted records that the deadline or the budget ended the reading of a level.
func (w *Impact) noteExhausted(ctx context.Context, e *effectMerge) {
	if expired(ctx) {
		w.reasons[ReasonTime] = true
	} else {
		w.reasons[ReasonNodes] = true
	}
	for _, s := range e.nodes {
		w.frontier[s.node.ID] = true
	}
}

// dropNearer removes the nodes that an earlier level has: those in expanded, and the
// rows of earlier levels. When the walk began after a row, rowNumbers is nil; then a
// node was a row of an earlier level when a cause of it is above the level before this.
func (w *Impact) dropNearer(ctx context.Context, batch []Descendant) ([]Descendant, error) {
	batch = slices.DeleteFunc(batch, func(d Descendant) bool { return w.expanded[d.Node.ID] != nil || w.rowNumbers[d.Node.Number] })
	if w.rowNumbers != nil || len(batch) == 0 || batch[0].Depth == 1 {
		return batch, nil
	}
	reached, depth := map[registry.ID]bool{}, batch[0].Depth-1
	for part := range slices.Chunk(batch, mergeBatch) {
		q := graph.NeighborQuery{Direction: graph.Upstream, At: w.at, LimitPerNode: maxPageSize, Bare: true}
		for _, d := range part {
			q.IDs = append(q.IDs, d.Node.ID)
		}
		hops, err := w.r.Neighbors(ctx, q)
		for i := 0; err == nil && i < len(hops); i++ {
			reached[hops[i].NodeID], err = w.reachedEarlier(ctx, hops[i], depth)
		}
		if err != nil {
			return nil, err
		}
	}
	return slices.DeleteFunc(batch, func(d Descendant) bool { return reached[d.Node.ID] }), nil
}

// reachedEarlier reports whether one of a node's causes is in expanded at less than a
// depth. It reads the pages of causes one by one.
func (w *Impact) reachedEarlier(ctx context.Context, h graph.Neighbors, depth int) (bool, error) {
	for {
		w.readCount += len(h.Nodes)
		if slices.ContainsFunc(h.Nodes, func(n *graph.Node) bool { s := w.expanded[n.ID]; return s != nil && s.depth < depth }) {
			return true, nil
		}
		if !h.More || w.readCount > w.Reads {
			return false, nil
		}
		hops, err := w.r.Neighbors(ctx, graph.NeighborQuery{IDs: []registry.ID{h.NodeID}, Direction: graph.Upstream, At: w.at, LimitPerNode: maxPageSize, Bare: true,
			After: h.Nodes[len(h.Nodes)-1].Number})
		if err != nil {
			return false, err
		}
		h = hops[0]
	}
}

// nextLevel reads the next level: the effects of the intermediate kinds, by Number,
// within the budgets.
func (w *Impact) nextLevel(ctx context.Context, level []*bfsNode, depth int) (next []*bfsNode, err error) {
	e := w.mergeEffects(level, w.intermediates, true, w.PerLevel)
	for !e.done {
		if expired(ctx) || w.readCount > w.Reads {
			w.noteExhausted(ctx, e)
			return next, nil
		}
		batch, err := e.next(ctx)
		if err != nil {
			if expired(ctx) {
				w.noteExhausted(ctx, e)
				return next, nil
			}
			return nil, err
		}
		for _, d := range batch {
			if w.expanded[d.Node.ID] != nil {
				continue
			}
			if d.parent.children == w.PerNode || len(next) == w.PerLevel || len(w.expanded) == w.Total {
				w.frontier[d.parent.node.ID] = true
				if d.parent.children == w.PerNode {
					w.reasons[ReasonFanout] = true
				} else {
					w.reasons[ReasonNodes] = true
				}
				if len(next) == w.PerLevel || len(w.expanded) == w.Total || len(level) == 1 {
					return next, nil
				}
				continue
			}
			d.parent.children++
			n := d.Node
			if w.Light {
				n = &graph.Node{ID: n.ID, Kind: n.Kind, Number: n.Number, Hidden: n.Hidden}
			}
			s := &bfsNode{node: n, depth: depth, parent: d.parent}
			w.expanded[d.Node.ID], next = s, append(next, s)
			if d.Node.Hidden {
				w.hidden[d.Node.ID] = n
			}
		}
	}
	return next, nil
}

// Truncation returns the truncation of the rows so far, as a Graph without nodes: Reasons,
// Frontier, and the number of hidden nodes in Redacted.
func (w *Impact) Truncation() *Graph {
	g := &Graph{Head: w.Head, Redacted: len(w.hidden)}
	if g.Redacted > 0 {
		w.reasons[ReasonAccess] = true
	}
	g.Reasons = orderedReasons(w.reasons)
	for id := range w.frontier {
		g.Frontier = append(g.Frontier, id)
	}
	slices.Sort(g.Frontier)
	return g
}

// Hidden returns the hidden nodes found so far.
func (w *Impact) Hidden() (out []*graph.Node) {
	for _, n := range w.hidden {
		out = append(out, n)
	}
	return out
}

// Unchanged reports whether nothing was written since the walk began. A walk makes several
// reads; only then do they see one state of the graph.
func (w *Impact) Unchanged(ctx context.Context) (bool, error) {
	if w.at.Known != 0 {
		return true, nil
	}
	c, err := closureUntilDeadline(ctx, w.r, graph.ClosureQuery{Roots: []registry.ID{w.Roots[0].ID}, Direction: graph.Downstream, Fanout: 1, Limit: 1, At: w.at, Bare: true})
	return err == nil && (c.Head == w.Head || c.TimedOut), err
}

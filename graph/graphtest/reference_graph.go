package graphtest

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"pedigree/graph"
	"pedigree/registry"
)

// referenceGraph is a brute-force model of a store's nodes and edges. It keeps
// everything in lists and answers every question by reading all of them, so it is too
// simple to share a store's mistakes.
type referenceGraph struct {
	nodes     map[registry.ID]*graph.Node
	revisions []graph.Node
	edges     []*graph.Edge
}

func newReferenceGraph() *referenceGraph {
	return &referenceGraph{nodes: map[registry.ID]*graph.Node{}}
}

// record adds a node that an Update put, after the store gave it its numbers.
func (w *referenceGraph) record(n *graph.Node) {
	r := *n
	r.ValidFrom, r.ValidTo = micros(n.ValidFrom), micros(n.ValidTo)
	if r.Since = micros(n.Since); r.Since.IsZero() {
		r.Since = r.ValidFrom
	}
	w.revisions = append(w.revisions, r)
	w.nodes[n.ID] = &r
}

func micros(t time.Time) time.Time { return t.Truncate(time.Microsecond) }

// node is the node as it is at an instant, nil when there is none.
func (w *referenceGraph) node(id registry.ID, at graph.Instant) *graph.Node {
	known := at.Known
	if known == 0 {
		known = math.MaxInt64
	}
	newest := at.Valid.IsZero()
	var best *graph.Node
	for i := range w.revisions {
		r := &w.revisions[i]
		if r.ID != id || r.RecordedSeq > known || !newest && r.Since.After(at.Valid) {
			continue
		}
		if best == nil || newest && r.Revision > best.Revision ||
			!newest && (r.Since.After(best.Since) || r.Since.Equal(best.Since) && r.Revision > best.Revision) {
			best = r
		}
	}
	if best == nil || !at.Valid.IsZero() && best.ValidFrom.After(at.Valid) {
		return nil
	}
	return best
}

// validEdges are the edges of some kinds that are valid at an instant, between nodes
// that exist then.
func (w *referenceGraph) validEdges(kinds []registry.EdgeKind, at graph.Instant) (out []*graph.Edge) {
	for _, e := range w.edges {
		if len(kinds) > 0 && !slices.Contains(kinds, e.Kind) {
			continue
		}
		if at.Known == 0 && e.RetractedSeq != 0 || at.Known > 0 && (e.RecordedSeq > at.Known || e.RetractedSeq != 0 && e.RetractedSeq <= at.Known) {
			continue
		}
		if !at.Valid.IsZero() && (e.ValidFrom.After(at.Valid) || !e.ValidTo.IsZero() && !e.ValidTo.After(at.Valid)) {
			continue
		}
		if w.node(e.From, at) != nil && w.node(e.To, at) != nil {
			out = append(out, e)
		}
	}
	return out
}

func nearFar(e *graph.Edge, d graph.Direction) (near, far registry.ID) {
	if d == graph.Downstream {
		return e.To, e.From
	}
	return e.From, e.To
}

// farEnds are the far ends of a node's edges in a direction, by Number.
func (w *referenceGraph) farEnds(live []*graph.Edge, d graph.Direction, id registry.ID) (out []registry.ID) {
	for _, e := range live {
		if near, f := nearFar(e, d); near == id {
			out = append(out, f)
		}
	}
	slices.SortFunc(out, func(a, b registry.ID) int { return cmp.Compare(w.nodes[a].Number, w.nodes[b].Number) })
	return out
}

// closure follows the definition at graph.ClosureQuery, and that of its stages, to the
// letter.
func (w *referenceGraph) closure(q graph.ClosureQuery) graph.Closure {
	out := w.walk(q)
	last := out
	for _, s := range q.Stages {
		last = w.walk(s.Query(q, ids(last.OfKind(s.From)...)))
		out.Stages = append(out.Stages, last)
	}
	return out
}

func (w *referenceGraph) walk(q graph.ClosureQuery) graph.Closure {
	var out graph.Closure
	live := w.validEdges(q.Edges, q.At)
	number := func(id registry.ID) int64 { return w.nodes[id].Number }
	far := func(id registry.ID) []registry.ID { return w.farEnds(live, q.Direction, id) }
	depth := map[registry.ID]int{}
	enter := func(level []registry.ID, d int) (held []registry.ID) {
		slices.SortFunc(level, func(a, b registry.ID) int { return cmp.Compare(number(a), number(b)) })
		for _, id := range slices.Compact(level) {
			if _, ok := depth[id]; ok {
				continue
			}
			if len(depth) == q.Limit {
				out.LimitReached = true
				continue
			}
			depth[id] = d
			held = append(held, id)
			out.Nodes = append(out.Nodes, graph.ClosureNode{Node: w.node(id, q.At), Depth: d})
		}
		return held
	}
	var level []registry.ID
	for _, id := range q.Roots {
		if w.nodes[id] != nil && w.node(id, q.At) != nil {
			level = append(level, id)
		}
	}
	level = enter(level, 0)
	for d := 0; d < q.Depth && len(level) > 0; d++ {
		var next []registry.ID
		for _, id := range level {
			if d > 0 && len(q.Through) > 0 && !slices.Contains(q.Through, w.nodes[id].Kind) {
				continue
			}
			f := far(id)
			if len(f) > q.Fanout {
				out.OverFanout = append(out.OverFanout, id)
				f = f[:q.Fanout]
			}
			next = append(next, f...)
		}
		level = enter(next, d+1)
	}
	for _, r := range out.Nodes {
		if !slices.ContainsFunc(far(r.Node.ID), func(f registry.ID) bool { _, ok := depth[f]; return !ok }) {
			continue
		}
		goesOn := r.Depth == 0 || len(q.Through) == 0 || slices.Contains(q.Through, r.Node.Kind)
		if r.Depth == q.Depth {
			out.CutAtDepth = append(out.CutAtDepth, r.Node.ID)
		} else if out.LimitReached && goesOn {
			out.CutEarly = append(out.CutEarly, r.Node.ID)
		}
	}
	for _, e := range live {
		_, from := depth[e.From]
		if _, to := depth[e.To]; from && to {
			out.Edges = append(out.Edges, *e)
		}
	}
	slices.SortFunc(out.Edges, func(a, b graph.Edge) int {
		return cmp.Or(cmp.Compare(number(a.From), number(b.From)), cmp.Compare(number(a.To), number(b.To)), strings.Compare(string(a.Kind), string(b.Kind)))
	})
	return out
}

// neighbors answers a NeighborQuery for one node.
func (w *referenceGraph) neighbors(id registry.ID, q graph.NeighborQuery) (far []string, more bool, degree int64) {
	var all []*graph.Node
	for _, e := range w.validEdges(q.Edges, q.At) {
		if near, f := nearFar(e, q.Direction); near == id {
			degree++
			if n := w.node(f, q.At); n.Number > q.After {
				all = append(all, n)
			}
		}
	}
	slices.SortFunc(all, func(a, b *graph.Node) int { return cmp.Compare(a.Number, b.Number) })
	if len(all) > q.LimitPerNode {
		all, more = all[:q.LimitPerNode], true
	}
	if q.CountLimit > 0 {
		degree = min(degree, q.CountLimit)
	}
	return revisionNames(all), more, degree
}

func revisionNames(nodes []*graph.Node) []string {
	out := []string{}
	for _, n := range nodes {
		out = append(out, fmt.Sprintf("%s#%d.%d", n.Name, n.Number, n.Revision))
	}
	return out
}

// formatClosure prints what two equal closures must have in common.
func formatClosure(c graph.Closure) string {
	var b strings.Builder
	for _, r := range c.Nodes {
		fmt.Fprintf(&b, "%s#%d.%d@%d %s\n", r.Node.Name, r.Node.Number, r.Node.Revision, r.Depth, r.Node.Doc)
	}
	for _, e := range c.Edges {
		fmt.Fprintf(&b, "%s %s -> %s rec %d ret %d from %d to %d by %s\n", e.Kind, e.From, e.To, e.RecordedSeq, e.RetractedSeq,
			e.ValidFrom.Unix(), e.ValidTo.Unix(), e.By)
	}
	fmt.Fprintf(&b, "wide %v deep %v full %v cut %v\n", c.OverFanout, c.CutAtDepth, c.LimitReached, c.CutEarly)
	for i, then := range c.Stages {
		fmt.Fprintf(&b, "stage %d\n%s", i, formatClosure(then))
	}
	return b.String()
}

func reachedNames(c graph.Closure) []string {
	out := []string{}
	for _, r := range c.Nodes {
		out = append(out, fmt.Sprintf("%s:%d", r.Node.Name, r.Depth))
	}
	return out
}

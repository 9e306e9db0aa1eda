package neo4j

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"pedigree/graph"
	"pedigree/registry"
)

// Closure walks several hops. The deadline of ctx ends the walk between two levels with
// what was found; only a cancellation ends it with an error.
func (s *Store) Closure(ctx context.Context, q graph.ClosureQuery) (c graph.Closure, err error) {
	walk, cancel := extendDeadline(ctx)
	defer cancel()
	err = s.read(walk, func(v *view) error {
		c, err = v.closure(ctx, walk, q)
		return err
	})
	return c, err
}

// Closure walks as of the Update so far.
func (v *view) Closure(ctx context.Context, q graph.ClosureQuery) (graph.Closure, error) {
	walk, cancel := extendDeadline(ctx)
	defer cancel()
	return v.closure(ctx, walk, q)
}

// extendDeadline returns ctx with five more seconds after its deadline, to finish an
// answer in.
func extendDeadline(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	rest := max(0, time.Until(deadline)) + 5*time.Second
	walk, cancel := context.WithTimeout(context.WithoutCancel(ctx), rest)
	stop := context.AfterFunc(ctx, func() {
		if errors.Is(ctx.Err(), context.Canceled) {
			cancel()
		}
	})
	return walk, func() { stop(); cancel() }
}

// reachedNode is a node that a walk has reached.
type reachedNode struct {
	id     registry.ID
	number int64
	kind   registry.Kind
	depth  int
}

// walker is one Closure in progress.
type walker struct {
	*view
	q     graph.ClosureQuery
	asOf  asOf
	types []string
	// pinned is the head that the walk reads at. It makes the walk's queries agree,
	// although Neo4j runs each against its own state.
	pinned  int64
	depths  map[registry.ID]int
	reached []reachedNode
	out     graph.Closure
}

// checkClosure refuses a query, or a stage of it, that cannot be walked.
func checkClosure(q graph.ClosureQuery) error {
	if err := checkDirectionAndKinds(q.Direction, q.Edges); err != nil {
		return err
	}
	switch {
	case q.Depth < 0 || q.Depth > 10000:
		return registry.Invalid("depth", "must be 0 to 10000")
	case q.Fanout < 1:
		return registry.Invalid("fanout", "must be 1 or more")
	case q.Limit < 1:
		return registry.Invalid("limit", "must be 1 or more")
	}
	for _, s := range q.Stages {
		if err := checkClosure(s.Query(q, nil)); err != nil {
			return err
		}
	}
	return nil
}

// closure answers in one query when the graph around the roots is small, else walk by
// walk. ctx says when to stop walking, work is the context of the queries.
func (v *view) closure(ctx, work context.Context, q graph.ClosureQuery) (graph.Closure, error) {
	if len(q.Roots) == 0 && q.Direction == "" {
		q.Direction = graph.Upstream
	}
	if err := checkClosure(q); err != nil {
		return graph.Closure{}, err
	}
	if out, done, err := v.singleQueryClosure(ctx, work, q); done || err != nil {
		return out, err
	}
	w := &walker{view: v, q: q, asOf: asOfInstant(q.At), types: typesParam(q.Edges), depths: map[registry.ID]int{}}
	if err := w.pinHead(work); err != nil {
		return graph.Closure{}, err
	}
	roots, err := w.roots(work)
	if err == nil {
		err = w.walk(ctx, work, roots)
	}
	if err != nil {
		return graph.Closure{}, err
	}
	out := w.out
	for _, s := range q.Stages {
		if w, err = w.stage(ctx, work, s); err != nil {
			return graph.Closure{}, err
		}
		out.Stages = append(out.Stages, w.out)
	}
	return out, nil
}

// walk walks from roots by a search in the server when that gives the same answer, else
// level by level.
func (w *walker) walk(ctx, work context.Context, roots []reachedNode) error {
	done, err := w.search(work, roots)
	if err == nil && !done {
		err = w.levels(ctx, work, roots)
	}
	if err == nil {
		err = w.loadResult(work)
	}
	return err
}

// stage continues from the nodes that a walk reached, at the same head.
func (w *walker) stage(ctx, work context.Context, s graph.Stage) (*walker, error) {
	next := &walker{view: w.view, q: s.Query(w.q, nil), asOf: w.asOf, types: typesParam(s.Edges), pinned: w.pinned, depths: map[registry.ID]int{}}
	next.out.Head = w.out.Head
	var roots []reachedNode
	for _, h := range w.reached {
		if h.kind == s.From {
			h.depth = 0
			roots = append(roots, h)
		}
	}
	return next, next.walk(ctx, work, roots)
}

// pinHead reads the head and keeps the walk at it.
func (w *walker) pinHead(ctx context.Context) error {
	w.pinned = w.head
	if w.holdsLock {
		w.out.Head = min(w.head, w.asOf.known)
		return nil
	}
	head, err := w.visibleHead(ctx)
	if err != nil {
		return err
	}
	w.pinned, w.out.Head = head, min(head, w.asOf.known)
	w.asOf.known = min(w.asOf.known, w.pinned)
	return nil
}

// visibleHead reads the head and waits until all that was committed with it is visible.
func (v *view) visibleHead(ctx context.Context) (int64, error) {
	rows, err := v.query(ctx, readHead, map[string]any{"key": v.key("")})
	if err != nil {
		return 0, err
	}
	if len(rows) != 1 {
		return 0, internal(errors.New("the log head is gone"))
	}
	head := number(rows[0], "seq")
	v.s.headTracker.waitVisible(ctx, head)
	return head, nil
}

const (
	reachedColumns = "f.id AS id, f.number AS number, f.kind AS kind"
	// reachedMap is the same as a map.
	reachedMap = "id: f.id, number: f.number, kind: f.kind"
)

func reachedNodeOf(r row, depth int) reachedNode {
	return reachedNode{registry.ID(text(r, "id")), number(r, "number"), registry.Kind(text(r, "kind")), depth}
}

// rootsText reads the roots of a walk.
func (l asOf) rootsText() string {
	return "UNWIND $keys AS key MATCH (f:Node {key: key}) USING INDEX SEEK f:Node(key)\n" + l.visibleText("f", "w") + "RETURN " + reachedColumns
}

func (w *walker) roots(ctx context.Context) ([]reachedNode, error) {
	if len(w.q.Roots) == 0 {
		return nil, nil
	}
	rows, err := w.query(ctx, w.asOf.rootsText(), w.asOf.with(map[string]any{"keys": distinct(keysOf(w.view, w.q.Roots))}))
	if err != nil {
		return nil, err
	}
	var roots []reachedNode
	for _, r := range rows {
		roots = append(roots, reachedNodeOf(r, 0))
	}
	return roots, nil
}

// enter adds new nodes to a level by number, until the walk has Limit nodes.
func (w *walker) enter(level []reachedNode) (taken []reachedNode) {
	slices.SortFunc(level, func(a, b reachedNode) int { return cmp.Compare(a.number, b.number) })
	for _, h := range level {
		if _, seen := w.depths[h.id]; seen {
			continue
		}
		if len(w.reached) == w.q.Limit {
			w.out.LimitReached = true
			break
		}
		w.depths[h.id] = h.depth
		w.reached = append(w.reached, h)
		taken = append(taken, h)
	}
	return taken
}

// levels walks as graph.ClosureQuery defines it: one query for each level.
func (w *walker) levels(ctx, work context.Context, roots []reachedNode) error {
	level := w.enter(roots)
	for d := 0; d < w.q.Depth && len(level) > 0; d++ {
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			w.out.TimedOut = true
			return nil
		}
		var expand []registry.ID
		for _, h := range level {
			if w.through(h) {
				expand = append(expand, h.id)
			}
		}
		next, err := w.expand(work, expand, d+1)
		if err != nil {
			return err
		}
		level = w.enter(next)
	}
	return nil
}

// through reports whether the walk continues from a node.
func (w *walker) through(h reachedNode) bool {
	return h.depth == 0 || len(w.q.Through) == 0 || slices.Contains(w.q.Through, h.kind)
}

// expand returns the first Fanout far ends of nodes, in the order of their number.
func (w *walker) expand(ctx context.Context, ids []registry.ID, depth int) ([]reachedNode, error) {
	var next []reachedNode
	h := neighborQuery{w.asOf, neighborPattern(w.q.Edges), w.q.Direction, reachedMap}
	for part := range slices.Chunk(ids, batch) {
		rows, err := w.neighborsByNumber(ctx, h, h.with(map[string]any{"keys": keysOf(w.view, part), "types": w.types, "after": int64(0), "cap": capPlusOne(w.q.Fanout)}))
		if err != nil {
			return nil, err
		}
		for _, r := range rows {
			for i, found := range r["hops"].([]any) {
				if i == w.q.Fanout {
					w.out.OverFanout = append(w.out.OverFanout, registry.ID(text(r, "of")))
					break
				}
				next = append(next, reachedNodeOf(found.(row), depth))
			}
		}
	}
	return next, nil
}

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

// Closure walks several hops. The deadline of ctx ends the walk between two
// levels with what is there; only a cancellation ends it with an error.
func (s *Store) Closure(ctx context.Context, q graph.ClosureQuery) (c graph.Closure, err error) {
	walk, cancel := outlive(ctx)
	defer cancel()
	err = s.read(walk, func(v *view) error {
		c, err = v.closure(ctx, walk, q)
		return err
	})
	return c, err
}

// Closure walks as of the Update so far.
func (v *view) Closure(ctx context.Context, q graph.ClosureQuery) (graph.Closure, error) {
	walk, cancel := outlive(ctx)
	defer cancel()
	return v.closure(ctx, walk, q)
}

// outlive is ctx with some seconds after its deadline, to finish an answer in.
func outlive(ctx context.Context) (context.Context, context.CancelFunc) {
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

// held is a node that a walk holds.
type held struct {
	id     registry.ID
	number int64
	kind   registry.Kind
	depth  int
}

// walker is one Closure in progress.
type walker struct {
	*view
	q     graph.ClosureQuery
	lens  lens
	types []string
	// pinned is the head that the walk sees, so that its queries agree although
	// Neo4j gives each its own moment.
	pinned int64
	depth  map[registry.ID]int
	held   []held
	out    graph.Closure
}

// checkClosure refuses a query, or a stage of it, that cannot be walked.
func checkClosure(q graph.ClosureQuery) error {
	if err := checkWalk(q.Direction, q.Edges); err != nil {
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
	for _, s := range q.Then {
		if err := checkClosure(s.Query(q, nil)); err != nil {
			return err
		}
	}
	return nil
}

// closure answers in one query where the graph around the roots is small, else
// walk by walk. ctx says when to stop walking, work is the context of the queries.
func (v *view) closure(ctx, work context.Context, q graph.ClosureQuery) (graph.Closure, error) {
	if len(q.Roots) == 0 && q.Direction == "" {
		q.Direction = graph.Upstream
	}
	if err := checkClosure(q); err != nil {
		return graph.Closure{}, err
	}
	if out, done, err := v.once(ctx, work, q); done || err != nil {
		return out, err
	}
	w := &walker{view: v, q: q, lens: lensOf(q.At), types: typesAsked(q.Edges), depth: map[registry.ID]int{}}
	if err := w.pin(work); err != nil {
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
	for _, s := range q.Then {
		if w, err = w.stage(ctx, work, s); err != nil {
			return graph.Closure{}, err
		}
		out.Then = append(out.Then, w.out)
	}
	return out, nil
}

// walk answers from roots by the fast path where that is the same, else level by
// level.
func (w *walker) walk(ctx, work context.Context, roots []held) error {
	done, err := w.fast(work, roots)
	if err == nil && !done {
		err = w.levels(ctx, work, roots)
	}
	if err == nil {
		err = w.finish(work)
	}
	return err
}

// stage walks on from what a walk holds, at the same head.
func (w *walker) stage(ctx, work context.Context, s graph.Stage) (*walker, error) {
	next := &walker{view: w.view, q: s.Query(w.q, nil), lens: w.lens, types: typesAsked(s.Edges), pinned: w.pinned, depth: map[registry.ID]int{}}
	next.out.Head = w.out.Head
	var roots []held
	for _, h := range w.held {
		if h.kind == s.From {
			h.depth = 0
			roots = append(roots, h)
		}
	}
	return next, next.walk(ctx, work, roots)
}

// pin reads the head and keeps the walk to it.
func (w *walker) pin(ctx context.Context) error {
	w.pinned = w.head
	if w.own {
		w.out.Head = w.head
		return nil
	}
	rows, err := w.query(ctx, readHead, map[string]any{"key": w.key("")})
	if err != nil {
		return err
	}
	if len(rows) != 1 {
		return internal(errors.New("the log head is gone"))
	}
	w.pinned = number(rows[0], "seq")
	w.s.heads.await(ctx, w.pinned)
	w.out.Head = w.pinned
	w.lens.known = min(w.lens.known, w.pinned)
	return nil
}

const (
	heldColumns = "f.id AS id, f.number AS number, f.kind AS kind"
	// heldHop are the same of a hop.
	heldHop = "id: f.id, number: f.number, kind: f.kind"
)

func heldOf(r row, depth int) held {
	return held{registry.ID(text(r, "id")), number(r, "number"), registry.Kind(text(r, "kind")), depth}
}

// rootsText is how a walk reads its roots.
func (l lens) rootsText() string {
	return "UNWIND $keys AS key MATCH (f:Node {key: key}) USING INDEX f:Node(key)\n" + l.seen("f", "w") + "RETURN " + heldColumns
}

func (w *walker) roots(ctx context.Context) ([]held, error) {
	if len(w.q.Roots) == 0 {
		return nil, nil
	}
	rows, err := w.query(ctx, w.lens.rootsText(), w.lens.with(map[string]any{"keys": distinct(keysOf(w.view, w.q.Roots))}))
	if err != nil {
		return nil, err
	}
	var roots []held
	for _, r := range rows {
		roots = append(roots, heldOf(r, 0))
	}
	return roots, nil
}

// enter takes new nodes into a level by number, until Limit are held.
func (w *walker) enter(level []held) (taken []held) {
	slices.SortFunc(level, func(a, b held) int { return cmp.Compare(a.number, b.number) })
	for _, h := range level {
		if _, seen := w.depth[h.id]; seen {
			continue
		}
		if len(w.held) == w.q.Limit {
			w.out.Full = true
			break
		}
		w.depth[h.id] = h.depth
		w.held = append(w.held, h)
		taken = append(taken, h)
	}
	return taken
}

// levels is the walk as it is defined: one query a level.
func (w *walker) levels(ctx, work context.Context, roots []held) error {
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

// through reports whether the walk goes on from a node.
func (w *walker) through(h held) bool {
	return h.depth == 0 || len(w.q.Through) == 0 || slices.Contains(w.q.Through, h.kind)
}

// expand returns the first Fanout far ends of nodes, which come by number.
func (w *walker) expand(ctx context.Context, ids []registry.ID, depth int) ([]held, error) {
	var next []held
	h := hop{w.lens, hopPattern(w.q.Edges), w.q.Direction, heldHop}
	for part := range slices.Chunk(ids, batch) {
		rows, err := w.hops(ctx, h, h.with(map[string]any{"keys": keysOf(w.view, part), "types": w.types, "after": int64(0), "cap": capped(w.q.Fanout)}))
		if err != nil {
			return nil, err
		}
		for _, r := range rows {
			for i, found := range r["hops"].([]any) {
				if i == w.q.Fanout {
					w.out.Wide = append(w.out.Wide, registry.ID(text(r, "of")))
					break
				}
				next = append(next, heldOf(found.(row), depth))
			}
		}
	}
	return next, nil
}

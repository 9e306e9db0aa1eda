package sqlite

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"pedigree/graph"
	"pedigree/registry"
)

// closer is one closure under way: a frontier loop, level by level, one statement
// for some nodes or for one with many far ends. The edges that an expansion reads are kept,
// so that only nodes that were not expanded whole are asked again for theirs.
type closer struct {
	*walk
	q       graph.ClosureQuery
	through map[registry.Kind]bool
	held    map[int64]*held
	order   []*held
	rows    []row
	out     graph.Closure
	// next and found are the far ends of the level under way, and those of them that
	// came with their edges.
	next  []int64
	found map[int64]*graph.Node
}

type held struct {
	node  *graph.Node
	depth int
	// whole tells that all edges of the direction are in rows: they were read, or a
	// node of that kind has none.
	whole bool
}

func (v *view) closure(ctx context.Context, q graph.ClosureQuery) (graph.Closure, error) {
	if err := checkClosure(q); err != nil {
		return graph.Closure{}, err
	}
	head, err := v.head()
	if err != nil {
		return graph.Closure{}, err
	}
	out, err := v.closureFrom(ctx, q, head, nil)
	if err != nil {
		return graph.Closure{}, err
	}
	last := &out
	for _, s := range q.Then {
		next, err := v.closureFrom(ctx, s.Query(q, nil), head, last.OfKind(s.From))
		if err != nil {
			return graph.Closure{}, err
		}
		out.Then = append(out.Then, next)
		last = &next
	}
	return out, nil
}

// checkClosure refuses a query, or a stage of it, out of its bounds.
func checkClosure(q graph.ClosureQuery) error {
	switch {
	case q.Depth < 0 || q.Depth > 10000:
		return registry.Invalid("depth", "must be 0 to 10000, not %d", q.Depth)
	case q.Fanout < 1 || q.Limit < 1:
		return registry.Invalid("limit", "limit and fanout must be 1 or more")
	}
	for _, s := range q.Then {
		if err := checkClosure(s.Query(q, nil)); err != nil {
			return err
		}
	}
	return nil
}

// closureFrom walks from the query's roots, or from those that are held already.
func (v *view) closureFrom(ctx context.Context, q graph.ClosureQuery, head int64, roots []*graph.Node) (graph.Closure, error) {
	w, err := v.walkOf(q.Direction, q.Edges, q.At)
	if err != nil {
		return graph.Closure{}, err
	}
	c := &closer{walk: w, q: q, held: map[int64]*held{}}
	c.out.Head = head
	if len(q.Through) > 0 {
		c.through = map[registry.Kind]bool{}
		for _, k := range q.Through {
			c.through[k] = true
		}
	}
	for _, id := range q.Roots {
		n, err := v.nodeByID(w.when, id, q.Bare)
		if err != nil {
			return graph.Closure{}, err
		}
		if n != nil {
			roots = append(roots, n)
		}
	}
	if err := c.run(ctx, c.start(roots)); err != nil {
		return graph.Closure{}, err
	}
	return c.out, nil
}

func (c *closer) run(ctx context.Context, level []*held) (err error) {
	for depth := 0; err == nil && depth < c.q.Depth && len(level) > 0; depth++ {
		if e := ctx.Err(); e != nil {
			if !errors.Is(e, context.DeadlineExceeded) {
				return ended(ctx)
			}
			c.out.TimedOut = true
			break
		}
		level, err = c.expand(ctx, level, depth)
	}
	if err == nil {
		err = c.rest()
	}
	if err == nil {
		err = c.finish()
	}
	return err
}

// start holds the roots, in order of Number.
func (c *closer) start(roots []*graph.Node) []*held {
	slices.SortFunc(roots, func(a, b *graph.Node) int { return cmp.Compare(a.Number, b.Number) })
	for _, n := range roots {
		if c.held[n.Number] != nil {
			continue
		}
		if len(c.order) == c.q.Limit {
			c.out.Full = true
			break
		}
		c.hold(n, 0)
	}
	return c.order[:len(c.order):len(c.order)]
}

func (c *closer) hold(n *graph.Node, depth int) {
	h := &held{node: n, depth: depth, whole: !c.walkTexts.near[n.Kind]}
	c.held[n.Number] = h
	c.order = append(c.order, h)
}

// expand follows the first far ends of a level and returns the next one. A deadline
// ends it between two parts of the level.
func (c *closer) expand(ctx context.Context, level []*held, depth int) ([]*held, error) {
	if depth > 0 && c.through != nil {
		level = slices.DeleteFunc(slices.Clone(level), func(h *held) bool { return !c.through[h.node.Kind] })
	}
	if slices.ContainsFunc(level, func(h *held) bool { return h.whole }) {
		level = slices.DeleteFunc(slices.Clone(level), func(h *held) bool { return h.whole })
	}
	c.next, c.found = c.next[:0], map[int64]*graph.Node{}
	for part := range slices.Chunk(level, batchSize) {
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			c.out.TimedOut = true
			break
		}
		done, err := c.followAll(part)
		for _, h := range part {
			if err == nil && !done {
				err = c.follow(h)
			}
		}
		if err != nil {
			return nil, err
		}
	}
	slices.Sort(c.next)
	start := len(c.order)
	for _, num := range slices.Compact(c.next) {
		if len(c.order) >= c.q.Limit {
			c.out.Full = true
			break
		}
		n := c.found[num]
		if n == nil {
			var err error
			if n, err = c.v.nodeByNum(c.when, num, c.q.Bare); err != nil {
				return nil, err
			}
		}
		c.hold(n, depth+1)
	}
	return c.order[start:], nil
}

// batchRows is how many edges of a batch are read at once. Nodes with more are
// followed one by one, so that a wide one costs no more than its fanout.
const batchRows = 20 * batchSize

// followAll follows several nodes in one statement; false where they have too
// many edges for that, or come from earlier revisions.
func (c *closer) followAll(part []*held) (bool, error) {
	if c.when.past != present || len(part) == 1 {
		return false, nil
	}
	var near [batchSize]int64
	for i, h := range part {
		near[i] = h.node.Number
	}
	before := len(c.rows)
	err := c.batchOver(near[:len(part)], batchRows+1, c.q.Bare, c.take)
	if err != nil {
		return false, err
	}
	all := c.rows[before:]
	if len(all) > batchRows {
		c.rows = c.rows[:before]
		return false, nil
	}
	slices.SortFunc(all, func(a, b row) int {
		return cmp.Or(cmp.Compare(c.near(a), c.near(b)), cmp.Compare(c.far(a), c.far(b)), cmp.Compare(a.kind, b.kind))
	})
	kept := before // The part is in order of Number too.
	for _, h := range part {
		n := 0
		for n < len(all) && c.near(all[n]) == h.node.Number {
			n++
		}
		kept += c.keep(h, kept, all[:n])
		all = all[n:]
	}
	c.rows = c.rows[:kept]
	return true, nil
}

// follow follows the first far ends of one node.
func (c *closer) follow(h *held) (err error) {
	before := len(c.rows)
	if c.when.past == present {
		err = c.nodesOver(h.node.Number, 0, c.q.Fanout+1, c.q.Bare, c.take)
	} else {
		c.rows, err = c.edges(c.rows, h.node.Number, 0, c.q.Fanout+1)
	}
	if err == nil {
		c.rows = c.rows[:before+c.keep(h, before, c.rows[before:])]
	}
	return err
}

// take notes an edge, and its far node where it is new, as many as can be held.
func (c *closer) take(r row, node func() (*graph.Node, error)) (err error) {
	c.rows = append(c.rows, r)
	if num := c.far(r); c.held[num] == nil && c.found[num] == nil && len(c.found)+len(c.order) < c.q.Limit {
		c.found[num], err = node()
	}
	return err
}

// keep moves the edges of a node to a place of c.rows if they are all, and notes
// the far ends to go on to. It returns how many it kept.
func (c *closer) keep(h *held, at int, rows []row) int {
	first := rows[:min(len(rows), c.q.Fanout)]
	for _, r := range first {
		if num := c.far(r); c.held[num] == nil {
			c.next = append(c.next, num)
		}
	}
	if len(rows) > c.q.Fanout {
		c.out.Wide = append(c.out.Wide, h.node.ID)
		return 0
	}
	h.whole = true
	return copy(c.rows[at:], rows)
}

// rest reads the edges of nodes that were not expanded whole, and finds those at
// the last level that lead on. A node with more far ends than are held must lead
// on; only then are its edges asked by the list of what is held, so that the cost
// is the smaller of a node's degree and the size of the closure.
func (c *closer) rest() error {
	var all string
	for _, h := range c.order {
		if h.whole {
			continue
		}
		before := len(c.rows)
		rows, err := c.edges(c.rows, h.node.Number, 0, len(c.order)+1)
		if err != nil {
			return err
		}
		leads := slices.ContainsFunc(rows[before:], func(r row) bool { return c.held[c.far(r)] == nil })
		if leads && h.depth == c.q.Depth {
			c.out.Deep = append(c.out.Deep, h.node.ID)
		}
		if len(rows)-before > len(c.order) {
			if all == "" {
				all = c.numbers()
			}
			if rows, err = c.edgesAmong(rows[:before], h.node.Number, all); err != nil {
				return err
			}
		}
		c.rows = rows
	}
	return nil
}

func (c *closer) numbers() string {
	nums := make([]int64, 0, len(c.order))
	for _, h := range c.order {
		nums = append(nums, h.node.Number)
	}
	return list(nums)
}

// finish keeps the edges between held nodes and puts all in order.
func (c *closer) finish() error {
	c.rows = slices.DeleteFunc(c.rows, func(r row) bool { return c.held[c.far(r)] == nil })
	slices.SortFunc(c.rows, func(a, b row) int {
		return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.to, b.to), cmp.Compare(a.kind, b.kind))
	})
	c.out.Nodes = make([]graph.Reached, len(c.order))
	for i, h := range c.order {
		c.out.Nodes[i] = graph.Reached{Node: h.node, Depth: h.depth}
	}
	if len(c.rows) == 0 {
		return nil
	}
	c.out.Edges = make([]graph.Edge, len(c.rows))
	for i, r := range c.rows {
		e, err := c.edge(r, c.held[r.from].node.ID, c.held[r.to].node.ID)
		if err != nil {
			return err
		}
		c.out.Edges[i] = e
	}
	return nil
}

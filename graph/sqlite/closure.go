package sqlite

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"pedigree/graph"
	"pedigree/registry"
)

// closureWalk is a breadth-first walk. Each level needs one statement per batch of
// nodes, or one per node when the batch has too many edges. The walk keeps the edges
// that it reads, so that at the end it reads only the edges of nodes that it did not
// expand completely.
type closureWalk struct {
	*edgeReader
	q        graph.ClosureQuery
	through  map[registry.Kind]bool
	reached  map[int64]*reachedNode
	order    []*reachedNode
	edgeRows []edgeRow
	result   graph.Closure
	// nextNumbers are the far ends of the current level. fetched has those of them whose
	// nodes were read together with their edges.
	nextNumbers []int64
	fetched     map[int64]*graph.Node
	// reachedList is reachedNumbers, "" before it is needed.
	reachedList string
}

type reachedNode struct {
	node  *graph.Node
	depth int
	// complete says that edgeRows has all edges of the node in the direction of the
	// walk. This is also true for kinds that cannot have such edges.
	complete bool
	// leadsOn says that far ends of the node are outside the closure.
	leadsOn bool
}

func (v *view) closure(ctx context.Context, q graph.ClosureQuery) (graph.Closure, error) {
	if err := checkClosure(q); err != nil {
		return graph.Closure{}, err
	}
	head, err := v.head()
	if err != nil {
		return graph.Closure{}, err
	}
	if q.At.Known > 0 {
		head = min(head, q.At.Known)
	}
	out, err := v.closureFrom(ctx, q, head, nil)
	if err != nil {
		return graph.Closure{}, err
	}
	last := &out
	for _, s := range q.Stages {
		next, err := v.closureFrom(ctx, s.Query(q, nil), head, last.OfKind(s.From))
		if err != nil {
			return graph.Closure{}, err
		}
		out.Stages = append(out.Stages, next)
		last = &next
	}
	return out, nil
}

// checkClosure checks the limits of a query and of its stages.
func checkClosure(q graph.ClosureQuery) error {
	switch {
	case q.Depth < 0 || q.Depth > 10000:
		return registry.Invalid("depth", "must be 0 to 10000, not %d", q.Depth)
	case q.Fanout < 1 || q.Limit < 1:
		return registry.Invalid("limit", "limit and fanout must be 1 or more")
	}
	for _, s := range q.Stages {
		if err := checkClosure(s.Query(q, nil)); err != nil {
			return err
		}
	}
	return nil
}

// closureFrom computes one closure, without stages, from q.Roots and from roots that
// were read before.
func (v *view) closureFrom(ctx context.Context, q graph.ClosureQuery, head int64, roots []*graph.Node) (graph.Closure, error) {
	er, err := v.newEdgeReader(q.Direction, q.Edges, q.At)
	if err != nil {
		return graph.Closure{}, err
	}
	c := &closureWalk{edgeReader: er, q: q, reached: map[int64]*reachedNode{}}
	c.result.Head = head
	if len(q.Through) > 0 {
		c.through = map[registry.Kind]bool{}
		for _, k := range q.Through {
			c.through[k] = true
		}
	}
	for _, id := range q.Roots {
		n, err := v.nodeByID(er.when, id, q.Bare)
		if err != nil {
			return graph.Closure{}, err
		}
		if n != nil {
			roots = append(roots, n)
		}
	}
	if err := c.run(ctx, c.addRoots(roots)); err != nil {
		return graph.Closure{}, err
	}
	return c.result, nil
}

func (c *closureWalk) run(ctx context.Context, level []*reachedNode) (err error) {
	for depth := 0; err == nil && depth < c.q.Depth && len(level) > 0; depth++ {
		if cause := ctx.Err(); cause != nil {
			if !errors.Is(cause, context.DeadlineExceeded) {
				return contextError(ctx)
			}
			c.result.TimedOut = true
			break
		}
		level, err = c.expand(ctx, level, depth)
	}
	if err == nil {
		err = c.readRemainingEdges()
	}
	if err == nil {
		err = c.buildResult()
	}
	return err
}

// addRoots adds the roots in order of Number.
func (c *closureWalk) addRoots(roots []*graph.Node) []*reachedNode {
	slices.SortFunc(roots, func(a, b *graph.Node) int { return cmp.Compare(a.Number, b.Number) })
	for _, n := range roots {
		if c.reached[n.Number] != nil {
			continue
		}
		if len(c.order) == c.q.Limit {
			c.result.LimitReached = true
			break
		}
		c.addNode(n, 0)
	}
	return c.order[:len(c.order):len(c.order)]
}

func (c *closureWalk) addNode(n *graph.Node, depth int) {
	reached := &reachedNode{node: n, depth: depth, complete: !c.edgeSQL.nearKinds[n.Kind]}
	c.reached[n.Number] = reached
	c.order = append(c.order, reached)
}

// expand expands the nodes of a level and returns the next level. A deadline ends it
// between two batches.
func (c *closureWalk) expand(ctx context.Context, level []*reachedNode, depth int) ([]*reachedNode, error) {
	if depth > 0 && c.through != nil {
		level = slices.DeleteFunc(slices.Clone(level), func(reached *reachedNode) bool { return !c.through[reached.node.Kind] })
	}
	if slices.ContainsFunc(level, func(reached *reachedNode) bool { return reached.complete }) {
		level = slices.DeleteFunc(slices.Clone(level), func(reached *reachedNode) bool { return reached.complete })
	}
	c.nextNumbers, c.fetched = c.nextNumbers[:0], map[int64]*graph.Node{}
	for part := range slices.Chunk(level, nearEndsPerBatch) {
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			c.result.TimedOut = true
			break
		}
		done, err := c.expandBatch(part)
		for _, reached := range part {
			if err == nil && !done {
				err = c.expandNode(reached)
			}
		}
		if err != nil {
			return nil, err
		}
	}
	slices.Sort(c.nextNumbers)
	start := len(c.order)
	for _, num := range slices.Compact(c.nextNumbers) {
		if len(c.order) >= c.q.Limit {
			c.result.LimitReached = true
			break
		}
		n := c.fetched[num]
		if n == nil {
			var err error
			if n, err = c.v.nodeByNum(c.when, num, c.q.Bare); err != nil {
				return nil, err
			}
		}
		c.addNode(n, depth+1)
	}
	return c.order[start:], nil
}

// maxBatchEdges is the maximum number of edges of a batch of nodes. If there are more,
// the nodes are expanded one by one, so that a node with many edges costs no more than
// Fanout.
const maxBatchEdges = 20 * nearEndsPerBatch

// expandBatch expands several nodes with one statement. It returns false, and keeps no
// edges, when they have too many edges or come from earlier revisions.
func (c *closureWalk) expandBatch(part []*reachedNode) (bool, error) {
	if c.when.source != currentRow || len(part) == 1 {
		return false, nil
	}
	var near [nearEndsPerBatch]int64
	for i, reached := range part {
		near[i] = reached.node.Number
	}
	before := len(c.edgeRows)
	err := c.batchEdgesWithNodes(near[:len(part)], maxBatchEdges+1, c.q.Bare, c.collect)
	if err != nil {
		return false, err
	}
	all := c.edgeRows[before:]
	if len(all) > maxBatchEdges {
		c.edgeRows = c.edgeRows[:before]
		return false, nil
	}
	slices.SortFunc(all, func(a, b edgeRow) int {
		return cmp.Or(cmp.Compare(c.nearEnd(a), c.nearEnd(b)), cmp.Compare(c.farEnd(a), c.farEnd(b)), cmp.Compare(a.kind, b.kind))
	})
	keptEnd := before // The nodes of part are in order of Number too.
	for _, reached := range part {
		n := 0
		for n < len(all) && c.nearEnd(all[n]) == reached.node.Number {
			n++
		}
		keptEnd += c.keepEdges(reached, keptEnd, all[:n])
		all = all[n:]
	}
	c.edgeRows = c.edgeRows[:keptEnd]
	return true, nil
}

// expandNode expands one node.
func (c *closureWalk) expandNode(reached *reachedNode) (err error) {
	before := len(c.edgeRows)
	if c.when.source == currentRow {
		err = c.edgesWithNodes(reached.node.Number, 0, c.q.Fanout+1, c.q.Bare, c.collect)
	} else {
		c.edgeRows, err = c.edges(c.edgeRows, reached.node.Number, 0, c.q.Fanout+1)
	}
	if err == nil {
		c.edgeRows = c.edgeRows[:before+c.keepEdges(reached, before, c.edgeRows[before:])]
	}
	return err
}

// collect keeps an edge, and fetches its far node if it is new and the closure may
// have room for it.
func (c *closureWalk) collect(r edgeRow, node func() (*graph.Node, error)) (err error) {
	c.edgeRows = append(c.edgeRows, r)
	if num := c.farEnd(r); c.reached[num] == nil && c.fetched[num] == nil && len(c.fetched)+len(c.order) < c.q.Limit {
		c.fetched[num], err = node()
	}
	return err
}

// keepEdges adds the first Fanout far ends of a node to nextNumbers. If rows has all
// edges of the node, it moves them to edgeRows[position:] and returns their number.
func (c *closureWalk) keepEdges(reached *reachedNode, position int, rows []edgeRow) int {
	first := rows[:min(len(rows), c.q.Fanout)]
	for _, r := range first {
		if num := c.farEnd(r); c.reached[num] == nil {
			c.nextNumbers = append(c.nextNumbers, num)
		}
	}
	if len(rows) > c.q.Fanout {
		c.result.OverFanout = append(c.result.OverFanout, reached.node.ID)
		return 0
	}
	reached.complete = true
	return copy(c.edgeRows[position:], rows)
}

// readRemainingEdges reads the edges of nodes that were not expanded completely, several
// nodes with one statement where they have few edges.
func (c *closureWalk) readRemainingEdges() error {
	rest := make([]*reachedNode, 0, len(c.order))
	for _, reached := range c.order {
		if !reached.complete {
			rest = append(rest, reached)
		}
	}
	expanded := len(c.edgeRows)
	for part := range slices.Chunk(rest, nearEndsPerBatch) {
		done, err := c.readBatch(part)
		for _, reached := range part {
			if err == nil && !done {
				err = c.readEdgesWithin(reached)
			}
		}
		if err != nil {
			return err
		}
	}
	c.noteCut(expanded)
	return nil
}

// readBatch reads the edges of several nodes with one statement. It returns false, and
// keeps no edges, when there are too many.
func (c *closureWalk) readBatch(part []*reachedNode) (bool, error) {
	if len(part) == 1 {
		return false, nil
	}
	var near [nearEndsPerBatch]int64
	for i, reached := range part {
		near[i] = reached.node.Number
	}
	before, limit := len(c.edgeRows), min(maxBatchEdges, len(part)*len(c.order))
	rows, err := c.batchEdges(c.edgeRows, near[:len(part)], limit+1)
	if err != nil || len(rows)-before > limit {
		return false, err
	}
	c.edgeRows = rows
	return true, nil
}

// readEdgesWithin reads the edges of one node. It reads at most one edge more than the
// closure has nodes. A node with that many has far ends outside the closure, and its
// edges within the closure are read by a list of the nodes. So the cost per node is the
// smaller of its degree and the size of the closure.
func (c *closureWalk) readEdgesWithin(reached *reachedNode) error {
	before := len(c.edgeRows)
	rows, err := c.edges(c.edgeRows, reached.node.Number, 0, len(c.order)+1)
	if err == nil && len(rows)-before > len(c.order) {
		reached.leadsOn = true
		if c.reachedList == "" {
			c.reachedList = c.reachedNumbers()
		}
		rows, err = c.edgesToListed(rows[:before], reached.node.Number, c.reachedList)
	}
	c.edgeRows = rows
	return err
}

// noteCut sets the nodes that have far ends outside the closure. The first expanded of
// edgeRows are of nodes all of whose far ends were taken, unless the walk ended early.
func (c *closureWalk) noteCut(expanded int) {
	early := c.result.LimitReached || c.result.TimedOut
	if early {
		expanded = 0
	}
	for _, r := range c.edgeRows[expanded:] {
		if c.reached[c.farEnd(r)] == nil {
			c.reached[c.nearEnd(r)].leadsOn = true
		}
	}
	for _, reached := range c.order {
		switch {
		case !reached.leadsOn:
		case reached.depth == c.q.Depth:
			c.result.CutAtDepth = append(c.result.CutAtDepth, reached.node.ID)
		case early && c.q.GoesThrough(graph.ClosureNode{Node: reached.node, Depth: reached.depth}):
			c.result.CutEarly = append(c.result.CutEarly, reached.node.ID)
		}
	}
}

func (c *closureWalk) reachedNumbers() string {
	nums := make([]int64, 0, len(c.order))
	for _, reached := range c.order {
		nums = append(nums, reached.node.Number)
	}
	return jsonArray(nums)
}

// buildResult drops edges to nodes outside the closure and sorts the others.
func (c *closureWalk) buildResult() error {
	c.edgeRows = slices.DeleteFunc(c.edgeRows, func(r edgeRow) bool { return c.reached[c.farEnd(r)] == nil })
	slices.SortFunc(c.edgeRows, func(a, b edgeRow) int {
		return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.to, b.to), cmp.Compare(a.kind, b.kind))
	})
	c.result.Nodes = make([]graph.ClosureNode, len(c.order))
	for i, reached := range c.order {
		c.result.Nodes[i] = graph.ClosureNode{Node: reached.node, Depth: reached.depth}
	}
	if len(c.edgeRows) == 0 {
		return nil
	}
	c.result.Edges = make([]graph.Edge, len(c.edgeRows))
	for i, r := range c.edgeRows {
		e, err := c.edgeOf(r, c.reached[r.from].node.ID, c.reached[r.to].node.ID)
		if err != nil {
			return err
		}
		c.result.Edges[i] = e
	}
	return nil
}

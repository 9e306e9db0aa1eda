package policies

import (
	"context"
	"slices"

	"pedigree/graph"
	"pedigree/registry"
)

// bufferedTx wraps a transaction for many small steps. It caches reads, which no other
// transaction can change meanwhile, and buffers writes until a read needs them in the
// store. So hundreds of steps need a few store calls, and the store checks all their
// edges for cycles at once.
//
// It buffers a write only when the outcome is known: a node that changes no slots, an
// edge from an effect whose other edges are all cached.
type bufferedTx struct {
	graph.Tx
	nodes       map[registry.ID]*graph.Node // nil: the node does not exist
	slotHolders map[string]registry.ID      // by slot; "": the slot is free
	// edgesByEffect has all current edges from an effect; an absent effect is not cached.
	edgesByEffect map[registry.ID]map[edgeKey]*graph.Edge

	pendingNodes []*graph.Node
	pendingKinds map[registry.Kind]bool
	pendingEdges []*graph.Edge
	edgeSteps    []int // the step of each pending edge
	// repeatedEdges are edges that are pending already, with that pending edge.
	repeatedEdges  [][2]*graph.Edge
	pendingEntries []*registry.LogEntry
	// newest is the last log entry that was written, nil before the first.
	newest      *registry.LogEntry
	currentStep int
}

// edgeKey identifies an edge among the edges of its effect.
type edgeKey struct {
	kind registry.EdgeKind
	to   registry.ID
}

// stepError is an error that an earlier step caused than the one that got it.
type stepError struct {
	step int
	err  error
}

// Error returns the text of the cause.
func (e *stepError) Error() string { return e.err.Error() }

// Unwrap returns the cause.
func (e *stepError) Unwrap() error { return e.err }

func newBufferedTx(tx graph.Tx) *bufferedTx {
	return &bufferedTx{Tx: tx, nodes: map[registry.ID]*graph.Node{}, slotHolders: map[string]registry.ID{}, edgesByEffect: map[registry.ID]map[edgeKey]*graph.Edge{},
		pendingKinds: map[registry.Kind]bool{}}
}

// Nodes returns cached nodes, with the buffered writes, and reads the missing ones.
func (b *bufferedTx) Nodes(ctx context.Context, at graph.Instant, ids ...registry.ID) ([]*graph.Node, error) {
	if at != (graph.Instant{}) {
		if err := b.flush(ctx); err != nil {
			return nil, err
		}
		return b.Tx.Nodes(ctx, at, ids...)
	}
	if err := b.read(ctx, ids...); err != nil {
		return nil, err
	}
	out := make([]*graph.Node, len(ids))
	for i, id := range ids {
		if n := b.nodes[id]; n != nil {
			c := *n
			out[i] = &c
		}
	}
	return out, nil
}

// read caches nodes that are not cached yet.
func (b *bufferedTx) read(ctx context.Context, ids ...registry.ID) error {
	var missing []registry.ID
	for _, id := range ids {
		if _, known := b.nodes[id]; !known {
			missing = append(missing, id)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	found, err := b.Tx.Nodes(ctx, graph.Instant{}, missing...)
	if err != nil {
		return err
	}
	for i, id := range missing {
		b.nodes[id] = found[i]
	}
	return nil
}

// Find flushes the buffer when it could change the answer, then asks the store.
func (b *bufferedTx) Find(ctx context.Context, q graph.Query) (graph.Page, error) {
	if slot, only := singleSlot(q); only {
		return b.findSlot(ctx, q, slot)
	}
	if b.affects(q) {
		if err := b.flush(ctx); err != nil {
			return graph.Page{}, err
		}
	}
	return b.Tx.Find(ctx, q)
}

// affects reports whether a buffered write could change the answer to a query.
func (b *bufferedTx) affects(q graph.Query) bool {
	if len(b.pendingNodes) == 0 {
		return false
	}
	child := func(p graph.Predicate) bool { return p.Child != "" }
	if len(q.Kinds) == 0 || slices.ContainsFunc(q.Where, child) || len(q.AnyOf) > 0 {
		return true
	}
	return slices.ContainsFunc(q.Kinds, func(k registry.Kind) bool { return b.pendingKinds[k] })
}

// singleSlot returns the slot of a query that asks for one slot and nothing else.
func singleSlot(q graph.Query) (string, bool) {
	if len(q.Slots) != 1 || len(q.Kinds)+len(q.Parents)+len(q.Where)+len(q.AnyOf) > 0 || q.After != nil || q.Deleted || q.Count {
		return "", false
	}
	return q.Slots[0], true
}

// findSlot finds the node that holds a slot. It needs no flush: buffered writes change
// no slots.
func (b *bufferedTx) findSlot(ctx context.Context, q graph.Query, slot string) (graph.Page, error) {
	holder, known := b.slotHolders[slot]
	if !known {
		page, err := b.Tx.Find(ctx, q)
		if err != nil {
			return page, err
		}
		if len(page.Nodes) > 0 {
			holder = page.Nodes[0].ID
		}
		b.slotHolders[slot] = holder
	}
	if holder == "" {
		return graph.Page{Total: -1}, nil
	}
	nodes, err := b.Nodes(ctx, graph.Instant{}, holder)
	return graph.Page{Nodes: nodes, Total: -1}, err
}

// Neighbors flushes the buffer and asks the store.
func (b *bufferedTx) Neighbors(ctx context.Context, q graph.NeighborQuery) ([]graph.Neighbors, error) {
	if err := b.flush(ctx); err != nil {
		return nil, err
	}
	return b.Tx.Neighbors(ctx, q)
}

// Closure flushes the buffer and asks the store.
func (b *bufferedTx) Closure(ctx context.Context, q graph.ClosureQuery) (graph.Closure, error) {
	if err := b.flush(ctx); err != nil {
		return graph.Closure{}, err
	}
	return b.Tx.Closure(ctx, q)
}

// Log flushes the buffer and asks the store.
func (b *bufferedTx) Log(ctx context.Context, q graph.LogQuery) ([]registry.LogEntry, error) {
	if err := b.flush(ctx); err != nil {
		return nil, err
	}
	return b.Tx.Log(ctx, q)
}

// Put buffers nodes when none of them changes its slots, and writes them at once
// otherwise.
func (b *bufferedTx) Put(ctx context.Context, nodes ...*graph.Node) error {
	ids := make([]registry.ID, len(nodes))
	for i, n := range nodes {
		ids[i] = n.ID
	}
	if err := b.read(ctx, ids...); err != nil {
		return err
	}
	for _, n := range nodes {
		if !keepsSlots(b.nodes[n.ID], n) {
			return b.putNow(ctx, nodes)
		}
	}
	for _, n := range nodes {
		c := *n
		b.pendingNodes = append(b.pendingNodes, n)
		b.pendingKinds[n.Kind] = true
		c.Revision, c.Deleted = 1, false
		if was := b.nodes[n.ID]; was != nil {
			c.Revision, c.Number = was.Revision+1, was.Number
		} else {
			b.edgesByEffect[n.ID] = map[edgeKey]*graph.Edge{}
		}
		b.nodes[n.ID] = &c
	}
	return nil
}

// keepsSlots reports whether a write leaves the slots of a node unchanged.
func keepsSlots(old, n *graph.Node) bool {
	if old == nil {
		return len(n.Slots) == 0
	}
	return !old.Deleted && old.Kind == n.Kind && old.Parent == n.Parent &&
		slices.Equal(slices.Sorted(slices.Values(old.Slots)), slices.Sorted(slices.Values(n.Slots)))
}

func (b *bufferedTx) putNow(ctx context.Context, nodes []*graph.Node) error {
	if err := b.flush(ctx); err != nil {
		return err
	}
	clear(b.slotHolders)
	if err := b.Tx.Put(ctx, nodes...); err != nil {
		return err
	}
	for _, n := range nodes {
		if b.nodes[n.ID] == nil {
			b.edgesByEffect[n.ID] = map[edgeKey]*graph.Edge{}
		}
	}
	for _, n := range nodes {
		delete(b.nodes, n.ID)
	}
	return nil
}

// Delete writes at once.
func (b *bufferedTx) Delete(ctx context.Context, nodes ...*graph.Node) error {
	if err := b.flush(ctx); err != nil {
		return err
	}
	clear(b.slotHolders)
	for _, n := range nodes {
		delete(b.nodes, n.ID)
	}
	return b.Tx.Delete(ctx, nodes...)
}

// Link buffers edges when the edges of all their effects are cached, and writes them at
// once otherwise. A buffered edge gets its ID and RecordedSeq with the flush.
func (b *bufferedTx) Link(ctx context.Context, edges ...*graph.Edge) error {
	for _, e := range edges {
		if err := b.read(ctx, e.From, e.To); err != nil {
			return err
		}
		from, to := b.nodes[e.From], b.nodes[e.To]
		known := b.edgesByEffect[e.From] != nil && from != nil && to != nil && !from.Deleted && !to.Deleted && e.From != e.To
		if !known || registry.CheckEdge(e.Kind, from.Kind, to.Kind) != nil {
			return b.linkNow(ctx, edges)
		}
	}
	for _, e := range edges {
		existing := b.edgesByEffect[e.From][edgeKey{e.Kind, e.To}]
		if e.Created = existing == nil; !e.Created {
			e.ID, e.RecordedSeq, e.ValidFrom, e.ValidTo = existing.ID, existing.RecordedSeq, existing.ValidFrom, existing.ValidTo
			if existing.ID == "" {
				b.repeatedEdges = append(b.repeatedEdges, [2]*graph.Edge{e, existing})
			}
			continue
		}
		b.edgesByEffect[e.From][edgeKey{e.Kind, e.To}] = e
		b.pendingEdges, b.edgeSteps = append(b.pendingEdges, e), append(b.edgeSteps, b.currentStep)
	}
	return nil
}

func (b *bufferedTx) linkNow(ctx context.Context, edges []*graph.Edge) error {
	if err := b.flush(ctx); err != nil {
		return err
	}
	err := b.Tx.Link(ctx, edges...)
	for _, e := range edges {
		if known := b.edgesByEffect[e.From]; known != nil && err == nil {
			known[edgeKey{e.Kind, e.To}] = e
		}
	}
	return err
}

// Unlink writes at once.
func (b *bufferedTx) Unlink(ctx context.Context, edges ...*graph.Edge) error {
	if err := b.flush(ctx); err != nil {
		return err
	}
	for _, e := range edges {
		delete(b.edgesByEffect[e.From], edgeKey{e.Kind, e.To})
	}
	return b.Tx.Unlink(ctx, edges...)
}

// Append buffers log entries.
func (b *bufferedTx) Append(_ context.Context, entries ...*registry.LogEntry) error {
	b.pendingEntries = append(b.pendingEntries, entries...)
	return nil
}

// flush writes everything that is buffered.
func (b *bufferedTx) flush(ctx context.Context) error {
	if puts := b.pendingNodes; len(puts) > 0 {
		b.pendingNodes, b.pendingKinds = nil, map[registry.Kind]bool{}
		if err := b.Tx.Put(ctx, puts...); err != nil {
			return err
		}
		for _, n := range puts {
			if known := b.nodes[n.ID]; known != nil {
				known.Number, known.RecordedSeq = n.Number, n.RecordedSeq
			}
		}
	}
	if edges, steps := b.pendingEdges, b.edgeSteps; len(edges) > 0 {
		b.pendingEdges, b.edgeSteps = nil, nil
		if err := b.Tx.Link(ctx, edges...); err != nil {
			return attributeCycle(err, edges, steps)
		}
		for _, pair := range b.repeatedEdges {
			pair[0].ID, pair[0].RecordedSeq = pair[1].ID, pair[1].RecordedSeq
		}
		b.repeatedEdges = nil
	}
	if entries := b.pendingEntries; len(entries) > 0 {
		b.pendingEntries, b.newest = nil, entries[len(entries)-1]
		return b.Tx.Append(ctx, entries...)
	}
	return nil
}

// attributeCycle finds the step that closed a cycle: the one that recorded the edge which the
// error names first.
func attributeCycle(err error, edges []*graph.Edge, steps []int) error {
	known, ok := err.(*registry.Error)
	if !ok || known.Code != registry.FailedPrecondition {
		return err
	}
	path, _ := known.Details["path"].([]string)
	if len(path) == 0 {
		return err
	}
	from, to := registry.ID(path[0]), registry.ID(path[1%len(path)])
	for i := len(edges) - 1; i >= 0; i-- {
		if edges[i].From == from && edges[i].To == to {
			return &stepError{steps[i], err}
		}
	}
	return err
}

// prefetchCap is how many causes of an effect are prefetched at most.
const prefetchCap = 1000

// prefetch reads the nodes, and the edges of effects, that later steps will ask for.
func (b *bufferedTx) prefetch(ctx context.Context, ids, effects []registry.ID) error {
	if _, err := b.Nodes(ctx, graph.Instant{}, append(slices.Clone(ids), effects...)...); err != nil {
		return err
	}
	var missing []registry.ID
	asked := map[registry.ID]bool{}
	for _, id := range effects {
		if n := b.nodes[id]; n != nil && !n.Deleted && b.edgesByEffect[id] == nil && !asked[id] {
			asked[id] = true
			missing = append(missing, id)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	hops, err := b.Neighbors(ctx, graph.NeighborQuery{IDs: missing, Direction: graph.Upstream, LimitPerNode: prefetchCap, Bare: true})
	if err != nil {
		return err
	}
	for _, h := range hops {
		if h.More {
			continue
		}
		known := map[edgeKey]*graph.Edge{}
		for i := range h.Edges {
			known[edgeKey{h.Edges[i].Kind, h.Edges[i].To}] = &h.Edges[i]
		}
		b.edgesByEffect[h.NodeID] = known
	}
	return nil
}

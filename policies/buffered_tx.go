package policies

import (
	"context"
	"slices"

	"pedigree/graph"
	"pedigree/registry"
)

// unit is a transaction of many small steps. It remembers what was read, which
// nobody else can change meanwhile, and holds writes back until something has to
// be read from the store that they could have changed: hundreds of steps then cost
// a few calls, and their edges are searched for cycles together.
//
// A write is held back only where its outcome is known already: a node whose slots
// do not change, an edge of an effect all of whose causes are known.
type bufferedTx struct {
	graph.Tx
	nodes       map[registry.ID]*graph.Node // nil: there is none
	slotHolders map[string]registry.ID      // by slot; "": it is free
	// causes are all standing edges of an effect; an effect that is absent is not known.
	edgesByEffect map[registry.ID]map[edgeKey]*graph.Edge

	pendingNodes   []*graph.Node
	pendingKinds   map[registry.Kind]bool
	pendingEdges   []*graph.Edge
	edgeSteps      []int // by position in edges
	pendingEntries []*registry.LogEntry
	currentStep    int
}

// arc is an edge as its effect knows it.
type edgeKey struct {
	kind registry.EdgeKind
	to   registry.ID
}

// stepError is a failure that belongs to an earlier step than the one that met it.
type stepError struct {
	step int
	err  error
}

// Error is the cause's.
func (e *stepError) Error() string { return e.err.Error() }

// Unwrap returns the cause.
func (e *stepError) Unwrap() error { return e.err }

func newBufferedTx(tx graph.Tx) *bufferedTx {
	return &bufferedTx{Tx: tx, nodes: map[registry.ID]*graph.Node{}, slotHolders: map[string]registry.ID{}, edgesByEffect: map[registry.ID]map[edgeKey]*graph.Edge{},
		pendingKinds: map[registry.Kind]bool{}}
}

// Nodes answers from what is known, with the writes that are held back.
func (u *bufferedTx) Nodes(ctx context.Context, at graph.Instant, ids ...registry.ID) ([]*graph.Node, error) {
	if at != (graph.Instant{}) {
		if err := u.flush(ctx); err != nil {
			return nil, err
		}
		return u.Tx.Nodes(ctx, at, ids...)
	}
	var missing []registry.ID
	for _, id := range ids {
		if _, known := u.nodes[id]; !known {
			missing = append(missing, id)
		}
	}
	if len(missing) > 0 {
		found, err := u.Tx.Nodes(ctx, at, missing...)
		if err != nil {
			return nil, err
		}
		for i, id := range missing {
			u.nodes[id] = found[i]
		}
	}
	out := make([]*graph.Node, len(ids))
	for i, id := range ids {
		if n := u.nodes[id]; n != nil {
			c := *n
			out[i] = &c
		}
	}
	return out, nil
}

// Find asks the store, after the writes that could change the answer.
func (u *bufferedTx) Find(ctx context.Context, q graph.Query) (graph.Page, error) {
	if slot, only := singleSlot(q); only {
		return u.findSlot(ctx, q, slot)
	}
	if u.affects(q) {
		if err := u.flush(ctx); err != nil {
			return graph.Page{}, err
		}
	}
	return u.Tx.Find(ctx, q)
}

// touches reports whether a held write could change the answer to a query.
func (u *bufferedTx) affects(q graph.Query) bool {
	if len(u.pendingNodes) == 0 {
		return false
	}
	child := func(p graph.Predicate) bool { return p.Child != "" }
	if len(q.Kinds) == 0 || slices.ContainsFunc(q.Where, child) || len(q.Rows) > 0 {
		return true
	}
	return slices.ContainsFunc(q.Kinds, func(k registry.Kind) bool { return u.pendingKinds[k] })
}

// onlySlot returns the slot that a query asks for, when it asks for nothing else.
func singleSlot(q graph.Query) (string, bool) {
	if len(q.Slots) != 1 || len(q.Kinds)+len(q.Parents)+len(q.Where)+len(q.Rows) > 0 || q.After != nil || q.Deleted || q.Count {
		return "", false
	}
	return q.Slots[0], true
}

// findSlot answers who holds a slot; writes that are held back change no slots.
func (u *bufferedTx) findSlot(ctx context.Context, q graph.Query, slot string) (graph.Page, error) {
	holder, known := u.slotHolders[slot]
	if !known {
		page, err := u.Tx.Find(ctx, q)
		if err != nil {
			return page, err
		}
		if len(page.Nodes) > 0 {
			holder = page.Nodes[0].ID
		}
		u.slotHolders[slot] = holder
	}
	if holder == "" {
		return graph.Page{Total: -1}, nil
	}
	nodes, err := u.Nodes(ctx, graph.Instant{}, holder)
	return graph.Page{Nodes: nodes, Total: -1}, err
}

// Neighbors, Closure and Log read from the store after all writes.

// Neighbors is graph.Reader's.
func (u *bufferedTx) Neighbors(ctx context.Context, q graph.HopQuery) ([]graph.Hops, error) {
	if err := u.flush(ctx); err != nil {
		return nil, err
	}
	return u.Tx.Neighbors(ctx, q)
}

// Closure is graph.Reader's.
func (u *bufferedTx) Closure(ctx context.Context, q graph.ClosureQuery) (graph.Closure, error) {
	if err := u.flush(ctx); err != nil {
		return graph.Closure{}, err
	}
	return u.Tx.Closure(ctx, q)
}

// Log is graph.Reader's.
func (u *bufferedTx) Log(ctx context.Context, q graph.LogQuery) ([]registry.LogEntry, error) {
	if err := u.flush(ctx); err != nil {
		return nil, err
	}
	return u.Tx.Log(ctx, q)
}

// Put holds nodes back whose slots do not change, and writes others at once.
func (u *bufferedTx) Put(ctx context.Context, nodes ...*graph.Node) error {
	ids := make([]registry.ID, len(nodes))
	for i, n := range nodes {
		ids[i] = n.ID
	}
	old, err := u.Nodes(ctx, graph.Instant{}, ids...)
	if err != nil {
		return err
	}
	for i, n := range nodes {
		if !keepsSlots(old[i], n) {
			return u.putNow(ctx, nodes, old)
		}
	}
	for _, n := range nodes {
		c := *n
		u.pendingNodes = append(u.pendingNodes, n)
		u.pendingKinds[n.Kind] = true
		c.Revision, c.Deleted = 1, false
		if was := u.nodes[n.ID]; was != nil {
			c.Revision, c.Number = was.Revision+1, was.Number
		} else {
			u.edgesByEffect[n.ID] = map[edgeKey]*graph.Edge{}
		}
		u.nodes[n.ID] = &c
	}
	return nil
}

// keepsSlots reports whether a write leaves the slots of a node as they are.
func keepsSlots(old, n *graph.Node) bool {
	if old == nil {
		return len(n.Slots) == 0
	}
	return !old.Deleted && old.Kind == n.Kind && old.Parent == n.Parent &&
		slices.Equal(slices.Sorted(slices.Values(old.Slots)), slices.Sorted(slices.Values(n.Slots)))
}

func (u *bufferedTx) putNow(ctx context.Context, nodes, old []*graph.Node) error {
	if err := u.flush(ctx); err != nil {
		return err
	}
	clear(u.slotHolders)
	if err := u.Tx.Put(ctx, nodes...); err != nil {
		return err
	}
	for i, n := range nodes {
		delete(u.nodes, n.ID)
		if old[i] == nil {
			u.edgesByEffect[n.ID] = map[edgeKey]*graph.Edge{}
		}
	}
	return nil
}

// Delete writes at once.
func (u *bufferedTx) Delete(ctx context.Context, nodes ...*graph.Node) error {
	if err := u.flush(ctx); err != nil {
		return err
	}
	clear(u.slotHolders)
	for _, n := range nodes {
		delete(u.nodes, n.ID)
	}
	return u.Tx.Delete(ctx, nodes...)
}

// Link holds edges back whose effects' causes are all known, and writes others at
// once. ID and RecordedSeq of an edge that is held back come with the flush.
func (u *bufferedTx) Link(ctx context.Context, edges ...*graph.Edge) error {
	for _, e := range edges {
		ends, err := u.Nodes(ctx, graph.Instant{}, e.From, e.To)
		if err != nil {
			return err
		}
		known := u.edgesByEffect[e.From] != nil && ends[0] != nil && ends[1] != nil && !ends[0].Deleted && !ends[1].Deleted && e.From != e.To
		if !known || registry.CheckEdge(e.Kind, ends[0].Kind, ends[1].Kind) != nil {
			return u.linkNow(ctx, edges)
		}
	}
	for _, e := range edges {
		existing := u.edgesByEffect[e.From][edgeKey{e.Kind, e.To}]
		if e.Created = existing == nil; !e.Created {
			e.ID, e.RecordedSeq = existing.ID, existing.RecordedSeq
			continue
		}
		u.edgesByEffect[e.From][edgeKey{e.Kind, e.To}] = e
		u.pendingEdges, u.edgeSteps = append(u.pendingEdges, e), append(u.edgeSteps, u.currentStep)
	}
	return nil
}

func (u *bufferedTx) linkNow(ctx context.Context, edges []*graph.Edge) error {
	if err := u.flush(ctx); err != nil {
		return err
	}
	err := u.Tx.Link(ctx, edges...)
	for _, e := range edges {
		if known := u.edgesByEffect[e.From]; known != nil && err == nil {
			known[edgeKey{e.Kind, e.To}] = e
		}
	}
	return err
}

// Unlink writes at once.
func (u *bufferedTx) Unlink(ctx context.Context, edges ...*graph.Edge) error {
	if err := u.flush(ctx); err != nil {
		return err
	}
	for _, e := range edges {
		delete(u.edgesByEffect[e.From], edgeKey{e.Kind, e.To})
	}
	return u.Tx.Unlink(ctx, edges...)
}

// Append holds entries back.
func (u *bufferedTx) Append(_ context.Context, entries ...*registry.LogEntry) error {
	u.pendingEntries = append(u.pendingEntries, entries...)
	return nil
}

// flush writes all that was held back.
func (u *bufferedTx) flush(ctx context.Context) error {
	if puts := u.pendingNodes; len(puts) > 0 {
		u.pendingNodes, u.pendingKinds = nil, map[registry.Kind]bool{}
		if err := u.Tx.Put(ctx, puts...); err != nil {
			return err
		}
		for _, n := range puts {
			if known := u.nodes[n.ID]; known != nil {
				known.Number, known.RecordedSeq = n.Number, n.RecordedSeq
			}
		}
	}
	if edges, steps := u.pendingEdges, u.edgeSteps; len(edges) > 0 {
		u.pendingEdges, u.edgeSteps = nil, nil
		if err := u.Tx.Link(ctx, edges...); err != nil {
			return attributeCycle(err, edges, steps)
		}
	}
	if entries := u.pendingEntries; len(entries) > 0 {
		u.pendingEntries = nil
		return u.Tx.Append(ctx, entries...)
	}
	return nil
}

// blame finds the step that closed a cycle: the last one that recorded an edge of
// it.
func attributeCycle(err error, edges []*graph.Edge, steps []int) error {
	known, ok := err.(*registry.Error)
	if !ok || known.Code != registry.FailedPrecondition {
		return err
	}
	path, _ := known.Details["path"].([]string)
	inCycle := map[[2]registry.ID]bool{}
	for i := range path {
		a, b := registry.ID(path[i]), registry.ID(path[(i+1)%len(path)])
		inCycle[[2]registry.ID{a, b}], inCycle[[2]registry.ID{b, a}] = true, true
	}
	last := -1
	for i, e := range edges {
		if inCycle[[2]registry.ID{e.From, e.To}] {
			last = max(last, steps[i])
		}
	}
	if last < 0 {
		return err
	}
	return &stepError{last, err}
}

// warmCap is how many causes of an effect are read ahead at most.
const prefetchCap = 1000

// warm reads ahead what steps will ask for: nodes, and the causes of effects.
func (u *bufferedTx) prefetch(ctx context.Context, ids, effects []registry.ID) error {
	if _, err := u.Nodes(ctx, graph.Instant{}, append(slices.Clone(ids), effects...)...); err != nil {
		return err
	}
	var missing []registry.ID
	asked := map[registry.ID]bool{}
	for _, id := range effects {
		if n := u.nodes[id]; n != nil && !n.Deleted && u.edgesByEffect[id] == nil && !asked[id] {
			asked[id] = true
			missing = append(missing, id)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	hops, err := u.Neighbors(ctx, graph.HopQuery{IDs: missing, Direction: graph.Upstream, Cap: prefetchCap, Bare: true})
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
		u.edgesByEffect[h.Of] = known
	}
	return nil
}

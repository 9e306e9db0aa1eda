package policies

import (
	"context"
	"slices"
	"time"

	"pedigree/graph"
	"pedigree/registry"
)

// Tx is a transaction of one actor. Its reads return whole rows, because business rules
// need all fields, but nil for rows that are hidden from the actor. Writes to models
// that the grants for the action do not cover are FORBIDDEN.
type Tx struct {
	scope   *Scope
	tx      graph.Tx
	granted []actionGrant
	gate    *Gate
	now     time.Time
	// latest is the latest time that the transaction has recorded. Its steps share it.
	latest *time.Time
	// logged is the last entry that was logged.
	logged *registry.LogEntry
	// head is the log sequence that the transaction began at.
	head int64
	// target is what CheckTarget has allowed.
	target Target
	// registered are the models that the transaction made.
	registered map[registry.ID]modelTraits
	// policy is the policy that the transaction has written, for the gate to adopt.
	policy *Table
	// changes are those of the fields of nodes, for the log. Steps share them.
	changes *changes
	// wrote says which caches of the gate a write may have made wrong.
	wrote *cachedWrites
}

// cachedWrites says whether tokens or actors, and whether models were written.
type cachedWrites struct{ tokens, models bool }

func (w *cachedWrites) note(k registry.Kind) {
	w.tokens = w.tokens || k == registry.KindToken || k == registry.KindActor || k == registry.KindSession
	w.models = w.models || k == registry.KindModel
}

// newTx reads the newest log entry, which decides the time of the transaction.
func newTx(ctx context.Context, g *Gate, s *Scope, tx graph.Tx, granted []actionGrant) (*Tx, error) {
	entries, err := tx.Log(ctx, graph.LogQuery{Desc: true, Limit: 1})
	if err != nil {
		return nil, err
	}
	var head int64
	var last time.Time
	if len(entries) > 0 {
		head, last = entries[0].Seq, entries[0].At
	}
	now := graph.EntryTime(g.Now(), last, true)
	return &Tx{scope: s.withReader(tx), tx: tx, granted: granted, gate: g, now: now, latest: new(time.Time), logged: &registry.LogEntry{At: now},
		registered: map[registry.ID]modelTraits{}, head: head, changes: newChanges(), wrote: &cachedWrites{}}, nil
}

// Subject returns the subject that writes.
func (t *Tx) Subject() string { return t.scope.actor.Subject }

// Now returns the time of the transaction, which its log entries have: that of the gate's
// clock, but later than all that was recorded before, also by servers whose clocks are
// ahead. It does not change during the transaction.
func (t *Tx) Now() time.Time { return t.now }

// Nodes returns whole nodes in order; nil for a node that does not exist or is hidden.
func (t *Tx) Nodes(ctx context.Context, ids ...registry.ID) ([]*graph.Node, error) {
	nodes, err := t.NodesUnfiltered(ctx, ids...)
	if err != nil {
		return nil, err
	}
	return nodes, t.hideInvisible(ctx, nodes)
}

// hideInvisible sets hidden nodes to nil. Nodes of internal kinds, which no API shows,
// stay.
func (t *Tx) hideInvisible(ctx context.Context, nodes []*graph.Node) error {
	masks, err := t.scope.masks(ctx, nodes)
	if err != nil {
		return err
	}
	for i, n := range nodes {
		if n != nil && masks[i] == 0 && registry.NounOf(n.Kind) != nil {
			nodes[i] = nil
		}
	}
	return nil
}

// Mask returns the fields of a node that the actor may see, 0 for a hidden or unknown node.
func (t *Tx) Mask(ctx context.Context, id registry.ID) (registry.Mask, error) {
	nodes, err := t.tx.Nodes(ctx, graph.Instant{}, id)
	if err != nil {
		return 0, err
	}
	masks, err := t.scope.masks(ctx, nodes)
	if err != nil {
		return 0, err
	}
	return masks[0], nil
}

// NodesUnfiltered returns whole nodes, also those hidden from the actor. It is for rules over the
// whole graph, such as one PRODUCTION version per model. Never return its result to a
// caller.
func (t *Tx) NodesUnfiltered(ctx context.Context, ids ...registry.ID) ([]*graph.Node, error) {
	nodes, err := t.tx.Nodes(ctx, graph.Instant{}, ids...)
	t.changes.saw(nodes...)
	return nodes, err
}

// SlotHolder returns the node that holds a unique key (slot), also when it is hidden from
// the actor; nil when the key is free.
func (t *Tx) SlotHolder(ctx context.Context, slot string) (*graph.Node, error) {
	return t.firstOf(ctx, graph.SlotQuery(slot))
}

// ChildrenUnfiltered returns all nodes of a kind under parents, ordered by a column, also those
// hidden from the actor.
func (t *Tx) ChildrenUnfiltered(ctx context.Context, kind registry.Kind, order registry.Index, parents ...registry.ID) ([]*graph.Node, error) {
	return All(ctx, t.tx, graph.Query{Kinds: []registry.Kind{kind}, Parents: parents, Order: order, Limit: 1000})
}

// FindUnfiltered returns one page of nodes, also those hidden from the actor. It is for records
// that no API shows. Never return its result to a caller.
func (t *Tx) FindUnfiltered(ctx context.Context, q graph.Query) (graph.Page, error) {
	page, err := t.tx.Find(ctx, q)
	t.changes.saw(page.Nodes...)
	return page, err
}

// WithCounts returns copies of nodes with their counters, which are stored beside the graph. They
// must not be written.
func (t *Tx) WithCounts(ctx context.Context, nodes []*graph.Node) ([]*graph.Node, error) {
	return t.gate.withCounts(ctx, slices.Clone(nodes))
}

// LastChild returns the last child of a parent in the order of a column, also when it is hidden
// from the actor; nil when there is none. It reads one row, whatever the number of children.
func (t *Tx) LastChild(ctx context.Context, kind registry.Kind, order registry.Index, parent registry.ID) (*graph.Node, error) {
	return t.firstOf(ctx, graph.LastChildQuery(kind, order, parent))
}

// ChildrenWith returns the children of a parent that have a value in a column, also those that
// are hidden from the actor.
func (t *Tx) ChildrenWith(ctx context.Context, kind registry.Kind, column registry.Index, value any, parent registry.ID) ([]*graph.Node, error) {
	has := graph.Predicate{Column: column, Op: graph.In, Values: []any{value}}
	return All(ctx, t.tx, graph.Query{Kinds: []registry.Kind{kind}, Parents: []registry.ID{parent}, Order: column, Where: []graph.Predicate{has}, Limit: 1000})
}

// NextChild returns the first child of a parent whose name comes after a text, also when it is
// hidden from the actor; nil when there is none. It reads one row.
func (t *Tx) NextChild(ctx context.Context, kind registry.Kind, parent registry.ID, after string) (*graph.Node, error) {
	return t.firstOf(ctx, graph.Query{Kinds: []registry.Kind{kind}, Parents: []registry.ID{parent}, Order: registry.IndexName, After: &graph.Key{Value: after}})
}

// AllWith returns the nodes of some kinds that have one of some values in a column, also those
// that are hidden from the actor. It needs an index of that list.
func (t *Tx) AllWith(ctx context.Context, kind registry.Kind, column registry.Index, values ...any) ([]*graph.Node, error) {
	has := graph.Predicate{Column: column, Op: graph.In, Values: values}
	return All(ctx, t.tx, graph.Query{Kinds: []registry.Kind{kind}, Order: registry.IndexName, Where: []graph.Predicate{has}, Limit: 1000})
}

// firstOf returns the first node of a query, nil when there is none.
func (t *Tx) firstOf(ctx context.Context, q graph.Query) (*graph.Node, error) {
	q.Limit = 1
	page, err := t.tx.Find(ctx, q)
	if err != nil || len(page.Nodes) == 0 {
		return nil, err
	}
	t.changes.saw(page.Nodes...)
	return page.Nodes[0], nil
}

// All returns the nodes of all pages of a query.
func All(ctx context.Context, r graph.Reader, q graph.Query) (out []*graph.Node, err error) {
	for {
		page, err := r.Find(ctx, q)
		if err != nil {
			return nil, err
		}
		out = append(out, page.Nodes...)
		if !page.More {
			return out, nil
		}
		q.After = KeyOf(page.Nodes[len(page.Nodes)-1], q.Order)
	}
}

// Neighbors returns one hop over the edges of today, also to nodes hidden from the
// actor.
func (t *Tx) Neighbors(ctx context.Context, q graph.NeighborQuery) ([]graph.Neighbors, error) {
	return t.tx.Neighbors(ctx, q)
}

// Put writes nodes: FORBIDDEN when the grants do not cover one of them.
func (t *Tx) Put(ctx context.Context, nodes ...*graph.Node) error {
	if err := t.checkWritable(ctx, nodes); err != nil {
		return err
	}
	t.resetVisibility()
	for _, n := range nodes {
		t.noteTimes(n.ValidFrom, n.ValidTo, n.Since)
		t.wrote.note(n.Kind)
	}
	if err := t.changes.put(nodes); err != nil {
		return err
	}
	return t.tx.Put(ctx, nodes...)
}

// Delete turns nodes into tombstones, under the same check as Put.
func (t *Tx) Delete(ctx context.Context, nodes ...*graph.Node) error {
	if err := t.checkWritable(ctx, nodes); err != nil {
		return err
	}
	t.resetVisibility()
	for _, n := range nodes {
		t.noteTimes(n.Since)
	}
	*t.wrote = cachedWrites{true, true}
	return t.tx.Delete(ctx, nodes...)
}

// modelOf returns the model that a node belongs to, "" when there is none. beside are nodes that are
// written with it: its version may be one of them.
func (t *Tx) modelOf(ctx context.Context, n *graph.Node, beside ...*graph.Node) (registry.ID, error) {
	version := n.Parent
	switch n.Kind {
	case registry.KindModel:
		return n.ID, nil
	case registry.KindModelVersion, registry.KindAlias, registry.KindReview:
		return n.Parent, nil
	case registry.KindDeployment, registry.KindRecallResolution:
		version = versionOf(n)
	case registry.KindCard, registry.KindArtifact, registry.KindSignature, registry.KindSignatureBundle, registry.KindTransition, registry.KindTransitionRequest, registry.KindDeprecation, registry.KindConsumer:
	default:
		return "", nil
	}
	vs, err := t.tx.Nodes(ctx, graph.Instant{}, version)
	if err != nil {
		return "", err
	}
	if vs[0] != nil {
		return vs[0].Parent, nil
	}
	if at := slices.IndexFunc(beside, func(b *graph.Node) bool { return b.ID == version }); at >= 0 {
		return beside[at].Parent, nil
	}
	return "", nil
}

// Link records edges between nodes that the actor sees: a hidden, deleted or unknown node is
// NOT_FOUND. An edge that stands stays as it is, also when one of its ends was deleted.
// FORBIDDEN when the grants do not cover the effect.
func (t *Tx) Link(ctx context.Context, edges ...*graph.Edge) error {
	ids := make([]registry.ID, 0, 2*len(edges))
	for _, e := range edges {
		ids = append(ids, e.From, e.To)
	}
	ends, err := t.Nodes(ctx, ids...)
	if err != nil {
		return err
	}
	links := make([]*graph.Edge, 0, len(edges))
	for i, e := range edges {
		from, to := ends[2*i], ends[2*i+1]
		stands := false
		if from != nil && to != nil && (from.Deleted || to.Deleted) {
			known, err := t.LiveEdge(ctx, e.Kind, e.From, e.To)
			if err != nil {
				return err
			}
			if stands = known != nil; stands {
				*e = *known
			}
		}
		switch {
		case stands:
			continue
		case from == nil || from.Deleted:
			return registry.Errorf(registry.NotFound, "there is no node %s to link; record it first", e.From)
		case to == nil || to.Deleted:
			return registry.Errorf(registry.NotFound, "there is no node %s to link; record it first", e.To)
		}
		if err := t.checkWritable(ctx, ends[2*i:2*i+1]); err != nil {
			return err
		}
		e.By = t.Subject()
		if e.ValidFrom.IsZero() {
			e.ValidFrom = from.ValidFrom // The edge is as old as its effect.
		}
		t.noteTimes(e.ValidFrom, e.ValidTo)
		links = append(links, e)
	}
	if len(links) == 0 {
		return nil
	}
	t.resetVisibility()
	return t.tx.Link(ctx, links...)
}

// LiveEdge returns the edge of a kind between two nodes that is not retracted, nil when there
// is none. It reads the causes of the effect, because these are few. It does not check whether
// the actor sees the ends.
func (t *Tx) LiveEdge(ctx context.Context, kind registry.EdgeKind, from, to registry.ID) (*graph.Edge, error) {
	q := graph.NeighborQuery{IDs: []registry.ID{from}, Direction: graph.Upstream, Edges: []registry.EdgeKind{kind}, LimitPerNode: 1000, Bare: true}
	for {
		hops, err := t.tx.Neighbors(ctx, q)
		if err != nil {
			return nil, err
		}
		h := hops[0]
		for i := range h.Edges {
			if e := &h.Edges[i]; e.To == to {
				return e, nil
			}
		}
		if !h.More {
			return nil, nil
		}
		q.After = h.Nodes[len(h.Nodes)-1].Number
	}
}

// Unlink retracts edges. FORBIDDEN when no grant covers an edge: the model of its effect,
// and, for a grant on the subject's own facts, who recorded it.
func (t *Tx) Unlink(ctx context.Context, edges ...*graph.Edge) error {
	ids := make([]registry.ID, len(edges))
	for i, e := range edges {
		ids[i] = e.From
	}
	effects, err := t.tx.Nodes(ctx, graph.Instant{}, ids...)
	if err != nil {
		return err
	}
	for i, e := range edges {
		if err := t.checkUnlink(ctx, e, effects[i]); err != nil {
			return err
		}
	}
	t.resetVisibility()
	return t.tx.Unlink(ctx, edges...)
}

func (t *Tx) checkUnlink(ctx context.Context, e *graph.Edge, effect *graph.Node) error {
	var model registry.ID
	if effect != nil {
		var err error
		if model, err = t.modelOf(ctx, effect); err != nil {
			return err
		}
	}
	foreign := false
	for _, g := range t.granted {
		switch {
		case !t.covers(g, model):
		case g.rows == RowsOwn && e.By != t.Subject() && !t.May(registry.LineageRetractAny, model):
			foreign = true
		default:
			return nil
		}
	}
	if foreign {
		return registry.Errorf(registry.Forbidden, "you may only retract what you recorded; this was recorded by somebody else")
	}
	return registry.Errorf(registry.Forbidden, "your grants do not cover the effect of this edge; ask an administrator for a grant on its model")
}

// noteTimes notes times that the transaction records.
func (t *Tx) noteTimes(times ...time.Time) {
	for _, at := range times {
		if at.After(*t.latest) {
			*t.latest = at
		}
	}
}

// resetVisibility forgets which rows the actor sees, before a write that may change it.
func (t *Tx) resetVisibility() {
	t.scope.visibility = newRowVisibility(t.tx, t.gate.visibilityBudget)
}

// Log appends a log entry with the transaction's subject, request id and time. When the
// transaction has recorded a later time, because the clock of a caller is ahead, the entry
// has that time: so nothing that is recorded lies after the newest entry, and all of it is
// true now.
func (t *Tx) Log(ctx context.Context, e registry.LogEntry) error {
	e.At, e.Actor, e.RequestID = t.now, t.Subject(), t.scope.reqID
	if e.At.Before(*t.latest) {
		e.At = *t.latest
	}
	if err := t.addChanges(&e); err != nil {
		return err
	}
	if err := t.tx.Append(ctx, &e); err != nil {
		return err
	}
	*t.logged = e
	return nil
}

// LastLogged returns the log sequence and the time of the last entry that was logged: the
// sequence is 0 before the first one and while entries of a batch are buffered.
func (t *Tx) LastLogged() (seq int64, at time.Time) { return t.logged.Seq, t.logged.At }

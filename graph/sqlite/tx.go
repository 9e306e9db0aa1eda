package sqlite

import (
	"context"
	"slices"
	"time"

	"pedigree/graph"
	"pedigree/graph/readmemory"
	"pedigree/registry"

	engine "zombiezen.com/go/sqlite"
)

// tx is the transaction of one update. Every operation checks all its arguments before
// it writes, so that a refused operation changes nothing and the closure can continue.
type tx struct {
	view
	// seq is the sequence of the first entry of this update, which all its writes get.
	// nextSeq is the sequence of the next entry.
	seq, nextSeq int64
	// lastEntryAt is the time of the newest entry.
	lastEntryAt  time.Time
	wrote, ended bool
	// restoring says that new nodes already have their numbers.
	restoring    bool
	columnValues []any
	// newRows are the nodes of a Put that are not inserted yet.
	newRows []newRow
	// parents are those of the nodes that this update has put.
	parents map[registry.ID]registry.ID
	// children are those of the parents of new nodes. Nothing else changes them in an update.
	children map[siblingsKey]*siblings
	// subjectNums caches the numbers of subjects that this update has looked up.
	subjectNums    map[string]int64
	pendingEntries indexEntries
	// logged are the objects of the entries that have no keys yet.
	logged []loggedObject
	// modelKeys are the keys of the entries' models that are not written yet; see writeLogKeys.
	modelKeys []any
	change    recentChange
	// unlogged says that the update changes nodes without a log entry of its own, as a restore
	// does.
	unlogged bool
	// names are those of what this update has written; see readmemory.
	names map[string]bool
	// carried are the nodes that this update has written, as they are now; nil for what is not known.
	carried map[registry.ID]*graph.Node
	// newest is this update's newest entry, nil when it has none.
	newest *registry.LogEntry
	// frontier is that of the log up to this update's newest entry, once it has one.
	frontier registry.LogFrontier
}

var _ graph.Tx = (*tx)(nil)

// checkUsable returns an error when the closure of the transaction has returned, or
// when the context has ended.
func (t *tx) checkUsable(ctx context.Context) error {
	if t.ended {
		return registry.Errorf(registry.Internal, "a transaction was used after its update ended")
	}
	if ctx.Err() != nil {
		return contextError(ctx)
	}
	return nil
}

// Nodes, Find, Neighbors, Closure and Log see the update's own writes.

// Nodes implements graph.Reader.
func (t *tx) Nodes(ctx context.Context, at graph.Instant, ids ...registry.ID) ([]*graph.Node, error) {
	if err := t.checkUsable(ctx); err != nil {
		return nil, err
	}
	if at == (graph.Instant{}) && len(ids) <= readmemory.MaxNodes {
		out, err := t.nodesInUpdate(ctx, ids)
		return out, publicError(err)
	}
	out, err := t.nodes(ctx, at, ids)
	return out, publicError(err)
}

// Find implements graph.Reader.
func (t *tx) Find(ctx context.Context, q graph.Query) (graph.Page, error) {
	if err := t.checkUsable(ctx); err != nil {
		return graph.Page{}, err
	}
	if q.Text != nil {
		if err := t.flushIndex(); err != nil {
			return graph.Page{}, publicError(err)
		}
	}
	out, err := t.findInUpdate(ctx, q)
	return out, publicError(err)
}

// Neighbors implements graph.Reader.
func (t *tx) Neighbors(ctx context.Context, q graph.NeighborQuery) ([]graph.Neighbors, error) {
	if err := t.checkUsable(ctx); err != nil {
		return nil, err
	}
	out, err := t.neighbors(ctx, q)
	return out, publicError(err)
}

// Closure implements graph.Reader.
func (t *tx) Closure(ctx context.Context, q graph.ClosureQuery) (graph.Closure, error) {
	if err := t.checkUsable(ctx); err != nil {
		return graph.Closure{}, err
	}
	out, err := t.closure(ctx, q)
	return out, publicError(err)
}

// Log implements graph.Reader.
func (t *tx) Log(ctx context.Context, q graph.LogQuery) ([]registry.LogEntry, error) {
	if err := t.checkUsable(ctx); err != nil {
		return nil, err
	}
	if newest := t.newestEntry(); newest != nil && asksForNewest(q) {
		return []registry.LogEntry{copyEntry(newest)}, nil
	}
	if err := t.writeKeys(); err != nil {
		return nil, publicError(err)
	}
	out, err := t.log(ctx, q)
	return out, publicError(err)
}

// Append writes log entries. An entry without a time gets that of the store's clock.
func (t *tx) Append(ctx context.Context, entries ...*registry.LogEntry) error {
	if err := t.checkUsable(ctx); err != nil {
		return err
	}
	for _, e := range entries {
		if err := t.appendEntry(e); err != nil {
			return publicError(err)
		}
	}
	return nil
}

func (t *tx) appendEntry(e *registry.LogEntry) error {
	if e.At.IsZero() {
		e.At = t.s.clock()
	}
	e.At = graph.EntryTime(e.At, t.lastEntryAt, t.nextSeq == t.seq)
	e.Seq = t.nextSeq
	e.Seal()
	t.nextSeq++
	t.lastEntryAt = e.At
	return t.insertEntry(e)
}

func (t *tx) insertEntry(e *registry.LogEntry) error {
	if err := t.addToTree(e); err != nil {
		return err
	}
	err := t.c.exec(`INSERT INTO log(seq, at, actor, action, objects, model, reason, approval, request_id, detail, leaf_hash, tree)
		VALUES(?,?,?,?,?,?,?,?,?,?,?,?)`, e.Seq, e.At.UnixMicro(), e.Actor, string(e.Action), jsonArray(e.Objects), string(e.Model), e.Reason, e.Approval,
		e.RequestID, string(e.Detail), e.LeafHash, e.TreeHashes)
	if err != nil {
		return err
	}
	newest := copyEntry(e)
	t.newest = &newest
	for _, o := range e.Objects {
		t.logged = append(t.logged, loggedObject{o, e.Seq})
	}
	if e.Model == "" {
		return nil
	}
	t.modelKeys = append(t.modelKeys, clusterOf(e.Model), modelKey(e.Model), e.Seq)
	return nil
}

// newestEntry returns the newest entry of the log when it is known, nil when it has to be read.
func (t *tx) newestEntry() *registry.LogEntry {
	if t.newest != nil {
		return t.newest
	}
	if e := t.s.newest; e != nil && e.Seq == t.nextSeq-1 {
		return e
	}
	return nil
}

// asksForNewest reports whether a query is for the newest entry, whatever it is.
func asksForNewest(q graph.LogQuery) bool {
	return q.Desc && q.Limit == 1 && q.After == 0 && q.Before == 0 && q.Object == "" && q.Actor == "" && !q.WithModel &&
		q.KnownAt.IsZero() && q.Since.IsZero() && len(q.Seqs)+len(q.Actions) == 0 && q.Models == nil && q.Objects == nil
}

// copyEntry returns an entry as it is read from the table.
func copyEntry(e *registry.LogEntry) registry.LogEntry {
	c := *e
	c.At, c.Objects, c.Detail, c.Mask = exactTime(e.At.UnixMicro()), append([]registry.ID{}, e.Objects...), slices.Clone(e.Detail), 0
	return c
}

// storedNode is what a write needs to know about an existing node.
type storedNode struct {
	num, revision int64
	kind          registry.Kind
	parent        registry.ID
	deleted       bool
	slots         string // as JSON; "" for none
	served        registry.Served
	name          string
	validFrom     int64
	// columns are the values of the index columns, in the order of registry.IndexColumns.
	columns []any
	// node is the node as it is stored, when it is remembered.
	node *graph.Node
}

var lookupSQL = "SELECT n.num, n.revision, n.kind, n.parent, n.deleted, n.slots, n.served, n.name, n.valid_from" + indexedColumns + " FROM node n WHERE n.id = ?"

// lookup returns what is stored of a node, nil when there is none: from the memory, because what an Update
// writes it mostly has read before, or by a statement.
func (t *tx) lookup(id registry.ID) (*storedNode, error) {
	n, known := t.remembered(id)
	if !known {
		return t.readStored(id)
	}
	found := storedNodeOf(n)
	if t.s.checkLookup != nil {
		t.s.checkLookup(t, id, found)
	}
	return found, nil
}

// storedNodeOf returns what is stored of a node of the present, nil for nil.
func storedNodeOf(n *graph.Node) *storedNode {
	if n == nil {
		return nil
	}
	found := &storedNode{num: n.Number, revision: n.Revision, kind: n.Kind, parent: n.Parent, deleted: n.Deleted, slots: slotsText(n.Slots), served: n.Served,
		name: n.Name, validFrom: toMicros(n.ValidFrom), node: n}
	for _, c := range registry.IndexColumns() {
		if c.Type == registry.IntIndex {
			found.columns = append(found.columns, n.Int(c.Name))
		} else {
			found.columns = append(found.columns, n.Text(c.Name))
		}
	}
	return found
}

func (t *tx) readStored(id registry.ID) (found *storedNode, err error) {
	err = t.c.query(lookupSQL, func(st *engine.Stmt) error {
		found = &storedNode{num: st.ColumnInt64(0), revision: st.ColumnInt64(1), kind: t.s.codes.kindName[st.ColumnInt(2)],
			parent: registry.ID(st.ColumnText(3)), deleted: st.ColumnBool(4), slots: st.ColumnText(5), served: registry.Served(st.ColumnInt(6)),
			name: st.ColumnText(7), validFrom: st.ColumnInt64(8)}
		for i, c := range registry.IndexColumns() {
			if c.Type == registry.IntIndex {
				found.columns = append(found.columns, st.ColumnInt64(9+i))
			} else {
				found.columns = append(found.columns, st.ColumnText(9+i))
			}
		}
		return nil
	}, string(id))
	return found, err
}

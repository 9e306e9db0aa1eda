package sqlite

import (
	"cmp"
	"context"
	"slices"
	"time"

	"pedigree/graph"
	"pedigree/graph/readmemory"
	"pedigree/registry"
)

// The writer holds the lock, so that the memory is true for it without asking, but for what
// this transaction has written itself.

// wroteAny reports whether the transaction of the writer may have changed one of these.
func (t *tx) wroteAny(names ...string) bool {
	return t.unlogged || t.s.writes.unlogged ||
		slices.ContainsFunc(names, func(name string) bool { return t.names[name] || t.s.writes.names[name] })
}

// newestWritten returns the sequence and the time of the newest log entry: mostly the writer has written it.
func (t *tx) newestWritten() (seq int64, at time.Time, err error) {
	if newest := t.s.newest; newest != nil && newest.Seq == t.s.writes.head && !t.s.writes.unlogged {
		return newest.Seq, newest.At, nil
	}
	return t.lastEntry()
}

// checkMayWrite returns FAILED_PRECONDITION while a migration is not finished.
func (t *tx) checkMayWrite() error {
	if t.s.writes.restores || t.s.writes.unlogged {
		return t.checkMigrated()
	}
	return checkMigrated(t.s.writes.begun.Migration)
}

// knownParent returns the parent of a node, "" for none and for what is no node. It reports false when neither the update nor
// the memory knows it.
func (t *tx) knownParent(id registry.ID) (parent registry.ID, known bool) {
	if parent, known = t.parents[id]; known {
		return parent, true
	}
	n := t.s.writes.nodes[id]
	if n == nil {
		n, known = t.remembered(id)
	}
	if n != nil {
		return n.Parent, true
	}
	return "", known
}

// numberOfParent returns the number of the parent of a new node; see parentNumber.
func (t *tx) numberOfParent(parent registry.ID) (int64, error) {
	n := cmp.Or(t.carried[parent], t.s.writes.nodes[parent])
	known := n != nil
	if !known {
		n, known = t.remembered(parent)
	}
	switch {
	case !known || parent == "":
		return t.parentNumber(parent)
	case n == nil:
		return absentNumber(parent), nil
	}
	return n.Number, nil
}

// nodesInUpdate reads nodes by id as of the Update so far.
func (t *tx) nodesInUpdate(ctx context.Context, ids []registry.ID) ([]*graph.Node, error) {
	out := make([]*graph.Node, len(ids))
	for i, id := range ids {
		var known bool
		if out[i], known = t.remembered(id); known {
			continue
		}
		read, err := t.nodes(ctx, graph.Instant{}, ids[i:i+1])
		if err != nil {
			return nil, err
		}
		out[i] = read[0]
		if name := readmemory.NodeName(string(id)); !t.wroteAny(name) {
			t.s.memory.Remember(name, t.s.writes.generation, readmemory.NodeAnswer(name, out[i]))
		}
	}
	return out, nil
}

// asksForLastChild reports whether a query may be one whose answer a commit carries on; see graph.LastChildQuery.
func asksForLastChild(q graph.Query) bool { return q.Desc && q.Limit == 1 && len(q.Parents) == 1 }

// remembered returns a node as the memory has it, nil when there is none. It reports false when the memory does not
// know, or the update may have changed the node.
func (t *tx) remembered(id registry.ID) (n *graph.Node, known bool) {
	name := readmemory.NodeName(string(id))
	if t.wroteAny(name) {
		return nil, false
	}
	r := t.s.memory.UnderLock(t.s.writes.generation, name)
	if r == nil {
		return nil, false
	}
	n, _ = r.Value.(*graph.Node)
	return n, true
}

// findInUpdate answers a query as of the Update so far.
func (t *tx) findInUpdate(ctx context.Context, q graph.Query) (graph.Page, error) {
	name := readmemory.QueryName(q)
	needs := readmemory.Needs(q, keyOfID)
	if name == "" || t.wroteAny(needs...) {
		return t.find(ctx, q)
	}
	r := t.s.memory.UnderLock(t.s.writes.generation, name)
	if r == nil {
		page, err := t.find(ctx, q)
		if err != nil {
			return page, err
		}
		if len(q.Parents) > 0 && !asksForLastChild(q) {
			return page, nil // It asks where to add a child, and that changes the answer.
		}
		r = readmemory.PageAnswer(q, page, keyOfID)
		if t.wroteAny(r.Needs...) {
			return page, nil
		}
		t.s.memory.Remember(name, t.s.writes.generation, r)
	} else if t.wroteAny(r.Needs...) {
		return t.find(ctx, q)
	}
	return readmemory.CopyPage(r.Value.(*graph.Page)), nil
}

package sqlite

import (
	"context"
	"slices"

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

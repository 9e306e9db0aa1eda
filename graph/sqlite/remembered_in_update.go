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
		name := readmemory.NodeName(string(id))
		wrote := t.wroteAny(name)
		if !wrote {
			if r := t.s.memory.UnderLock(t.s.writes.generation, name); r != nil {
				out[i], _ = r.Value.(*graph.Node)
				t.recordAbsent(id, out[i])
				continue
			}
		}
		read, err := t.nodes(ctx, graph.Instant{}, ids[i:i+1])
		if err != nil {
			return nil, err
		}
		if out[i] = read[0]; !wrote {
			t.recordAbsent(id, out[i])
			t.s.memory.Remember(name, t.s.writes.generation, readmemory.NodeAnswer(name, out[i]))
		}
	}
	return out, nil
}

// recordAbsent records that a node was read and is not there, so that the Put which creates it need not look again.
func (t *tx) recordAbsent(id registry.ID, read *graph.Node) {
	if read != nil {
		return
	}
	if t.absent == nil {
		t.absent = map[registry.ID]bool{}
	}
	t.absent[id] = true
}

// isAbsent reports whether it is known that there is no such node, nor has this update written one.
func (t *tx) isAbsent(id registry.ID) bool {
	return t.absent[id] && !t.wroteAny(readmemory.NodeName(string(id)))
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
		if len(q.Parents) > 0 {
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

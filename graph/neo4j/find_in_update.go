package neo4j

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"pedigree/graph"
	"pedigree/graph/readmemory"
	"pedigree/registry"
)

// Find returns one page as of the Update so far.
func (v *view) Find(ctx context.Context, q graph.Query) (graph.Page, error) {
	if q.Limit < 1 || q.Limit > q.MaxLimit() {
		return graph.Page{}, registry.Invalid("limit", "must be 1 to %d", q.MaxLimit())
	}
	if v.pending == nil {
		return v.findInStore(ctx, q)
	}
	if onlySlots(q) {
		return v.findBySlots(ctx, q)
	}
	name := readmemory.QueryName(q)
	needs := readmemory.Needs(q, v.s.key)
	if name != "" && !v.pending.wroteAny(needs...) {
		if r := v.s.memory.UnderLock(v.pending.generation, name); r != nil && !v.pending.wroteAny(r.Needs...) {
			return copyPage(r.Value.(*graph.Page)), v.checkUsable(ctx)
		}
	}
	if v.rehearsal != nil {
		return v.rehearsal.noteFind(name, q)
	}
	if v.pending.mayMeet(q, needs) {
		if err := v.flush(ctx); err != nil {
			return graph.Page{}, err
		}
	}
	page, err := v.findInStore(ctx, q)
	if err == nil && name != "" && !v.pending.wroteAny(append(needs, v.nodeNames(page.Nodes)...)...) {
		v.s.rememberPage(v.pending.generation, name, q, &page)
		return copyPage(&page), nil
	}
	return page, err
}

func (v *view) nodeNames(nodes []*graph.Node) (names []string) {
	for _, n := range nodes {
		names = append(names, readmemory.NodeName(v.key(string(n.ID))))
	}
	return names
}

// mayMeet reports whether a query could meet writes that are not sent.
func (p *pendingWrites) mayMeet(q graph.Query, needs []string) bool {
	return p.rows > 0 && (p.wroteAnything || len(q.Slots) > 0 || slices.ContainsFunc(needs, func(name string) bool { return p.unsent[name] }))
}

// onlySlots reports whether a query asks for the holders of slots, whatever they are.
func onlySlots(q graph.Query) bool {
	return len(q.Slots) > 0 && len(q.Kinds)+len(q.Parents)+len(q.Where)+len(q.AnyOf) == 0 && q.Text == nil && q.After == nil &&
		(q.Order == registry.NoIndex || q.Order == registry.IndexName) && !q.Desc && !q.PerParent && !q.Deleted && !q.Count && !q.Bare
}

// findBySlots answers a query for the holders of slots from what the Update has met.
func (v *view) findBySlots(ctx context.Context, q graph.Query) (graph.Page, error) {
	page := graph.Page{Total: -1}
	holders, err := v.holders(ctx, distinct(keysOf(v, q.Slots)))
	if err != nil {
		return page, err
	}
	var ids []registry.ID
	for _, id := range holders {
		if id != "" && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	nodes, err := v.Nodes(ctx, graph.Instant{}, ids...)
	if err != nil {
		return page, err
	}
	nodes = slices.DeleteFunc(nodes, func(n *graph.Node) bool { return n == nil || n.Deleted })
	slices.SortFunc(nodes, func(a, b *graph.Node) int {
		return cmp.Or(strings.Compare(sortable(a.Name), sortable(b.Name)), strings.Compare(string(a.ID), string(b.ID)))
	})
	if page.More = len(nodes) > q.Limit; page.More {
		nodes = nodes[:q.Limit]
	}
	if len(nodes) > 0 {
		page.Nodes = nodes
	}
	return page, nil
}

package sqlite

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"pedigree/graph"
	"pedigree/registry"

	engine "zombiezen.com/go/sqlite"
)

// A page of models asks for the children of a hundred parents. A statement for each of them costs
// more than what it reads: above all, a sort with a LIMIT makes a temporary table each time. So the
// children of all parents that have few are read by one statement, and are sorted here.

// findPerParent finds the nodes of each parent separately, skipping duplicates.
func (v *view) findPerParent(ctx context.Context, q graph.Query, typ registry.IndexType) (graph.Page, error) {
	all := graph.Page{Total: -1}
	if q.Count {
		all.Total, all.TotalOf = 0, map[registry.ID]int64{}
	}
	q.Parents, q.After = withoutDuplicates(q.Parents), nil
	few, err := v.findFew(q, typ)
	if err != nil {
		return graph.Page{}, err
	}
	for _, p := range q.Parents {
		if ctx.Err() != nil {
			return graph.Page{}, contextError(ctx)
		}
		if children, found := few[p]; found {
			all.Nodes = append(all.Nodes, children...)
			continue
		}
		q.Parents = []registry.ID{p}
		page, err := v.findPage(q, typ)
		if err != nil {
			return graph.Page{}, err
		}
		all.Nodes = append(all.Nodes, page.Nodes...)
		if q.Count && page.Total >= 0 {
			all.TotalOf[p] = page.Total
		}
		if q.Count && all.Total >= 0 {
			if all.Total += page.Total; page.Total < 0 || all.Total > graph.MaxCount {
				all.Total = -1
			}
		}
	}
	return all, nil
}

// withoutDuplicates returns ids in their order, each once.
func withoutDuplicates(ids []registry.ID) []registry.ID {
	seen := make(map[registry.ID]bool, len(ids))
	out := make([]registry.ID, 0, len(ids))
	for _, id := range ids {
		if !seen[id] {
			seen[id], out = true, append(out, id)
		}
	}
	return out
}

// findFew answers a query per parent for the parents that have few children of its kind. The
// others, and all of a query that this does not serve or that has one parent, have no entry.
func (v *view) findFew(q graph.Query, typ registry.IndexType) (map[registry.ID][]*graph.Node, error) {
	simple := !v.s.oneByOne && len(q.Parents) > 1 && len(q.Kinds) == 1 && !q.Count && q.Text == nil && len(q.Slots) == 0 && !slices.Contains(q.Parents, "")
	if !simple || slices.ContainsFunc(q.Where, func(p graph.Predicate) bool { return p.Self != "" }) {
		return nil, nil
	}
	kind := v.s.codes.kind[q.Kinds[0]]
	if kind == 0 {
		return nil, nil
	}
	numbers, ids, err := v.parentsOfFew(q.Parents, kind)
	if err != nil || len(numbers) == 0 {
		return nil, err
	}
	out := make(map[registry.ID][]*graph.Node, len(ids))
	for _, id := range ids {
		out[id] = nil
	}
	part := listPart{Query: q, parents: numbers}
	s := fewChildren(part, q.Kinds[0], q.Kinds[0].HasServed() && slices.ContainsFunc(q.Where, isServed))
	s.from, s.args, s.eachParent = "json_each(?) j CROSS JOIN "+s.from, append([]any{jsonArray(numbers)}, s.args...), true
	b := newBuilder(s, v.s.codes)
	b.conditions(part, kind)
	if q.Limit >= crowd { // All of them are wanted.
		return out, v.readFew(out, q, typ, selectNodeSQL[boolIndex(q.Bare)]+", n."+string(q.Order)+" FROM "+b.from+" WHERE "+b.where.String(), b.args)
	}
	chosen, err := v.chooseFew(q, typ, b)
	if err != nil || len(chosen) == 0 {
		return out, err
	}
	sql := selectNodeSQL[boolIndex(q.Bare)] + ", n." + string(q.Order) + " FROM json_each(?) j CROSS JOIN node n NOT INDEXED ON n.num = j.value"
	return out, v.readFew(out, q, typ, sql, []any{jsonArray(chosen)})
}

// parentsOfFew returns the parents whose children of a kind are not crowded: their numbers
// and ids.
func (v *view) parentsOfFew(parents []registry.ID, kind int) (numbers []int64, ids []registry.ID, err error) {
	err = v.c.query(parentsSQL, func(st *engine.Stmt) error {
		if !st.ColumnBool(2) {
			numbers, ids = append(numbers, st.ColumnInt64(0)), append(ids, parents[st.ColumnInt(1)])
		}
		return nil
	}, kind, jsonArray(parents))
	return numbers, ids, err
}

// parentsSQL selects parents that are nodes by their ids, and whether their children of a kind are
// crowded. A parent that is no node yet is left out.
var parentsSQL = "SELECT p.num, j.key, (SELECT c.crowded FROM node c INDEXED BY " + byParent.name() + " WHERE c.parent_num = p.num AND c.parent_num<>0 AND c.kind = ?1 LIMIT 1)" +
	" FROM json_each(?2) j CROSS JOIN node p " + byID + " ON p.id = j.value"

// chooseFew returns the numbers of the children that belong to the answer: for each parent the
// first in the order of the query, as many as its limit. It reads nothing but the keys.
func (v *view) chooseFew(q graph.Query, typ registry.IndexType, b *whereBuilder) (chosen []int64, err error) {
	type child struct {
		parent, num int64
		key         sortKey
	}
	var all []child
	err = v.c.query("SELECT n.parent_num, n.num, n.id, n."+string(q.Order)+" FROM "+b.from+" WHERE "+b.where.String(), func(st *engine.Stmt) error {
		all = append(all, child{st.ColumnInt64(0), st.ColumnInt64(1), keyOf(st, 3, typ, registry.ID(st.ColumnText(2)))})
		return nil
	}, b.args...)
	slices.SortFunc(all, func(a, b child) int {
		return cmp.Or(cmp.Compare(a.parent, b.parent), a.key.compare(b.key, q.Desc))
	})
	before := 0 // how many of the same parent come before
	for i, c := range all {
		if before++; i == 0 || all[i-1].parent != c.parent {
			before = 0
		}
		if before < q.Limit {
			chosen = append(chosen, c.num)
		}
	}
	return chosen, err
}

// readFew reads nodes by a statement into the lists of their parents, in the order of the query.
func (v *view) readFew(out map[registry.ID][]*graph.Node, q graph.Query, typ registry.IndexType, sql string, args []any) error {
	found := make(map[registry.ID][]keyedNode, len(out))
	err := v.c.query(sql, func(st *engine.Stmt) error {
		n, err := v.scanNode(st, 0, false, q.Bare)
		if err != nil {
			return err
		}
		n.Served = registry.Served(st.ColumnInt(servedColumn))
		found[n.Parent] = append(found[n.Parent], keyedNode{n, keyOf(st, servedColumn+1, typ, n.ID)})
		return nil
	}, args...)
	for parent, children := range found {
		slices.SortFunc(children, func(a, b keyedNode) int { return a.key.compare(b.key, q.Desc) })
		for _, k := range children[:min(q.Limit, len(children))] {
			out[parent] = append(out[parent], k.node)
		}
	}
	return err
}

// sortKey is the place of a node in the order of a list: a value of one of the two types, and
// the id.
type sortKey struct {
	text string
	int  int64
	id   registry.ID
}

// keyOf reads a sort key from a column.
func keyOf(st *engine.Stmt, column int, typ registry.IndexType, id registry.ID) sortKey {
	if typ == registry.IntIndex {
		return sortKey{int: st.ColumnInt64(column), id: id}
	}
	return sortKey{text: st.ColumnText(column), id: id}
}

// compare compares two places.
func (k sortKey) compare(other sortKey, desc bool) int {
	c := cmp.Or(strings.Compare(k.text, other.text), cmp.Compare(k.int, other.int), strings.Compare(string(k.id), string(other.id)))
	if desc {
		return -c
	}
	return c
}

package sqlite

import (
	"context"
	"slices"

	"pedigree/graph"
	"pedigree/registry"
)

// columnType returns the type of a column, and whether queries can compare and sort
// by it.
func columnType(c registry.Index) (registry.IndexType, bool) {
	switch c {
	case registry.IndexName:
		return registry.TextIndex, true
	case registry.IndexValidFrom, registry.IndexSerial:
		return registry.IntIndex, true
	}
	for _, x := range registry.IndexColumns() {
		if x.Name == c {
			return x.Type, true
		}
	}
	return "", false
}

// keyedNode is a node with its sort key.
type keyedNode struct {
	node *graph.Node
	key  sortKey
}

// find answers a Query. It reads each kind separately, by an index in the requested
// order, and merges the results. One statement for all kinds would need a sort.
func (v *view) find(ctx context.Context, q graph.Query) (graph.Page, error) {
	if q.Order == "" {
		q.Order = registry.IndexName
	}
	typ, err := checkQuery(q)
	if err != nil {
		return graph.Page{}, err
	}
	if len(q.AnyOf) == 1 { // One alternative is a condition, by which an index may be chosen.
		q.Where, q.AnyOf = slices.Concat(q.Where, q.AnyOf[0]), nil
	}
	if q.PerParent {
		return v.findPerParent(ctx, q, typ)
	}
	if isOfOne(q) {
		if page, found, err := v.findFewOfOne(q, typ); found || err != nil {
			return page, err
		}
	}
	return v.findPage(q, typ)
}

func (v *view) findPage(q graph.Query, typ registry.IndexType) (graph.Page, error) {
	page := graph.Page{Total: -1}
	if q.Count {
		page.Total = 0
	}
	var all []keyedNode
	var found matches
	kinds := kindCodesOf(v.s.codes, q.Kinds)
	parents, err := v.parentNumbers(q.Parents)
	if err != nil {
		return page, err
	}
	if q.Text != nil {
		kinds = []int{anyKind} // The matches only have nodes of the requested kinds.
		if found, page.Truncated, err = v.matchingNumbers(q); err != nil || page.Truncated && q.Text.Most > 0 {
			return page, err
		}
	}
	for _, kind := range kinds {
		parts, err := v.splitPage(listPart{Query: q, parents: parents}, kind)
		if err != nil {
			return graph.Page{}, err
		}
		for _, part := range parts {
			if all, err = v.findPart(part, typ, kind, found, all, &page); err != nil {
				return graph.Page{}, err
			}
		}
	}
	if page.Total > graph.MaxCount {
		page.Total = -1
	}
	slices.SortFunc(all, func(a, b keyedNode) int { return a.key.compare(b.key, q.Desc) })
	if page.More = len(all) > q.Limit; page.More {
		all = all[:q.Limit]
	}
	for _, f := range all {
		page.Nodes = append(page.Nodes, f.node)
	}
	return page, nil
}

// splitPage splits a query for one kind into parts that an index serves.
func (v *view) splitPage(q listPart, kind int) (out []listPart, err error) {
	parts, err := v.splitByCrowd(q, kind)
	for _, p := range parts {
		out = append(out, v.splitByValue(p, kind)...)
	}
	return out, err
}

// findPart reads a page of one kind, and counts it when the query asks for that.
func (v *view) findPart(q listPart, typ registry.IndexType, kind int, found matches, all []keyedNode, page *graph.Page) ([]keyedNode, error) {
	if q.Count {
		s, err := v.sourceOf(q, kind, found)
		if err != nil {
			return nil, err
		}
		b := newBuilder(s, v.s.codes)
		b.conditions(q, kind)
		n, err := v.c.queryInt("SELECT count(*) FROM (SELECT 1 FROM "+b.from+" WHERE "+b.where.String()+" LIMIT ?+0)", append(b.args, graph.MaxCount+1)...)
		if err != nil {
			return nil, err
		}
		page.Total += n
		q.Count = false
	}
	s, err := v.sourceOf(q, kind, found)
	if err != nil {
		return nil, err
	}
	b := newBuilder(s, v.s.codes)
	b.conditions(q, kind)
	return v.appendPage(all, q.Query, typ, b)
}

// splitByValue splits a query with a filter of several values into one for each value, when
// an index has each of them in the order of the list.
func (v *view) splitByValue(q listPart, kind int) []listPart {
	if len(q.Parents) > 0 && !q.crowded {
		return []listPart{q}
	}
	x := listIndex{kind: v.s.codes.kindName[kind], children: len(q.Parents) > 0, order: q.Order, served: slices.ContainsFunc(q.Where, isServed)}
	for i, p := range q.Where {
		x.filter = p.Column
		if p.Child != "" || p.Self != "" || p.Op != graph.In || len(p.Values) < 2 || !listIndexes[x] {
			continue
		}
		var out []listPart
		seen := map[any]bool{}
		for _, value := range p.Values {
			if seen[value] {
				continue
			}
			seen[value] = true
			part := q
			part.Where = slices.Clone(q.Where)
			part.Where[i].Values = []any{value}
			out = append(out, part)
		}
		return out
	}
	return []listPart{q}
}

// anyKind stands for all kinds; it is not a kind code.
const anyKind = -1

// kindCodesOf returns the codes of kinds without duplicates, or anyKind when the list
// is empty.
func kindCodesOf(x codes, kinds []registry.Kind) []int {
	if len(kinds) == 0 {
		return []int{anyKind}
	}
	var out []int
	for _, k := range kinds {
		if code := x.kind[k]; code != 0 && !slices.Contains(out, code) {
			out = append(out, code)
		}
	}
	return out
}

func checkQuery(q graph.Query) (registry.IndexType, error) {
	if q.Limit < 1 || q.Limit > q.MaxLimit() {
		return "", registry.Invalid("limit", "must be 1 to %d, not %d", q.MaxLimit(), q.Limit)
	}
	if err := q.CheckText(); err != nil {
		return "", err
	}
	if len(q.Kinds) == 0 && len(q.Parents) == 0 && len(q.Slots) == 0 {
		return "", registry.Invalid("kinds", "a query names kinds, parents or slots")
	}
	if q.PerParent && len(q.Parents) == 0 {
		return "", registry.Invalid("parents", "a query per parent names parents")
	}
	typ, ok := columnType(q.Order)
	if !ok {
		return "", registry.Invalid("order", "%q cannot be sorted by", registry.Shorten(string(q.Order), 60))
	}
	if q.After != nil && !hasType(typ, q.After.Value) {
		return "", registry.Invalid("after", "is not a key of the order %q", q.Order)
	}
	for _, p := range q.Where {
		if err := checkPredicate(p); err != nil {
			return "", err
		}
	}
	for _, row := range q.AnyOf {
		for _, p := range row {
			if err := checkPredicate(p); err != nil {
				return "", err
			}
		}
	}
	return typ, nil
}

func hasType(typ registry.IndexType, v any) bool {
	switch v.(type) {
	case string:
		return typ == registry.TextIndex
	case int64:
		return typ == registry.IntIndex
	}
	return false
}

func checkPredicate(p graph.Predicate) error {
	if p.Label != "" && p.Child != "" {
		return registry.Invalid("filter", "labels of children cannot be compared")
	}
	if p.Served || p.Label != "" {
		return nil
	}
	typ, ok := columnType(p.Column)
	if p.Self != "" {
		typ, ok = registry.TextIndex, (p.Self == graph.SelfID || p.Self == graph.SelfParent) && p.Op == graph.In
	}
	if !ok {
		return registry.Invalid("filter", "%q cannot be filtered by", registry.Shorten(string(p.Column)+string(p.Self), 60))
	}
	switch p.Op {
	case graph.In, graph.NotIn:
	case graph.Less, graph.AtMost, graph.Greater, graph.AtLeast:
		ok = len(p.Values) > 0
	case graph.Prefix:
		ok = len(p.Values) > 0 && typ == registry.TextIndex
	default:
		ok = false
	}
	for _, v := range p.Values {
		ok = ok && hasType(typ, v)
	}
	if !ok {
		return registry.Invalid("filter", "%q cannot be compared so", registry.Shorten(string(p.Column)+string(p.Self), 60))
	}
	return nil
}

package sqlite

import (
	"fmt"
	"slices"

	"pedigree/graph"
	"pedigree/registry"
)

// A filter that matches at most narrowMatches nodes is read first and sorted after. Most that
// are narrow match at most veryNarrow nodes, and are found out sooner.
const narrowMatches, veryNarrow = 1000, 50

// byID names the index of the table's unique ids.
const byID = "INDEXED BY sqlite_autoindex_node_1"

// source is what drives the statement of a page: the FROM clause and its arguments, and
// the predicates of the query that it has taken over.
type source struct {
	from  string
	args  []any
	taken []int
	// unsorted says that the nodes do not come in the order of the list.
	unsorted bool
	// index is the one that from names, if any; scope repeats what its rows have.
	index *listIndex
	// eachParent says that the parents, in j, drive the statement.
	eachParent bool
	// labelled says that the index of labels, l, gives the order.
	labelled bool
	// among are the nodes to choose from, as a JSON array of numbers; "" for all.
	among string
}

// indexSource reads an index in its order.
func indexSource(x listIndex) source {
	return source{from: "node n INDEXED BY " + x.name(), index: &x}
}

// sourceOf chooses what drives the statement for one kind, from the narrowest key on:
// found texts, slots, ids, then a filter that matches few nodes, then a filter with the
// order of the list, then the order itself.
func (v *view) sourceOf(q listPart, kind int, found matches) (source, error) {
	switch {
	case q.Text != nil:
		return textSource(q.Query, found), nil
	case len(q.Slots) == 1:
		return source{from: "slot s CROSS JOIN node n NOT INDEXED ON s.slot = ? AND n.num = s.num", args: []any{q.Slots[0]}}, nil
	case len(q.Slots) > 1:
		return source{from: "(SELECT DISTINCT s.num FROM json_each(?) j CROSS JOIN slot s ON s.slot = j.value) s CROSS JOIN node n NOT INDEXED ON n.num = s.num",
			args: []any{jsonArray(q.Slots)}}, nil
	}
	for i, p := range q.Where {
		if p.Self == graph.SelfID && p.Child == "" {
			return source{from: "(SELECT DISTINCT value FROM json_each(?)) s CROSS JOIN node n " + byID + " ON n.id = s.value", args: []any{jsonArray(p.Values)}, taken: []int{i}}, nil
		}
	}
	if len(q.Parents) > 0 && slices.Contains(q.Parents, "") {
		return source{from: "node n"}, nil
	}
	if kind < 0 {
		return allChildren(false), nil
	}
	return v.sourceOfKind(q, v.s.codes.kindName[kind])
}

// sortTable is the table whose columns give the order.
func (s *source) sortTable() string {
	if s.labelled {
		return "l"
	}
	return "n"
}

// textSource drives a search by the numbers of the matching nodes. When there are many, a page
// of one kind is read in its order instead, where it is soon full.
func textSource(q graph.Query, found matches) source {
	if len(q.Kinds) == 1 && found.count > narrowMatches && q.Limit < narrowMatches {
		if x := (listIndex{kind: q.Kinds[0], order: q.Order}); listIndexes[x] {
			s := indexSource(x)
			s.among = found.numbers
			return s
		}
	}
	return source{from: "json_each(?) CROSS JOIN node n NOT INDEXED ON n.num = json_each.value", args: []any{found.numbers}, unsorted: found.count > q.Limit}
}

// sourceOfKind chooses among the indexes of a kind.
func (v *view) sourceOfKind(q listPart, kind registry.Kind) (source, error) {
	plain := listIndex{kind: kind, children: len(q.Parents) > 0, order: q.Order, served: slices.ContainsFunc(q.Where, isServed) && kind.HasServed()}
	if plain.children && !q.crowded {
		return fewChildren(q, kind, plain.served), nil
	}
	sorted := plain
	for _, p := range q.Where {
		x := plain
		if x.filter = p.Column; isOneValue(p) && listIndexes[x] {
			sorted = x
			break
		}
	}
	labelled, byLabel := v.labelSource(q, plain)
	rest := slices.DeleteFunc(filtersOf(q.Query), func(f filter) bool {
		if byLabel {
			return f.column == labelColumn || f.column == q.Order
		}
		return f.column == sorted.filter || f.column == q.Order
	})
	if len(rest) > 0 {
		for _, limit := range []int{veryNarrow, narrowMatches} {
			if s, found, err := v.narrowSource(q, plain, limit); found || err != nil {
				return s, err
			}
		}
	}
	if byLabel {
		return labelled, nil
	}
	named := byParentAndName
	named.served = plain.served
	for _, x := range []listIndex{sorted, plain, named} {
		if listIndexes[x] && (!x.ofAllKinds() || plain.children && q.Order == registry.IndexName) {
			return indexSource(x), nil
		}
	}
	if plain.children {
		return allChildren(plain.served), nil
	}
	return wholeKind(kind), nil
}

// wholeKind reads the nodes of a kind by any of its indexes, for an order that no list has.
func wholeKind(kind registry.Kind) source {
	for _, order := range []registry.Index{registry.IndexName, registry.IndexValidFrom, registry.IndexSerial} {
		if x := (listIndex{kind: kind, order: order}); listIndexes[x] {
			s := indexSource(x)
			s.unsorted = true
			return s
		}
	}
	return source{from: "node n"}
}

// isServed reports whether a predicate keeps the nodes that are served.
func isServed(p graph.Predicate) bool { return p.Served && p.Child == "" }

// isOneValue reports whether a predicate compares a column of the node with one value.
func isOneValue(p graph.Predicate) bool {
	return p.Child == "" && p.Self == "" && p.Op == graph.In && len(p.Values) == 1
}

// filter is all that a query asks of one column, of the node or of its children. A column of
// NoIndex is that of a filter that no index narrows.
type filter struct {
	column     registry.Index
	child      registry.Kind
	predicates []graph.Predicate
	at         []int // their places in Query.Where
}

// filtersOf groups the predicates of a query by their column.
func filtersOf(q graph.Query) (out []filter) {
	for i, p := range q.Where {
		if isServed(p) {
			continue // The indexes of served nodes have only these.
		}
		column := p.Column
		switch {
		case p.Label != "":
			column = labelColumn
		case p.Self != "" || p.Op == graph.NotIn:
			column = registry.NoIndex
		}
		k := slices.IndexFunc(out, func(f filter) bool { return f.column == column && f.child == p.Child && column != registry.NoIndex })
		if k < 0 {
			k, out = len(out), append(out, filter{column: column, child: p.Child})
		}
		out[k].predicates, out[k].at = append(out[k].predicates, p), append(out[k].at, i)
	}
	return out
}

// narrowSource returns a source for a filter that matches at most limit nodes. When there is
// none, the list is read in its order, and a page is soon full.
func (v *view) narrowSource(q listPart, plain listIndex, limit int) (s source, found bool, err error) {
	for _, f := range filtersOf(q.Query) {
		switch {
		case f.column == registry.NoIndex:
			continue
		case f.column == labelColumn:
			s, found, err = v.narrowLabel(q, f, plain, limit)
		case f.child != "":
			s, found, err = v.parentsSource(q.Query, f, limit)
		default:
			s, found, err = v.filterSource(q, f, plain, limit)
		}
		if found || err != nil {
			return s, found, err
		}
	}
	return source{}, false, nil
}

// filterSource drives a list by an index on the column of a filter. Without one in the order
// of the column, it takes one that begins with its value.
func (v *view) filterSource(q listPart, f filter, x listIndex, limit int) (source, bool, error) {
	kind := x.kind
	if x.order = f.column; x.children && x.order == registry.IndexName {
		served := x.served
		x = byParentAndName
		x.served = served
	}
	if !listIndexes[x] {
		x.filter, x.order = f.column, registry.IndexName
		one := len(f.predicates) == 1 && isOneValue(f.predicates[0])
		if x.children {
			x = listIndex{kind: kind, filter: f.column, order: indexOfParents}
			one = f.in()
		}
		if !listIndexes[x] || !one {
			return source{}, false, nil
		}
	}
	s := indexSource(x)
	s.unsorted = x.order != q.Order
	b := newBuilder(s, v.s.codes)
	b.scope(q, v.s.codes.kind[kind])
	if x.served {
		b.predicate(graph.Predicate{Served: true})
	}
	for _, p := range f.predicates {
		b.predicate(p)
	}
	few, err := v.matchesFew(b.source.from, b.where.String(), b.args, limit)
	return b.source, few, err
}

// parentsSource drives a list by the children that a filter asks for.
func (v *view) parentsSource(q graph.Query, f filter, limit int) (source, bool, error) {
	x, p := listIndex{kind: f.child, filter: f.column, order: indexOfParents}, f.predicates[0]
	if !listIndexes[x] || p.Op != graph.In || len(f.predicates) > 1 {
		return source{}, false, nil
	}
	cond, args := comparison("c", p)
	from, where := "node c INDEXED BY "+x.name(), fmt.Sprintf("c.kind=%d AND %s AND c.deleted = 0 AND %s", v.s.codes.kind[f.child], x.hasKinds("c.", v.s.codes), cond)
	s := source{from: "(SELECT DISTINCT c.parent_num AS num FROM " + from + " WHERE " + where + ") s CROSS JOIN node n NOT INDEXED ON n.num = s.num", args: args, taken: f.at, unsorted: true}
	if q.Count {
		return s, true, nil // A count needs no order.
	}
	few, err := v.matchesFew(from, where, args, limit)
	return s, few, err
}

// matchesFew reports whether at most limit rows meet a condition.
func (v *view) matchesFew(from, where string, args []any, limit int) (bool, error) {
	n, err := v.c.queryInt("SELECT count(*) FROM (SELECT 1 FROM "+from+" WHERE "+where+" LIMIT ?+0)", append(slices.Clone(args), limit+1)...)
	return n <= int64(limit), err
}

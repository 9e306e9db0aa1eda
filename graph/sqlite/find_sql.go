package sqlite

import (
	"fmt"
	"slices"
	"strings"

	"pedigree/graph"
	"pedigree/registry"

	engine "zombiezen.com/go/sqlite"
)

// whereBuilder builds the condition of one statement. Its SQL only contains names of
// the field table and codes of the database; values of a caller are always bound.
type whereBuilder struct {
	source
	codes codes
	where strings.Builder
	args  []any // those of the source come first
}

func newBuilder(s source, codes codes) *whereBuilder {
	return &whereBuilder{source: s, codes: codes, args: slices.Clone(s.args)}
}

func (b *whereBuilder) and(cond string, args ...any) {
	if b.where.Len() > 0 {
		b.where.WriteString(" AND ")
	}
	b.where.WriteString(cond)
	b.args = append(b.args, args...)
}

func equalsAny(column string, values []int64) (string, any) {
	if len(values) == 1 {
		return column + " = ?", values[0]
	}
	return column + " IN (SELECT value FROM json_each(?))", jsonArray(values)
}

// scope adds the kind and the parents of a query. It repeats in the text which nodes the index
// has, as the engine wants it.
func (b *whereBuilder) scope(q listPart, kind int) {
	if kind >= 0 {
		b.and(fmt.Sprintf("n.kind=%d", kind))
	}
	if b.eachParent {
		b.and("n.parent_num = j.value")
	} else if len(q.parents) > 0 {
		cond, arg := equalsAny("n.parent_num", q.parents)
		b.and(cond, arg)
	}
	if x := b.index; x != nil {
		if x.ofAllKinds() {
			b.and("n.parent_num<>0")
		} else {
			b.and(x.hasKinds("n.", b.codes))
		}
		if x.ofCrowded() {
			b.and("n.crowded=1")
		}
	}
	if !q.Deleted || q.Text != nil { // A tombstone has no words.
		b.and("n.deleted = 0")
	}
}

func (b *whereBuilder) conditions(q listPart, kind int) {
	if b.among != "" {
		kind = b.codes.kind[q.Kinds[0]]
		// The plus keeps the numbers from driving the statement.
		b.and("+n.num IN (SELECT value FROM json_each(?))", b.among)
	}
	b.scope(q, kind)
	for i, p := range q.Where {
		if !slices.Contains(b.taken, i) {
			b.predicate(p)
		}
	}
	if len(q.AnyOf) == 0 {
		return
	}
	var alternatives []string
	outer := b.args
	b.args = nil
	for _, row := range q.AnyOf {
		inner := newBuilder(source{}, b.codes)
		for _, p := range row {
			inner.predicate(p)
		}
		if len(row) == 0 {
			inner.and("1")
		}
		alternatives = append(alternatives, "("+inner.where.String()+")")
		b.args = append(b.args, inner.args...)
	}
	rows := b.args
	b.args = outer
	b.and("("+strings.Join(alternatives, " OR ")+")", rows...)
}

// predicate adds a comparison of a node or of its children.
func (b *whereBuilder) predicate(p graph.Predicate) {
	if p.Child == "" {
		table := "n"
		if b.labelled && slices.Contains(registry.TagOrders(), p.Column) {
			table = "l" // So that the index is read from there on.
		}
		cond, args := comparison(table, p)
		b.and(cond, args...)
		return
	}
	cond, args := comparison("c", p)
	index, rows := listIndex{kind: p.Child, filter: p.Column, order: indexOfParents}, ""
	if listIndexes[index] {
		rows = index.hasKinds("c.", b.codes)
	} else {
		index, rows = byParent, "c.parent_num<>0"
	}
	// No kind has the code 0, so that an unknown kind matches nothing.
	b.and(fmt.Sprintf("EXISTS (SELECT 1 FROM node c INDEXED BY %s WHERE c.parent_num = n.num AND %s AND c.kind=%d AND c.deleted = 0 AND %s)",
		index.name(), rows, b.codes.kind[p.Child], cond), args...)
}

func comparison(table string, p graph.Predicate) (string, []any) {
	if p.Served {
		// The number is part of the text, so that the indexes of served nodes serve it.
		return fmt.Sprintf("%s.served = %d", table, registry.IsServed), nil
	}
	if p.Label != "" {
		return "EXISTS (SELECT 1 FROM node_label x WHERE x.num = " + table + ".num AND x.label = ?)", []any{p.Label}
	}
	column := table + "." + string(p.Column)
	if p.Self != "" {
		column = table + "." + string(p.Self)
	}
	switch p.Op {
	case graph.In, graph.NotIn:
		not := ""
		if p.Op == graph.NotIn {
			not = "NOT "
		}
		if len(p.Values) == 1 && not == "" {
			return column + " = ?", p.Values
		}
		return column + " " + not + "IN (SELECT value FROM json_each(?))", []any{jsonArray(p.Values)}
	case graph.Prefix:
		return prefixRange(column, p.Values[0].(string))
	}
	return column + " " + string(p.Op) + " ?", p.Values[:1]
}

// prefixRange returns a range in byte order: from the prefix to the smallest text
// after all that start with it. UTF-8 has no byte 0xff, so the last byte can be
// incremented.
func prefixRange(column, p string) (string, []any) {
	if p == "" {
		return "1", nil
	}
	after := []byte(p)
	after[len(after)-1]++
	return column + " >= ? AND " + column + " < ?", []any{p, string(after)}
}

// pageSQL returns the statement that reads one page, and one node more.
func pageSQL(q graph.Query, b *whereBuilder) (string, []any) {
	args := b.args
	cond := b.where.String()
	dir, beyond := "", ">"
	if q.Desc {
		dir, beyond = " DESC", "<"
	}
	if q.After != nil {
		cond += fmt.Sprintf(" AND (%[1]s.%[2]s, %[1]s.id) %[3]s (?, ?)", b.sortTable(), q.Order, beyond)
		args = append(args[:len(args):len(args)], q.After.Value, string(q.After.ID))
	}
	order := fmt.Sprintf("ORDER BY %[1]s.%[2]s%[3]s, %[1]s.id%[3]s", b.sortTable(), q.Order, dir)
	sql := fmt.Sprintf("%s, n.%s FROM %s WHERE %s %s LIMIT ?+0", selectNodeSQL[boolIndex(q.Bare)], q.Order, b.from, cond, order)
	if b.unsorted {
		// Sort the keys alone, and read only the page whole.
		sql = fmt.Sprintf("%s, n.%s FROM (SELECT n.num FROM %s WHERE %s %s LIMIT ?+0) s CROSS JOIN node n NOT INDEXED ON n.num = s.num %s",
			selectNodeSQL[boolIndex(q.Bare)], q.Order, b.from, cond, order, order)
	}
	return sql, append(args[:len(args):len(args)], q.Limit+1)
}

// selectNodeSQL is the SELECT list that reads nodes, with and without documents.
var selectNodeSQL = func() (out [2]string) {
	for i, doc := range []string{"n.doc", "''"} {
		out[i] = "SELECT " + currentColumns + ", " + doc
		for _, c := range registry.IndexColumns() {
			out[i] += ", n." + string(c.Name)
		}
		out[i] += ", n.served"
	}
	return out
}()

// appendPage appends the first Limit+1 nodes that meet a condition.
func (v *view) appendPage(all []keyedNode, q graph.Query, typ registry.IndexType, b *whereBuilder) ([]keyedNode, error) {
	sql, args := pageSQL(q, b)
	key := servedColumn + 1
	err := v.c.query(sql, func(st *engine.Stmt) error {
		n, err := v.scanNode(st, 0, false, q.Bare)
		if err != nil {
			return err
		}
		n.Served = registry.Served(st.ColumnInt(servedColumn))
		all = append(all, keyedNode{n, keyOf(st, key, typ, n.ID)})
		return nil
	}, args...)
	return all, err
}

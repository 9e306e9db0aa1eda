package sqlite

import (
	"fmt"
	"strings"

	"pedigree/graph"
	"pedigree/registry"

	engine "zombiezen.com/go/sqlite"
)

// whereBuilder builds the condition of one statement. Its SQL only contains names of
// the field table and codes of the database; values of a caller are always bound.
type whereBuilder struct {
	// from is the FROM clause; its arguments come first in args.
	from  string
	where strings.Builder
	args  []any
}

// newBuilder starts a condition. matches are the numbers of the nodes that match
// q.Text, as a JSON array.
func newBuilder(q graph.Query, matches string) *whereBuilder {
	if q.Text == nil {
		return &whereBuilder{from: "node n"}
	}
	return &whereBuilder{from: "json_each(?) CROSS JOIN node n ON n.num = json_each.value", args: []any{matches}}
}

func (b *whereBuilder) and(cond string, args ...any) {
	if b.where.Len() > 0 {
		b.where.WriteString(" AND ")
	}
	b.where.WriteString(cond)
	b.args = append(b.args, args...)
}

func equalsAny[T ~string](column string, values []T) (string, any) {
	if len(values) == 1 {
		return column + " = ?", string(values[0])
	}
	return column + " IN (SELECT value FROM json_each(?))", jsonArray(values)
}

func (b *whereBuilder) conditions(q graph.Query, kind int) error {
	if kind >= 0 {
		b.and(fmt.Sprintf("n.kind=%d", kind))
	}
	if len(q.Parents) > 0 {
		b.and(equalsAny("n.parent", q.Parents))
	}
	if len(q.Slots) > 0 {
		cond, arg := equalsAny("slot", q.Slots)
		b.and("n.num IN (SELECT num FROM slot WHERE "+cond+")", arg)
	}
	if !q.Deleted || q.Text != nil { // A tombstone has no words.
		b.and("n.deleted = 0")
	}
	for _, p := range q.Where {
		b.predicate(p)
	}
	if len(q.AnyOf) == 0 {
		return nil
	}
	var alternatives []string
	outer := b.args
	b.args = nil
	for _, row := range q.AnyOf {
		inner := &whereBuilder{}
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
	return nil
}

// predicate adds a comparison of a node or of its children.
func (b *whereBuilder) predicate(p graph.Predicate) {
	if p.Child == "" {
		cond, args := comparison("n", p)
		b.and(cond, args...)
		return
	}
	cond, args := comparison("c", p)
	// The subquery for the kind makes an unknown kind match nothing.
	b.and("EXISTS (SELECT 1 FROM node c WHERE c.parent = n.id AND c.kind = (SELECT code FROM kind WHERE name = ?) AND c.deleted = 0 AND "+cond+")",
		append([]any{string(p.Child)}, args...)...)
}

func comparison(table string, p graph.Predicate) (string, []any) {
	if p.Served {
		// The number is part of the text, so that the indexes of served nodes serve it.
		return fmt.Sprintf("%s.served = %d", table, registry.IsServed), nil
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
		cond += fmt.Sprintf(" AND (n.%s, n.id) %s (?, ?)", q.Order, beyond)
		args = append(args[:len(args):len(args)], q.After.Value, string(q.After.ID))
	}
	sql := fmt.Sprintf("%s, n.%s FROM %s WHERE %s ORDER BY n.%s%s, n.id%s LIMIT ?+0", selectNodeSQL[boolIndex(q.Bare)], q.Order, b.from, cond, q.Order, dir, dir)
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
		f := keyedNode{node: n}
		if typ == registry.IntIndex {
			f.intKey = st.ColumnInt64(key)
		} else {
			f.textKey = st.ColumnText(key)
		}
		all = append(all, f)
		return nil
	}, args...)
	return all, err
}

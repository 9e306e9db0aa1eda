package sqlite

import (
	"fmt"

	"pedigree/graph"
	"pedigree/registry"

	engine "zombiezen.com/go/sqlite"
)

// predicate adds one comparison of a node or of its children.
func (b *builder) predicate(p graph.Predicate) {
	if p.Child == "" {
		cond, args := comparison("n", p)
		b.and(cond, args...)
		return
	}
	cond, args := comparison("c", p)
	// The kind is looked up by name, so that a kind that has no code matches none.
	b.and("EXISTS (SELECT 1 FROM node c WHERE c.parent = n.id AND c.kind = (SELECT code FROM kind WHERE name = ?) AND c.deleted = 0 AND "+cond+")",
		append([]any{string(p.Child)}, args...)...)
}

func comparison(table string, p graph.Predicate) (string, []any) {
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
		return column + " " + not + "IN (SELECT value FROM json_each(?))", []any{list(p.Values)}
	case graph.Prefix:
		return prefix(column, p.Values[0].(string))
	}
	return column + " " + string(p.Op) + " ?", p.Values[:1]
}

// prefix is a range in byte order: from the prefix to the least text after all
// that start with it. No byte of UTF-8 is 0xff, so the last one can be raised.
func prefix(column, p string) (string, []any) {
	if p == "" {
		return "1", nil
	}
	after := []byte(p)
	after[len(after)-1]++
	return column + " >= ? AND " + column + " < ?", []any{p, string(after)}
}

// pageText completes a condition to the statement of one page.
func pageText(q graph.Query, b *builder) (string, []any) {
	args := b.args
	cond := b.text.String()
	dir, beyond := "", ">"
	if q.Desc {
		dir, beyond = " DESC", "<"
	}
	if q.After != nil {
		cond += fmt.Sprintf(" AND (n.%s, n.id) %s (?, ?)", q.Order, beyond)
		args = append(args[:len(args):len(args)], q.After.Value, string(q.After.ID))
	}
	text := fmt.Sprintf("%s, n.%s FROM %s WHERE %s ORDER BY n.%s%s, n.id%s LIMIT ?+0", selectNode[flag(q.Bare)], q.Order, b.from, cond, q.Order, dir, dir)
	return text, append(args[:len(args):len(args)], q.Limit+1)
}

// selectNode is the head of a statement that reads whole nodes, and bare ones.
var selectNode = func() (out [2]string) {
	for i, doc := range []string{"n.doc", "''"} {
		out[i] = "SELECT " + presentColumns + ", " + doc
		for _, c := range registry.IndexColumns() {
			out[i] += ", n." + string(c.Name)
		}
	}
	return out
}()

// columnUsersPage appends the first nodes, one more than the limit, that meet a condition.
func (v *view) pageOf(all []found, q graph.Query, typ registry.IndexType, b *builder) ([]found, error) {
	text, args := pageText(q, b)
	key := indexColumn + len(registry.IndexColumns())
	err := v.c.query(text, func(st *engine.Stmt) error {
		n, err := v.scanNode(st, 0, false, q.Bare)
		f := found{node: n}
		if typ == registry.IntIndex {
			f.num = st.ColumnInt64(key)
		} else {
			f.text = st.ColumnText(key)
		}
		all = append(all, f)
		return err
	}, args...)
	return all, err
}

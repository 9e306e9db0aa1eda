package sqlite

import (
	"fmt"
	"slices"
	"strings"

	"pedigree/graph"
	"pedigree/registry"

	engine "zombiezen.com/go/sqlite"
)

// Every page of a list names its index in the text of its statement. The planner has no
// statistics, and would now and then sort a whole kind where a few rows match.

// listIndex is an index of the table node: the nodes of one kind, of one parent or of all,
// by the value of a filter and in an order. Each is partial, so that a node is only in
// the indexes of lists that it can be in. Counting reads nothing but the index.
type listIndex struct {
	kind          registry.Kind
	children      bool
	filter, order registry.Index
}

// indexOfParents is the order of an index that finds the parents of nodes.
const indexOfParents registry.Index = "parent"

// byParentAndName is the one index that is not of one kind: the children of a parent, by
// name.
var byParentAndName = listIndex{children: true, order: registry.IndexName}

// listIndexes are all indexes that lists need.
var listIndexes = func() map[listIndex]bool {
	out := map[listIndex]bool{byParentAndName: true}
	for _, l := range registry.Lists() {
		for _, order := range l.Orders {
			out[listIndex{l.Kind, l.Children, registry.NoIndex, order}] = true
		}
		for _, filter := range l.Filters {
			for _, order := range l.FilteredOrders {
				out[listIndex{l.Kind, l.Children, filter, order}] = true
			}
		}
		for _, filter := range l.ParentsOf {
			out[listIndex{l.Kind, l.Children, filter, indexOfParents}] = true
		}
	}
	return out
}()

// name returns the name of the index in the database.
func (x listIndex) name() string {
	if x == byParentAndName {
		return "list_children"
	}
	parts := []string{"list", strings.ToLower(string(x.kind))}
	if x.children {
		parts = append(parts, "children")
	}
	if x.filter != registry.NoIndex {
		parts = append(parts, "of", string(x.filter))
	}
	return strings.Join(append(parts, "by", string(x.order)), "_")
}

// ddl returns the statement that creates the index.
func (x listIndex) ddl(codes codes) string {
	columns := []string{"kind"}
	where := fmt.Sprintf("kind=%d", codes.kind[x.kind])
	if x.children {
		columns = []string{"parent", "kind"}
	}
	if x == byParentAndName {
		where = "parent<>''"
	}
	if x.filter != registry.NoIndex {
		columns = append(columns, string(x.filter))
	}
	columns = append(columns, string(x.order), "id", "deleted")
	if x.order == indexOfParents {
		columns = slices.DeleteFunc(columns, func(c string) bool { return c == "id" })
	}
	return fmt.Sprintf("CREATE INDEX %s ON node(%s) WHERE %s", x.name(), strings.Join(columns, ", "), where)
}

// syncListIndexes creates the missing indexes and drops those that no list needs any more.
func syncListIndexes(c *conn, codes codes) error {
	existing := map[string]bool{}
	err := c.query("SELECT name FROM sqlite_master WHERE type = 'index' AND tbl_name = 'node' AND name LIKE 'list!_%' ESCAPE '!'",
		func(st *engine.Stmt) error { existing[st.ColumnText(0)] = true; return nil })
	if err != nil {
		return err
	}
	for x := range listIndexes {
		if !existing[x.name()] {
			if err := c.execOnce(x.ddl(codes)); err != nil {
				return err
			}
		}
		delete(existing, x.name())
	}
	for name := range existing {
		if err := c.execOnce("DROP INDEX " + name); err != nil {
			return err
		}
	}
	return nil
}

// replaceIndexes drops the indexes of earlier programs, which would scan tables without
// them, and gives the log an index of its actions. syncListIndexes creates the others.
func replaceIndexes(c *conn) error {
	names := []string{"node_kind_name", "node_kind_valid_from", "node_parent_name", "node_parent_valid_from"}
	for _, noun := range registry.Nouns() {
		for _, col := range registry.IndexColumns() {
			names = append(names, strings.ToLower(fmt.Sprintf("node_%s_%s", noun.Kind, col.Name)), strings.ToLower(fmt.Sprintf("node_parent_%s_%s", noun.Kind, col.Name)))
		}
	}
	for _, name := range names {
		if err := c.execOnce("DROP INDEX IF EXISTS " + name); err != nil {
			return err
		}
	}
	return c.execOnce("CREATE INDEX IF NOT EXISTS log_action ON log(action, seq)")
}

// narrowMatches is how many nodes a filter may match to be read first and sorted after.
const narrowMatches = 1000

// source is what drives the statement of a page: the FROM clause and its arguments, and
// the predicates of the query that it has taken over.
type source struct {
	from  string
	args  []any
	taken []int
}

// sourceOf chooses what drives the statement for one kind, from the narrowest key on:
// found texts, slots, ids, then a filter that matches few nodes, then a filter with the
// order of the list, then the order itself.
func (v *view) sourceOf(q graph.Query, kind int, matches string) (source, error) {
	switch {
	case q.Text != nil:
		return source{from: "json_each(?) CROSS JOIN node n ON n.num = json_each.value", args: []any{matches}}, nil
	case len(q.Slots) == 1:
		return source{from: "slot s CROSS JOIN node n ON s.slot = ? AND n.num = s.num", args: []any{q.Slots[0]}}, nil
	case len(q.Slots) > 1:
		return source{from: "(SELECT DISTINCT s.num FROM json_each(?) j CROSS JOIN slot s ON s.slot = j.value) s CROSS JOIN node n ON n.num = s.num",
			args: []any{jsonArray(q.Slots)}}, nil
	}
	for i, p := range q.Where {
		if p.Self == graph.SelfID && p.Child == "" {
			return source{from: "(SELECT DISTINCT value FROM json_each(?)) s CROSS JOIN node n ON n.id = s.value", args: []any{jsonArray(p.Values)}, taken: []int{i}}, nil
		}
	}
	if len(q.Parents) > 0 && slices.Contains(q.Parents, "") {
		return source{from: "node n"}, nil
	}
	if kind < 0 {
		return source{from: "node n INDEXED BY " + byParentAndName.name()}, nil
	}
	return v.sourceOfKind(q, v.s.codes.kindName[kind])
}

// sourceOfKind chooses among the indexes of a kind.
func (v *view) sourceOfKind(q graph.Query, kind registry.Kind) (source, error) {
	plain := listIndex{kind, len(q.Parents) > 0, registry.NoIndex, q.Order}
	sorted, exact := plain, 0
	for _, p := range q.Where {
		x := plain
		if x.filter = p.Column; isOneValue(p) && listIndexes[x] {
			sorted, exact = x, 1
			break
		}
	}
	if len(q.Where) > exact {
		if s, found, err := v.narrowSource(q, plain); found || err != nil {
			return s, err
		}
	}
	for _, x := range []listIndex{sorted, plain, byParentAndName} {
		if listIndexes[x] && (x != byParentAndName || plain.children) {
			return source{from: "node n INDEXED BY " + x.name()}, nil
		}
	}
	return source{from: "node n"}, nil
}

// isOneValue reports whether a predicate compares a column of the node with one value.
func isOneValue(p graph.Predicate) bool {
	return p.Child == "" && p.Self == "" && p.Op == graph.In && len(p.Values) == 1
}

// narrowSource returns a source for a predicate that matches few nodes. When there is none,
// the list is read in its order, and a page is soon full.
func (v *view) narrowSource(q graph.Query, plain listIndex) (s source, found bool, err error) {
	for i, p := range q.Where {
		switch {
		case p.Child != "":
			s, found, err = v.parentsSource(q, p, i)
		case p.Self != "" || p.Op == graph.NotIn:
			continue
		default:
			x := plain
			if x.order = p.Column; x.children && p.Column == registry.IndexName {
				x = byParentAndName
			}
			if x.order == q.Order {
				continue // The order of the list narrows by itself.
			}
			s, found, err = v.filterSource(q, p, x)
		}
		if found || err != nil {
			return s, found, err
		}
	}
	return source{}, false, nil
}

// filterSource drives a list by an index on the column of a predicate. Without one in the
// order of the column, it takes one that begins with it.
func (v *view) filterSource(q graph.Query, p graph.Predicate, x listIndex) (source, bool, error) {
	if !listIndexes[x] {
		if !isOneValue(p) {
			return source{}, false, nil
		}
		x.filter, x.order = p.Column, registry.IndexName
		if x.children {
			x.order = registry.IndexValidFrom
		}
		if !listIndexes[x] {
			return source{}, false, nil
		}
	}
	b := newBuilder(source{from: "node n INDEXED BY " + x.name()}, v.s.codes)
	b.scope(q, v.s.codes.kind[x.kind], x == byParentAndName)
	cond, args := comparison("n", p)
	b.and(cond, args...)
	few, err := v.matchesFew(b.source.from, b.where.String(), b.args)
	return b.source, few, err
}

// parentsSource drives a list by the children that a predicate asks for.
func (v *view) parentsSource(q graph.Query, p graph.Predicate, at int) (source, bool, error) {
	x := listIndex{p.Child, false, p.Column, indexOfParents}
	if !listIndexes[x] || p.Op != graph.In || p.Self != "" {
		return source{}, false, nil
	}
	cond, args := comparison("c", p)
	from, where := "node c INDEXED BY "+x.name(), fmt.Sprintf("c.kind=%d AND c.deleted = 0 AND %s", v.s.codes.kind[p.Child], cond)
	s := source{from: "(SELECT DISTINCT c.parent AS id FROM " + from + " WHERE " + where + ") s CROSS JOIN node n ON n.id = s.id", args: args, taken: []int{at}}
	if q.Count {
		return s, true, nil // A count needs no order.
	}
	few, err := v.matchesFew(from, where, args)
	return s, few, err
}

// matchesFew reports whether at most narrowMatches rows meet a condition.
func (v *view) matchesFew(from, where string, args []any) (bool, error) {
	n, err := v.c.queryInt("SELECT count(*) FROM (SELECT 1 FROM "+from+" WHERE "+where+" LIMIT ?+0)", append(slices.Clone(args), narrowMatches+1)...)
	return n <= narrowMatches, err
}

package neo4j

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"pedigree/graph"
	"pedigree/registry"
)

// finder composes the Cypher text of a Find from constants and the column table. Every
// value is a parameter.
type finder struct {
	v      *view
	params map[string]any
	// match finds the nodes, conds are the conditions on them. The parents have a
	// parameter of their own.
	match   string
	conds   []string
	parents string
	// kindKey and parentKey are the properties by which the nodes of kinds and parents are
	// found.
	kindKey, parentKey string
	// listed is true when an index has the nodes in the order of the list, which list is.
	listed bool
	list   listIndex
	// labelled is true when the labels, l, find the nodes. sortedBy is l when their index gives
	// the order of the list, otherwise n. labelConds are the conditions on the labels.
	labelled   bool
	labelConds []string
	sortedBy   string
	// textKeys are the keys of the nodes that match Query.Text.
	textKeys []string
}

// param adds a value as a parameter and returns its name.
func (f *finder) param(value any) string {
	name := "p" + strconv.Itoa(len(f.params))
	f.params[name] = value
	return "$" + name
}

// findInStore asks the server.
func (v *view) findInStore(ctx context.Context, q graph.Query) (graph.Page, error) {
	f := &finder{v: v, params: map[string]any{}, sortedBy: "n"}
	cut, err := f.findText(ctx, q)
	if err != nil || cut && q.Text.Most > 0 {
		return graph.Page{Truncated: cut, Total: -1}, err
	}
	order, err := f.narrow(q)
	if err != nil {
		return graph.Page{}, err
	}
	page := graph.Page{Total: -1, Truncated: cut}
	if q.Count && q.PerParent {
		err = f.countPerParent(ctx, q, &page)
	} else if q.Count {
		page.Total, err = f.count(ctx)
	}
	if err != nil {
		return graph.Page{}, err
	}
	text, err := f.pageText(q, order)
	if err != nil {
		return graph.Page{}, err
	}
	if q.PerParent {
		page.Nodes, err = f.perParent(ctx, q, order)
		return page, err
	}
	rows, err := f.query(ctx, text)
	if err != nil {
		return graph.Page{}, err
	}
	if page.More = len(rows) > q.Limit; page.More {
		rows = rows[:q.Limit]
	}
	for _, r := range rows {
		n := foundNode(r, q.Bare)
		page.Nodes = append(page.Nodes, n)
		if v.pending != nil && !q.Bare {
			v.meet(map[string]metNode{v.key(string(n.ID)): metNodeOf(r["node"].(row))})
		}
	}
	return page, nil
}

// query sends a text with the parameters so far, whatever is pending.
func (f *finder) query(ctx context.Context, text string) ([]row, error) {
	return rowsOf(f.v.send(ctx, text, f.params))
}

func foundNode(r row, bare bool) *graph.Node {
	p := r["node"].(map[string]any)
	n := nodeOf(p, bare)
	n.Served = servedOf(p)
	return n
}

// narrow collects the conditions on the nodes and returns the order column.
func (f *finder) narrow(q graph.Query) (registry.Index, error) {
	order := q.Order
	if order == registry.NoIndex {
		order = registry.IndexName
	}
	if columnType(order) == "" {
		return "", registry.Invalid("order", "is no column to sort by")
	}
	if q.PerParent && len(q.Parents) == 0 {
		return "", registry.Invalid("parents", "give parents to find nodes of each")
	}
	if len(q.AnyOf) == 1 { // One alternative is a condition, by which an index may be chosen.
		q.Where, q.AnyOf = slices.Concat(q.Where, q.AnyOf[0]), nil
	}
	if err := f.anchor(q, order); err != nil {
		return "", err
	}
	if !q.Deleted {
		f.conds = append(f.conds, "n.deleted = false")
	}
	for _, p := range q.Where {
		c, err := f.predicate(p)
		if err != nil {
			return "", err
		}
		f.conds = append(f.conds, c)
	}
	if len(q.AnyOf) == 0 {
		return order, nil
	}
	var rows []string
	for _, and := range q.AnyOf {
		conds := []string{"true"}
		for _, p := range and {
			c, err := f.predicate(p)
			if err != nil {
				return "", err
			}
			conds = append(conds, c)
		}
		rows = append(rows, "("+strings.Join(conds, " AND ")+")")
	}
	f.conds = append(f.conds, "("+strings.Join(rows, " OR ")+")")
	return order, nil
}

// anchor picks the index that finds the nodes: of slots, ids, parents, else kinds. The
// hints make the planner use it, whatever its statistics say.
func (f *finder) anchor(q graph.Query, order registry.Index) error {
	kinds, kindKey, parentKey := keysOf(f.v, q.Kinds), "kind_key", "parent_key"
	if slices.ContainsFunc(q.Where, func(p graph.Predicate) bool { return p.Served && p.Child == "" }) {
		kindKey, parentKey = "served_kind", "served_parent" // Only nodes that are served have these.
	}
	f.kindKey, f.parentKey = kindKey, parentKey
	if f.anchorLabel(q, order) {
		return nil
	}
	if x, ok := listIndexOf(q, order); ok && kindKey == "kind_key" {
		f.match, f.listed, f.list = x.pattern(), true, x
		f.conds = append(f.conds, "n."+property(order)+" IS NOT NULL", "n.id IS NOT NULL")
		if x.children {
			f.parents = f.param(distinct(keysOf(f.v, q.Parents)))
		} else {
			f.conds = append(f.conds, "n.kind_key = "+f.param(kinds[0]))
		}
		return nil
	}
	switch {
	case q.Text != nil:
		f.match = "MATCH (n:Node) USING INDEX SEEK n:Node(key)"
		f.conds = append(f.conds, "n.key IN "+f.param(f.textKeys))
	case len(q.Slots) > 0 && q.PerParent:
		f.match = "MATCH (n:Node) USING INDEX SEEK n:Node(" + parentKey + ")"
		f.conds = append(f.conds, "EXISTS { MATCH (s:Slot) USING INDEX SEEK s:Slot(key) WHERE s.key IN "+f.param(distinct(keysOf(f.v, q.Slots)))+" AND s.node_key = n.key }")
	case len(q.Slots) > 0:
		f.match = "MATCH (s:Slot) USING INDEX SEEK s:Slot(key) WHERE s.key IN " + f.param(distinct(keysOf(f.v, q.Slots))) +
			" WITH DISTINCT s.node_key AS key MATCH (n:Node {key: key}) USING INDEX SEEK n:Node(key)"
	case len(q.Parents) > 0:
		f.match = "MATCH (n:Node) USING INDEX SEEK n:Node(" + parentKey + ")"
	case len(q.Kinds) == 0:
		return registry.Invalid("kinds", "give kinds, parents or slots to find nodes")
	case order == registry.IndexValidFrom:
		f.match = "MATCH (n:Node) USING INDEX SEEK n:Node(" + kindKey + ", valid_from)"
	default:
		f.match = "MATCH (n:Node) USING INDEX SEEK n:Node(" + kindKey + ", name)"
	}
	if len(q.Parents) > 0 {
		f.parents = f.param(distinct(keysOf(f.v, q.Parents)))
	}
	switch len(kinds) {
	case 0:
	case 1:
		// With equality, the index gives the order.
		f.conds = append(f.conds, "n."+kindKey+" = "+f.param(kinds[0]))
	default:
		f.conds = append(f.conds, "n."+kindKey+" IN "+f.param(distinct(kinds)))
	}
	if order == registry.IndexValidFrom {
		f.conds = append(f.conds, "n.valid_from IS NOT NULL")
	} else {
		f.conds = append(f.conds, "n.name IS NOT NULL")
	}
	return nil
}

func (f *finder) where() string {
	match := f.match
	if f.labelled {
		match += " WHERE " + strings.Join(f.labelConds, " AND ") + labelNodes
	}
	text := match + " WHERE " + strings.Join(f.conds, " AND ")
	switch {
	case f.listed && f.list.children: // With equality, the index gives the order.
		text += " AND n.parent_key = " + f.parents + "[0]"
	case f.parents != "":
		text += " AND n." + f.parentKey + " IN " + f.parents
	}
	return text
}

func (f *finder) countText() string {
	return f.where() + " WITH n LIMIT " + f.param(int64(graph.MaxCount+1)) + " RETURN count(*) AS total"
}

// count counts all matches.
func (f *finder) count(ctx context.Context) (int64, error) {
	rows, err := f.query(ctx, f.countText())
	if err != nil {
		return 0, err
	}
	if total := number(rows[0], "total"); total <= graph.MaxCount {
		return total, nil
	}
	return -1, nil
}

func (f *finder) countPerParentText() string {
	return "UNWIND " + f.parents + " AS parent_key CALL { WITH parent_key " + f.match + " WHERE " + strings.Join(f.conds, " AND ") +
		" AND n." + f.parentKey + " = parent_key WITH n LIMIT " + f.param(int64(graph.MaxCount+1)) + " RETURN count(*) AS total } RETURN parent_key, total"
}

// countPerParent counts the matches of each parent.
func (f *finder) countPerParent(ctx context.Context, q graph.Query, page *graph.Page) error {
	rows, err := f.query(ctx, f.countPerParentText())
	if err != nil {
		return err
	}
	of := map[string]int64{}
	for _, r := range rows {
		of[text(r, "parent_key")] = number(r, "total")
	}
	page.Total, page.TotalOf = 0, map[registry.ID]int64{}
	for _, p := range q.Parents {
		n := of[f.v.key(string(p))]
		if _, counted := page.TotalOf[p]; counted {
			continue
		}
		if n <= graph.MaxCount {
			page.TotalOf[p] = n
		}
		if page.Total >= 0 {
			page.Total += n
		}
		if page.Total > graph.MaxCount {
			page.Total = -1
		}
	}
	return nil
}

// pageText reads a page. It asks for one row more than the page has, to see whether
// there is another page.
func (f *finder) pageText(q graph.Query, order registry.Index) (string, error) {
	if q.After != nil {
		value, err := f.value(order, q.After.Value)
		if err != nil {
			return "", err
		}
		if !q.PerParent {
			f.after(value, q, order)
		}
	}
	sort := f.sortText(q, order)
	if len(q.Kinds) == 1 && len(q.Slots)+len(q.Parents) == 0 && !f.listed && !f.labelled {
		// With the index's first column in front, the index gives the order.
		direction := ""
		if q.Desc {
			direction = " DESC"
		}
		sort = "n." + f.kindKey + direction + ", " + sort
	}
	kept := "n"
	if f.labelled {
		kept = "n, l"
	}
	return f.where() + " WITH " + kept + " ORDER BY " + sort + " LIMIT " + f.param(int64(q.Limit+1)) +
		" RETURN " + projection("n", "n", q.Bare) + " AS node ORDER BY " + sort, nil
}

// after skips to the rows behind a key.
func (f *finder) after(value any, q graph.Query, order registry.Index) {
	column, beyond := f.sortedBy+"."+property(order), ">"
	if q.Desc {
		beyond = "<"
	}
	conds := &f.conds
	if f.sortedBy == "l" {
		conds = &f.labelConds
	}
	last, id := f.param(value), f.param(string(q.After.ID))
	// The bound is the only condition that the index may seek by: of two, the planner may take
	// the one that every row meets, and read from the end of the list.
	*conds = slices.DeleteFunc(*conds, func(c string) bool { return c == column+" IS NOT NULL" })
	// Not as an OR: depending on its statistics, the planner reads a range for each side, and sorts.
	*conds = append(*conds, column+" "+beyond+"= "+last, "CASE WHEN "+column+" = "+last+" THEN "+f.sortedBy+".id "+beyond+" "+id+" ELSE true END")
}

// perParent reads the first nodes of every parent in one query, and sorts them by
// parent.
func (f *finder) perParent(ctx context.Context, q graph.Query, order registry.Index) ([]*graph.Node, error) {
	rows, err := f.query(ctx, f.perParentText(q, order))
	if err != nil {
		return nil, err
	}
	of := map[string][]*graph.Node{}
	for _, r := range rows {
		of[text(r, "parent_key")] = append(of[text(r, "parent_key")], foundNode(r, q.Bare))
	}
	var nodes []*graph.Node
	for _, key := range distinct(keysOf(f.v, q.Parents)) {
		nodes = append(nodes, of[key]...)
	}
	return nodes, nil
}

func (f *finder) perParentText(q graph.Query, order registry.Index) string {
	sort := f.sortText(q, order)
	return "UNWIND " + f.parents + " AS parent_key CALL { WITH parent_key " + f.match + " WHERE " + strings.Join(f.conds, " AND ") +
		" AND n." + f.parentKey + " = parent_key WITH n ORDER BY " + sort + " LIMIT " + f.param(int64(q.Limit)) + " RETURN n } RETURN parent_key, " +
		projection("n", "n", q.Bare) + " AS node ORDER BY parent_key, " + sort
}

// sortText is the order of a page. Ties break by id, in the same direction. What is the same in
// all rows comes first where the index has it first.
func (f *finder) sortText(q graph.Query, order registry.Index) string {
	direction := ""
	if q.Desc {
		direction = " DESC"
	}
	ties := direction
	if injectedBug == bugTieOrder {
		ties = ""
	}
	first := ""
	if f.listed {
		first = "n." + f.list.first() + direction + ", "
		if f.list.filter != registry.NoIndex {
			first += "n." + string(f.list.filter) + direction + ", "
		}
	}
	if f.sortedBy == "l" {
		first = "l.label_key" + direction + ", "
	}
	return first + f.sortedBy + "." + property(order) + direction + ", " + f.sortedBy + ".id" + ties
}

// value checks the type of a column's value and converts it to its stored form.
func (f *finder) value(c registry.Index, v any) (any, error) {
	switch x := v.(type) {
	case string:
		if columnType(c) == registry.TextIndex {
			return sortable(x), nil
		}
	case int64:
		if columnType(c) == registry.IntIndex {
			return x, nil
		}
	}
	return nil, registry.Invalid("where", "the value is not of the column's type")
}

// predicate is the condition on a node, or on any of its children.
func (f *finder) predicate(p graph.Predicate) (string, error) {
	if p.Child == "" {
		return f.compare("n", p)
	}
	if p.Label != "" {
		return "", registry.Invalid("where", "compares labels of children")
	}
	cond, err := f.compare("c", p)
	if err != nil {
		return "", err
	}
	return "EXISTS { MATCH (c:Node) USING INDEX SEEK c:Node(parent_key) WHERE c.parent_key = n.key AND c.kind = " + f.param(string(p.Child)) +
		" AND c.deleted = false AND " + cond + " }", nil
}

// operators are those that compare with one value.
var operators = map[graph.Op]string{graph.Less: " < ", graph.AtMost: " <= ", graph.Greater: " > ", graph.AtLeast: " >= ", graph.Prefix: " STARTS WITH "}

func (f *finder) compare(alias string, p graph.Predicate) (string, error) {
	if p.Served {
		return alias + ".served = " + strconv.Itoa(int(registry.IsServed)), nil
	}
	if p.Label != "" {
		return f.param(p.Label) + " IN " + alias + ".labels", nil
	}
	if p.Self != "" {
		return f.compareSelf(alias, p)
	}
	if columnType(p.Column) == "" {
		return "", registry.Invalid("where", "compares what is no column")
	}
	values := []any{}
	for _, v := range p.Values {
		x, err := f.value(p.Column, v)
		if err != nil {
			return "", err
		}
		values = append(values, x)
	}
	column := alias + "." + property(p.Column)
	switch op := operators[p.Op]; {
	case p.Op == graph.In && len(values) == 1: // With equality, an index gives the order.
		return column + " = " + f.param(values[0]), nil
	case p.Op == graph.In:
		return column + " IN " + f.param(values), nil
	case p.Op == graph.NotIn:
		return "NOT " + column + " IN " + f.param(values), nil
	case op == "", p.Op == graph.Prefix && columnType(p.Column) != registry.TextIndex:
		return "", registry.Invalid("where", "has an operator that the column does not have")
	case len(values) != 1:
		return "", registry.Invalid("where", "compares with one value")
	default:
		return column + op + f.param(values[0]), nil
	}
}

func (f *finder) compareSelf(alias string, p graph.Predicate) (string, error) {
	if p.Op != graph.In || !slices.Contains([]graph.SelfField{graph.SelfID, graph.SelfParent}, p.Self) {
		return "", registry.Invalid("where", "an id or parent is compared with in")
	}
	keys := []string{}
	for _, v := range p.Values {
		s, ok := v.(string)
		if !ok {
			return "", registry.Invalid("where", "an id is a string")
		}
		keys = append(keys, f.v.key(s))
	}
	if p.Self == graph.SelfID {
		return alias + ".key IN " + f.param(keys), nil
	}
	return alias + ".parent_key IN " + f.param(keys), nil
}

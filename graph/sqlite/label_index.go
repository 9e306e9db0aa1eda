package sqlite

import (
	"fmt"
	"slices"

	"pedigree/graph"
	"pedigree/registry"

	engine "zombiezen.com/go/sqlite"
)

// The table node_label has a row for every tag of a node whose lists can be filtered by one: a
// column of the table node holds one value, and a node has many tags. A row repeats what lists
// are sorted by, so that an index has the nodes with a tag in the order of the list, and a page
// costs what it returns. Every write of a node keeps its rows true in its transaction.

// labelColumn stands for the labels of a node where filters are grouped by their column.
const labelColumn registry.Index = "label"

// labelIndex names the index of labels that has an order, for all callers or for those who see
// only what is served.
func labelIndex(order registry.Index, served bool) string {
	if served {
		return "label_served_by_" + string(order)
	}
	return "label_by_" + string(order)
}

// addLabels adds the table and its indexes. rebuildStaleLabels then fills it.
func addLabels(c *conn) error {
	ddl := []string{`CREATE TABLE IF NOT EXISTS node_label(num INTEGER NOT NULL, label TEXT NOT NULL, kind INTEGER NOT NULL, parent TEXT NOT NULL, name TEXT NOT NULL,
		valid_from INTEGER NOT NULL, id TEXT NOT NULL, served INTEGER NOT NULL, PRIMARY KEY(num, label)) WITHOUT ROWID`}
	for _, order := range registry.TagOrders() {
		columns := fmt.Sprintf("node_label(kind, label, parent, %s, id)", order)
		ddl = append(ddl, "CREATE INDEX IF NOT EXISTS "+labelIndex(order, false)+" ON "+columns,
			fmt.Sprintf("CREATE INDEX IF NOT EXISTS %s ON %s WHERE served=%d", labelIndex(order, true), columns, registry.IsServed))
	}
	for _, text := range ddl {
		if err := c.execOnce(text); err != nil {
			return err
		}
	}
	return nil
}

// labelParent is the parent of a node's labels, "" for a kind that is listed without a parent.
func labelParent(kind registry.Kind, parent registry.ID) string {
	if _, children := kind.Tagged(); children {
		return string(parent)
	}
	return ""
}

const (
	readLabels = "SELECT label, name, valid_from FROM node_label WHERE num = ? ORDER BY label"
	// insertLabels repeats what the node has, so that it follows the write of the node.
	insertLabels = "INSERT INTO node_label(num, label, kind, parent, name, valid_from, id, served) SELECT n.num, j.value, n.kind, ?3, n.name, n.valid_from, n.id, n.served " +
		"FROM node n CROSS JOIN json_each(?2) j WHERE n.num = ?1"
	deleteLabels       = "DELETE FROM node_label WHERE num = ?"
	copyServedToLabels = "UPDATE node_label SET served = (SELECT n.served FROM node n WHERE n.num = node_label.num)"
)

// putLabels brings the labels of a node that was just written up to date. first is true for the first
// write of a node, which has none yet.
func (t *tx) putLabels(n *graph.Node, p *plannedPut, validFrom int64, first bool) error {
	if tagged, _ := n.Kind.Tagged(); !tagged {
		return nil
	}
	labels := registry.TagLabels(n.Kind, n.Doc)
	var had []string
	same := true
	switch {
	case first:
	case p.node != nil: // What it has follows from the document.
		had, same = registry.TagLabels(n.Kind, p.node.Doc), p.node.Name == n.Name && p.validFrom == validFrom
	default:
		err := t.c.query(readLabels, func(st *engine.Stmt) error {
			had = append(had, st.ColumnText(0))
			same = same && st.ColumnText(1) == n.Name && st.ColumnInt64(2) == validFrom
			return nil
		}, p.num)
		if err != nil {
			return err
		}
	}
	if same && slices.Equal(had, labels) {
		return nil
	}
	if len(had) > 0 {
		if err := t.dropLabels(p.num); err != nil {
			return err
		}
	}
	if len(labels) == 0 {
		return nil
	}
	return t.c.exec(insertLabels, p.num, jsonArray(labels), labelParent(n.Kind, n.Parent))
}

func (t *tx) dropLabels(num int64) error { return t.c.exec(deleteLabels, num) }

// serveLabels follows a change of registry.Served.
func (t *tx) serveLabels(n *servedNode) error {
	if tagged, _ := n.kind.Tagged(); !tagged {
		return nil
	}
	return t.c.exec("UPDATE node_label SET served = ?2 WHERE num = ?1", n.num, int64(n.served))
}

// labelSource drives a list by the index of labels, when the query has a label and the index
// has the order of the list.
func (v *view) labelSource(q listPart, x listIndex) (source, bool) {
	i := slices.IndexFunc(q.Where, func(p graph.Predicate) bool { return p.Label != "" })
	if i < 0 || len(q.Parents) > 1 || !slices.Contains(registry.TagOrders(), q.Order) {
		return source{}, false
	}
	s, _, ok := v.labelled(q, x, q.Order, i)
	s.labelled = true
	return s, ok
}

// narrowLabel drives a list by the nodes with a label, when these are few.
func (v *view) narrowLabel(q listPart, f filter, x listIndex, limit int) (source, bool, error) {
	s, where, ok := v.labelled(q, x, registry.IndexName, f.at[0])
	if !ok {
		return s, false, nil
	}
	s.unsorted = true
	few, err := v.matchesFew("node_label l INDEXED BY "+labelIndex(registry.IndexName, x.served), where, s.args, limit)
	return s, few, err
}

// labelled is the source of the nodes with the label of a predicate, by the index in an order,
// and the condition on the labels; false when no index has this list.
func (v *view) labelled(q listPart, x listIndex, order registry.Index, at int) (s source, where string, ok bool) {
	tagged, children := x.kind.Tagged()
	if !tagged || children != x.children || q.Deleted {
		return source{}, "", false
	}
	where = fmt.Sprintf("l.kind=%d AND l.label = ? AND l.parent ", v.s.codes.kind[x.kind])
	parents := []any{""}
	if children {
		parents = nil
		for _, p := range q.Parents {
			parents = append(parents, string(p))
		}
	}
	args := []any{q.Where[at].Label}
	if len(parents) == 1 {
		where, args = where+"= ?", append(args, parents[0])
	} else {
		where, args = where+"IN (SELECT value FROM json_each(?))", append(args, jsonArray(parents))
	}
	if x.served {
		where += fmt.Sprintf(" AND l.served=%d", registry.IsServed)
	}
	from := "node_label l INDEXED BY " + labelIndex(order, x.served) + " CROSS JOIN node n NOT INDEXED ON n.num = l.num AND " + where
	return source{from: from, args: args, taken: []int{at}}, where, true
}

// rebuildStaleLabels fills the table when it is empty or of other kinds.
func (s *Store) rebuildStaleLabels(c *conn) error {
	format, have := fmt.Sprint("1 ", registry.TaggedKinds()), ""
	err := c.query("SELECT value FROM meta WHERE key = 'labels'", func(st *engine.Stmt) error { have = st.ColumnText(0); return nil })
	if err != nil || have == format {
		return err
	}
	if err := c.execOnce("DELETE FROM node_label"); err != nil {
		return err
	}
	for _, kind := range registry.TaggedKinds() {
		if err := s.fillLabelsOf(c, kind); err != nil {
			return err
		}
	}
	return c.exec("INSERT OR REPLACE INTO meta(key, value) VALUES('labels', ?)", format)
}

// fillLabelsOf writes the labels of all nodes of a kind.
func (s *Store) fillLabelsOf(c *conn, kind registry.Kind) error {
	type labelled struct {
		num    int64
		labels []string
		parent registry.ID
	}
	for last := int64(0); ; {
		var found []labelled
		read := 0
		err := c.query("SELECT num, doc, parent FROM node WHERE num > ? AND kind = ? AND deleted = 0 ORDER BY num LIMIT ?+0", func(st *engine.Stmt) error {
			read, last = read+1, st.ColumnInt64(0)
			if labels := registry.TagLabels(kind, []byte(st.ColumnText(1))); len(labels) > 0 {
				found = append(found, labelled{last, labels, registry.ID(st.ColumnText(2))})
			}
			return nil
		}, last, s.codes.kind[kind], 1000)
		if err != nil || read == 0 {
			return err
		}
		for _, n := range found {
			if err := c.exec(insertLabels, n.num, jsonArray(n.labels), labelParent(kind, n.parent)); err != nil {
				return err
			}
		}
	}
}

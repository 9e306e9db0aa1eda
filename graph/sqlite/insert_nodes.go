package sqlite

import (
	"slices"
	"strings"

	"pedigree/graph"
	"pedigree/registry"
)

// A statement that inserts a node opens every index of the table, whatever the kind of the node:
// there are more than a hundred, and opening them costs more than writing the row. So the new nodes
// of a Put wait, and one statement inserts several.

// newRow is a node that waits to be inserted: its place in the plan, and the values of its row.
type newRow struct {
	node      *graph.Node
	plan      *plannedPut
	parent    int64
	validFrom int64
	values    []any
}

// maxRows is the most nodes that one statement inserts. A connection has a statement for each
// number of nodes up to it.
const maxRows = 8

// insertNodesSQL are the statements that insert one node, two, and so on. Index columns come last,
// in the order of registry.IndexColumns. A statement that fails need not undo its first rows, because
// the update fails with it: so FAIL, for which the engine copies no page.
var insertNodesSQL = func() (out [maxRows]string) {
	names := "num, id, kind, parent, name, slots, valid_from, valid_to, since, revision, recorded_seq, crowded, parent_num, deleted, doc"
	marks := "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?" + strings.Repeat(", ?", len(registry.IndexColumns())) + ")"
	for _, c := range registry.IndexColumns() {
		names += ", " + string(c.Name)
	}
	for i := range out {
		out[i] = "INSERT OR FAIL INTO node(" + names + ") VALUES" + marks + strings.Repeat(", "+marks, i)
	}
	return out
}()

// addNew gives a new node its number, and adds it to those that wait.
func (t *tx) addNew(n *graph.Node, plan map[registry.ID]*plannedPut, slots string, values []any, from, to, since int64) (err error) {
	t.writesChildren(n.ID) // Those that were there before it are found from now on.
	p := plan[n.ID]
	parent, err := t.parentOfNew(n.Parent, plan)
	if err != nil {
		return err
	}
	kind := t.s.codes.kind[n.Kind]
	t.change.addedOrphan = t.change.addedOrphan || parent < 0
	crowded, err := t.joinChildren(parent, kind)
	if err != nil {
		return err
	}
	if p.num, err = t.newNumber(n); err != nil {
		return err
	}
	p.waits = true
	row := make([]any, 0, 14+len(values))
	row = append(row, p.num, string(n.ID), kind, string(n.Parent), n.Name, slots, from, to, since, p.revision, t.seq, crowded, parent, n.Doc)
	t.newRows = append(t.newRows, newRow{n, p, parent, from, append(row, values...)})
	t.recordCreated(n.ID, p.num, n.Kind)
	return nil
}

// parentOfNew returns the number of the parent of a new node. A parent that waits and has children
// that were there before it is inserted first, and gets these: they are siblings.
func (t *tx) parentOfNew(parent registry.ID, plan map[registry.ID]*plannedPut) (int64, error) {
	p := plan[parent]
	if p == nil || p.num == 0 {
		return t.numberOfParent(parent)
	}
	if p.waits {
		absent := absentNumber(parent)
		orphan, err := t.orphanOf(absent)
		if err == nil && (orphan != 0 || slices.ContainsFunc(t.newRows, func(r newRow) bool { return r.parent == absent })) {
			err = t.insertNew()
		}
		if err != nil {
			return 0, err
		}
	}
	return p.num, nil
}

// insertNew inserts the nodes that wait, and writes what follows from them.
func (t *tx) insertNew() error {
	waiting := t.newRows
	t.newRows = nil
	for rest := waiting; len(rest) > 0; {
		rows := rest[:min(len(rest), maxRows)]
		rest = rest[len(rows):]
		var args []any
		for _, r := range rows {
			args = append(args, r.values...)
		}
		if err := t.c.exec(insertNodesSQL[len(rows)-1], args...); err != nil {
			return err
		}
	}
	for _, r := range waiting {
		r.plan.waits = false
		if err := t.putLabels(r.node, r.plan, r.validFrom, true); err != nil {
			return err
		}
		if err := t.adoptChildren(r.node.ID, r.plan.num); err != nil {
			return err
		}
	}
	return nil
}

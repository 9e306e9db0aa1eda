package neo4j

import (
	"context"
	"slices"

	driver "github.com/neo4j/neo4j-go-driver/v5/neo4j"

	"pedigree/graph"
	"pedigree/registry"
)

// A node whose lists can be filtered by a tag has the labels of its tags in the property labels,
// and a node TagLabel for each of them: an index has no entries for the members of a list. A
// TagLabel repeats what lists are sorted by, so that an index has the nodes with a tag in the
// order of the list. It has no edges, so that no walk meets it.

// labelStep adds the indexes of the labels.
var labelStep = func() []string {
	texts := []string{"CREATE INDEX label_node IF NOT EXISTS FOR (l:TagLabel) ON (l.node_key)"}
	for _, order := range registry.TagOrders() {
		texts = append(texts, "CREATE INDEX label_by_"+string(order)+" IF NOT EXISTS FOR (l:TagLabel) ON (l.label_key, l."+property(order)+", l.id)")
	}
	return append(texts, "CALL db.awaitIndexes(300)")
}()

// labelNodes follows the conditions on the labels, and finds their nodes.
const labelNodes = " MATCH (n:Node {key: l.node_key}) USING INDEX SEEK n:Node(key)"

// labelMatch is the text that finds labels by their index in an order.
var labelMatch = func() map[registry.Index]string {
	out := map[registry.Index]string{}
	for _, order := range registry.TagOrders() {
		out[order] = "MATCH (l:TagLabel) USING INDEX SEEK l:TagLabel(label_key, " + property(order) + ", id)"
	}
	return out
}()

const (
	deleteLabels = " AS row MATCH (l:TagLabel) USING INDEX SEEK l:TagLabel(node_key) WHERE l.node_key = row.key DELETE l"
	dropLabels   = "UNWIND $rows" + deleteLabels
	createLabels = "UNWIND $rows AS row UNWIND row.labels AS label CREATE (l:TagLabel) SET l = label"
	nameLabels   = "UNWIND $rows AS row MATCH (n:Node {key: row.key}) USING INDEX SEEK n:Node(key) SET n.labels = row.names"
)

// labelKey finds the nodes of a kind with a label, or the children of a parent where lists of
// the kind have one.
func (v *view) labelKey(label string, kind registry.Kind, parent registry.ID) string {
	if _, children := kind.Tagged(); !children {
		parent = ""
	}
	return v.key(label + "|" + string(kind) + "|" + string(parent))
}

// labelRow is the row that writes the labels of a node anew, from its properties.
func (v *view) labelRow(kind registry.Kind, p row) row {
	names := []string{}
	if deleted, _ := p["deleted"].(bool); !deleted {
		names = append(names, registry.TagLabels(kind, []byte(text(p, "doc")))...)
	}
	labels := make([]any, len(names))
	key := v.key(text(p, "id"))
	for i, name := range names {
		labels[i] = row{"label_key": v.labelKey(name, kind, registry.ID(text(p, "parent"))), "node_key": key, "name": p["name"], "valid_from": p["valid_from"], "id": p["id"]}
	}
	return row{"key": key, "names": names, "labels": labels}
}

// writeLabelsOf writes the labels of a node with the node.
func (t *txn) writeLabelsOf(s *storedNode, p row) {
	if tagged, _ := s.kind.Tagged(); !tagged {
		return
	}
	r := t.labelRow(s.kind, p)
	names := r["names"].([]string)
	if p["labels"] = names; len(names) > 0 || !s.isNew {
		t.pending.add(tagLabels, r)
	}
}

// newestLabels keeps the last row of each node: the statement deletes all labels of its nodes
// before it creates any.
func newestLabels(rows []any) []any {
	seen := map[any]bool{}
	rows = slices.Clone(rows)
	slices.Reverse(rows)
	rows = slices.DeleteFunc(rows, func(r any) bool {
		key := r.(row)["key"]
		again := seen[key]
		seen[key] = true
		return again
	})
	slices.Reverse(rows)
	return rows
}

// anchorLabel finds the nodes by a label where a list of one kind, or of the children of one
// parent, is filtered by a tag. In another order than those of the index, they are sorted.
func (f *finder) anchorLabel(q graph.Query, order registry.Index) bool {
	i := slices.IndexFunc(q.Where, func(p graph.Predicate) bool { return p.Label != "" && p.Child == "" })
	if i < 0 || len(q.Kinds) != 1 || len(q.Slots) > 0 || len(q.Parents) > 1 || q.Text != nil || q.PerParent || q.Deleted {
		return false
	}
	tagged, children := q.Kinds[0].Tagged()
	if !tagged || children != (len(q.Parents) == 1) {
		return false
	}
	parent, by := registry.ID(""), registry.IndexName
	if children {
		parent = q.Parents[0]
	}
	if slices.Contains(registry.TagOrders(), order) {
		by, f.sortedBy = order, "l"
	}
	f.labelled, f.match = true, labelMatch[by]
	f.labelConds = append(f.labelConds, "l.label_key = "+f.param(f.v.labelKey(q.Where[i].Label, q.Kinds[0], parent)), "l."+property(by)+" IS NOT NULL", "l.id IS NOT NULL")
	return true
}

// backfillLabels writes the labels of nodes that are older than them.
func backfillLabels(ctx context.Context, s *Store, session driver.SessionWithContext) error {
	return s.backfillPages(ctx, session, graph.Query{Kinds: registry.TaggedKinds(), Limit: batch}, func(v *view, nodes []*graph.Node) error {
		var rows []row
		for _, n := range nodes {
			rows = append(rows, v.labelRow(n.Kind, properties(n)))
		}
		for _, text := range []string{dropLabels, createLabels, nameLabels} {
			if _, err := v.query(ctx, text, map[string]any{"rows": rows}); err != nil {
				return err
			}
		}
		return nil
	})
}

package neo4j

import (
	"slices"
	"strings"
	"time"

	"pedigree/graph"
	"pedigree/registry"
)

var columns = registry.IndexColumns()

// kindColumns are the columns that nodes of a kind have. The others are stored as
// absent too, so that no comparison ever meets null.
var kindColumns = func() map[registry.Kind][]registry.IndexColumn {
	m := map[registry.Kind][]registry.IndexColumn{}
	for _, n := range registry.Nouns() {
		for _, c := range columns {
			if slices.ContainsFunc(n.Fields, func(f registry.Field) bool { return f.Column == c.Name }) {
				m[n.Kind] = append(m[n.Kind], c)
			}
		}
	}
	return m
}()

// property returns the property that has a column.
func property(c registry.Index) string {
	if c == registry.IndexSerial {
		return "number"
	}
	return string(c)
}

// columnType is the type of a column, "" for a name that is no column.
func columnType(c registry.Index) registry.IndexType {
	switch c {
	case registry.IndexName:
		return registry.TextIndex
	case registry.IndexValidFrom, registry.IndexSerial:
		return registry.IntIndex
	}
	for _, col := range columns {
		if col.Name == c {
			return col.Type
		}
	}
	return ""
}

// The properties that reads return, of a Node or a Revision alike.
var (
	bareProjection = " {.id, .kind, .parent, .number, .name, .valid_from, .valid_to, .since, .revision, .recorded_seq, .deleted, .served, .support, .created_seq" + columnList()
	fullProjection = bareProjection + ", .doc"
)

func columnList() string {
	var b strings.Builder
	for _, c := range columns {
		b.WriteString(", ." + string(c.Name))
	}
	return b.String()
}

// projection returns the row of a node: the node itself, or one of its revisions. A
// revision has no slots; a node's slots are the current ones.
func projection(row, node string, bare bool) string {
	if bare {
		return row + bareProjection + ", slots: " + node + ".slots}"
	}
	return row + fullProjection + ", slots: " + node + ".slots}"
}

// properties are what a Node and its Revision have in common.
func properties(n *graph.Node) map[string]any {
	since := n.Since
	if since.IsZero() {
		since = n.ValidFrom
	}
	p := map[string]any{
		"id": string(n.ID), "kind": string(n.Kind), "parent": string(n.Parent), "number": n.Number, "name": sortable(n.Name),
		"slots": sortedSlots(n.Slots), "valid_from": micros(n.ValidFrom), "valid_to": micros(n.ValidTo), "since": micros(since),
		"revision": n.Revision, "recorded_seq": n.RecordedSeq, "deleted": n.Deleted, "doc": string(n.Doc),
	}
	for _, c := range columns {
		if c.Type == registry.TextIndex {
			p[string(c.Name)] = sortable(n.Text(c.Name))
		} else {
			p[string(c.Name)] = n.Int(c.Name)
		}
	}
	return p
}

func sortedSlots(slots []string) []string {
	out := append([]string{}, slots...)
	slices.Sort(out)
	return slices.Compact(out)
}

// nodeOf reads what a projection returned.
func nodeOf(p map[string]any, bare bool) *graph.Node {
	n := &graph.Node{
		ID: registry.ID(text(p, "id")), Kind: registry.Kind(text(p, "kind")), Parent: registry.ID(text(p, "parent")),
		Number: number(p, "number"), Name: unsortable(text(p, "name")),
		ValidFrom: instant(number(p, "valid_from")), ValidTo: instant(number(p, "valid_to")), Since: instant(number(p, "since")),
		Revision: number(p, "revision"), RecordedSeq: number(p, "recorded_seq"),
	}
	n.Deleted, _ = p["deleted"].(bool)
	if slots, _ := p["slots"].([]any); len(slots) > 0 {
		for _, s := range slots {
			n.Slots = append(n.Slots, s.(string))
		}
	}
	if !bare {
		n.Doc = []byte(text(p, "doc"))
	}
	n.Columns = map[registry.Index]any{}
	for _, c := range kindColumns[n.Kind] {
		if c.Type == registry.TextIndex {
			n.Columns[c.Name] = unsortable(text(p, string(c.Name)))
		} else {
			n.Columns[c.Name] = number(p, string(c.Name))
		}
	}
	return n
}

// servedOf is the registry.Served of a node of the present. A node that no write has
// served lacks the property.
func servedOf(p map[string]any) registry.Served {
	return max(registry.Served(number(p, "served")), registry.NotServed)
}

func text(p map[string]any, name string) string  { s, _ := p[name].(string); return s }
func number(p map[string]any, name string) int64 { i, _ := p[name].(int64); return i }

// micros is the stored form of a time; 0 is the zero time.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func instant(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}

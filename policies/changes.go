package policies

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"

	"pedigree/graph"
	"pedigree/registry"
)

// changes remembers what a transaction has read, and which fields of it the transaction
// changed, so that the log can tell their values before and after.
type changes struct {
	read   map[registry.ID]*graph.Node
	fields map[registry.ID]map[string]change
}

// change is the value of a field before and after, as JSON. A value that is not there is nil.
type change struct {
	Before json.RawMessage `json:"before,omitempty"`
	After  json.RawMessage `json:"after,omitempty"`
}

func newChanges() *changes {
	return &changes{map[registry.ID]*graph.Node{}, map[registry.ID]map[string]change{}}
}

// unlogged are fields that change with every write, and say nothing that the entry does not.
var unlogged = []string{"updatedAt", "recordedAt", "lastNumber"}

// saw remembers nodes that were read.
func (c *changes) saw(nodes ...*graph.Node) {
	for _, n := range nodes {
		if n != nil && len(n.Doc) > 0 && registry.NounOf(n.Kind) != nil {
			c.read[n.ID] = n
		}
	}
}

// put notes the fields of nodes that differ from what was read.
func (c *changes) put(nodes []*graph.Node) error {
	for _, n := range nodes {
		old := c.read[n.ID]
		if old != nil && !old.Deleted && !bytes.Equal(old.Doc, n.Doc) {
			if err := c.compare(old, n); err != nil {
				return err
			}
		}
		c.saw(n)
	}
	return nil
}

func (c *changes) compare(old, now *graph.Node) error {
	was, is := map[string]json.RawMessage{}, map[string]json.RawMessage{}
	if err := registry.EachMember(old.Doc, func(name string, value json.RawMessage) { was[name] = value }); err != nil {
		return err
	}
	if err := registry.EachMember(now.Doc, func(name string, value json.RawMessage) { is[name] = value }); err != nil {
		return err
	}
	fields := c.fields[now.ID]
	if fields == nil {
		fields = map[string]change{}
		c.fields[now.ID] = fields
	}
	note := func(name string) {
		if slices.Contains(unlogged, name) || bytes.Equal(was[name], is[name]) {
			return
		}
		first, known := fields[name]
		if !known {
			first.Before = was[name]
		}
		fields[name] = change{first.Before, is[name]}
	}
	for name := range was {
		note(name)
	}
	for name := range is {
		note(name)
	}
	return nil
}

// longestLogged is the length of the longest value in bytes that the log holds as it is.
const longestLogged = 400

// logged takes out what has changed of the objects of an entry: by id and field, the values
// before and after. A value that some role that reads the log may not read, and one that is
// long, is replaced by its digest.
func (c *changes) logged(t *Table, objects []registry.ID) map[registry.ID]map[string]change {
	out := map[registry.ID]map[string]change{}
	for _, id := range objects {
		fields := c.fields[id]
		if len(fields) == 0 {
			continue
		}
		delete(c.fields, id)
		noun := registry.NounOf(id.Kind())
		visible := t.logReaders(noun.Name)
		for name, f := range fields {
			if !visible.Has(registry.Bit(noun.Name, name)) || max(len(f.Before), len(f.After)) > longestLogged {
				fields[name] = change{digestOf(f.Before), digestOf(f.After)}
			}
		}
		out[id] = fields
	}
	return out
}

// digestOf returns the SHA-256 of a value as JSON, nil for none.
func digestOf(value json.RawMessage) json.RawMessage {
	if value == nil {
		return nil
	}
	sum := sha256.Sum256(value)
	return json.RawMessage(`"sha256:` + hex.EncodeToString(sum[:]) + `"`)
}

// logReaders returns the fields of a noun that every role which reads the log may read of every
// row.
func (t *Table) logReaders(noun string) registry.Mask {
	mask := ^registry.Mask(0)
	for _, role := range t.Roles() {
		if t.MayAnywhere(role, registry.LogRead) {
			mask &= t.Mask(role, RowsAll, noun)
		}
	}
	return mask
}

// addChanges adds to an entry what has changed of its objects.
func (t *Tx) addChanges(e *registry.LogEntry) error {
	all := t.changes.logged(t.scope.table, e.Objects)
	if len(all) == 0 {
		return nil
	}
	detail := map[string]any{}
	if len(e.Detail) > 0 {
		if err := json.Unmarshal(e.Detail, &detail); err != nil {
			return err
		}
	}
	detail["changes"] = all
	var err error
	e.Detail, err = registry.Canonical(detail)
	return err
}

package policies

import (
	"encoding/json"

	"pedigree/graph"
	"pedigree/registry"
)

// redactAll returns the nodes without the fields that their masks hide; a node with an
// empty mask becomes a stub.
func redactAll(nodes []*graph.Node, masks []registry.Mask) []*graph.Node {
	out := make([]*graph.Node, len(nodes))
	for i, n := range nodes {
		if n != nil {
			out[i] = redact(n, masks[i])
		}
	}
	return out
}

// redact removes the hidden fields of one node. Number, slots and parent stay: only
// internal code uses them, no API shows them.
func redact(n *graph.Node, mask registry.Mask) *graph.Node {
	if kept := n.Kept.Node(mask); kept != nil {
		return kept
	}
	noun := registry.NounOf(n.Kind)
	if mask == 0 {
		// A node that no API shows tells internal code whether it is still there.
		gone := noun == nil && n.Deleted && !n.Erased()
		return &graph.Node{ID: n.ID, Kind: n.Kind, Number: n.Number, Hidden: true, Deleted: gone}
	}
	whole := registry.Mask(1)<<uint(len(noun.Fields)) - 1
	if mask&whole == whole && n.Kept == nil {
		n.Mask = mask // The store made this node for this reader, so no copy is needed.
		return n
	}
	c := *n
	if c.Mask = mask; mask&whole != whole {
		removeHidden(&c, noun)
	}
	n.Kept.KeepNode(&c)
	return &c
}

// removeHidden removes what the mask of a copy of a node hides.
func removeHidden(c *graph.Node, noun *registry.Noun) {
	if noun.HidesName(c.Mask) {
		c.Name = ""
	}
	if all := c.Columns; all != nil {
		c.Columns = make(map[registry.Index]any, len(all))
		for _, f := range noun.Fields {
			if v, ok := all[f.Column]; ok && c.Mask.Has(registry.Bit(noun.Name, f.Name)) {
				c.Columns[f.Column] = v
			}
		}
	}
	if len(c.Doc) > 0 {
		c.Doc = redactDoc(c.Doc, noun, c.Mask)
	}
}

// redactDoc keeps the visible top-level fields of a document. It drops fields that are
// not in the field table.
func redactDoc(doc []byte, noun *registry.Noun, mask registry.Mask) []byte {
	m := map[string]json.RawMessage{}
	err := registry.EachMember(doc, func(name string, value json.RawMessage) {
		if mask.Has(registry.Bit(noun.Name, name)) {
			m[name] = value
		}
	})
	if err != nil {
		return []byte("{}")
	}
	out, err := json.Marshal(m)
	if err != nil {
		return []byte("{}")
	}
	return out
}

// redactEntry clears the fields of a log entry that its mask hides.
func redactEntry(e *registry.LogEntry) {
	visible := func(field string) bool { return e.Mask.Has(registry.Bit("LogEntry", field)) }
	if !visible("actor") {
		e.Actor = ""
	}
	if !visible("action") {
		e.Action = ""
	}
	if !visible("objects") {
		e.Objects = nil
	}
	if !visible("model") {
		e.Model = ""
	}
	if !visible("reason") {
		e.Reason = ""
	}
	if !visible("approval") {
		e.Approval = ""
	}
	if !visible("requestId") {
		e.RequestID = ""
	}
	if !visible("detail") {
		e.Detail = nil
	}
	if !visible("leafHash") {
		e.LeafHash = ""
	}
}

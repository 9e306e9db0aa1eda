package readmemory

import (
	"encoding/binary"
	"fmt"

	"pedigree/graph"
	"pedigree/registry"
)

// What an answer needs and an Update writes has a name. The argument is an id or a slot, with
// whatever makes it unique among those who share the memory.

// NodeName is the name of a node, and of the answer to a read of it.
func NodeName(id string) string { return "n" + id }

// IsNodeName reports whether a name is that of a node.
func IsNodeName(name string) bool { return name[0] == 'n' }

// SlotName is the name of a slot.
func SlotName(slot string) string { return "s" + slot }

// ChildrenName is the name of the children of a node.
func ChildrenName(parent string) string { return "p" + parent }

// KindName is the name of the nodes of a kind.
func KindName(k registry.Kind) string { return "k" + string(k) }

// Needs is what the answer to a query depends on, besides the nodes that it has. key makes an
// id or a slot unique.
func Needs(q graph.Query, key func(registry.ID) string) (needs []string) {
	for _, slot := range q.Slots {
		needs = append(needs, SlotName(key(registry.ID(slot))))
	}
	byKind := q.Text != nil || len(q.Slots)+len(q.Parents) == 0
	if bySlots(q) {
		byKind = len(q.Where)+len(q.AnyOf) > 0
	} else if q.Text == nil {
		for _, p := range q.Parents {
			needs = append(needs, ChildrenName(key(p)))
		}
	}
	if byKind {
		for _, k := range q.Kinds {
			needs = append(needs, KindName(k))
		}
	}
	ofChildren := func(all []graph.Predicate) {
		for _, p := range all {
			if p.Child != "" {
				needs = append(needs, KindName(p.Child))
			}
		}
	}
	ofChildren(q.Where)
	for _, row := range q.AnyOf {
		ofChildren(row)
	}
	return needs
}

// bySlots reports whether a query finds its nodes by their slots alone.
func bySlots(q graph.Query) bool {
	return len(q.Slots) > 0 && !q.PerParent && q.Text == nil
}

// QueryName is the name of the answer to a query, "" when it is not to be remembered: a node that
// holds a slot may come to match the conditions of a query by a write that its answer does
// not name. Two queries that are not the same have different names.
func QueryName(q graph.Query) string {
	if bySlots(q) && len(q.Kinds) == 0 && len(q.Where)+len(q.AnyOf) > 0 {
		return ""
	}
	b := append(make([]byte, 0, 128+36*(len(q.Parents)+len(q.Slots))), 'q')
	b = appendTexts(b, q.Kinds)
	b = appendTexts(b, q.Parents)
	b = appendTexts(b, q.Slots)
	b = appendPredicates(b, q.Where)
	if t := q.Text; t != nil {
		b = appendText(append(b, 1), fmt.Sprintf("%#v", *t)) // Slow, and seldom.
	}
	b = binary.AppendUvarint(b, uint64(len(q.AnyOf)))
	for _, row := range q.AnyOf {
		b = appendPredicates(b, row)
	}
	b = appendText(b, string(q.Order))
	if q.After != nil {
		b = appendText(appendValue(append(b, 1), q.After.Value), string(q.After.ID))
	}
	b = binary.AppendUvarint(b, uint64(q.Limit))
	for _, set := range []bool{q.Desc, q.After != nil, q.Text != nil, q.PerParent, q.Deleted, q.Count, q.Bare} {
		b = append(b, bit(set))
	}
	return string(b)
}

func bit(b bool) byte {
	if b {
		return 1
	}
	return 0
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func appendTexts[S ~string](b []byte, all []S) []byte {
	b = binary.AppendUvarint(b, uint64(len(all)))
	for _, s := range all {
		b = appendText(b, string(s))
	}
	return b
}

func appendPredicates(b []byte, all []graph.Predicate) []byte {
	b = binary.AppendUvarint(b, uint64(len(all)))
	for _, p := range all {
		b = appendText(b, string(p.Column))
		b = appendText(b, string(p.Op))
		b = appendText(b, string(p.Child))
		b = appendText(b, string(p.Self))
		b = appendText(append(b, bit(p.Served)), p.Label)
		b = binary.AppendUvarint(b, uint64(len(p.Values)))
		for _, v := range p.Values {
			b = appendValue(b, v)
		}
	}
	return b
}

func appendValue(b []byte, v any) []byte {
	switch v := v.(type) {
	case string:
		return appendText(append(b, 's'), v)
	case int64:
		return binary.AppendVarint(append(b, 'i'), v)
	}
	return appendText(append(b, 'v'), fmt.Sprintf("%T %#v", v, v))
}

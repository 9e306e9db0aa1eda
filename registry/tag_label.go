package registry

import (
	"bytes"
	"encoding/json"
	"slices"
)

// TagLabel is what a store keeps of one tag of a node, to find the nodes that have it. It is
// short, however long the tag is.
func TagLabel(kv KeyValue) string { return string(HashID("tag", kv.Key, kv.Value)) }

// TagsOf returns the tags in the document of a node; none for a kind whose lists are not filtered
// by tags.
func TagsOf(kind Kind, doc []byte) []KeyValue {
	if tagged, _ := kind.Tagged(); !tagged || !bytes.Contains(doc, []byte(`"tags":`)) {
		return nil
	}
	var fields struct {
		Tags []KeyValue `json:"tags"`
	}
	if json.Unmarshal(doc, &fields) != nil {
		return nil // A store keeps documents that no noun has.
	}
	return fields.Tags
}

// TagLabels returns the labels of TagsOf, sorted.
func TagLabels(kind Kind, doc []byte) (out []string) {
	for _, kv := range TagsOf(kind, doc) {
		out = append(out, TagLabel(kv))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Tagged reports whether lists of this kind can be filtered by a tag, and whether these are
// lists of the children of one parent.
func (k Kind) Tagged() (tagged, children bool) {
	children, tagged = taggedLists[k] // Every write of a node asks.
	return tagged, children
}

// taggedLists are the kinds whose lists can be filtered by a tag, and whether these lists are of
// children.
var taggedLists = func() map[Kind]bool {
	out := map[Kind]bool{}
	for _, l := range listTable {
		if l.Tagged {
			out[l.Kind] = l.Children
		}
	}
	return out
}()

// TaggedKinds are the kinds whose lists can be filtered by a tag.
func TaggedKinds() (out []Kind) {
	for _, l := range listTable {
		if l.Tagged {
			out = append(out, l.Kind)
		}
	}
	return out
}

// TagOrders are the orders in which an index has the nodes with a tag.
func TagOrders() []Index { return []Index{IndexName, IndexValidFrom} }

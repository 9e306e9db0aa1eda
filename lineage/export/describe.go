package export

import "pedigree/registry"

// Description is what formats for people say of a node, as far as the caller sees it.
type Description struct {
	Title string
	// Fields are the attributes of the node under the registry's field names, in a fixed order.
	Fields, Tags []registry.KeyValue
}

// Describe describes a node. One that is restricted has a kind alone.
func Describe(n *Node) Description {
	out := Description{Tags: tagsOf(n)}
	for _, a := range attributesOf(n) {
		out.Fields = append(out.Fields, registry.KeyValue{Key: a.name, Value: a.value})
	}
	if !n.Restricted() {
		l := labelOf(n)
		out.Title = joinWords(title(n), l.note)
	}
	return out
}

package readmemory

import (
	"maps"
	"slices"

	"pedigree/graph"
	"pedigree/registry"
)

// Find answers a query from the memory, or by read, and remembers what that returned. key makes an id or
// a slot unique. recall returns the answers with these names when all are there and true in the
// newest state of the store; nil when they have to be read.
func (m *Memory) Find(q graph.Query, key func(registry.ID) string, recall func(names ...string) ([]*Answer, error), read func() (graph.Page, error)) (graph.Page, error) {
	name := ""
	if !m.Off {
		name = QueryName(q)
	}
	if name != "" {
		found, err := recall(name)
		if err != nil {
			return graph.Page{}, err
		}
		if found != nil {
			return CopyPage(found[0].Value.(*graph.Page)), nil
		}
	}
	generation := m.Begin()
	page, err := read()
	m.Notice(page.Nodes...)
	if err != nil || name == "" || generation < 0 {
		return page, err
	}
	m.Remember(name, generation, PageAnswer(q, page, key))
	return CopyPage(&page), nil
}

// SizeOf estimates the memory of a node in bytes.
func SizeOf(n *graph.Node) int { return 1000 + len(n.Doc) + 2*len(n.Name) }

// Keep prepares a node that is remembered and shared, and not changed any more.
func Keep(n *graph.Node) {
	if n == nil {
		return
	}
	if n.Kept == nil {
		n.Kept = &graph.Kept{}
	}
	if CheckNode != nil {
		CheckNode(n)
	}
}

// CheckNode is called, when it is set, with each node that a memory keeps or gives out: all who get it share it, and
// nobody may change it. Tests set it.
var CheckNode func(n *graph.Node)

// SharesNodes is a value of an answer that has nodes, besides *graph.Node and *graph.Page.
type SharesNodes interface{ SharedNodes() []*graph.Node }

// checkNodes passes the nodes of an answer to CheckNode.
func checkNodes(r *Answer) {
	var nodes []*graph.Node
	switch v := r.Value.(type) {
	case *graph.Node:
		nodes = append(nodes, v)
	case *graph.Page:
		nodes = v.Nodes
	case SharesNodes:
		nodes = v.SharedNodes()
	}
	for _, n := range nodes {
		if n != nil {
			CheckNode(n)
		}
	}
}

// NodeAnswer is the answer to a read of a node by its name, nil for a node that does not exist.
func NodeAnswer(name string, n *graph.Node) *Answer {
	r := &Answer{Needs: []string{name}, Value: n, Size: 200}
	if Keep(n); n != nil {
		r.Size += SizeOf(n)
	}
	return r
}

// PageAnswer is the answer to a query, a *graph.Page. The lists of the page are not changed any more.
func PageAnswer(q graph.Query, page graph.Page, key func(registry.ID) string) *Answer {
	r := &Answer{Value: &page, Needs: slices.Grow(Needs(q, key), len(page.Nodes)), Size: 500}
	for _, n := range page.Nodes {
		Keep(n)
		r.Size += SizeOf(n)
		r.Needs = append(r.Needs, NodeName(key(n.ID)))
	}
	return r
}

// CopyPage returns a page whose lists the caller may change. Its nodes are shared.
func CopyPage(p *graph.Page) graph.Page {
	c := *p
	c.Nodes, c.TotalOf = slices.Clone(p.Nodes), maps.Clone(p.TotalOf)
	return c
}

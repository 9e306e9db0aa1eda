package readmemory

import (
	"cmp"
	"strings"

	"pedigree/graph"
	"pedigree/registry"
)

// The last child of a parent in some order numbers the next one: the last version, the last
// transition. Each write of a child overwrites that answer, and the next write asks for it. So a
// commit, which knows the children that it wrote, carries the answer on instead.

// maxCarriedNodes is how many nodes one commit may write and still carry answers on.
const maxCarriedNodes = 1000

// siblings are the written children of one parent that have one kind.
type siblings struct {
	kind   registry.Kind
	parent registry.ID
}

// lastChildren returns, by name, the answers to queries for last children, as they are after a
// write that its memory has not been told of yet. It leaves out what the write does not tell.
func (m *Memory) lastChildren(w Writes) map[string]*Answer {
	if w.Everything || len(w.Nodes) > maxCarriedNodes {
		return nil
	}
	groups := map[siblings][]*graph.Node{}
	for _, n := range w.Nodes {
		if n.Parent != "" {
			of := siblings{n.Kind, n.Parent}
			groups[of] = append(groups[of], n)
		}
	}
	carried := map[string]*Answer{}
	for of, nodes := range groups {
		orders := []registry.Index{registry.IndexName}
		for column := range nodes[0].Columns {
			orders = append(orders, column)
		}
		for _, order := range orders {
			q := graph.LastChildQuery(of.kind, order, of.parent)
			name := QueryName(q)
			before := m.valid(name)
			if before == nil {
				continue
			}
			if page := carryLast(before.Value.(*graph.Page), nodes, order); page != nil {
				carried[name] = PageAnswer(q, *page, w.Key)
			}
		}
	}
	return carried
}

// carryLast returns the page with the last child after nodes were written; nil when that cannot be
// told from them.
func carryLast(before *graph.Page, nodes []*graph.Node, order registry.Index) *graph.Page {
	var last *graph.Node
	if len(before.Nodes) > 0 {
		last = before.Nodes[0]
	}
	after, others := last, 0
	for _, n := range nodes {
		if n.Deleted || orderValue(n, order) == nil {
			return nil // Another child may be the last one now, or there are fewer.
		}
		if last == nil || n.ID != last.ID {
			others++
			continue
		}
		if compareInOrder(n, last, order) < 0 {
			return nil
		}
		after = n
	}
	for _, n := range nodes {
		if after == nil || n.ID != after.ID && compareInOrder(n, after, order) > 0 {
			after = n
		}
	}
	page := *before
	page.Nodes = []*graph.Node{after}
	page.More = before.More || last != nil && others > 0 || others > 1
	return &page
}

// compareInOrder compares nodes that have a value in an order, as every store sorts them.
func compareInOrder(a, b *graph.Node, order registry.Index) int {
	var byValue int
	switch x := orderValue(a, order).(type) {
	case string:
		y, _ := orderValue(b, order).(string)
		byValue = strings.Compare(x, y)
	case int64:
		y, _ := orderValue(b, order).(int64)
		byValue = cmp.Compare(x, y)
	}
	return cmp.Or(byValue, strings.Compare(string(a.ID), string(b.ID)))
}

// orderValue is what a node is ordered by, nil for what a list may leave out.
func orderValue(n *graph.Node, order registry.Index) any {
	value := n.Columns[order]
	if order == registry.IndexName {
		value = n.Name
	}
	if value == "" {
		return nil
	}
	return value
}

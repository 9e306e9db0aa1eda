package core

import (
	"context"

	"pedigree/graph"
	"pedigree/policies"
	"pedigree/registry"
)

// keptPageSize is how many nodes FindKeptPage reads at a time.
const keptPageSize = 200

// FindKeptPage is FindPage for a list of which keep leaves out some, by what no column tells.
// It reads on until the page is full or the list ends, and has no count. What keep leaves out
// must be few.
func FindKeptPage[N registry.Node, E any](ctx context.Context, c *Core, scope *policies.Scope, q graph.Query, bindings any, p Paging, keep func(N) bool, edge func(string, N) E) (*Connection[E], error) {
	size, err := p.Size(50)
	if err != nil {
		return nil, err
	}
	l := ListIdentity{bindings, q.Order, q.Desc}
	if q.After, err = c.OpenKeyCursor(scope, l, p.After); err != nil {
		return nil, err
	}
	hasPrevious := q.After != nil
	var nodes []*graph.Node
	var nouns []registry.Node
	for q.Limit = keptPageSize; len(nodes) <= size; {
		page, err := scope.Find(ctx, q)
		if err != nil {
			return nil, err
		}
		decoded, err := c.decodeAll(page.Nodes, registry.Instant{})
		if err != nil {
			return nil, err
		}
		for i, n := range decoded {
			if noun, ok := n.(N); ok && keep(noun) {
				nodes, nouns = append(nodes, page.Nodes[i]), append(nouns, n)
			}
		}
		if !page.More || len(page.Nodes) == 0 {
			break
		}
		q.After = policies.KeyOf(page.Nodes[len(page.Nodes)-1], q.Order)
	}
	shown := min(size, len(nodes))
	conn := newConnection(c, scope, l, nodes[:shown], nouns[:shown], edge)
	Siblings(ctx, nouns[:shown])
	conn.PageInfo.HasNextPage, conn.PageInfo.HasPreviousPage = len(nodes) > shown, hasPrevious
	return conn, nil
}

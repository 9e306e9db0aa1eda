package core

import (
	"context"

	"pedigree/graph"
	"pedigree/policies"
	"pedigree/registry"
)

// FindPageWhere is FindPage of the nouns that keep says yes to. It is for short lists and what
// no column tells: it reads on until the page is full, and has no count.
func FindPageWhere[N registry.Node, E any](ctx context.Context, c *Core, scope *policies.Scope, q graph.Query, bindings any, p Paging, edge func(string, N) E, keep func(N) bool) (*Connection[E], error) {
	size, err := p.Size(50)
	if err != nil {
		return nil, err
	}
	l := ListIdentity{bindings, q.Order, q.Desc}
	if q.After, err = c.openKeyCursor(scope, l, p.After); err != nil {
		return nil, err
	}
	before := q.After != nil
	var kept []*graph.Node
	var nouns []registry.Node
	more := true
	for q.Limit = MaxPage; more && len(kept) <= size; {
		page, err := scope.Find(ctx, q)
		if err != nil {
			return nil, err
		}
		decoded, err := c.decodeAll(page.Nodes, registry.Instant{})
		if err != nil {
			return nil, err
		}
		for i, n := range page.Nodes {
			if noun, ok := decoded[i].(N); ok && keep(noun) {
				kept, nouns = append(kept, n), append(nouns, noun)
			}
		}
		if more = page.More && len(page.Nodes) > 0; more {
			q.After = policies.KeyOf(page.Nodes[len(page.Nodes)-1], q.Order)
		}
	}
	shown := min(size, len(kept))
	conn := newConnection(c, scope, l, kept[:shown], nouns[:shown], edge)
	conn.PageInfo.HasNextPage, conn.PageInfo.HasPreviousPage = shown < len(kept), before
	return conn, nil
}

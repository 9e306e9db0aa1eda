package neo4j

import (
	"context"
	"maps"
	"slices"

	"pedigree/graph"
	"pedigree/graph/readmemory"
	"pedigree/registry"
)

// Nodes returns the nodes in the order of ids, nil where there is none.
func (s *Store) Nodes(ctx context.Context, at graph.Instant, ids ...registry.ID) (nodes []*graph.Node, err error) {
	if at != (graph.Instant{}) || len(ids) == 0 {
		err = s.read(ctx, func(v *view) error {
			nodes, err = v.Nodes(ctx, at, ids...)
			return err
		})
		return nodes, err
	}
	names := make([]string, len(ids))
	for i, id := range ids {
		names[i] = readmemory.NodeName(s.key(id))
	}
	if found, err := s.recall(ctx, names...); err != nil {
		return nil, err
	} else if found != nil {
		nodes = make([]*graph.Node, len(ids))
		for i, r := range found {
			nodes[i] = r.Value.(metNode).node
		}
		return nodes, nil
	}
	generation := s.memory.Begin()
	err = s.read(ctx, func(v *view) error {
		met, err := v.meetNodes(ctx, ids)
		nodes = make([]*graph.Node, len(ids))
		for i, id := range ids {
			nodes[i] = copyNode(met[v.key(string(id))].node)
		}
		s.rememberNodes(generation, met)
		return err
	})
	s.memory.Notice(nodes...)
	return nodes, err
}

// Find returns one page of the nodes that match.
func (s *Store) Find(ctx context.Context, q graph.Query) (graph.Page, error) {
	recall := func(names ...string) ([]*readmemory.Answer, error) { return s.recall(ctx, names...) }
	return s.memory.Find(q, s.key, recall, func() (page graph.Page, err error) {
		err = s.read(ctx, func(v *view) error {
			page, err = v.Find(ctx, q)
			return err
		})
		return page, err
	})
}

// key is the unique key of an id in the store's namespace.
func (s *Store) key(id registry.ID) string { return s.ns + "|" + string(id) }

// recall returns answers from memory when all of them are there and true in the newest state
// of the store; nil when they have to be read.
func (s *Store) recall(ctx context.Context, names ...string) ([]*readmemory.Answer, error) {
	if s.closed.Load() {
		return nil, errClosed()
	}
	if !s.memory.Has(names...) {
		if s.memory.NeedsState() {
			go s.heads.read(context.Background(), s)
		}
		return nil, nil
	}
	if err := ctx.Err(); err != nil {
		return nil, storeError(err)
	}
	state, err := s.stateFor(ctx)
	if err != nil {
		return nil, err
	}
	return s.memory.Answers(state, names...), nil
}

func (s *Store) rememberNodes(generation int64, met map[string]metNode) {
	if generation < 0 || len(met) > readmemory.MaxNodes {
		return
	}
	for key, n := range met {
		s.memory.Remember(readmemory.NodeName(key), generation, nodeAnswer(key, n))
	}
}

// rememberPage keeps a page, which nobody changes any more, as the answer to a query.
func (s *Store) rememberPage(generation int64, name string, q graph.Query, page *graph.Page) {
	if generation >= 0 {
		s.memory.Remember(name, generation, readmemory.PageAnswer(q, *page, s.key))
	}
}

// copyNode copies a node with what a caller may change in place.
func copyNode(n *graph.Node) *graph.Node {
	if n == nil {
		return nil
	}
	c := *n
	c.Kept = nil // An update may write the copy with another document.
	c.Slots, c.Columns, c.Doc = slices.Clone(n.Slots), maps.Clone(n.Columns), slices.Clone(n.Doc)
	return &c
}

// copyPage copies a page with what a caller may change in place.
func copyPage(p *graph.Page) graph.Page {
	c := readmemory.CopyPage(p)
	for i, n := range c.Nodes {
		c.Nodes[i] = copyNode(n)
	}
	return c
}

package neo4j

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"pedigree/graph"
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
		names[i] = nodeName(s.key(id))
	}
	if found, err := s.recall(ctx, names...); err != nil {
		return nil, err
	} else if found != nil {
		nodes = make([]*graph.Node, len(ids))
		for i, r := range found {
			nodes[i] = copyNode(r.node.node)
		}
		return nodes, nil
	}
	generation := s.memory.begin()
	err = s.read(ctx, func(v *view) error {
		met, err := v.meetNodes(ctx, ids)
		nodes = make([]*graph.Node, len(ids))
		for i, id := range ids {
			nodes[i] = copyNode(met[v.key(string(id))].node)
		}
		s.rememberNodes(generation, met)
		return err
	})
	s.memory.notice(nodes...)
	return nodes, err
}

// Find returns one page of the nodes that match.
func (s *Store) Find(ctx context.Context, q graph.Query) (page graph.Page, err error) {
	name := s.queryAnswer(q)
	if name != "" {
		if found, err := s.recall(ctx, name); err != nil {
			return graph.Page{}, err
		} else if found != nil {
			return copyPage(found[0].page), nil
		}
	}
	generation := s.memory.begin()
	err = s.read(ctx, func(v *view) error {
		page, err = v.Find(ctx, q)
		return err
	})
	s.memory.notice(page.Nodes...)
	if err == nil && name != "" {
		s.rememberPage(generation, name, q, &page)
	}
	return page, err
}

// key is the unique key of an id in the store's namespace.
func (s *Store) key(id registry.ID) string { return s.ns + "|" + string(id) }

// recall returns answers from memory when all of them are there and true in the newest state
// of the store; nil when they have to be read.
func (s *Store) recall(ctx context.Context, names ...string) ([]*remembered, error) {
	if s.closed.Load() {
		return nil, errClosed()
	}
	if !s.memory.has(names...) {
		if s.memory.needsState() {
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
	found, ok := s.memory.answers(state, names...)
	if !ok {
		return nil, nil
	}
	return found, nil
}

// maxNodesRemembered is how many nodes of one read are remembered. More are read by those
// who walk through everything, and do not come back.
const maxNodesRemembered = 1000

func (s *Store) rememberNodes(generation int64, met map[string]metNode) {
	if generation < 0 || len(met) > maxNodesRemembered {
		return
	}
	for key, n := range met {
		s.memory.remember(nodeName(key), generation, nodeAnswer(generation, key, n))
	}
}

func (s *Store) rememberPage(generation int64, name string, q graph.Query, page *graph.Page) {
	if generation < 0 {
		return
	}
	kept := copyPage(page)
	r := &remembered{page: &kept, needs: s.needsOf(q), size: 500}
	for _, n := range page.Nodes {
		r.size += sizeOf(n)
		r.needs = append(r.needs, nodeName(s.key(n.ID)))
	}
	s.memory.remember(name, generation, r)
}

// queryAnswer is the name of a query's answer, "" when it is not remembered: a node that holds
// a slot may come to match the conditions of a query by a write that its answer does not name.
func (s *Store) queryAnswer(q graph.Query) string {
	if s.isBySlots(q) && len(q.Kinds) == 0 && len(q.Where)+len(q.AnyOf) > 0 {
		return ""
	}
	text, err := json.Marshal(q)
	if err != nil || strings.Contains(string(text), `\ufffd`) {
		return "" // It may stand for bytes that are no text.
	}
	return queryName(string(text))
}

// isBySlots reports whether a query finds its nodes by their slots alone.
func (s *Store) isBySlots(q graph.Query) bool {
	return len(q.Slots) > 0 && !q.PerParent && q.Text == nil
}

// needsOf is what the answer to a query depends on, besides the nodes that it has.
func (s *Store) needsOf(q graph.Query) (needs []string) {
	for _, slot := range q.Slots {
		needs = append(needs, slotName(s.key(registry.ID(slot))))
	}
	byKind := q.Text != nil || len(q.Slots)+len(q.Parents) == 0
	if s.isBySlots(q) {
		byKind = len(q.Where)+len(q.AnyOf) > 0
	} else if q.Text == nil {
		for _, p := range q.Parents {
			needs = append(needs, childrenName(s.key(p)))
		}
	}
	if byKind {
		for _, k := range q.Kinds {
			needs = append(needs, kindName(k))
		}
	}
	for _, p := range slices.Concat(append(q.AnyOf, q.Where)...) {
		if p.Child != "" {
			needs = append(needs, kindName(p.Child))
		}
	}
	return needs
}

// copyNode copies a node with what a caller may change in place.
func copyNode(n *graph.Node) *graph.Node {
	if n == nil {
		return nil
	}
	c := *n
	c.Slots, c.Columns, c.Doc = slices.Clone(n.Slots), maps.Clone(n.Columns), slices.Clone(n.Doc)
	return &c
}

func copyPage(p *graph.Page) graph.Page {
	c := *p
	c.Nodes, c.TotalOf = make([]*graph.Node, len(p.Nodes)), maps.Clone(p.TotalOf)
	if p.Nodes == nil {
		c.Nodes = nil
	}
	for i, n := range p.Nodes {
		c.Nodes[i] = copyNode(n)
	}
	return c
}

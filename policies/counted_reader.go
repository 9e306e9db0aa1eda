package policies

import (
	"context"
	"time"

	"pedigree/graph"
	"pedigree/registry"
)

// countedReader fills the fields of nodes that are counters, which are stored beside the graph.
// They are filled before sight is applied, so every answer has them and no door reads them by
// itself. Reads of the past have none, because counters keep no history.
type countedReader struct {
	graph.Reader
	gate *Gate
}

// Nodes reads nodes with their counters.
func (r countedReader) Nodes(ctx context.Context, at graph.Instant, ids ...registry.ID) ([]*graph.Node, error) {
	nodes, err := r.Reader.Nodes(ctx, at, ids...)
	if err != nil || at != (graph.Instant{}) {
		return nodes, err
	}
	return r.gate.withCounts(ctx, nodes)
}

// Find reads a page of nodes with their counters.
func (r countedReader) Find(ctx context.Context, q graph.Query) (graph.Page, error) {
	page, err := r.Reader.Find(ctx, q)
	if err != nil {
		return page, err
	}
	page.Nodes, err = r.gate.withCounts(ctx, page.Nodes)
	return page, err
}

// countKeyOf returns the key of the counters of a node; false when its kind has none, or its
// document was not read.
func countKeyOf(n *graph.Node) (graph.CountKey, bool) {
	if n == nil || n.Deleted || len(n.Doc) == 0 {
		return graph.CountKey{}, false
	}
	switch n.Kind {
	case registry.KindConsumer:
		return graph.CountKey{Object: n.Parent, Subject: n.Name}, true
	case registry.KindToken:
		return graph.CountKey{Object: n.ID}, true
	}
	return graph.CountKey{}, false
}

// withCounts returns the nodes with the counters of those that have any. All take one read.
func (g *Gate) withCounts(ctx context.Context, nodes []*graph.Node) ([]*graph.Node, error) {
	var keys []graph.CountKey
	var index []int
	for i, n := range nodes {
		if k, counted := countKeyOf(n); counted && g.counters != nil {
			keys, index = append(keys, k), append(index, i)
		}
	}
	if len(keys) == 0 {
		return nodes, nil
	}
	since := g.Now().AddDate(0, 0, -registry.MaxUsageDays).Format(time.DateOnly)
	counts, err := g.counters.Counts(ctx, since, keys...)
	if err != nil {
		return nil, err
	}
	for i, of := range counts {
		if len(of) == 0 {
			continue
		}
		n := *nodes[index[i]]
		if n.Doc, err = docWithCounts(&n, of); err != nil {
			return nil, err
		}
		nodes[index[i]] = &n
	}
	return nodes, nil
}

// docWithCounts returns the document of a node with its counters.
func docWithCounts(n *graph.Node, counts []graph.Count) ([]byte, error) {
	unreadable := &registry.Error{Code: registry.Internal, Message: "a stored document cannot be read"}
	if n.Kind == registry.KindToken {
		var t registry.Token
		if !decodeNode(n, &t) {
			return nil, unreadable
		}
		t.LastUsedAt = counts[0].Last
		return registry.Canonical(&t)
	}
	var c registry.Consumer
	if !decodeNode(n, &c) {
		return nil, unreadable
	}
	for _, u := range counts {
		if u.Day == "" {
			c.Uses, c.LastUsedAt = int(u.N), u.Last
			continue
		}
		c.AddUses(u.Day, registry.UseKind(u.Kind), int(u.N))
	}
	return registry.Canonical(&c)
}

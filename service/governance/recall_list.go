package governance

import (
	"context"

	"pedigree/graph"
	"pedigree/lineage"
	"pedigree/registry"
	"pedigree/service/core"
)

// RecallFilter selects recalls. Node keeps the open ones under which a node stands.
type RecallFilter struct {
	Open     *bool
	Node     *registry.ID
	Severity *registry.RecallSeverity
}

// RecallEdge is a recall in a page.
type RecallEdge struct {
	Cursor string
	Node   *registry.Recall
}

// RecallConnection is a page of recalls.
type RecallConnection struct{ core.Connection[*RecallEdge] }

// Recalls returns one page of the recalls that the caller sees, the newest first.
func (g *Governance) Recalls(ctx context.Context, p core.Paging, f *RecallFilter) (*RecallConnection, error) {
	if f == nil {
		f = &RecallFilter{}
	}
	scope, err := g.core.Gate.Read(ctx, registry.RecallRead)
	if err != nil {
		return nil, err
	}
	q := graph.Query{Kinds: []registry.Kind{registry.KindRecall}, Order: registry.IndexNumber, Desc: true}
	state := registry.RecallOpen
	if f.Open != nil && !*f.Open {
		state = registry.RecallCleared
	}
	if f.Open != nil {
		q.Where = core.EqualTo(string(registry.IndexStage), string(state))
	}
	if f.Severity != nil {
		q.Where = append(q.Where, core.EqualTo(string(registry.IndexRole), string(*f.Severity))...)
	}
	if f.Node != nil {
		ids, err := g.recallsUnder(ctx, *f.Node)
		if err != nil || len(ids) == 0 {
			return &RecallConnection{core.Connection[*RecallEdge]{Edges: []*RecallEdge{}}}, err
		}
		q.Where = append(q.Where, graph.Predicate{Self: graph.SelfID, Op: graph.In, Values: ids})
	}
	page, err := core.FindPage(ctx, g.core, scope, q, []any{"recalls", f}, p, func(cursor string, r *registry.Recall) *RecallEdge { return &RecallEdge{cursor, r} })
	if err != nil {
		return nil, err
	}
	return &RecallConnection{*page}, nil
}

// recallsUnder returns the ids of the open recalls under which a node stands that the caller sees.
func (g *Governance) recallsUnder(ctx context.Context, id registry.ID) (out []any, err error) {
	n, err := g.core.NodeAt(ctx, registry.Instant{}, id)
	if err != nil || n == nil {
		return nil, err
	}
	m, err := g.marksOf(ctx, n)
	for _, id := range m.seen {
		out = append(out, string(id))
	}
	return out, err
}

// RecallByID returns a recall by its id, nil when there is none that the caller sees.
func (g *Governance) RecallByID(ctx context.Context, id registry.ID) (*registry.Recall, error) {
	return core.GetNoun[*registry.Recall](ctx, g.core, id, nil)
}

// recallMarksField is the field of the marks of nodes.
type recallMarksField struct{}

// nodeMarks is what one node shows of recalls: the ids that the caller is told, and those of the
// recalls that the caller sees.
type nodeMarks struct {
	state registry.RecallState
	told  []registry.ID
	seen  []registry.ID
}

// RecallStateOf returns whether a node is recalled, and finds it out for its siblings with it.
func (g *Governance) RecallStateOf(ctx context.Context, n registry.Node) (*registry.RecallState, error) {
	m, err := g.marksOf(ctx, n)
	if err != nil {
		return nil, err
	}
	return &m.state, nil
}

// RecallsOf returns the ids of the open recalls under which a node stands, by number. For a recall
// that the caller does not see it is an id made for the caller.
func (g *Governance) RecallsOf(ctx context.Context, n registry.Node) ([]registry.ID, error) {
	m, err := g.marksOf(ctx, n)
	return m.told, err
}

// marksOf finds out under which recalls a node and its siblings stand: by one read of the open
// recalls, and, where there are any, by one walk for all of them.
func (g *Governance) marksOf(ctx context.Context, n registry.Node) (nodeMarks, error) {
	scope, err := g.core.Gate.Read(ctx, registry.CatalogRead)
	if err != nil {
		return nodeMarks{}, err
	}
	return core.Batch(ctx, n, recallMarksField{}, func(ctx context.Context, all []registry.Node) ([]nodeMarks, error) {
		ids := make([]registry.ID, len(all))
		for i, n := range all {
			ids[i] = n.NodeMeta().ID
		}
		at := all[0].NodeMeta().ReadAt
		found, err := core.MarkRecalled(ctx, scope.RecallReader(), core.StoreInstant(at), ids, lineage.RecallReadBounds)
		if err != nil {
			return nil, err
		}
		out := make([]nodeMarks, len(all))
		var refs []core.NodeRef
		for i, id := range ids {
			out[i].state, out[i].told = found.State(id), []registry.ID{}
			for _, r := range found.Of(id) {
				refs = append(refs, core.NodeRef{ID: r.ID, At: at})
			}
		}
		nouns, err := g.core.ReadNodes(ctx, scope, refs)
		if err != nil {
			return nil, err
		}
		for i, id := range ids {
			for _, r := range found.Of(id) {
				if nouns[0] != nil {
					out[i].told, out[i].seen = append(out[i].told, r.ID), append(out[i].seen, r.ID)
				} else {
					out[i].told = append(out[i].told, scope.OpaqueID(r.ID))
				}
				nouns = nouns[1:]
			}
		}
		return out, nil
	})
}

// recalledNodesField is a list of the nodes that a recall names.
type recalledNodesField string

// NodesOfRecall returns the nodes that a recall says are bad. Those that the caller does not see are
// restricted.
func (g *Governance) NodesOfRecall(ctx context.Context, r *registry.Recall) ([]registry.ProvenanceNode, error) {
	return g.nodesNamed(ctx, r, "nodes", func(r *registry.Recall) []registry.ID { return r.Nodes })
}

// FixesOfRecall returns the commits that repair what a recall says is bad.
func (g *Governance) FixesOfRecall(ctx context.Context, r *registry.Recall) ([]registry.ProvenanceNode, error) {
	return g.nodesNamed(ctx, r, "fixedBy", func(r *registry.Recall) []registry.ID { return r.FixedBy })
}

func (g *Governance) nodesNamed(ctx context.Context, r *registry.Recall, field string, of func(*registry.Recall) []registry.ID) ([]registry.ProvenanceNode, error) {
	scope, err := g.core.Gate.Read(ctx, registry.CatalogRead)
	if err != nil {
		return nil, err
	}
	return core.Batch(ctx, r, recalledNodesField(field), func(ctx context.Context, all []*registry.Recall) ([][]registry.ProvenanceNode, error) {
		var ids []registry.ID
		for _, r := range all {
			ids = append(ids, of(r)...)
		}
		found, err := scope.Nodes(ctx, core.StoreInstant(all[0].ReadAt), ids...)
		if err != nil {
			return nil, err
		}
		out, nouns := make([][]registry.ProvenanceNode, len(all)), make([]registry.Node, 0, len(ids))
		for i, r := range all {
			if !r.Mask.Has(registry.Bit("Recall", field)) {
				continue
			}
			out[i] = []registry.ProvenanceNode{}
			for range of(r) {
				n, err := g.core.Decode(found[0], r.ReadAt)
				if err != nil {
					return nil, err
				}
				found = found[1:]
				if walked, ok := n.(registry.ProvenanceNode); ok {
					core.ReplaceHiddenID(scope, n)
					out[i], nouns = append(out[i], walked), append(nouns, n)
				}
			}
		}
		core.Siblings(ctx, nouns)
		return out, nil
	})
}

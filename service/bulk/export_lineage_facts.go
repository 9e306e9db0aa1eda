package bulk

import (
	"cmp"
	"context"
	"slices"
	"time"

	"pedigree/graph"
	"pedigree/registry"
	"pedigree/service/core"
	"pedigree/service/facts"
)

// nodeFacts returns, for the nodes of a page that facts can stand for, their facts so far and
// what the store has beside them.
func (e *factExport) nodeFacts(ctx context.Context, nodes []*graph.Node) (map[registry.ID]*nodeFact, error) {
	out := map[registry.ID]*nodeFact{}
	ids := make([]registry.ID, len(nodes))
	for i, n := range nodes {
		ids[i] = n.ID
	}
	hops, err := e.scope.Neighbors(ctx, graph.NeighborQuery{IDs: ids, Direction: graph.Upstream, At: e.at, LimitPerNode: 1000})
	if err != nil {
		return nil, err
	}
	for _, h := range hops {
		if e.meet == nil {
			break
		}
		if err := e.meet(ctx, h.Nodes); err != nil {
			return nil, err
		}
	}
	for i, n := range nodes {
		if !seesKey(n) || e.omitted[n.ID] {
			continue
		}
		stored, err := e.storedEdges(ctx, n, hops[i])
		if err != nil {
			return nil, err
		}
		x, err := e.begin(ctx, n, stored)
		if err != nil {
			return nil, err
		}
		if x == nil {
			continue
		}
		if err := x.compare(n, stored); err != nil {
			return nil, err
		}
		out[n.ID] = x
	}
	return out, nil
}

// storedEdges returns all edges of an effect to causes that facts may name, in order of kind and
// cause. It starts with the neighbors in h and reads the remaining pages.
func (e *factExport) storedEdges(ctx context.Context, n *graph.Node, h graph.Neighbors) (out []storedEdge, err error) {
	for {
		for i, cause := range h.Nodes {
			if edge := h.Edges[i]; e.exportable(cause) {
				out = append(out, storedEdge{edge, cause, edge.ValidFrom.Equal(n.ValidFrom) && edge.ValidTo.IsZero()})
			}
		}
		if !h.More {
			break
		}
		hops, err := e.scope.Neighbors(ctx, graph.NeighborQuery{IDs: []registry.ID{n.ID}, Direction: graph.Upstream, At: e.at, LimitPerNode: 1000, After: h.Nodes[len(h.Nodes)-1].Number})
		if err != nil {
			return nil, err
		}
		if h = hops[0]; e.meet != nil {
			if err := e.meet(ctx, h.Nodes); err != nil {
				return nil, err
			}
		}
	}
	slices.SortFunc(out, func(a, b storedEdge) int { return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.To, b.To)) })
	return out, nil
}

func (e *factExport) features(ctx context.Context) error {
	return e.eachFact(ctx, childrenByAge(registry.KindFeature), e.writeFeature)
}

func (e *factExport) writeFeature(n *graph.Node, x *nodeFact) error {
	f, err := core.DecodeWhole(n, &registry.Feature{})
	if err != nil {
		return err
	}
	out := x.fact.Feature
	out.Type, out.Description, out.Owner, out.CreatedAt = f.Type, f.Description, f.Owner, f.CreatedAt
	return e.write(x.fact)
}

func (e *factExport) runs(ctx context.Context) error {
	return e.eachFact(ctx, childrenByAge(registry.KindRun), e.writeRunFact)
}

func (e *factExport) writeRunFact(n *graph.Node, x *nodeFact) error {
	r, err := core.DecodeWhole(n, &registry.Run{})
	if err != nil {
		return err
	}
	out := x.fact.Run
	out.RunKind, out.Status, out.Command, out.Description, out.Parameters = r.RunKind, r.Status, r.Command, r.Description, r.Parameters
	out.Metrics, out.Tags, out.StartedAt, out.EndedAt = r.Metrics, r.Tags, r.StartedAt, r.EndedAt
	if r.EndedAt.Before(r.StartedAt) {
		out.EndedAt = time.Time{} // Told apart, a run may have an end before its start.
	}
	if err := e.writeParts(n, x.fact, len(n.Doc)); err != nil || r.EndedAt.Equal(out.EndedAt) {
		return err
	}
	end := runKey(out)
	end.EndedAt = r.EndedAt
	return e.write(FactInput{Run: end})
}

// links exports the edges that no other fact names as link facts.
func (e *factExport) links(ctx context.Context) error {
	for _, kind := range registry.LineageKinds() {
		err := e.pages(ctx, childrenByAge(kind), func(nodes []*graph.Node) error {
			found, err := e.nodeFacts(ctx, nodes)
			if err != nil {
				return err
			}
			for _, n := range nodes {
				if x := found[n.ID]; x == nil || !e.exportable(n) {
					continue
				}
				if err := e.writeLinks(n, found[n.ID].links); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (e *factExport) writeLinks(n *graph.Node, links []graph.Edge) error {
	for _, edge := range links {
		link := &facts.LinkLineageInput{From: edge.From, To: edge.To, Kind: edge.Kind}
		if !edge.ValidFrom.Equal(n.ValidFrom) {
			link.ValidFrom = edge.ValidFrom
		}
		if err := e.write(FactInput{Link: link}); err != nil {
			return err
		}
	}
	return nil
}

package lineage

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"

	"pedigree/graph"
	"pedigree/registry"
)

// findConsumers finds the features that are defined on the columns of a walk, the model
// versions that use them, directly or through their run, and the deployments of these.
func (w *columnWalk) findConsumers(ctx context.Context, out *Columns) error {
	on := map[ColumnRef]bool{}
	ids := make([]registry.ID, 0, len(out.Nodes))
	for _, it := range out.Items {
		on[it.ColumnRef] = true
	}
	for id := range out.Nodes {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	var err error
	if out.Features, err = w.features(ctx, ids, on); err != nil {
		return err
	}
	direct, err := w.effects(ctx, idsOf(out.Features), registry.EdgeUsesFeature)
	if err != nil {
		return err
	}
	runs, err := w.effects(ctx, idsOf(out.Features), registry.EdgeUsed)
	if err != nil {
		return err
	}
	made, err := w.effects(ctx, idsOf(runs), registry.EdgeGeneratedBy)
	if err != nil {
		return err
	}
	made = slices.DeleteFunc(made, func(n *graph.Node) bool { return n.Kind != registry.KindModelVersion })
	out.Versions = w.visible(append(direct, made...))
	deployments, err := w.effects(ctx, idsOf(out.Versions), registry.EdgeDeploys)
	out.Features, out.Deployments = w.visible(out.Features), w.visible(deployments)
	return err
}

func idsOf(nodes []*graph.Node) []registry.ID {
	ids := make([]registry.ID, len(nodes))
	for i, n := range nodes {
		ids[i] = n.ID
	}
	return ids
}

// features finds the features that are defined on any of the columns.
func (w *columnWalk) features(ctx context.Context, of []registry.ID, on map[ColumnRef]bool) (out []*graph.Node, err error) {
	for part := range slices.Chunk(of, columnBatch) {
		hops, err := w.neighbors(ctx, part, registry.EdgeDefinedOn, false)
		if err != nil {
			return nil, err
		}
		for _, h := range hops {
			for _, f := range h.Nodes {
				var doc struct{ Column string }
				if f.Hidden || !fieldVisible(f, "column") {
					w.redacted[f.ID] = true
					continue
				}
				if len(f.Doc) > 0 && json.Unmarshal(f.Doc, &doc) == nil && on[ColumnRef{h.NodeID, doc.Column}] {
					out = append(out, f)
				}
			}
		}
	}
	return out, nil
}

// effects returns the effects of nodes by one kind of edge, each once.
func (w *columnWalk) effects(ctx context.Context, of []registry.ID, kind registry.EdgeKind) (out []*graph.Node, err error) {
	found := map[registry.ID]bool{}
	for part := range slices.Chunk(of, columnBatch) {
		hops, err := w.neighbors(ctx, part, kind, true)
		if err != nil {
			return nil, err
		}
		for _, h := range hops {
			for _, n := range h.Nodes {
				if found[n.ID] {
					continue
				}
				if len(found) == MaxNodes {
					w.reasons[ReasonNodes] = true
					return out, nil
				}
				found[n.ID], w.hidden[n.ID] = true, n.Hidden
				out = append(out, n)
			}
		}
	}
	return out, nil
}

func (w *columnWalk) neighbors(ctx context.Context, of []registry.ID, kind registry.EdgeKind, bare bool) ([]graph.Neighbors, error) {
	hops, err := w.r.Neighbors(ctx, graph.NeighborQuery{IDs: of, Direction: graph.Downstream, Edges: []registry.EdgeKind{kind}, At: w.options.At, LimitPerNode: columnFanout, Bare: bare})
	for _, h := range hops {
		if h.More {
			w.noteTruncated(ReasonFanout, []registry.ID{h.NodeID})
		}
	}
	return hops, err
}

// visible returns the visible nodes, each once, sorted by number, and records the hidden
// ones as redacted. It drops tombstones.
func (w *columnWalk) visible(nodes []*graph.Node) (out []*graph.Node) {
	slices.SortFunc(nodes, func(a, b *graph.Node) int { return cmp.Compare(a.Number, b.Number) })
	for _, n := range slices.CompactFunc(nodes, func(a, b *graph.Node) bool { return a.ID == b.ID }) {
		if n.Hidden {
			w.redacted[n.ID] = true
		} else if !n.Deleted {
			out = append(out, n)
		}
	}
	return out
}

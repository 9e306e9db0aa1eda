package provenance

import (
	"pedigree/graph"
	"pedigree/lineage"
	"pedigree/registry"
	"pedigree/service/core"
)

// approvers returns who approved the moves of the versions of a graph that were made, as far as the
// caller sees approvals.
func (v *view) approvers(g *lineage.Graph) (out []string, err error) {
	if !v.scope.Sees("TransitionRequest", "approvals") { // Their mask hides them too; this saves the reads.
		return nil, nil
	}
	var versions, ids []registry.ID
	for _, it := range g.Items {
		if it.Node.Kind == registry.KindModelVersion && !it.Node.Hidden {
			versions = append(versions, it.Node.ID)
		}
	}
	if len(versions) == 0 {
		return nil, nil
	}
	page, err := v.scope.Find(v.ctx, graph.Query{Kinds: []registry.Kind{registry.KindTransitionRequest}, Parents: versions, Bare: true, Limit: core.MaxPage})
	if err != nil {
		return nil, err
	}
	for _, n := range page.Nodes {
		ids = append(ids, n.ID)
	}
	nodes, err := lineage.Nodes(v.ctx, v.scope, v.at.StoreInstant(), ids...)
	if err != nil {
		return nil, err
	}
	for _, n := range nodes {
		r, err := core.NounAs[*registry.TransitionRequest](v.explorer.core.Decode(n, v.at.NounInstant()))
		if err != nil {
			return nil, err
		}
		if r == nil || r.TransitionID == "" { // What was not done has no part in it.
			continue
		}
		for _, a := range r.Approvals {
			out = append(out, a.By)
		}
	}
	return out, nil
}

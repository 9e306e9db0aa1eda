package governance

import (
	"context"
	"slices"

	"pedigree/graph"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service/core"
)

// recallEntries is how many entries of the log about recalls are read at once, recallObjects the nodes
// that one read asks about.
const recallEntries, recallObjects = 200, 500

// RecallsNaming returns the recalls that name any of some nodes, open or cleared, and some others by their
// ids, as they were at an instant and as the caller sees them, by number; at most so many, and whether
// there are more. The log has the nodes of each recall, so that recalls of other nodes cost nothing.
func (g *Governance) RecallsNaming(ctx context.Context, at registry.Instant, most int, nodes, others []registry.ID) (recalls []*registry.Recall, more bool, err error) {
	scope, err := g.core.Gate.Read(ctx, registry.RecallRead)
	if err != nil {
		return nil, false, err
	}
	var ids []registry.ID
	err = g.core.Gate.Inspect(ctx, registry.RecallRead, func(ctx context.Context, tx *policies.Tx) error {
		found := map[registry.ID]bool{}
		for _, id := range others {
			found[id] = true
		}
		for part := range slices.Chunk(nodes, recallObjects) {
			if err := recallsLogged(ctx, tx, part, found); err != nil {
				return err
			}
		}
		ids = ids[:0]
		for id := range found {
			ids = append(ids, id)
		}
		slices.Sort(ids)
		return nil
	})
	if err != nil {
		return nil, false, err
	}
	refs := make([]core.NodeRef, len(ids))
	for i, id := range ids {
		refs[i] = core.NodeRef{ID: id, At: at}
	}
	nouns, err := g.core.ReadNodes(ctx, scope, refs)
	if err != nil {
		return nil, false, err
	}
	for _, n := range nouns {
		if r, ok := n.(*registry.Recall); ok {
			recalls = append(recalls, r)
		}
	}
	slices.SortFunc(recalls, func(a, b *registry.Recall) int { return a.Number - b.Number })
	return recalls[:min(len(recalls), most)], len(recalls) > most, nil
}

// recallsLogged adds the ids of the recalls that name any of some nodes.
func recallsLogged(ctx context.Context, tx *policies.Tx, nodes []registry.ID, found map[registry.ID]bool) error {
	q := graph.LogQuery{Objects: nodes, Actions: []registry.LogAction{registry.LogRecalled}, Limit: recallEntries}
	for len(nodes) > 0 {
		entries, err := tx.LogUnfiltered(ctx, q)
		if err != nil {
			return err
		}
		for _, e := range entries {
			for _, id := range e.Objects {
				if id.Kind() == registry.KindRecall {
					found[id] = true
				}
			}
		}
		if len(entries) < q.Limit {
			return nil
		}
		q.After = entries[len(entries)-1].Seq
	}
	return nil
}

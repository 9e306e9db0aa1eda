package neo4j

import (
	"context"
	"slices"

	"pedigree/graph"
	"pedigree/registry"
)

// checkCycles searches for a cycle through the new edges, in one query, and deletes the
// new edges when there is one.
func (t *txn) checkCycles(ctx context.Context, newEdges []*graph.Edge, ends map[registry.ID]*endpoint) error {
	var rows []row
	for _, e := range cycleCandidates(newEdges, ends) {
		rows = append(rows, t.edgeRow(e))
	}
	if len(rows) == 0 {
		return nil
	}
	found, err := t.query(ctx, findCycle, map[string]any{"rows": rows})
	if err != nil || len(found) == 0 {
		return err
	}
	var path []string
	for _, id := range found[0]["path"].([]any) {
		path = append(path, id.(string))
	}
	var undo []row
	var added [][2]string
	for _, e := range newEdges {
		undo, added = append(undo, t.edgeRow(e)), append(added, [2]string{string(e.From), string(e.To)})
	}
	t.pending.sent()
	if _, err := t.query(ctx, deleteOwnEdges, map[string]any{"rows": undo, "seq": t.seq}); err != nil {
		return err
	}
	return graph.CycleError(graph.CycleEnds(path, added), len(path))
}

// cycleCandidates are the new edges that can lie on a cycle: something came from their
// effect and their cause came from something, by an old edge or by another candidate.
// An import of new history has none. It removes the edges that cannot lie on one, then
// those that depended on them, each edge once.
func cycleCandidates(newEdges []*graph.Edge, ends map[registry.ID]*endpoint) (keep []*graph.Edge) {
	in, out := map[registry.ID][]*graph.Edge{}, map[registry.ID][]*graph.Edge{}
	ins, outs := map[registry.ID]int{}, map[registry.ID]int{}
	for _, e := range newEdges {
		in[e.To], out[e.From] = append(in[e.To], e), append(out[e.From], e)
		ins[e.To]++
		outs[e.From]++
	}
	gone := make(map[*graph.Edge]bool, len(newEdges))
	for todo := slices.Clone(newEdges); len(todo) > 0; {
		e := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if gone[e] || (ends[e.From].effects || ins[e.From] > 0) && (ends[e.To].causes || outs[e.To] > 0) {
			continue
		}
		gone[e] = true
		if ins[e.To]--; ins[e.To] == 0 {
			todo = append(todo, out[e.To]...)
		}
		if outs[e.From]--; outs[e.From] == 0 {
			todo = append(todo, in[e.From]...)
		}
	}
	for _, e := range newEdges {
		if !gone[e] {
			keep = append(keep, e)
		}
	}
	return keep
}

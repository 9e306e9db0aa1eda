package neo4j

import (
	"cmp"
	"context"
	"slices"

	"pedigree/graph"
	"pedigree/registry"
)

// innerEdgesText reads the edges between reached nodes.
func (l asOf) innerEdgesText() string {
	return "UNWIND $keys AS key MATCH (n:Node {key: key})-[r]->(f) USING INDEX SEEK n:Node(key) WHERE f.key IN $held AND " + edgeValidOfTypes +
		"\nRETURN n.id AS from, f.id AS to, " + edgeColumns
}

// deepText finds nodes with far ends that were not reached. It stops at the first one
// of each node.
func (l asOf) deepText(d graph.Direction, p edgePattern) string {
	return "UNWIND $keys AS key MATCH (n:Node {key: key}) USING INDEX SEEK n:Node(key)\nCALL { WITH n MATCH " + arrow(d, "n", "r"+p.types, "f") +
		" WHERE NOT f.key IN $held AND " + edgeValid + p.and() + "\n" + l.visibleText("f", "w") + "RETURN true AS deep LIMIT 1 }\nRETURN n.id AS id"
}

// loadResult reads the nodes, the edges between them, and which nodes were cut.
func (w *walker) loadResult(ctx context.Context) error {
	if len(w.reached) == 0 {
		return nil
	}
	ids := make([]registry.ID, len(w.reached))
	numbers := make(map[registry.ID]int64, len(w.reached))
	for i, h := range w.reached {
		ids[i], numbers[h.id] = h.id, h.number
	}
	nodes, err := w.loadNodes(ctx, ids)
	if err != nil {
		return err
	}
	for _, h := range w.reached {
		if n := nodes[h.id]; n != nil {
			w.out.Nodes = append(w.out.Nodes, graph.ClosureNode{Node: n, Depth: h.depth})
		}
	}
	keys := keysOf(w.view, ids)
	for part := range slices.Chunk(keys, batch) {
		rows, err := w.query(ctx, w.asOf.innerEdgesText(), w.asOf.with(map[string]any{"keys": part, "held": keys, "types": w.types}))
		if err != nil {
			return err
		}
		for _, r := range rows {
			w.out.Edges = append(w.out.Edges, edgeOf(r, registry.ID(text(r, "from")), registry.ID(text(r, "to"))))
		}
	}
	slices.SortFunc(w.out.Edges, func(a, b graph.Edge) int {
		return cmp.Or(cmp.Compare(numbers[a.From], numbers[b.From]), cmp.Compare(numbers[a.To], numbers[b.To]), cmp.Compare(a.Kind, b.Kind))
	})
	return w.findCut(ctx, keys)
}

// findCut finds the nodes with far ends that were not taken: at Depth, and where the walk
// ended early.
func (w *walker) findCut(ctx context.Context, all []string) error {
	var candidates []registry.ID
	early := w.out.LimitReached || w.out.TimedOut
	for _, h := range w.reached {
		if h.depth == w.q.Depth || early && w.through(h) {
			candidates = append(candidates, h.id)
		}
	}
	cut := map[registry.ID]bool{}
	for part := range slices.Chunk(candidates, batch) {
		rows, err := w.query(ctx, w.asOf.deepText(w.q.Direction, neighborPattern(w.q.Edges)), w.asOf.with(map[string]any{"keys": keysOf(w.view, part), "held": all, "types": w.types}))
		if err != nil {
			return err
		}
		for _, r := range rows {
			cut[registry.ID(text(r, "id"))] = true
		}
	}
	for _, h := range w.reached {
		switch {
		case !cut[h.id]:
		case h.depth == w.q.Depth:
			w.out.CutAtDepth = append(w.out.CutAtDepth, h.id)
		default:
			w.out.CutEarly = append(w.out.CutEarly, h.id)
		}
	}
	return nil
}

// loadNodes reads the nodes of the answer. It reads a node that was put again after the
// walk's head as it was at that head.
func (w *walker) loadNodes(ctx context.Context, ids []registry.ID) (map[registry.ID]*graph.Node, error) {
	all := make(map[registry.ID]*graph.Node, len(ids))
	for part := range slices.Chunk(ids, batch) {
		nodes, err := w.nodes(ctx, w.asOf, part, w.q.Bare)
		if err != nil {
			return nil, err
		}
		var newer []registry.ID
		for _, id := range part {
			if n := nodes[id]; n == nil || !w.holdsLock && n.RecordedSeq > w.pinned {
				newer = append(newer, id)
			}
			all[id] = nodes[id]
		}
		if len(newer) == 0 {
			continue
		}
		then := w.asOf
		then.revisions = true
		if nodes, err = w.nodes(ctx, then, newer, w.q.Bare); err != nil {
			return nil, err
		}
		for _, id := range newer {
			all[id] = nodes[id]
		}
	}
	for _, n := range all {
		if n != nil {
			n.Served = registry.ServedUnknown // A walk does not tell.
		}
	}
	return all, nil
}

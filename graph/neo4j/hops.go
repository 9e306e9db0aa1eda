package neo4j

import (
	"context"
	"slices"

	"pedigree/graph"
	"pedigree/registry"
)

// edgeSeen is what must hold of an edge at the lens's instant.
const edgeSeen = "r.recorded_seq <= $known AND (r.retracted_seq = 0 OR r.retracted_seq > $known) AND " +
	"r.valid_from <= $valid AND (r.valid_to = 0 OR r.valid_to > $ended) AND type(r) IN $types"

// arrow is the pattern of one hop, or of several, from one alias to another.
func arrow(d graph.Direction, from, rel, to string) string {
	if d == graph.Downstream {
		return "(" + from + ")<-[" + rel + "]-(" + to + ")"
	}
	return "(" + from + ")-[" + rel + "]->(" + to + ")"
}

// hopText reads the first far ends of nodes. The kinds asked for are a parameter,
// so that the number of plans stays small.
func (l lens) hopText(d graph.Direction, columns string) string {
	return "UNWIND $keys AS key MATCH (n:Node {key: key}) USING INDEX n:Node(key)\n" + l.seen("n", "near") +
		"CALL { WITH n MATCH " + arrow(d, "n", "r", "f") + " WHERE " + edgeSeen + " AND f.number > $after\n" + l.seen("f", "w") +
		"RETURN r, f, w ORDER BY f.number, type(r) LIMIT $cap }\n" +
		"RETURN n.id AS of, " + columns + " ORDER BY n.number, f.number, type(r)"
}

// degreeText counts all far ends of nodes.
func (l lens) degreeText(d graph.Direction) string {
	return "UNWIND $keys AS key MATCH (n:Node {key: key}) USING INDEX n:Node(key)\n" + l.seen("n", "near") +
		"MATCH " + arrow(d, "n", "r", "f") + " WHERE " + edgeSeen + "\n" + l.seen("f", "w") +
		"RETURN n.id AS of, count(*) AS degree"
}

const edgeColumns = "type(r) AS kind, r.valid_from AS valid_from, r.valid_to AS valid_to, r.recorded_seq AS recorded_seq, " +
	"r.retracted_seq AS retracted_seq, r.by AS by"

// checkWalk refuses a direction or edge kind that there is not.
func checkWalk(d graph.Direction, kinds []registry.EdgeKind) error {
	if d != graph.Upstream && d != graph.Downstream {
		return registry.Invalid("direction", "must be UPSTREAM or DOWNSTREAM")
	}
	for _, k := range kinds {
		if !slices.Contains(registry.EdgeKinds(), k) {
			return registry.Invalid("edges", "names an edge kind that there is not; use some of %v", registry.EdgeKinds())
		}
	}
	return nil
}

// typesAsked is the parameter of the kinds asked for.
func typesAsked(kinds []registry.EdgeKind) []string {
	if len(kinds) == 0 {
		kinds = registry.EdgeKinds()
	}
	return stringsOf(kinds)
}

// Neighbors returns one hop as of the Update so far.
func (v *view) Neighbors(ctx context.Context, q graph.HopQuery) ([]graph.Hops, error) {
	if err := checkWalk(q.Direction, q.Edges); err != nil {
		return nil, err
	}
	if q.Cap < 1 {
		return nil, registry.Invalid("cap", "must be 1 or more")
	}
	out := make([]graph.Hops, len(q.IDs))
	at := map[registry.ID]*graph.Hops{}
	for i, id := range q.IDs {
		out[i].Of = id
		if at[id] == nil {
			at[id] = &out[i]
		}
	}
	if len(out) == 0 {
		return out, nil
	}
	l := lensOf(q.At)
	params := l.with(map[string]any{"keys": distinct(keysOf(v, q.IDs)), "types": typesAsked(q.Edges), "after": q.After, "cap": capped(q.Cap)})
	rows, err := v.query(ctx, l.hopText(q.Direction, edgeColumns+", "+projection("w", "f", q.Bare)+" AS node"), params)
	if err != nil {
		return nil, err
	}
	for _, r := range rows {
		takeHop(at[registry.ID(text(r, "of"))], r, q)
	}
	if q.Count {
		if rows, err = v.query(ctx, l.degreeText(q.Direction), params); err != nil {
			return nil, err
		}
		for _, r := range rows {
			at[registry.ID(text(r, "of"))].Degree = number(r, "degree")
		}
	}
	for i, id := range q.IDs {
		if at[id] != &out[i] {
			out[i] = *at[id]
		}
	}
	return out, nil
}

// capped is one more than a cap, which tells whether it cuts.
func capped(n int) int64 {
	if planted == bugCap {
		return int64(n) - 1
	}
	return int64(n) + 1
}

// takeHop adds a row to the answer of its node, up to the cap.
func takeHop(h *graph.Hops, r row, q graph.HopQuery) {
	if len(h.Edges) == q.Cap {
		h.More = true
		return
	}
	n := nodeOf(r["node"].(map[string]any), q.Bare)
	from, to := h.Of, n.ID
	if q.Direction == graph.Downstream {
		from, to = to, from
	}
	h.Edges = append(h.Edges, edgeOf(r, from, to))
	h.Nodes = append(h.Nodes, n)
}

package neo4j

import (
	"context"
	"maps"
	"slices"

	"pedigree/graph"
	"pedigree/registry"
)

// edgeValid is the condition on an edge at an instant; edgeValidOfTypes also on its
// kind.
const (
	edgeValid = "r.recorded_seq <= $known AND (r.retracted_seq = 0 OR r.retracted_seq > $known) AND " +
		"r.valid_from <= $valid AND (r.valid_to = 0 OR r.valid_to > $ended)"
	edgeValidOfTypes = edgeValid + " AND type(r) IN $types"
)

// arrow is the pattern of one hop, or of several, from one alias to another.
func arrow(d graph.Direction, from, rel, to string) string {
	if d == graph.Downstream {
		return "(" + from + ")<-[" + rel + "]-(" + to + ")"
	}
	return "(" + from + ")-[" + rel + "]->(" + to + ")"
}

// maxPatternKinds is the maximum number of kinds in the pattern of a hop. More kinds
// are a parameter, so that the number of plans stays small.
const maxPatternKinds = 3

// neighborPattern is the pattern of a hop's edges. Of a hub, the server then reads only
// edges of the kinds in the pattern.
func neighborPattern(kinds []registry.EdgeKind) edgePattern {
	var asked []registry.EdgeKind
	for _, k := range registry.EdgeKinds() {
		if slices.Contains(kinds, k) {
			asked = append(asked, k)
		}
	}
	switch n := len(asked); {
	case n == 0 || n == len(registry.EdgeKinds()):
		return edgePattern{}
	case n > maxPatternKinds:
		return edgePattern{where: "type(r) IN $types"}
	case n == 1:
		return edgePattern{types: ":" + string(asked[0]), single: true}
	}
	return stagePattern(asked)
}

// and is the pattern's condition, to follow another one.
func (p edgePattern) and() string {
	if p.where == "" {
		return ""
	}
	return " AND " + p.where
}

// order is the order of far ends.
func (p edgePattern) order() string {
	if p.single {
		return "f.number"
	}
	return "f.number, type(r)"
}

// neighborQuery has the parts of a query for neighbors: which edges, and the columns of
// each.
type neighborQuery struct {
	asOf
	edgePattern
	direction graph.Direction
	columns   string
}

func (h neighborQuery) match() string { return "MATCH " + arrow(h.direction, "n", "r"+h.types, "f") }

// startText reads the nodes whose neighbors are asked for.
func (h neighborQuery) startText() string {
	return "UNWIND $keys AS key MATCH (n:Node {key: key}) USING INDEX SEEK n:Node(key)\n" + h.visibleText("n", "near")
}

// boundedText tries the first $tries edges by the number of their far ends, and returns
// the visible ones and how many it tried. Of most edges of a hub, it reads only that
// number.
func (h neighborQuery) boundedText() string {
	far := "endNode(r)"
	if h.direction == graph.Downstream {
		far = "startNode(r)"
	}
	return h.startText() + "CALL { WITH n " + h.match() + " WHERE f.number > $after" + h.and() +
		" WITH r, f ORDER BY " + h.order() + " LIMIT $tries RETURN collect(r) AS tried }\n" +
		h.collectText("UNWIND tried AS r WITH r, "+far+" AS f WHERE "+edgeValid, "size(tried)")
}

// completeText returns the first visible edges. It reads all edges of the nodes.
func (h neighborQuery) completeText() string {
	return h.startText() + h.collectText(h.match()+" WHERE f.number > $after"+h.and()+" AND "+edgeValid, "0")
}

// collectText ends a query for neighbors: one row for each node.
func (h neighborQuery) collectText(found, tried string) string {
	return "RETURN n.id AS of, " + tried + " AS tried, COLLECT { " + found + "\n" + h.visibleText("f", "w") +
		"WITH r, f, w ORDER BY " + h.order() + " LIMIT $cap RETURN {" + h.columns + "} } AS hops ORDER BY n.number"
}

// rowsText is completeText with a row for each edge: as one row, many thousands of
// edges would exceed the server's memory for a query.
func (h neighborQuery) rowsText() string {
	return h.startText() + "CALL { WITH n " + h.match() + " WHERE f.number > $after" + h.and() + " AND " + edgeValid + "\n" + h.visibleText("f", "w") +
		"RETURN r, f, w ORDER BY " + h.order() + " LIMIT $cap }\n" +
		"RETURN n.id AS of, {" + h.columns + "} AS hop ORDER BY n.number, " + h.order()
}

// degreeText counts the far ends of nodes, at most so many of each.
func (h neighborQuery) degreeText() string {
	if h.valid == maxInstant { // Without a filter by validity, both ends of an edge exist as soon as it does.
		h.revisions = false
	}
	return h.startText() + "CALL { WITH n " + h.match() + " WHERE " + edgeValid + h.and() + "\n" + h.visibleText("f", "w") + "WITH f LIMIT $count RETURN count(*) AS degree }\nRETURN n.id AS of, degree"
}

const (
	edgeColumns = "type(r) AS kind, r.valid_from AS valid_from, r.valid_to AS valid_to, r.recorded_seq AS recorded_seq, " +
		"r.retracted_seq AS retracted_seq, r.by AS by"
	// edgeMap is the same as a map.
	edgeMap = "kind: type(r), valid_from: r.valid_from, valid_to: r.valid_to, recorded_seq: r.recorded_seq, " +
		"retracted_seq: r.retracted_seq, by: r.by"
)

// maxCollected is the maximum number of neighbors of a node in one row.
const maxCollected = 2000

// neighborRows reads neighbors when one row could be too long.
func (v *view) neighborRows(ctx context.Context, h neighborQuery, params map[string]any) (out []row, err error) {
	rows, err := v.query(ctx, h.rowsText(), params)
	for _, r := range rows {
		if n := len(out); n == 0 || out[n-1]["of"] != r["of"] {
			out = append(out, row{"of": r["of"], "hops": []any{}})
		}
		last := out[len(out)-1]
		last["hops"] = append(last["hops"].([]any), r["hop"])
	}
	return out, err
}

// neighborsByNumber returns the first $cap neighbors of each node by number. When too
// few of the tried edges are visible, it reads all edges of that node.
func (v *view) neighborsByNumber(ctx context.Context, h neighborQuery, params map[string]any) ([]row, error) {
	most := params["cap"].(int64)
	if most > maxCollected {
		return v.neighborRows(ctx, h, params)
	}
	tries := most + min(most, 1000)/2
	params["tries"] = tries
	rows, err := v.query(ctx, h.boundedText(), params)
	if err != nil {
		return nil, err
	}
	short := map[registry.ID]int{}
	for i, r := range rows {
		if number(r, "tried") == tries && int64(len(r["hops"].([]any))) < most {
			short[registry.ID(text(r, "of"))] = i
		}
	}
	if len(short) == 0 {
		return rows, nil
	}
	params["keys"] = keysOf(v, slices.Collect(maps.Keys(short)))
	again, err := v.query(ctx, h.completeText(), params)
	for _, r := range again {
		// A node that was put in between is in the first answer too.
		if i, ok := short[registry.ID(text(r, "of"))]; ok {
			rows[i] = r
		}
	}
	return rows, err
}

// checkDirectionAndKinds refuses an unknown direction or edge kind.
func checkDirectionAndKinds(d graph.Direction, kinds []registry.EdgeKind) error {
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

// typesParam is the parameter of the edge kinds asked for.
func typesParam(kinds []registry.EdgeKind) []string {
	if len(kinds) == 0 {
		kinds = registry.EdgeKinds()
	}
	return stringsOf(kinds)
}

// Neighbors returns one hop as of the Update so far.
func (v *view) Neighbors(ctx context.Context, q graph.NeighborQuery) ([]graph.Neighbors, error) {
	if err := checkDirectionAndKinds(q.Direction, q.Edges); err != nil {
		return nil, err
	}
	if q.LimitPerNode < 1 {
		return nil, registry.Invalid("cap", "must be 1 or more")
	}
	out := make([]graph.Neighbors, len(q.IDs))
	at := map[registry.ID]*graph.Neighbors{}
	for i, id := range q.IDs {
		out[i].NodeID = id
		if at[id] == nil {
			at[id] = &out[i]
		}
	}
	if len(out) == 0 {
		return out, nil
	}
	keys := distinct(keysOf(v, q.IDs))
	h := neighborQuery{asOfInstant(q.At), neighborPattern(q.Edges), q.Direction, edgeMap + ", node: " + projection("w", "f", q.Bare)}
	params := h.with(map[string]any{"keys": keys, "types": typesParam(q.Edges), "after": q.After, "cap": capPlusOne(q.LimitPerNode)})
	rows, err := v.neighborsByNumber(ctx, h, params)
	if err != nil {
		return nil, err
	}
	for _, r := range rows {
		for _, found := range r["hops"].([]any) {
			addNeighbor(at[registry.ID(text(r, "of"))], found.(row), q)
		}
	}
	if q.Count {
		params["keys"], params["count"] = keys, int64(maxInstant)
		if q.CountLimit > 0 {
			params["count"] = q.CountLimit
		}
		if rows, err = v.query(ctx, h.degreeText(), params); err != nil {
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

// capPlusOne is one more than a cap, to see whether the cap cuts.
func capPlusOne(n int) int64 {
	if injectedBug == bugCap {
		return int64(n) - 1
	}
	return int64(n) + 1
}

// addNeighbor adds a row to the answer of its node, up to the cap.
func addNeighbor(h *graph.Neighbors, r row, q graph.NeighborQuery) {
	if len(h.Edges) == q.LimitPerNode {
		h.More = true
		return
	}
	n := nodeOf(r["node"].(map[string]any), q.Bare)
	from, to := h.NodeID, n.ID
	if q.Direction == graph.Downstream {
		from, to = to, from
	}
	h.Edges = append(h.Edges, edgeOf(r, from, to))
	h.Nodes = append(h.Nodes, n)
}

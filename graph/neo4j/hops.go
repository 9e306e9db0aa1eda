package neo4j

import (
	"context"
	"maps"
	"slices"

	"pedigree/graph"
	"pedigree/registry"
)

// edgeStands is what must hold of an edge at the lens's instant, edgeSeen of one of
// the kinds asked for.
const (
	edgeStands = "r.recorded_seq <= $known AND (r.retracted_seq = 0 OR r.retracted_seq > $known) AND " +
		"r.valid_from <= $valid AND (r.valid_to = 0 OR r.valid_to > $ended)"
	edgeSeen = edgeStands + " AND type(r) IN $types"
)

// arrow is the pattern of one hop, or of several, from one alias to another.
func arrow(d graph.Direction, from, rel, to string) string {
	if d == graph.Downstream {
		return "(" + from + ")<-[" + rel + "]-(" + to + ")"
	}
	return "(" + from + ")-[" + rel + "]->(" + to + ")"
}

// hopKinds is how many kinds the pattern of a hop names at most: more are a
// parameter, so that the number of plans stays small.
const hopKinds = 3

// hopPattern is the pattern of a hop's edges: of a hub, only those of the kinds that
// it names are read.
func hopPattern(kinds []registry.EdgeKind) pattern {
	var asked []registry.EdgeKind
	for _, k := range registry.EdgeKinds() {
		if slices.Contains(kinds, k) {
			asked = append(asked, k)
		}
	}
	switch n := len(asked); {
	case n == 0 || n == len(registry.EdgeKinds()):
		return pattern{}
	case n > hopKinds:
		return pattern{where: "type(r) IN $types"}
	case n == 1:
		return pattern{types: ":" + string(asked[0]), one: true}
	}
	return stagePattern(asked)
}

// and is the pattern's condition behind another.
func (p pattern) and() string {
	if p.where == "" {
		return ""
	}
	return " AND " + p.where
}

// order is that of far ends.
func (p pattern) order() string {
	if p.one {
		return "f.number"
	}
	return "f.number, type(r)"
}

// hop is what a text of hops is made of: which edges, and what is told of them.
type hop struct {
	lens
	pattern
	d       graph.Direction
	columns string
}

func (h hop) match() string { return "MATCH " + arrow(h.d, "n", "r"+h.types, "f") }

// near reads the nodes that hops are asked of.
func (h hop) near() string {
	return "UNWIND $keys AS key MATCH (n:Node {key: key}) USING INDEX n:Node(key)\n" + h.seen("n", "near")
}

// firstText tries the first $tries edges by the number of their far ends, and tells
// of how many there were those that are seen: of a hub's edges, most are read no
// further than to that number.
func (h hop) firstText() string {
	far := "endNode(r)"
	if h.d == graph.Downstream {
		far = "startNode(r)"
	}
	return h.near() + "CALL { WITH n " + h.match() + " WHERE f.number > $after" + h.and() +
		" WITH r, f ORDER BY " + h.order() + " LIMIT $tries RETURN collect(r) AS tried }\n" +
		h.told("UNWIND tried AS r WITH r, "+far+" AS f WHERE "+edgeStands, "size(tried)")
}

// hopText tells the first edges that are seen, which reads all that there are.
func (h hop) hopText() string {
	return h.near() + h.told(h.match()+" WHERE f.number > $after"+h.and()+" AND "+edgeStands, "0")
}

// told ends a text of hops: a row for each node.
func (h hop) told(found, tried string) string {
	return "RETURN n.id AS of, " + tried + " AS tried, COLLECT { " + found + "\n" + h.seen("f", "w") +
		"WITH r, f, w ORDER BY " + h.order() + " LIMIT $cap RETURN {" + h.columns + "} } AS hops ORDER BY n.number"
}

// longText is hopText with a row for each edge: as one row, many thousands would be
// more than the server holds for a query.
func (h hop) longText() string {
	return h.near() + "CALL { WITH n " + h.match() + " WHERE f.number > $after" + h.and() + " AND " + edgeStands + "\n" + h.seen("f", "w") +
		"RETURN r, f, w ORDER BY " + h.order() + " LIMIT $cap }\n" +
		"RETURN n.id AS of, {" + h.columns + "} AS hop ORDER BY n.number, " + h.order()
}

// degreeText counts all far ends of nodes.
func (h hop) degreeText() string {
	return h.near() + h.match() + " WHERE " + edgeStands + h.and() + "\n" + h.seen("f", "w") + "RETURN n.id AS of, count(*) AS degree"
}

const (
	edgeColumns = "type(r) AS kind, r.valid_from AS valid_from, r.valid_to AS valid_to, r.recorded_seq AS recorded_seq, " +
		"r.retracted_seq AS retracted_seq, r.by AS by"
	// hopColumns are the same of a hop.
	hopColumns = "kind: type(r), valid_from: r.valid_from, valid_to: r.valid_to, recorded_seq: r.recorded_seq, " +
		"retracted_seq: r.retracted_seq, by: r.by"
)

// longCap is how many hops of a node one row tells at most.
const longCap = 2000

// long asks for hops of nodes where a row could be too long.
func (v *view) long(ctx context.Context, h hop, params map[string]any) (out []row, err error) {
	rows, err := v.query(ctx, h.longText(), params)
	for _, r := range rows {
		if n := len(out); n == 0 || out[n-1]["of"] != r["of"] {
			out = append(out, row{"of": r["of"], "hops": []any{}})
		}
		last := out[len(out)-1]
		last["hops"] = append(last["hops"].([]any), r["hop"])
	}
	return out, err
}

// hops asks for hops of nodes by number: the first $cap of each. Where too many of
// those tried are not seen, all edges of that node are looked at.
func (v *view) hops(ctx context.Context, h hop, params map[string]any) ([]row, error) {
	most := params["cap"].(int64)
	if most > longCap {
		return v.long(ctx, h, params)
	}
	tries := most + min(most, 1000)/2
	params["tries"] = tries
	rows, err := v.query(ctx, h.firstText(), params)
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
	again, err := v.query(ctx, h.hopText(), params)
	for _, r := range again {
		// One that is put in between has its row in the first answer too.
		if i, ok := short[registry.ID(text(r, "of"))]; ok {
			rows[i] = r
		}
	}
	return rows, err
}

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
	keys := distinct(keysOf(v, q.IDs))
	h := hop{lensOf(q.At), hopPattern(q.Edges), q.Direction, hopColumns + ", node: " + projection("w", "f", q.Bare)}
	params := h.with(map[string]any{"keys": keys, "types": typesAsked(q.Edges), "after": q.After, "cap": capped(q.Cap)})
	rows, err := v.hops(ctx, h, params)
	if err != nil {
		return nil, err
	}
	for _, r := range rows {
		for _, found := range r["hops"].([]any) {
			takeHop(at[registry.ID(text(r, "of"))], found.(row), q)
		}
	}
	if q.Count {
		params["keys"] = keys
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

package neo4j

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"

	"pedigree/graph"
	"pedigree/registry"
)

// Most questions are about a small part of the graph, and the way to the server
// and back is most of their time. So all that could belong to the answer is
// gathered in one query that returns one row, since rows cost too: the head, the
// nodes that are within reach, and the edges that lead on from them, for the walk
// and for each of its stages. The walk itself, with its bounds, is then done here,
// over what was gathered. Where there is more than onceNodes or onceEdges, or a
// node was put again after the head, the walks ask level by level instead.

// onceNodes and onceEdges are how much one walk gathers.
const (
	onceNodes = 256
	onceEdges = 2048
	// onceRoots is how many roots are searched from.
	onceRoots = 20
)

// onceDepths are the depths of onceText for a walk and for its stages: few, so that
// the texts are. One too deep gathers more than it needs; one of less than 2 the
// planner does not prune.
var onceDepths, stageDepths = []int{2, 3, 5, 10, 20, 50}, []int{2, 20}

func depthOf(depths []int, depth int) string {
	for _, d := range depths {
		if depth <= d {
			return strconv.Itoa(d)
		}
	}
	return ""
}

// edgeThere is edgeSeen at the head that the query read, which keeps what it
// gathers to one moment.
func edgeThere(types string) string {
	return "r.recorded_seq <= known AND (r.retracted_seq = 0 OR r.retracted_seq > known) AND " +
		"r.valid_from <= $valid AND (r.valid_to = 0 OR r.valid_to > $ended)" + types
}

// typesOf are the kinds of a stage's edges as a pattern has them. Stages are few
// and ask for few kinds, which a hub finds without reading its other edges.
func typesOf(kinds []registry.EdgeKind) string {
	return ":" + strings.Join(typesAsked(kinds), "|")
}

// reachText gathers nodes from those of alias a, each once and in no order: only so
// the planner prunes.
func reachText(d graph.Direction, types, depth, there string) string {
	return "MATCH p = " + arrow(d, "a", types+"*0.."+depth, "f") + " WHERE all(r IN relationships(p) WHERE " + there + ")\n"
}

// arcText gathers the edges that lead on from nodes, to far ends that are seen.
// Nodes of kinds that have none are not asked.
func arcText(i string, d graph.Direction, types, there string) string {
	return "COLLECT { UNWIND n" + i + " AS f WITH f WHERE f.kind IN $near" + i + " MATCH " + arrow(d, "f", "r"+types, "t") + " WHERE " + there +
		" AND t.valid_from <= $valid AND t.created_seq <= known RETURN " + onceEdge + " LIMIT $edges }"
}

// onceText is the query of a walk and its stages.
func onceText(q graph.ClosureQuery) string {
	const types = " AND type(r) IN $types"
	var b strings.Builder
	b.WriteString("MATCH (h:Head {key: $head}) USING INDEX h:Head(key)\n" +
		"WITH h.seq AS head, CASE WHEN $own THEN $known ELSE h.seq END AS known\n" +
		"UNWIND $keys AS key MATCH (a:Node {key: key}) USING INDEX a:Node(key) WHERE a.valid_from <= $valid AND a.created_seq <= known\n" +
		reachText(q.Direction, "", depthOf(onceDepths, q.Depth), edgeThere(types)) +
		"WITH DISTINCT head, known, f LIMIT $nodes\nWITH head, known, collect(f) AS n0\n")
	out := "RETURN head, " + onceNode("0", q.Bare) + ", " + arcText("0", q.Direction, "", edgeThere(types))
	held := "n0"
	for i, s := range q.Then {
		before, this := strconv.Itoa(i), strconv.Itoa(i+1)
		kinds := typesOf(s.Edges)
		b.WriteString("WITH head, known, " + held + ", COLLECT { UNWIND n" + before + " AS a WITH a WHERE a.kind = $from" + this + " " +
			reachText(s.Direction, kinds, depthOf(stageDepths, s.Depth), edgeThere("")) + "WITH DISTINCT f LIMIT $nodes RETURN f } AS n" + this + "\n")
		held += ", n" + this
		out += ",\n" + onceNode(this, q.Bare) + ", " + arcText(this, s.Direction, kinds, edgeThere(""))
	}
	return b.String() + out
}

// once answers in one query; false where that is not sure to be the whole answer.
func (v *view) once(ctx, work context.Context, q graph.ClosureQuery) (graph.Closure, bool, error) {
	l := lensOf(q.At)
	if len(q.Roots) == 0 || len(q.Roots) > onceRoots || l.past || v.s.way != anyWay || ctx.Err() != nil {
		return graph.Closure{}, false, nil
	}
	params := l.with(map[string]any{"head": v.key(""), "own": v.own, "keys": distinct(keysOf(v, q.Roots)), "types": typesAsked(q.Edges),
		"near0": stringsOf(graph.NearKinds(q.Direction, q.Edges)), "nodes": int64(onceNodes), "edges": int64(onceEdges)})
	for i, s := range q.Then {
		n := strconv.Itoa(i + 1)
		params["from"+n], params["near"+n] = string(s.From), stringsOf(graph.NearKinds(s.Direction, s.Edges))
	}
	records, err := v.records(work, onceText(q), params)
	if err != nil || len(records) != 1 {
		return graph.Closure{}, false, err // No row: none of the roots is there.
	}
	values := records[0].Values
	head := values[0].(int64)
	if v.own {
		head = v.head
	}
	g := gathered{head: head, nodes: map[int64]*graph.Node{}}
	var parts [][]arc
	for i := 1; i+1 < len(values); i += 2 {
		arcs, ok := g.take(values[i].([]any), values[i+1].([]any), q.Bare)
		if !ok {
			return graph.Closure{}, false, nil
		}
		parts = append(parts, arcs)
	}
	out, ok := g.answer(q, parts)
	return out, ok, nil
}

// gathered is what a query gathered.
type gathered struct {
	head  int64
	nodes map[int64]*graph.Node
}

// arc is an edge by the numbers of its ends.
type arc struct {
	near, far int64
	kind      registry.EdgeKind
	values    []any
}

// take reads the nodes and arcs of one walk; false where they are not all, or not
// as they were at the head.
func (g *gathered) take(nodes, arcs []any, bare bool) ([]arc, bool) {
	if len(nodes) >= onceNodes || len(arcs) >= onceEdges {
		return nil, false
	}
	for _, values := range nodes {
		n := nodeFrom(values.([]any), bare)
		if n.RecordedSeq > g.head {
			return nil, false
		}
		if g.nodes[n.Number] == nil {
			g.nodes[n.Number] = n
		}
	}
	out := make([]arc, len(arcs))
	for i, l := range arcs {
		values := l.([]any)
		out[i] = arc{near: values[0].(int64), far: values[1].(int64), kind: registry.EdgeKind(values[2].(string)), values: values}
	}
	slices.SortFunc(out, func(a, b arc) int {
		return cmp.Or(cmp.Compare(a.near, b.near), cmp.Compare(a.far, b.far), cmp.Compare(a.kind, b.kind))
	})
	return out, true
}

// answer walks, and then each stage; false where a node is missing.
func (g *gathered) answer(q graph.ClosureQuery, parts [][]arc) (graph.Closure, bool) {
	asked := map[registry.ID]bool{}
	for _, id := range q.Roots {
		asked[id] = true
	}
	var roots []int64
	for number, n := range g.nodes {
		// A node that is reached may be asked for too, and not be there yet.
		if asked[n.ID] && (q.At.Valid.IsZero() || !n.ValidFrom.After(q.At.Valid)) {
			roots = append(roots, number)
		}
	}
	out, ok := g.walk(q, roots, parts[0])
	last := &out
	for i, s := range q.Then {
		roots = nil
		for _, n := range last.OfKind(s.From) {
			roots = append(roots, n.Number)
		}
		next, whole := g.walk(s.Query(q, nil), roots, parts[i+1])
		out.Then = append(out.Then, next)
		last, ok = &next, ok && whole
	}
	return out, ok
}

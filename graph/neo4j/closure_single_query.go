package neo4j

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"pedigree/graph"
	"pedigree/registry"
)

// Most questions are about a small part of the graph, and the round trip to the server
// is most of their time. So one query reads all that could belong to the answer, as one
// row, because rows cost too: the head, the nodes within reach, and the edges that lead
// on from them, packed, for the walk and for each of its stages. The walk itself, with
// its bounds and its instant, then runs here, over that subgraph. The walks ask level
// by level instead when there are more than singleQueryNodes or singleQueryEdges, or
// when a node of the answer was put again after the head.

// singleQueryNodes and singleQueryEdges are the most that one walk reads.
const (
	singleQueryNodes = 256
	singleQueryEdges = 2048
	// singleQueryRoots is the maximum number of roots.
	singleQueryRoots = 20
)

// singleQueryDepths are the depths of singleQueryText for a walk, stageDepths those for
// its stages. All are greater than the walk's own depth, so that the far ends of its
// last nodes are read too. They are few, so that the texts and their plans are few. The
// planner does not prune at a depth of less than 2.
var singleQueryDepths, stageDepths = []int{2, 3, 4, 6, 11, 21, 51}, []int{3, 21}

func depthBound(depths []int, depth int) string {
	for _, d := range depths {
		if depth < d {
			return strconv.Itoa(d)
		}
	}
	return ""
}

// edgePattern matches edges of some kinds in Cypher. Where there are few such patterns,
// the kinds are part of the pattern, and a hub's other edges are not read; else the
// kinds are a parameter.
type edgePattern struct {
	types, where string
	// single is true when there is one kind.
	single bool
}

// walkPattern is the pattern of a walk's edges: any kind, all but one kind, or a
// parameter.
func walkPattern(kinds []registry.EdgeKind) edgePattern {
	if n := len(kinds); n > 0 && n != len(registry.EdgeKinds())-1 {
		return edgePattern{where: "type(r) IN $types"}
	}
	return stagePattern(kinds)
}

// stagePattern is the pattern of a stage's edges. There are few different stages.
func stagePattern(kinds []registry.EdgeKind) edgePattern {
	if len(kinds) == 0 {
		return edgePattern{}
	}
	return edgePattern{types: ":" + strings.Join(stringsOf(kinds), "|")}
}

// nodesText finds the nodes reachable from alias a, each once and in no order: the
// planner prunes only then.
func (p edgePattern) nodesText(d graph.Direction, depth string) string {
	text := "MATCH p = " + arrow(d, "a", p.types+"*0.."+depth, "f")
	if p.where != "" {
		text += " WHERE all(r IN relationships(p) WHERE " + p.where + ")"
	}
	return text + "\n"
}

// resultText returns the nodes of a walk, their documents, and the edges that lead on
// from them. It leaves out edges that were retracted before the head; the walk sorts
// out the rest.
func (p edgePattern) resultText(i string, d graph.Direction, bare bool) string {
	docs, where := "null", p.where
	if !bare {
		docs = "[f IN n" + i + " | f.doc]"
	}
	if where != "" {
		where = " AND " + where
	}
	return "[f IN n" + i + " | f.packed] AS nodes" + i + ", " + docs + " AS docs" + i + ", COLLECT { UNWIND n" + i + " AS f MATCH " + arrow(d, "f", "r"+p.types, "") +
		" WHERE (r.retracted_seq = 0 OR r.retracted_seq > known)" + where + " RETURN r.packed LIMIT $edges } AS edges" + i
}

// singleQueryText is the query of a walk and its stages. It returns no row when the
// walk meets more than singleQueryNodes, because the result would not be used, nor when
// the walk is pinned to a head that is no longer the newest.
func singleQueryText(q graph.ClosureQuery) string {
	var b strings.Builder
	main := walkPattern(q.Edges)
	b.WriteString("MATCH (h:Head {key: $head}) USING INDEX SEEK h:Head(key) WHERE NOT $pinned OR h.seq <= $known\n" +
		"WITH CASE WHEN $own OR h.seq > $known THEN $known ELSE h.seq END AS known\n" +
		"UNWIND $keys AS key MATCH (a:Node {key: key}) USING INDEX SEEK a:Node(key)\n" + main.nodesText(q.Direction, depthBound(singleQueryDepths, q.Depth)) +
		"WITH DISTINCT known, f LIMIT $nodes\nWITH known, collect(f) AS n0 WHERE size(n0) < $nodes\n")
	out, carried := "RETURN known, "+main.resultText("0", q.Direction, q.Bare), "n0"
	for i, s := range q.Stages {
		before, this, p := strconv.Itoa(i), strconv.Itoa(i+1), stagePattern(s.Edges)
		b.WriteString("WITH known, " + carried + ", COLLECT { UNWIND n" + before + " AS a WITH a WHERE a.kind = $from" + this + " " +
			p.nodesText(s.Direction, depthBound(stageDepths, s.Depth)) + "WITH DISTINCT f LIMIT $nodes RETURN f } AS n" + this + "\n")
		carried += ", n" + this
		out += ",\n" + p.resultText(this, s.Direction, q.Bare)
	}
	return b.String() + out
}

// singleQueryClosure answers in one query. It returns false when that is not sure to be
// the whole answer.
func (v *view) singleQueryClosure(ctx, work context.Context, q graph.ClosureQuery) (graph.Closure, bool, error) {
	g := subgraph{asOf: asOfInstant(q.At), holdsLock: v.holdsLock, nodes: make(map[int64]*subgraphNode, 64)}
	// The query does not tell an Update's own writes from what came after an earlier head.
	earlier := g.asOf.bySince || g.asOf.revisions && v.holdsLock
	if len(q.Roots) == 0 || len(q.Roots) > singleQueryRoots || earlier || v.s.closureMethod != anyMethod || ctx.Err() != nil {
		return graph.Closure{}, false, nil
	}
	params := map[string]any{"head": v.key(""), "own": v.holdsLock, "pinned": g.asOf.revisions, "known": g.asOf.known, "keys": distinct(keysOf(v, q.Roots)), "types": typesParam(q.Edges),
		"nodes": int64(singleQueryNodes), "edges": int64(singleQueryEdges)}
	for i, s := range q.Stages {
		params["from"+strconv.Itoa(i+1)] = string(s.From)
	}
	values, err := v.runSingleQuery(work, singleQueryText(q), params)
	if err != nil || values == nil {
		return graph.Closure{}, false, err
	}
	if g.head = values[0].(int64); v.holdsLock {
		g.head = v.head
	}
	for i := 1; i+2 < len(values); i += 3 {
		docs, _ := values[i+1].([]any)
		if !g.addNodes(values[i].([]any), docs) {
			return graph.Closure{}, false, nil
		}
	}
	out, ok := g.closure(q, values)
	return out, ok, nil
}

// runSingleQuery runs the query, and runs it again when the head that it read was not
// yet visible as a whole. It returns nil when no root exists, or when there is too
// much.
func (v *view) runSingleQuery(ctx context.Context, text string, params map[string]any) ([]any, error) {
	for {
		records, err := v.records(ctx, text, params)
		if err != nil || len(records) != 1 {
			return nil, err
		}
		values := records[0].Values
		if v.holdsLock || !v.s.headTracker.waitVisible(ctx, values[0].(int64)) {
			return values, nil
		}
		params["known"] = values[0]
	}
}

// closure walks, then walks each stage. It returns false when something is missing.
func (g *subgraph) closure(q graph.ClosureQuery, values []any) (graph.Closure, bool) {
	var roots []int64
	for number, n := range g.nodes {
		// A node of the walk can also be a root, and not exist yet at the instant.
		if g.isVisible(n) && slices.Contains(q.Roots, n.ID) {
			roots = append(roots, number)
		}
	}
	all := true
	partOf := func(i int, d graph.Direction) graph.MemoryGraph {
		p, ok := g.walkOf(values[i].([]any), d)
		all = all && ok
		return p
	}
	out, whole := graph.ClosureInMemory(q, roots, partOf(3, q.Direction))
	out.Head = g.head
	if whole && all {
		whole = graph.StagesInMemory(q, &out, func(i int) graph.MemoryGraph { return partOf(6+3*i, q.Stages[i].Direction) })
	}
	return out, whole && all && !g.changed
}

package neo4j

import (
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
// and for each of its stages, packed. The walk itself, with its bounds and its
// instant, is then done here, over what was gathered. Where there is more than
// onceNodes or onceEdges, or a node of the answer was put again after the head, the
// walks ask level by level instead.

// onceNodes and onceEdges are how much one walk gathers.
const (
	onceNodes = 256
	onceEdges = 2048
	// onceRoots is how many roots are searched from.
	onceRoots = 20
)

// onceDepths are the depths of onceText for a walk and for its stages, all more than
// the walk's own, so that the far ends of its last nodes are gathered too. They are
// few, so that the texts are; one of less than 2 the planner does not prune.
var onceDepths, stageDepths = []int{2, 3, 4, 6, 11, 21, 51}, []int{3, 21}

func depthOf(depths []int, depth int) string {
	for _, d := range depths {
		if depth < d {
			return strconv.Itoa(d)
		}
	}
	return ""
}

// pattern is how a text tells edges of some kinds: in the pattern where there are few
// such texts, which a hub finds without reading its other edges, else by a
// parameter.
type pattern struct {
	types, where string
	// one tells that there is one kind.
	one bool
}

// patternOf is the pattern of a walk's edges: any, all but one kind, or a parameter.
func patternOf(kinds []registry.EdgeKind) pattern {
	if n := len(kinds); n > 0 && n != len(registry.EdgeKinds())-1 {
		return pattern{where: "type(r) IN $types"}
	}
	return stagePattern(kinds)
}

// stagePattern is the pattern of a stage's edges. Stages are few.
func stagePattern(kinds []registry.EdgeKind) pattern {
	if len(kinds) == 0 {
		return pattern{}
	}
	return pattern{types: ":" + strings.Join(stringsOf(kinds), "|")}
}

// reachText gathers nodes from alias a, each once and in no order: only so the
// planner prunes.
func (p pattern) reachText(d graph.Direction, depth string) string {
	text := "MATCH p = " + arrow(d, "a", p.types+"*0.."+depth, "f")
	if p.where != "" {
		text += " WHERE all(r IN relationships(p) WHERE " + p.where + ")"
	}
	return text + "\n"
}

// foundText tells the nodes of a walk, their documents, and the edges that lead on
// from them. Those of before the head that were retracted are left out; the rest is
// sorted out here.
func (p pattern) foundText(i string, d graph.Direction, bare bool) string {
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

// onceText is the query of a walk and its stages. Where the walk meets more than
// onceNodes it tells nothing, rather than what would not be used.
func onceText(q graph.ClosureQuery) string {
	var b strings.Builder
	main := patternOf(q.Edges)
	b.WriteString("MATCH (h:Head {key: $head}) USING INDEX h:Head(key)\n" +
		"WITH CASE WHEN $own OR h.seq > $known THEN $known ELSE h.seq END AS known\n" +
		"UNWIND $keys AS key MATCH (a:Node {key: key}) USING INDEX a:Node(key)\n" + main.reachText(q.Direction, depthOf(onceDepths, q.Depth)) +
		"WITH DISTINCT known, f LIMIT $nodes\nWITH known, collect(f) AS n0 WHERE size(n0) < $nodes\n")
	out, held := "RETURN known, "+main.foundText("0", q.Direction, q.Bare), "n0"
	for i, s := range q.Then {
		before, this, p := strconv.Itoa(i), strconv.Itoa(i+1), stagePattern(s.Edges)
		b.WriteString("WITH known, " + held + ", COLLECT { UNWIND n" + before + " AS a WITH a WHERE a.kind = $from" + this + " " +
			p.reachText(s.Direction, depthOf(stageDepths, s.Depth)) + "WITH DISTINCT f LIMIT $nodes RETURN f } AS n" + this + "\n")
		held += ", n" + this
		out += ",\n" + p.foundText(this, s.Direction, q.Bare)
	}
	return b.String() + out
}

// once answers in one query; false where that is not sure to be the whole answer.
func (v *view) once(ctx, work context.Context, q graph.ClosureQuery) (graph.Closure, bool, error) {
	g := gathered{lens: lensOf(q.At), own: v.own, nodes: make(map[int64]*found, 64)}
	if len(q.Roots) == 0 || len(q.Roots) > onceRoots || g.lens.past || v.s.way != anyWay || ctx.Err() != nil {
		return graph.Closure{}, false, nil
	}
	params := map[string]any{"head": v.key(""), "own": v.own, "known": g.lens.known, "keys": distinct(keysOf(v, q.Roots)), "types": typesAsked(q.Edges),
		"nodes": int64(onceNodes), "edges": int64(onceEdges)}
	for i, s := range q.Then {
		params["from"+strconv.Itoa(i+1)] = string(s.From)
	}
	values, err := v.gather(work, onceText(q), params)
	if err != nil || values == nil {
		return graph.Closure{}, false, err
	}
	if g.head = values[0].(int64); v.own {
		g.head = v.head
	}
	for i := 1; i+2 < len(values); i += 3 {
		docs, _ := values[i+1].([]any)
		if !g.take(values[i].([]any), docs) {
			return graph.Closure{}, false, nil
		}
	}
	out, ok := g.answer(q, values)
	return out, ok, nil
}

// gather runs the query, again where the head that it read had not settled yet. It
// returns nil when none of the roots is there, or too much.
func (v *view) gather(ctx context.Context, text string, params map[string]any) ([]any, error) {
	for {
		records, err := v.records(ctx, text, params)
		if err != nil || len(records) != 1 {
			return nil, err
		}
		values := records[0].Values
		if v.own || !v.s.heads.await(ctx, values[0].(int64)) {
			return values, nil
		}
		params["known"] = values[0]
	}
}

// answer walks, and then each stage; false where something is missing.
func (g *gathered) answer(q graph.ClosureQuery, values []any) (graph.Closure, bool) {
	var roots []int64
	for number, n := range g.nodes {
		// A node that is reached may be asked for too, and not be there yet.
		if g.seen(n) && slices.Contains(q.Roots, n.ID) {
			roots = append(roots, number)
		}
	}
	all := true
	partOf := func(i int, d graph.Direction) graph.Held {
		p, ok := g.partOf(values[i].([]any), d)
		all = all && ok
		return p
	}
	out, whole := graph.Replay(q, roots, partOf(3, q.Direction))
	out.Head = g.head
	if whole && all {
		whole = graph.ReplayStages(q, &out, func(i int) graph.Held { return partOf(6+3*i, q.Then[i].Direction) })
	}
	return out, whole && all && !g.late
}

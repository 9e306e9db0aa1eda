package neo4j

import (
	"cmp"
	"context"
	"slices"
	"strconv"

	"pedigree/graph"
)

// searchDepths are the depths that have a Cypher text: a depth cannot be a parameter,
// and the server caches a plan for every text. Beyond the last depth only Limit bounds
// a walk.
var searchDepths = []int{2, 3, 5, 10, 20, 50}

func searchDepthBound(depth int) string {
	for _, b := range searchDepths {
		if depth <= b {
			return strconv.Itoa(b)
		}
	}
	return ""
}

// searchText finds everything within a depth by one pruning breadth-first search in the
// server. The planner prunes because the query returns no path.
func searchText(d graph.Direction, depth string) string {
	return "MATCH (a:Node {key: $key}) USING INDEX SEEK a:Node(key)\nMATCH p = " + arrow(d, "a", "*0.."+depth, "f") +
		" WHERE all(r IN relationships(p) WHERE " + edgeValidOfTypes + ")\n" +
		"WITH f, min(length(p)) AS depth WHERE depth <= $depth\n" +
		"RETURN " + reachedColumns + ", f.valid_from AS valid_from, depth, COUNT { " + arrow(d, "f", "", "") + " } AS degree LIMIT $cap"
}

// search answers a walk by one search in the server, when that is sure to give the same
// answer as level by level: no bound cuts, and every node on the way is walked through
// and existed at that time. It reports whether it did.
func (w *walker) search(ctx context.Context, roots []reachedNode) (bool, error) {
	if len(roots) != 1 || w.q.Depth < 2 || w.asOf.revisions || w.s.closureMethod == levelMethod {
		return false, nil
	}
	rows, err := w.query(ctx, searchText(w.q.Direction, searchDepthBound(w.q.Depth)), w.asOf.with(map[string]any{"key": w.key(string(roots[0].id)),
		"types": w.types, "depth": int64(w.q.Depth), "cap": capPlusOne(w.q.Limit)}))
	if err != nil || len(rows) > w.q.Limit {
		return false, err
	}
	reached := make([]reachedNode, len(rows))
	for i, r := range rows {
		h := reachedNodeOf(r, int(number(r, "depth")))
		if number(r, "valid_from") > w.asOf.valid {
			return false, nil
		}
		if h.depth < w.q.Depth && (!w.through(h) || number(r, "degree") > int64(w.q.Fanout)) {
			return false, nil
		}
		reached[i] = h
	}
	slices.SortFunc(reached, func(a, b reachedNode) int {
		return cmp.Or(cmp.Compare(a.depth, b.depth), cmp.Compare(a.number, b.number))
	})
	w.reached = reached
	for _, h := range reached {
		w.depths[h.id] = h.depth
	}
	return true, nil
}

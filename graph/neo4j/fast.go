package neo4j

import (
	"cmp"
	"context"
	"slices"
	"strconv"

	"pedigree/graph"
)

// buckets are the depths that there are texts for: a depth is no parameter, and
// every text has its plan in the server's cache. Beyond the last a walk has no
// bound but its Limit.
var buckets = []int{2, 3, 5, 10, 20, 50}

func bucket(depth int) string {
	for _, b := range buckets {
		if depth <= b {
			return strconv.Itoa(b)
		}
	}
	return ""
}

// fastText reaches everything within a depth by one pruning breadth-first search
// in the server. It returns no path, which is what lets the planner prune.
func fastText(d graph.Direction, bucket string) string {
	return "MATCH (a:Node {key: $key}) USING INDEX a:Node(key)\nMATCH p = " + arrow(d, "a", "*0.."+bucket, "f") +
		" WHERE all(r IN relationships(p) WHERE " + edgeSeen + ")\n" +
		"WITH f, min(length(p)) AS depth WHERE depth <= $depth\n" +
		"RETURN " + heldColumns + ", f.valid_from AS valid_from, depth, COUNT { " + arrow(d, "f", "", "") + " } AS degree LIMIT $cap"
}

// fast answers a walk by one search where that is sure to be the same as level
// by level: no bound cuts, every node on the way is walked through and was there
// at that time. It reports whether it did.
func (w *walker) fast(ctx context.Context, roots []held) (bool, error) {
	if len(roots) != 1 || w.q.Depth < 2 || w.lens.past || w.s.way == byLevel {
		return false, nil
	}
	rows, err := w.query(ctx, fastText(w.q.Direction, bucket(w.q.Depth)), w.lens.with(map[string]any{"key": w.key(string(roots[0].id)),
		"types": w.types, "depth": int64(w.q.Depth), "cap": capped(w.q.Limit)}))
	if err != nil || len(rows) > w.q.Limit {
		return false, err
	}
	reached := make([]held, len(rows))
	for i, r := range rows {
		h := heldOf(r, int(number(r, "depth")))
		if number(r, "valid_from") > w.lens.valid {
			return false, nil
		}
		if h.depth < w.q.Depth && (!w.through(h) || number(r, "degree") > int64(w.q.Fanout)) {
			return false, nil
		}
		reached[i] = h
	}
	slices.SortFunc(reached, func(a, b held) int { return cmp.Or(cmp.Compare(a.depth, b.depth), cmp.Compare(a.number, b.number)) })
	w.held = reached
	for _, h := range reached {
		w.depth[h.id] = h.depth
	}
	return true, nil
}

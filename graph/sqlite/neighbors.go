package sqlite

import (
	"context"

	"pedigree/graph"
	"pedigree/registry"

	engine "zombiezen.com/go/sqlite"
)

// hops answers a HopQuery.
func (v *view) hops(ctx context.Context, q graph.HopQuery) ([]graph.Hops, error) {
	if q.Cap < 1 {
		return nil, registry.Invalid("cap", "must be 1 or more")
	}
	w, err := v.walkOf(q.Direction, q.Edges, q.At)
	if err != nil {
		return nil, err
	}
	out := make([]graph.Hops, len(q.IDs))
	seen := map[int64]*graph.Node{}
	for i, id := range q.IDs {
		if ctx.Err() != nil {
			return nil, ended(ctx)
		}
		if out[i], err = w.hop(q, id, seen); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (w *walk) hop(q graph.HopQuery, id registry.ID, seen map[int64]*graph.Node) (graph.Hops, error) {
	h := graph.Hops{Of: id}
	near, err := w.v.numberOf(w.when, id)
	if err != nil || near == 0 {
		return h, err
	}
	rows, err := w.farEnds(q, near, seen)
	if err != nil {
		return h, err
	}
	if h.More = len(rows) > q.Cap; h.More {
		rows = rows[:q.Cap]
	}
	for _, r := range rows {
		n := seen[w.far(r)]
		from, to := id, n.ID
		if w.down {
			from, to = to, from
		}
		e, err := w.edge(r, from, to)
		if err != nil {
			return h, err
		}
		h.Edges, h.Nodes = append(h.Edges, e), append(h.Nodes, n)
	}
	if !q.Count {
		return h, nil
	}
	st, err := w.prepare(w.degree, near)
	if err != nil {
		return h, err
	}
	return h, drain(st, func(st *engine.Stmt) error { h.Degree = st.ColumnInt64(0); return nil })
}

// farEnds reads the edges of a hop, one more than its cap, and the far nodes of
// those within it into seen.
func (w *walk) farEnds(q graph.HopQuery, near int64, seen map[int64]*graph.Node) (rows []row, err error) {
	if w.when.past == present {
		err = w.nodesOver(near, q.After, q.Cap+1, q.Bare, func(r row, node func() (*graph.Node, error)) (err error) {
			if rows = append(rows, r); len(rows) <= q.Cap && seen[w.far(r)] == nil {
				seen[w.far(r)], err = node()
			}
			return err
		})
		return rows, err
	}
	if rows, err = w.edges(nil, near, q.After, q.Cap+1); err != nil {
		return rows, err
	}
	for _, r := range rows[:min(len(rows), q.Cap)] {
		if num := w.far(r); seen[num] == nil {
			if seen[num], err = w.v.nodeByNum(w.when, num, q.Bare); err != nil {
				return rows, err
			}
		}
	}
	return rows, nil
}

package sqlite

import (
	"context"
	"math"

	"pedigree/graph"
	"pedigree/registry"

	engine "zombiezen.com/go/sqlite"
)

// neighbors answers a NeighborQuery.
func (v *view) neighbors(ctx context.Context, q graph.NeighborQuery) ([]graph.Neighbors, error) {
	if q.LimitPerNode < 1 {
		return nil, registry.Invalid("cap", "must be 1 or more")
	}
	er, err := v.newEdgeReader(q.Direction, q.Edges, q.At)
	if err != nil {
		return nil, err
	}
	out := make([]graph.Neighbors, len(q.IDs))
	farNodes := map[int64]*graph.Node{}
	for i := range q.IDs {
		if ctx.Err() != nil {
			return nil, contextError(ctx)
		}
		if out[i], err = er.neighborsOf(q, i, farNodes); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// neighborsOf reads the neighbors of the node at an index of the query.
func (er *edgeReader) neighborsOf(q graph.NeighborQuery, index int, farNodes map[int64]*graph.Node) (graph.Neighbors, error) {
	id := q.IDs[index]
	h := graph.Neighbors{NodeID: id}
	var near int64
	var err error
	if q.Numbers != nil {
		near = q.Numbers[index]
	}
	if near != 0 {
		// It was read at the same instant.
	} else if near, err = er.v.numberOf(er.when, id); err != nil || near == 0 {
		return h, err
	}
	rows, err := er.readFarEnds(q, near, farNodes)
	if err != nil {
		return h, err
	}
	if h.More = len(rows) > q.LimitPerNode; h.More {
		rows = rows[:q.LimitPerNode]
	}
	for _, r := range rows {
		n := farNodes[er.farEnd(r)]
		from, to := id, n.ID
		if er.downstream {
			from, to = to, from
		}
		e, err := er.edgeOf(r, from, to)
		if err != nil {
			return h, err
		}
		h.Edges, h.Nodes = append(h.Edges, e), append(h.Nodes, n)
	}
	if !q.Count {
		return h, nil
	}
	st, err := er.prepare(er.degree, near)
	if err != nil {
		return h, err
	}
	limit := q.CountLimit
	if limit == 0 {
		limit = math.MaxInt64
	}
	st.BindInt64(5, limit)
	return h, stepAll(st, func(st *engine.Stmt) error { h.Degree = st.ColumnInt64(0); return nil })
}

// readFarEnds reads up to Cap+1 edges of a node, and the far nodes of the first Cap
// edges into farNodes.
func (er *edgeReader) readFarEnds(q graph.NeighborQuery, near int64, farNodes map[int64]*graph.Node) (rows []edgeRow, err error) {
	if er.when.source == currentRow {
		err = er.edgesWithNodes(near, q.After, q.LimitPerNode+1, q.Bare, func(r edgeRow, node func() (*graph.Node, error)) (err error) {
			if rows = append(rows, r); len(rows) <= q.LimitPerNode && farNodes[er.farEnd(r)] == nil {
				farNodes[er.farEnd(r)], err = node()
			}
			return err
		})
		return rows, err
	}
	if rows, err = er.edges(nil, near, q.After, q.LimitPerNode+1); err != nil {
		return rows, err
	}
	for _, r := range rows[:min(len(rows), q.LimitPerNode)] {
		if num := er.farEnd(r); farNodes[num] == nil {
			if farNodes[num], err = er.v.nodeByNum(er.when, num, q.Bare); err != nil {
				return rows, err
			}
		}
	}
	return rows, nil
}

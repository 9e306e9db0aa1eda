package sqlite

import (
	"context"
	"errors"

	"pedigree/graph"
	"pedigree/registry"

	engine "zombiezen.com/go/sqlite"
)

// The statements of a dump. Each reads a table in the order of its key, after a given
// key.
const (
	dumpEdgesSQL = "SELECT e.from_num, e.to_num, k.name, e.recorded_seq, e.retracted_seq, e.valid_from, e.valid_to, f.id, t.id, s.name " +
		"FROM edge e CROSS JOIN edge_kind k ON k.code = e.kind CROSS JOIN node f ON f.num = e.from_num CROSS JOIN node t ON t.num = e.to_num " +
		"LEFT JOIN subject s ON s.num = e.subject WHERE (e.from_num, e.to_num) >= (?1, ?2) " +
		"AND (e.from_num, e.to_num, k.name, e.recorded_seq) > (?1, ?2, ?3, ?4) AND e.recorded_seq <= ?5 AND (e.recorded_seq > ?6 OR e.retracted_seq > ?6) " +
		"ORDER BY e.from_num, e.to_num, k.name, e.recorded_seq LIMIT ?7+0"
)

var dumpNodesSQL = "SELECT n.num, n.id, n.kind, n.parent, r.name, '', r.valid_from, r.valid_to, r.since, r.revision, r.recorded_seq, r.deleted, r.doc, r.columns " +
	"FROM node n CROSS JOIN revision r ON r.num = n.num WHERE n.num >= ?1 AND (n.num > ?1 OR r.revision > ?2) AND n.recorded_seq > ?3 " +
	"UNION ALL SELECT " + currentColumns + ", n.doc, " + columnsJSON + " FROM node n WHERE n.num >= ?1 AND (n.num > ?1 OR n.revision > ?2) AND n.recorded_seq > ?3 " +
	"ORDER BY 1, 10 LIMIT ?4+0"

// Dump reads the next batch; see graph.Store.
func (s *Store) Dump(ctx context.Context, from graph.DumpPosition) (b graph.Batch, err error) {
	err = s.read(ctx, func(v *view) error { b, err = v.dump(ctx, from); return err })
	return b, err
}

func (v *view) dump(ctx context.Context, from graph.DumpPosition) (b graph.Batch, err error) {
	if b.Secret, err = v.secret(); err != nil {
		return b, err
	}
	if b.MaxNumber, err = v.c.queryInt("SELECT max(num) FROM node"); err != nil {
		return b, err
	}
	if from.Head == 0 {
		if from.Head, err = v.head(); err != nil {
			return b, err
		}
	}
	b.From = from
	more := false
	switch from.Part {
	case graph.PartLog:
		b.Log, err = v.log(ctx, graph.LogQuery{After: max(from.Since, from.After[0]), Before: from.Head + 1, Limit: graph.BatchRows})
		more = len(b.Log) == graph.BatchRows
	case graph.PartNodes:
		more, err = v.dumpNodes(&b)
	case graph.PartEdges:
		more, err = v.dumpEdges(&b)
	}
	b.SetNext(more)
	return b, err
}

// errBatchFull stops a statement that has further rows.
var errBatchFull = errors.New("sqlite: enough rows")

func (v *view) dumpNodes(b *graph.Batch) (more bool, err error) {
	size := 0
	err = v.c.query(dumpNodesSQL, func(st *engine.Stmt) error {
		if size >= graph.BatchBytes {
			return errBatchFull
		}
		n, err := v.scanNode(st, 0, true, false)
		if err != nil {
			return err
		}
		// Copy all columns, also those that the kind does not have. A since of 0 stays 0.
		n.Since, n.Columns = exactTime(st.ColumnInt64(8)), map[registry.Index]any{}
		if err := readColumnsJSON(n, allColumns, st.ColumnText(firstIndexColumn)); err != nil {
			return err
		}
		for c, x := range n.Columns {
			if x == "" || x == int64(0) {
				delete(n.Columns, c)
			}
		}
		b.Nodes = append(b.Nodes, n)
		size += len(n.Doc)
		return nil
	}, b.From.After[0], b.From.After[1], b.From.Since, graph.BatchRows)
	if errors.Is(err, errBatchFull) {
		return true, nil
	}
	return len(b.Nodes) == graph.BatchRows, err
}

// allColumns lists all index columns.
var allColumns = func() (out []kindColumn) {
	for i, c := range registry.IndexColumns() {
		out = append(out, kindColumn{c.Name, i, c.Type == registry.TextIndex})
	}
	return out
}()

func (v *view) dumpEdges(b *graph.Batch) (more bool, err error) {
	m := b.From
	err = v.c.query(dumpEdgesSQL, func(st *engine.Stmt) error {
		e := graph.DumpedEdge{FromNumber: st.ColumnInt64(0), ToNumber: st.ColumnInt64(1), Edge: graph.Edge{Kind: registry.EdgeKind(st.ColumnText(2)),
			RecordedSeq: st.ColumnInt64(3), RetractedSeq: st.ColumnInt64(4), ValidFrom: fromMicros(st.ColumnInt64(5)), ValidTo: fromMicros(st.ColumnInt64(6)),
			From: registry.ID(st.ColumnText(7)), To: registry.ID(st.ColumnText(8)), By: st.ColumnText(9)}}
		e.ID = graph.EdgeID(e.Kind, e.From, e.To, e.RecordedSeq)
		b.Edges = append(b.Edges, e)
		return nil
	}, m.After[0], m.After[1], string(m.Kind), m.After[2], m.Head, m.Since, graph.BatchRows)
	return len(b.Edges) == graph.BatchRows, err
}

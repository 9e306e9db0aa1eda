package neo4j

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"pedigree/graph"
	"pedigree/registry"
)

// A dump reads the nodes by number, this many numbers for each query. When only changes
// are asked for, most numbers give no row.
const (
	dumpWindow        = 2000
	dumpWindowChanged = 20000
)

const dumpedNodes = "MATCH (n:Node) USING INDEX SEEK n:Node(ns, number) WHERE n.ns = $ns AND n.number >= $number AND n.number < $end AND n.recorded_seq > $since\n" +
	"MATCH (v:Revision) USING INDEX SEEK v:Revision(node_key) WHERE v.node_key = n.key AND (n.number > $number OR v.revision > $revision)\n"

var (
	// dumpSizes reads the sizes of a batch's documents before the documents.
	dumpSizes = dumpedNodes + "RETURN size(v.doc) AS size ORDER BY n.number, v.revision LIMIT $limit"
	dumpNodes = dumpedNodes + "RETURN " + projection("v", "n", false) + " AS node, n.revision AS newest ORDER BY n.number, v.revision LIMIT $limit"
	dumpEdges = "MATCH (n:Node) USING INDEX SEEK n:Node(ns, number) WHERE n.ns = $ns AND n.number >= $from AND n.number < $end\n" +
		"MATCH (n)-[r]->(f) WHERE r.recorded_seq <= $head AND (r.recorded_seq > $since OR r.retracted_seq > $since)\n" +
		"AND (n.number > $from OR f.number > $to OR f.number = $to AND (type(r) > $kind OR type(r) = $kind AND r.recorded_seq > $recorded))\n" +
		"RETURN n.id AS from, n.number AS from_number, f.id AS to, f.number AS to_number, " + edgeColumns +
		"\nORDER BY n.number, f.number, type(r), r.recorded_seq LIMIT $limit"
)

// Dump reads the next batch of all that the store holds.
func (s *Store) Dump(ctx context.Context, from graph.DumpPosition) (b graph.Batch, err error) {
	err = s.read(ctx, func(v *view) error {
		b, err = v.dump(ctx, from)
		return err
	})
	return b, err
}

func (v *view) dump(ctx context.Context, from graph.DumpPosition) (b graph.Batch, err error) {
	rows, err := v.query(ctx, readHead, map[string]any{"key": v.key("")})
	if err != nil {
		return b, err
	}
	if len(rows) != 1 {
		return b, internal(errors.New("the log head is gone"))
	}
	if from.Head == 0 {
		from.Head = number(rows[0], "seq")
	}
	b.From, b.MaxNumber = from, number(rows[0], "number")
	b.Secret, _ = rows[0]["secret"].([]byte)
	more := false
	switch from.Part {
	case graph.PartLog:
		b.Log, err = v.Log(ctx, graph.LogQuery{After: max(from.Since, from.After[0]), Before: from.Head + 1, Limit: graph.BatchRows})
		more = len(b.Log) == graph.BatchRows
	case graph.PartNodes:
		more, err = v.byNumber(&b, func(start int64, end int64) (bool, error) { return v.dumpNodes(ctx, &b, start, end) })
	case graph.PartEdges:
		more, err = v.byNumber(&b, func(start int64, end int64) (bool, error) { return v.dumpEdges(ctx, &b, start, end) })
	}
	b.SetNext(more)
	return b, err
}

// byNumber asks for one window of numbers after the other until there are enough rows
// for a batch. ask returns more when its window is not at its end.
func (v *view) byNumber(b *graph.Batch, ask func(start, end int64) (more bool, err error)) (more bool, err error) {
	width := int64(dumpWindow)
	if b.From.Since > 0 {
		width = dumpWindowChanged
	}
	for start := b.From.After[0]; start <= b.MaxNumber; start += width {
		if more, err = ask(start, start+width); err != nil || more {
			return more, err
		}
		if len(b.Nodes)+len(b.Edges) >= graph.BatchRows/2 {
			return start+width <= b.MaxNumber, nil
		}
	}
	return false, nil
}

func (v *view) dumpNodes(ctx context.Context, b *graph.Batch, start, end int64) (more bool, err error) {
	params := map[string]any{"ns": v.s.ns, "number": start, "end": end, "since": b.From.Since, "revision": int64(0), "limit": int64(graph.BatchRows - len(b.Nodes))}
	if start == b.From.After[0] {
		params["revision"] = b.From.After[1]
	} else {
		params["number"] = start - 1
	}
	sizes, err := v.query(ctx, dumpSizes, params)
	if err != nil || len(sizes) == 0 {
		return false, err
	}
	fit, size := 0, 0
	for _, n := range b.Nodes {
		size += len(n.Doc)
	}
	for fit < len(sizes) && (size < graph.BatchBytes || len(b.Nodes)+fit == 0) {
		size += int(number(sizes[fit], "size"))
		fit++
	}
	if fit == 0 {
		return true, nil
	}
	params["limit"] = int64(fit)
	rows, err := v.query(ctx, dumpNodes, params)
	if err != nil {
		return false, err
	}
	for _, r := range rows {
		b.Nodes = append(b.Nodes, dumpedNode(r["node"].(map[string]any), number(r, "newest")))
	}
	return fit < len(sizes) || len(b.Nodes) == graph.BatchRows, nil
}

// dumpedNode reads a revision with every column that is not absent, also one that its
// kind does not have, and with a Since of 0 as it is.
func dumpedNode(p map[string]any, newest int64) *graph.Node {
	n := nodeOf(p, false)
	n.Since, n.Columns = time.UnixMicro(number(p, "since")).UTC(), map[registry.Index]any{}
	if n.Revision != newest {
		n.Slots = nil
	}
	for _, c := range columns {
		if s := unsortable(text(p, string(c.Name))); s != "" {
			n.Columns[c.Name] = s
		} else if i := number(p, string(c.Name)); i != 0 {
			n.Columns[c.Name] = i
		}
	}
	return n
}

func (v *view) dumpEdges(ctx context.Context, b *graph.Batch, start, end int64) (more bool, err error) {
	m := b.From
	if start != m.After[0] {
		m.After, m.Kind = [3]int64{start - 1}, ""
	}
	rows, err := v.query(ctx, dumpEdges, map[string]any{"ns": v.s.ns, "from": m.After[0], "end": end, "to": m.After[1], "kind": string(m.Kind),
		"recorded": m.After[2], "head": m.Head, "since": m.Since, "limit": int64(graph.BatchRows - len(b.Edges))})
	if err != nil {
		return false, err
	}
	for _, r := range rows {
		b.Edges = append(b.Edges, graph.DumpedEdge{Edge: edgeOf(r, registry.ID(text(r, "from")), registry.ID(text(r, "to"))),
			FromNumber: number(r, "from_number"), ToNumber: number(r, "to_number")})
	}
	return len(b.Edges) == graph.BatchRows, nil
}

// migrationOf reads the state of a migration into this store from the head.
func migrationOf(head row) (f graph.MigrationState, err error) {
	if state := text(head, "migration"); state != "" {
		err = json.Unmarshal([]byte(state), &f)
	}
	return f, err
}

// checkMigrated refuses a store whose migration is not finished.
func checkMigrated(head row) error {
	f, err := migrationOf(head)
	if err != nil {
		return internal(err)
	}
	return f.CheckFinished()
}

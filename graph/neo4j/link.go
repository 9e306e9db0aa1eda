package neo4j

import (
	"context"
	"slices"
	"strings"

	"pedigree/graph"
	"pedigree/registry"
)

var (
	// readEnds looks at both sides of a node for any edge, also one that was
	// retracted: that is known without reading one. All ends come in one row, since
	// rows cost more than what is in them, and the keys in a map, as createEdges says.
	readEnds = `UNWIND $in.keys AS key MATCH (n:Node {key: key}) USING INDEX n:Node(key)
RETURN collect([key, id(n), n.number, n.kind, n.deleted, EXISTS { (n)<--() }, EXISTS { (n)-->() }])`
	readLive = `UNWIND $rows AS row MATCH (a:Node {key: row.from}) USING INDEX a:Node(key) MATCH (b:Node {key: row.to}) USING INDEX b:Node(key) MATCH (a)-[r]->(b)
WHERE type(r) = row.kind AND r.retracted_seq = 0
RETURN a.id AS from, b.id AS to, type(r) AS kind, r.valid_from AS valid_from, r.valid_to AS valid_to,
r.recorded_seq AS recorded_seq, r.retracted_seq AS retracted_seq, r.by AS by`
	retract = `UNWIND $rows AS row MATCH (a:Node {key: row.from}) USING INDEX a:Node(key) MATCH (b:Node {key: row.to}) USING INDEX b:Node(key) MATCH (a)-[r]->(b)
WHERE type(r) = row.kind AND r.retracted_seq = 0 SET r.retracted_seq = $seq`
	// forget removes what this very Update made: it never was.
	forget = `UNWIND $rows AS row MATCH (a:Node {key: row.from}) USING INDEX a:Node(key) MATCH (b:Node {key: row.to}) USING INDEX b:Node(key) MATCH (a)-[r]->(b)
WHERE type(r) = row.kind AND r.retracted_seq = 0 AND r.recorded_seq = $seq DELETE r`
	findCycle = `UNWIND $rows AS row MATCH (a:Node {key: row.to}) USING INDEX a:Node(key) MATCH (b:Node {key: row.from}) USING INDEX b:Node(key)
MATCH p = shortestPath((a)-[*1..]->(b)) WHERE all(r IN relationships(p) WHERE r.retracted_seq = 0)
RETURN [n IN nodes(p) | n.id] AS path LIMIT 1`
)

// createEdges has one text a kind, since a type is no parameter. The ends are known
// by then, so it finds them by the server's own numbers, which hold as long as the
// transaction does. Rows are lists, and properties are written out: a map costs the
// server its names once more for each edge. They lie in a map, since the server plans
// anew for another length of a list.
var createEdges = func() map[registry.EdgeKind]string {
	m := map[registry.EdgeKind]string{}
	for _, k := range registry.EdgeKinds() {
		m[k] = "UNWIND $in.rows AS row MATCH (a) WHERE id(a) = row[0] MATCH (b) WHERE id(b) = row[1] CREATE (a)-[:" + string(k) +
			" {valid_from: row[2], valid_to: row[3], recorded_seq: row[4], retracted_seq: 0, by: row[5], packed: row[6]}]->(b)"
	}
	return m
}()

// triple is what there is one live edge of.
type triple struct {
	kind     registry.EdgeKind
	from, to registry.ID
}

func tripleOf(e *graph.Edge) triple { return triple{e.Kind, e.From, e.To} }

func (t *txn) edgeRow(e *graph.Edge) row {
	return row{"from": t.key(string(e.From)), "to": t.key(string(e.To)), "kind": string(e.Kind)}
}

// end is what Link asks about an end of an edge.
type end struct {
	// at is where the server has the node, for as long as the transaction.
	at, number int64
	kind       registry.Kind
	deleted    bool
	// effects and causes tell that it was ever an end of an edge on that side.
	effects, causes bool
}

// Link records edges. New edges are written before the search for cycles, which
// then is a question to the graph as it would be, and taken back where it finds
// one.
func (t *txn) Link(ctx context.Context, edges ...*graph.Edge) error {
	if len(edges) == 0 {
		return nil
	}
	ends, err := t.ends(ctx, edges)
	if err != nil {
		return err
	}
	live, err := t.live(ctx, standing(edges, ends))
	if err != nil {
		return err
	}
	created := make([]bool, len(edges))
	var fresh []*graph.Edge
	for i, e := range edges {
		if live[tripleOf(e)] == nil {
			c := *e
			c.RecordedSeq, c.RetractedSeq = t.seq, 0
			c.ID = graph.EdgeID(e.Kind, e.From, e.To, t.seq)
			live[tripleOf(e)], created[i] = &c, true
			fresh = append(fresh, &c)
		}
	}
	if err := t.createEdges(ctx, fresh, ends); err != nil {
		return err
	}
	if err := t.checkCycles(ctx, fresh, ends); err != nil {
		return err
	}
	for i, e := range edges {
		l := live[tripleOf(e)]
		e.ID, e.RecordedSeq, e.RetractedSeq, e.Created = l.ID, l.RecordedSeq, 0, created[i]
	}
	return nil
}

// ends reads the ends of edges and holds them to the rules.
func (t *txn) ends(ctx context.Context, edges []*graph.Edge) (map[registry.ID]*end, error) {
	var keys []string
	for _, e := range edges {
		keys = append(keys, t.key(string(e.From)), t.key(string(e.To)))
	}
	records, err := t.records(ctx, readEnds, map[string]any{"in": map[string]any{"keys": distinct(keys)}})
	if err != nil {
		return nil, err
	}
	ends := map[registry.ID]*end{}
	for _, r := range records {
		for _, values := range r.Values[0].([]any) {
			key, e := endOf(values.([]any))
			ends[registry.ID(strings.TrimPrefix(key, t.key("")))] = e
		}
	}
	for _, e := range edges {
		for _, id := range []registry.ID{e.From, e.To} {
			if ends[id] == nil || ends[id].deleted {
				return nil, registry.Errorf(registry.NotFound, "there is no node %s to link", id)
			}
		}
		if err := registry.CheckEdge(e.Kind, ends[e.From].kind, ends[e.To].kind); err != nil {
			return nil, err
		}
	}
	for _, e := range edges {
		if e.From == e.To {
			return nil, cycleError([]string{string(e.From)})
		}
	}
	return ends, nil
}

// endOf reads an end of readEnds, and its key.
func endOf(values []any) (string, *end) {
	e := &end{}
	key, _ := values[0].(string)
	e.at, _ = values[1].(int64)
	e.number, _ = values[2].(int64)
	kind, _ := values[3].(string)
	e.kind = registry.Kind(kind)
	e.deleted, _ = values[4].(bool)
	e.effects, _ = values[5].(bool)
	e.causes, _ = values[6].(bool)
	return key, e
}

// standing are the edges that can stand already: something came from their cause,
// and their effect came from something. Of new nodes there are none.
func standing(edges []*graph.Edge, ends map[registry.ID]*end) (out []*graph.Edge) {
	for _, e := range edges {
		if ends[e.From].causes && ends[e.To].effects {
			out = append(out, e)
		}
	}
	return out
}

// live returns the live edges among those given.
func (t *txn) live(ctx context.Context, edges []*graph.Edge) (map[triple]*graph.Edge, error) {
	have := map[triple]*graph.Edge{}
	if len(edges) == 0 {
		return have, nil
	}
	var rows []row
	asked := map[triple]bool{}
	for _, e := range edges {
		if !asked[tripleOf(e)] {
			asked[tripleOf(e)] = true
			rows = append(rows, t.edgeRow(e))
		}
	}
	found, err := t.query(ctx, readLive, map[string]any{"rows": rows})
	if err != nil {
		return nil, err
	}
	for _, r := range found {
		e := edgeOf(r, registry.ID(text(r, "from")), registry.ID(text(r, "to")))
		have[tripleOf(&e)] = &e
	}
	return have, nil
}

// edgeOf reads the properties of a relationship.
func edgeOf(p map[string]any, from, to registry.ID) graph.Edge {
	e := graph.Edge{Kind: registry.EdgeKind(text(p, "kind")), From: from, To: to, ValidFrom: instant(number(p, "valid_from")),
		ValidTo: instant(number(p, "valid_to")), RecordedSeq: number(p, "recorded_seq"), RetractedSeq: number(p, "retracted_seq"), By: text(p, "by")}
	e.ID = graph.EdgeID(e.Kind, from, to, e.RecordedSeq)
	return e
}

func (t *txn) createEdges(ctx context.Context, edges []*graph.Edge, ends map[registry.ID]*end) error {
	byKind := map[registry.EdgeKind][]any{}
	for _, e := range edges {
		a, b := ends[e.From], ends[e.To]
		byKind[e.Kind] = append(byKind[e.Kind], []any{a.at, b.at, micros(e.ValidFrom), micros(e.ValidTo), e.RecordedSeq, e.By, packEdge(a.number, b.number, e)})
		t.wrote = true
	}
	for kind, all := range byKind {
		for rows := range slices.Chunk(all, batch) {
			if _, err := t.records(ctx, createEdges[kind], map[string]any{"in": map[string]any{"rows": rows}}); err != nil {
				return err
			}
		}
	}
	return nil
}

func edgeProperties(e *graph.Edge) row {
	return row{"valid_from": micros(e.ValidFrom), "valid_to": micros(e.ValidTo), "recorded_seq": e.RecordedSeq, "retracted_seq": e.RetractedSeq, "by": e.By}
}

// checkCycles searches for a cycle through the new edges, all in one question,
// and takes them back if there is one.
func (t *txn) checkCycles(ctx context.Context, fresh []*graph.Edge, ends map[registry.ID]*end) error {
	var rows []row
	for _, e := range suspects(fresh, ends) {
		rows = append(rows, t.edgeRow(e))
	}
	if len(rows) == 0 {
		return nil
	}
	found, err := t.query(ctx, findCycle, map[string]any{"rows": rows})
	if err != nil || len(found) == 0 {
		return err
	}
	var path []string
	for _, id := range found[0]["path"].([]any) {
		path = append(path, id.(string))
	}
	var undo []row
	for _, e := range fresh {
		undo = append(undo, t.edgeRow(e))
	}
	if _, err := t.query(ctx, forget, map[string]any{"rows": undo, "seq": t.seq}); err != nil {
		return err
	}
	return cycleError(path)
}

func cycleError(path []string) error {
	return &registry.Error{Code: registry.FailedPrecondition, Details: map[string]any{"path": path},
		Message: "the edge would close a cycle: " + strings.Join(path, " ← ") + "; nothing can come from itself"}
}

// suspects are the new edges that can lie on a cycle: something came from their
// effect and their cause came from something, by an old edge or another suspect.
// An import of new history has none. What cannot is peeled off, and with it what
// hung on it, each edge once.
func suspects(fresh []*graph.Edge, ends map[registry.ID]*end) (keep []*graph.Edge) {
	in, out := map[registry.ID][]*graph.Edge{}, map[registry.ID][]*graph.Edge{}
	ins, outs := map[registry.ID]int{}, map[registry.ID]int{}
	for _, e := range fresh {
		in[e.To], out[e.From] = append(in[e.To], e), append(out[e.From], e)
		ins[e.To]++
		outs[e.From]++
	}
	gone := make(map[*graph.Edge]bool, len(fresh))
	for todo := slices.Clone(fresh); len(todo) > 0; {
		e := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if gone[e] || (ends[e.From].effects || ins[e.From] > 0) && (ends[e.To].causes || outs[e.To] > 0) {
			continue
		}
		gone[e] = true
		if ins[e.To]--; ins[e.To] == 0 {
			todo = append(todo, out[e.To]...)
		}
		if outs[e.From]--; outs[e.From] == 0 {
			todo = append(todo, in[e.From]...)
		}
	}
	for _, e := range fresh {
		if !gone[e] {
			keep = append(keep, e)
		}
	}
	return keep
}

// Unlink retracts live edges. One that this very Update made goes for good, since
// nobody can ever have seen it.
func (t *txn) Unlink(ctx context.Context, edges ...*graph.Edge) error {
	if len(edges) == 0 {
		return nil
	}
	live, err := t.live(ctx, edges)
	if err != nil || len(live) == 0 {
		return err
	}
	var rows []row
	for _, e := range live {
		rows = append(rows, t.edgeRow(e))
	}
	for _, text := range []string{forget, retract} {
		if _, err := t.query(ctx, text, map[string]any{"rows": rows, "seq": t.seq}); err != nil {
			return err
		}
	}
	t.wrote = true
	for _, e := range edges {
		if l := live[tripleOf(e)]; l != nil {
			e.ID, e.RecordedSeq, e.RetractedSeq = l.ID, l.RecordedSeq, t.seq
			delete(live, tripleOf(e))
		}
	}
	return nil
}

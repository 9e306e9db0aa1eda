package neo4j

import (
	"context"
	"slices"
	"strings"

	"pedigree/graph"
	"pedigree/registry"
)

var (
	// readEndpoints checks both sides of a node for any edge, also a retracted one; the
	// server knows that without reading an edge. All endpoints come in one row, because
	// rows cost more than their content. The keys are in a map, for the reason that
	// createEdges gives.
	readEndpoints = servedWords.Replace(`UNWIND $in.keys AS key MATCH (n:Node {key: key}) USING INDEX SEEK n:Node(key)
RETURN collect([key, n.number, n.kind, n.deleted, EXISTS { (n)<--() }, EXISTS { (n)-->() }, coalesce(n.served, $no)])`)
	readLiveEdges = servedWords.Replace(`UNWIND $rows AS row MATCH (a:Node {key: row.from}) USING INDEX SEEK a:Node(key) MATCH (b:Node {key: row.to}) USING INDEX SEEK b:Node(key) MATCH (a)-[r]->(b)
WHERE type(r) = row.kind AND r.retracted_seq = 0
RETURN a.id AS from, b.id AS to, a.kind AS from_kind, coalesce(a.served, $no) AS from_served, coalesce(b.served, $no) AS to_served, type(r) AS kind, r.valid_from AS valid_from, r.valid_to AS valid_to,
r.recorded_seq AS recorded_seq, r.retracted_seq AS retracted_seq, r.by AS by`)
	retractEdges = `UNWIND $rows AS row MATCH (a:Node {key: row.from}) USING INDEX SEEK a:Node(key) MATCH (b:Node {key: row.to}) USING INDEX SEEK b:Node(key) MATCH (a)-[r]->(b)
WHERE type(r) = row.kind AND r.retracted_seq = 0 SET r.retracted_seq = $seq`
	// deleteOwnEdges deletes edges that this same Update created.
	deleteOwnEdges = `UNWIND $rows AS row MATCH (a:Node {key: row.from}) USING INDEX SEEK a:Node(key) MATCH (b:Node {key: row.to}) USING INDEX SEEK b:Node(key) MATCH (a)-[r]->(b)
WHERE type(r) = row.kind AND r.retracted_seq = 0 AND r.recorded_seq = $seq DELETE r`
	findCycle = `UNWIND $rows AS row MATCH (a:Node {key: row.to}) USING INDEX SEEK a:Node(key) MATCH (b:Node {key: row.from}) USING INDEX SEEK b:Node(key)
MATCH p = shortestPath((a)-[*1..]->(b)) WHERE all(r IN relationships(p) WHERE r.retracted_seq = 0)
RETURN [n IN nodes(p) | n.id] AS path LIMIT 1`
)

// createEdges has one text for each kind, because a type cannot be a parameter. It finds the
// ends by their keys, so that an edge can be written together with new ends. Rows are
// lists, and the text spells out the properties: in maps, the names would come again with
// each edge. The rows are inside a map, because the server plans again for a list of
// another length.
var createEdges = func() map[registry.EdgeKind]string {
	m := map[registry.EdgeKind]string{}
	for _, k := range registry.EdgeKinds() {
		m[k] = "UNWIND $in.rows AS row MATCH (a:Node {key: row[0]}) USING INDEX SEEK a:Node(key) MATCH (b:Node {key: row[1]}) USING INDEX SEEK b:Node(key) CREATE (a)-[:" + string(k) +
			" {valid_from: row[2], valid_to: row[3], recorded_seq: row[4], retracted_seq: 0, by: row[5], packed: row[6]}]->(b)"
	}
	return m
}()

// edgeKey identifies an edge: there is at most one live edge with the same key.
type edgeKey struct {
	kind     registry.EdgeKind
	from, to registry.ID
}

func edgeKeyOf(e *graph.Edge) edgeKey { return edgeKey{e.Kind, e.From, e.To} }

func (t *txn) edgeRow(e *graph.Edge) row {
	return row{"from": t.key(string(e.From)), "to": t.key(string(e.To)), "kind": string(e.Kind)}
}

// endpoint is what Link needs to know of one end of an edge.
type endpoint struct {
	number  int64
	kind    registry.Kind
	deleted bool
	// effects and causes report whether the node was ever an end of an edge on that
	// side.
	effects, causes bool
	// served is the node's registry.Served before the edges.
	served int64
}

// Link records edges. It writes new edges before it searches for cycles, so that the
// search sees the graph as it would be, and deletes them when there is a cycle.
func (t *txn) Link(ctx context.Context, edges ...*graph.Edge) error {
	if len(edges) == 0 {
		return nil
	}
	ends, err := t.endpoints(ctx, edges)
	if err != nil {
		return err
	}
	live, _, err := t.liveEdges(ctx, possiblyLinked(edges, ends))
	if err != nil {
		return err
	}
	created := make([]bool, len(edges))
	var newEdges []*graph.Edge
	for i, e := range edges {
		if live[edgeKeyOf(e)] == nil {
			c := *e
			c.RecordedSeq, c.RetractedSeq = t.seq, 0
			c.ID = graph.EdgeID(e.Kind, e.From, e.To, t.seq)
			live[edgeKeyOf(e)], created[i] = &c, true
			newEdges = append(newEdges, &c)
		}
	}
	t.createEdges(newEdges, ends)
	if err := t.checkCycles(ctx, newEdges, ends); err != nil {
		return err
	}
	var support []row
	for _, e := range newEdges {
		support = t.edgeSupport(support, e, ends[e.From].kind, ends[e.From].served, ends[e.To].served, 1)
	}
	if err := t.spreadServed(ctx, support); err != nil {
		return err
	}
	for i, e := range edges {
		l := live[edgeKeyOf(e)]
		e.ID, e.RecordedSeq, e.RetractedSeq, e.Created = l.ID, l.RecordedSeq, 0, created[i]
		e.ValidFrom, e.ValidTo = l.ValidFrom, l.ValidTo
	}
	return nil
}

// isNew reports whether the transaction creates a node that has no edge yet.
func (p *pendingWrites) isNew(key string) bool { return p.created[key] && !p.linked[key] }

// newEffects returns the ends of edges that all lead away from new nodes. Nothing has to be
// read of them besides the nodes: such an edge does not exist yet. Whether an older end has
// edges is not known, and taken to be so.
func (t *txn) newEffects(ctx context.Context, edges []*graph.Edge) (map[registry.ID]*endpoint, error) {
	var ids []registry.ID
	for _, e := range edges {
		ids = append(ids, e.From, e.To)
	}
	met, err := t.meetNodes(ctx, ids)
	if err != nil {
		return nil, err
	}
	ends := map[registry.ID]*endpoint{}
	for _, id := range ids {
		if n := met[t.key(string(id))]; n.node != nil {
			old := !t.pending.isNew(t.key(string(id)))
			ends[id] = &endpoint{number: n.stored.number, kind: n.node.Kind, deleted: n.node.Deleted, effects: old, causes: old,
				served: max(n.stored.served, int64(registry.NotServed))}
		}
	}
	return ends, nil
}

// endpoints returns the ends of edges, and checks them.
func (t *txn) endpoints(ctx context.Context, edges []*graph.Edge) (ends map[registry.ID]*endpoint, err error) {
	if slices.ContainsFunc(edges, func(e *graph.Edge) bool { return !t.pending.isNew(t.key(string(e.From))) }) {
		ends, err = t.readEndpoints(ctx, edges)
	} else {
		ends, err = t.newEffects(ctx, edges)
	}
	if err != nil {
		return nil, err
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
			return nil, graph.CycleError([]string{string(e.From)}, 1)
		}
	}
	return ends, nil
}

// readEndpoints reads the ends of edges.
func (t *txn) readEndpoints(ctx context.Context, edges []*graph.Edge) (map[registry.ID]*endpoint, error) {
	var keys []string
	for _, e := range edges {
		keys = append(keys, t.key(string(e.From)), t.key(string(e.To)))
	}
	if t.pending.touchesNodes(keys) {
		if err := t.flush(ctx); err != nil {
			return nil, err
		}
	}
	records, err := t.send(ctx, readEndpoints, map[string]any{"in": map[string]any{"keys": distinct(keys)}})
	if err != nil {
		return nil, err
	}
	ends := map[registry.ID]*endpoint{}
	for _, r := range records {
		for _, values := range r.Values[0].([]any) {
			key, e := endpointOf(values.([]any))
			ends[registry.ID(strings.TrimPrefix(key, t.key("")))] = e
		}
	}
	return ends, nil
}

// endpointOf reads one endpoint of readEndpoints, and its key.
func endpointOf(values []any) (string, *endpoint) {
	e := &endpoint{}
	key, _ := values[0].(string)
	e.number, _ = values[1].(int64)
	kind, _ := values[2].(string)
	e.kind = registry.Kind(kind)
	e.deleted, _ = values[3].(bool)
	e.effects, _ = values[4].(bool)
	e.causes, _ = values[5].(bool)
	e.served, _ = values[6].(int64)
	return key, e
}

// possiblyLinked are the edges that may exist already: something came from their cause,
// and their effect came from something. No edge of a new node may.
func possiblyLinked(edges []*graph.Edge, ends map[registry.ID]*endpoint) (out []*graph.Edge) {
	for _, e := range edges {
		if ends[e.From].causes && ends[e.To].effects {
			out = append(out, e)
		}
	}
	return out
}

// liveEdges returns the live edges among those given, and what their end takes from the
// support of other nodes.
func (t *txn) liveEdges(ctx context.Context, edges []*graph.Edge) (have map[edgeKey]*graph.Edge, support []row, err error) {
	have = map[edgeKey]*graph.Edge{}
	if len(edges) == 0 {
		return have, nil, nil
	}
	var rows []row
	var keys []string
	asked := map[edgeKey]bool{}
	for _, e := range edges {
		keys = append(keys, t.key(string(e.From)), t.key(string(e.To)))
		if !asked[edgeKeyOf(e)] {
			asked[edgeKeyOf(e)] = true
			rows = append(rows, t.edgeRow(e))
		}
	}
	found, err := t.queryNodes(ctx, keys, readLiveEdges, map[string]any{"rows": rows})
	if err != nil {
		return nil, nil, err
	}
	for _, r := range found {
		e := edgeOf(r, registry.ID(text(r, "from")), registry.ID(text(r, "to")))
		have[edgeKeyOf(&e)] = &e
		support = t.edgeSupport(support, &e, registry.Kind(text(r, "from_kind")), number(r, "from_served"), number(r, "to_served"), -1)
	}
	return have, support, nil
}

// edgeOf reads the properties of a relationship.
func edgeOf(p map[string]any, from, to registry.ID) graph.Edge {
	e := graph.Edge{Kind: registry.EdgeKind(text(p, "kind")), From: from, To: to, ValidFrom: instant(number(p, "valid_from")),
		ValidTo: instant(number(p, "valid_to")), RecordedSeq: number(p, "recorded_seq"), RetractedSeq: number(p, "retracted_seq"), By: text(p, "by")}
	e.ID = graph.EdgeID(e.Kind, from, to, e.RecordedSeq)
	return e
}

func (t *txn) createEdges(edges []*graph.Edge, ends map[registry.ID]*endpoint) {
	for _, e := range edges {
		a, b := ends[e.From], ends[e.To]
		t.pending.add(edgeList(e.Kind), []any{t.key(string(e.From)), t.key(string(e.To)), micros(e.ValidFrom), micros(e.ValidTo), e.RecordedSeq, e.By, packEdge(a.number, b.number, e)})
		t.pending.writes()
		for _, id := range []registry.ID{e.From, e.To} {
			t.pending.nodes[t.key(string(id))], t.pending.linked[t.key(string(id))] = true, true
		}
		t.hasWrites = true
	}
}

func edgeProperties(e *graph.Edge) row {
	return row{"valid_from": micros(e.ValidFrom), "valid_to": micros(e.ValidTo), "recorded_seq": e.RecordedSeq, "retracted_seq": e.RetractedSeq, "by": e.By}
}

// Unlink retracts live edges. It deletes an edge that this same Update created, because
// nobody can have seen it.
func (t *txn) Unlink(ctx context.Context, edges ...*graph.Edge) error {
	if len(edges) == 0 {
		return nil
	}
	live, support, err := t.liveEdges(ctx, edges)
	if err != nil || len(live) == 0 {
		return err
	}
	var rows []row
	for _, e := range live {
		rows = append(rows, t.edgeRow(e))
	}
	t.pending.sent()
	for _, text := range []string{deleteOwnEdges, retractEdges} {
		if _, err := t.query(ctx, text, map[string]any{"rows": rows, "seq": t.seq}); err != nil {
			return err
		}
	}
	t.hasWrites = true
	if err := t.spreadServed(ctx, support); err != nil {
		return err
	}
	for _, e := range edges {
		if l := live[edgeKeyOf(e)]; l != nil {
			e.ID, e.RecordedSeq, e.RetractedSeq = l.ID, l.RecordedSeq, t.seq
			delete(live, edgeKeyOf(e))
		}
	}
	return nil
}

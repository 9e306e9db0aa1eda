package neo4j

import (
	"context"
	"encoding/json"
	"fmt"

	"pedigree/graph"
	"pedigree/registry"
)

const (
	writeMigration = "MATCH (h:Head {key: $key}) USING INDEX SEEK h:Head(key) SET h.seq = $seq, h.number = $number, h.roots = $roots, h.secret = $secret, h.migration = $migration"
	setMigration   = "MATCH (h:Head {key: $key}) USING INDEX SEEK h:Head(key) SET h.migration = $migration"
	// dropRevisions deletes revisions that the batch writes again.
	dropRevisions = "UNWIND $rows AS row MATCH (v:Revision {node_key: row.key}) USING INDEX SEEK v:Revision(node_key) WHERE v.revision >= row.revision DELETE v"
	// releaseSlots frees slots that a node still holds. Another node may have taken one
	// already, when the source was written to during its dump.
	releaseSlots = "UNWIND $rows AS row MATCH (s:Slot {key: row.key}) USING INDEX SEEK s:Slot(key) WHERE s.node = row.node DELETE s"
)

// restoreEdges has one text for each kind, because a type cannot be a parameter.
var restoreEdges = func() map[registry.EdgeKind]string {
	m := map[registry.EdgeKind]string{}
	for _, k := range registry.EdgeKinds() {
		m[k] = "UNWIND $rows AS row MATCH (a:Node {key: row.from}) USING INDEX SEEK a:Node(key) MATCH (b:Node {key: row.to}) USING INDEX SEEK b:Node(key)\n" +
			"MERGE (a)-[r:" + string(k) + " {recorded_seq: row.recorded_seq}]->(b) SET r = row.properties, " + setPackedTail
	}
	return m
}()

// Restore writes a batch of another store's dump.
func (s *Store) Restore(ctx context.Context, source string, b *graph.Batch) (mark graph.DumpPosition, err error) {
	err = s.retryOnFault(func() error {
		return s.write(ctx, func(t *txn) error {
			mark, err = t.restore(ctx, source, b)
			return err
		})
	})
	return mark, err
}

func (t *txn) restore(ctx context.Context, source string, b *graph.Batch) (graph.DumpPosition, error) {
	f := t.migration
	write, err := f.Accept(source, t.head, b)
	if err != nil || !write {
		return f.Mark, err
	}
	state, err := json.Marshal(f)
	if err != nil {
		return f.Mark, internal(err)
	}
	t.pending.forget()
	params := map[string]any{"key": t.key(""), "migration": string(state)}
	if b.Finish {
		if _, err = t.checkServed(ctx, true); err != nil {
			return f.Mark, err
		}
		_, err = t.query(ctx, setMigration, params)
		return f.Mark, err
	}
	entries := pointers(b.Log)
	if err := t.addToTree(entries); err != nil {
		return f.Mark, err
	}
	t.writeEntries(entries)
	if err := t.restoreNodes(ctx, b.Nodes); err != nil {
		return f.Mark, err
	}
	if err := t.restoreEdges(ctx, b.Edges); err != nil {
		return f.Mark, err
	}
	if len(b.Log) > 0 {
		t.head = b.Log[len(b.Log)-1].Seq
	}
	params["seq"], params["number"], params["roots"], params["secret"] = t.head, t.lastNumber, rootsText(&t.frontier), b.Secret
	_, err = t.query(ctx, writeMigration, params)
	return f.Mark, err
}

func pointers(list []registry.LogEntry) []*registry.LogEntry {
	out := make([]*registry.LogEntry, len(list))
	for i := range list {
		out[i] = &list[i]
	}
	return out
}

// restoreNodes writes revisions: the first ones of each node, or those that follow the
// stored ones. Each node becomes its newest revision.
func (t *txn) restoreNodes(ctx context.Context, revisions []*graph.Node) error {
	if len(revisions) == 0 {
		return nil
	}
	have, err := t.stored(ctx, revisions)
	if err != nil {
		return err
	}
	var rows []any
	var drop, free, take []row
	for i, n := range revisions {
		s := have[n.ID]
		first := i == 0 || revisions[i-1].ID != n.ID
		switch {
		case !isKnownKind[n.Kind] || s == nil && n.Revision != 1 || s != nil && s.number != n.Number:
			return internal(fmt.Errorf("revision %d of %s, a %q, does not fit", n.Revision, n.ID, n.Kind))
		case s == nil:
			s = &storedNode{id: n.ID, kind: n.Kind, number: n.Number, created: n.RecordedSeq, isNew: true}
			have[n.ID] = s
		case first:
			drop = append(drop, row{"key": t.key(string(n.ID)), "revision": n.Revision})
			for _, slot := range s.slots {
				free = append(free, row{"key": t.key(slot), "node": string(n.ID)})
			}
		}
		rows = append(rows, t.revisionRow(n, s))
		for _, slot := range n.Slots {
			take = append(take, row{"key": t.key(slot), "node": string(n.ID), "node_key": t.key(string(n.ID))})
		}
		t.lastNumber = max(t.lastNumber, n.Number)
	}
	if err := t.writeRows(ctx, dropRevisions, drop); err != nil {
		return err
	}
	t.writeNodes(have, rows)
	if err := t.writeRows(ctx, releaseSlots, free); err != nil {
		return err
	}
	return t.writeRows(ctx, takeSlots, take)
}

func (t *txn) restoreEdges(ctx context.Context, edges []graph.DumpedEdge) error {
	byKind := map[registry.EdgeKind][]row{}
	for i := range edges {
		e := &edges[i].Edge
		if restoreEdges[e.Kind] == "" {
			return internal(fmt.Errorf("an edge of the unknown kind %q", e.Kind))
		}
		r := t.edgeRow(e)
		r["recorded_seq"], r["properties"], r["packed"] = e.RecordedSeq, edgeProperties(e), packEdgeTail(e)
		byKind[e.Kind] = append(byKind[e.Kind], r)
	}
	for kind, rows := range byKind {
		if err := t.writeRows(ctx, restoreEdges[kind], rows); err != nil {
			return err
		}
	}
	return nil
}

package sqlite

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"pedigree/graph"
	"pedigree/registry"

	engine "zombiezen.com/go/sqlite"
)

// exactTime returns a stored time in which 0 means 1970, not the zero time.
func exactTime(micros int64) time.Time { return time.UnixMicro(micros).UTC() }

const migrationStateSQL = "SELECT value FROM meta WHERE key = 'migration'"

// migrationState reads the state of the migration into this store.
func (v *view) migrationState() (state graph.MigrationState, err error) {
	err = v.c.query(migrationStateSQL, func(st *engine.Stmt) error { return json.Unmarshal([]byte(st.ColumnText(0)), &state) })
	return state, err
}

// checkMigrated returns FAILED_PRECONDITION when the saved state of the migration says
// that it is not finished. "" means that there was no migration.
func checkMigrated(encoded string) error {
	var state graph.MigrationState
	if encoded == "" {
		return nil
	}
	if err := json.Unmarshal([]byte(encoded), &state); err != nil {
		return err
	}
	return state.CheckFinished()
}

// checkMigrated reads the state of the migration and checks it in the same way.
func (v *view) checkMigrated() error {
	state, err := v.migrationState()
	if err == nil {
		err = state.CheckFinished()
	}
	return err
}

// parseSecret decodes the stored instance secret.
func parseSecret(text string) ([]byte, error) {
	secret, err := hex.DecodeString(text)
	if err == nil && len(secret) != 32 {
		err = fmt.Errorf("sqlite: the instance secret is %d bytes long", len(secret))
	}
	return secret, err
}

func (v *view) secret() (secret []byte, err error) {
	err = v.c.query("SELECT value FROM meta WHERE key = 'secret'", func(st *engine.Stmt) (err error) {
		secret, err = parseSecret(st.ColumnText(0))
		return err
	})
	return secret, err
}

// Restore writes a batch of the dump of another store; see graph.Store.
func (s *Store) Restore(ctx context.Context, source string, b *graph.Batch) (mark graph.DumpPosition, err error) {
	err = s.updateRestoring(ctx, func(t *tx) error {
		mark, err = t.restore(ctx, source, b)
		return err
	})
	return mark, err
}

func (t *tx) restore(ctx context.Context, source string, b *graph.Batch) (graph.DumpPosition, error) {
	if err := t.checkUsable(ctx); err != nil {
		return graph.DumpPosition{}, err
	}
	t.unlogged = true
	state, err := t.migrationState()
	if err != nil {
		return state.Mark, publicError(err)
	}
	write, err := state.Accept(source, t.seq-1, b)
	if err != nil || !write {
		return state.Mark, err
	}
	if b.Finish {
		err = t.s.rebuildServed(t.c)
	} else {
		err = t.restoreRows(b)
	}
	if err != nil {
		return graph.DumpPosition{}, publicError(err)
	}
	encoded, err := json.Marshal(state)
	if err == nil {
		err = t.c.exec("INSERT OR REPLACE INTO meta(key, value) VALUES('migration', ?)", string(encoded))
	}
	return state.Mark, publicError(err)
}

func (t *tx) restoreRows(b *graph.Batch) error {
	if err := t.c.exec("UPDATE meta SET value = ? WHERE key = 'secret'", hex.EncodeToString(b.Secret)); err != nil {
		return err
	}
	for i := range b.Log {
		if err := t.insertEntry(&b.Log[i]); err != nil {
			return err
		}
	}
	t.restoring = true
	for first := 0; first < len(b.Nodes); {
		last := first + 1
		for last < len(b.Nodes) && b.Nodes[last].ID == b.Nodes[first].ID {
			last++
		}
		if err := t.restoreNode(b.Nodes[first:last]); err != nil {
			return err
		}
		first = last
	}
	for i := range b.Edges {
		if err := t.restoreEdge(&b.Edges[i]); err != nil {
			return err
		}
	}
	// These writes need no log entry: the dump has the entries.
	t.wrote, t.restoring = false, false
	return nil
}

// restoreNode writes consecutive revisions of one node, each with the sequence that it
// has in the dump. It replaces stored revisions with the same or higher numbers.
func (t *tx) restoreNode(revisions []*graph.Node) error {
	first := revisions[0]
	found, err := t.lookup(first.ID)
	if err != nil {
		return err
	}
	p := &plannedPut{storedNode: storedNode{kind: first.Kind, parent: first.Parent}}
	if found != nil {
		p.storedNode = *found
		if err := t.releaseSlots(found.num); err != nil {
			return err
		}
		if err := t.c.exec("DELETE FROM revision WHERE num = ? AND revision >= ?", found.num, first.Revision); err != nil {
			return err
		}
	}
	if t.s.codes.kind[first.Kind] == 0 || p.num == 0 && first.Revision != 1 || p.num != 0 && p.num != first.Number {
		return fmt.Errorf("sqlite: revision %d of %s, a %q, does not fit", first.Revision, first.ID, first.Kind)
	}
	p.revision = first.Revision - 1
	for _, n := range revisions {
		t.seq = n.RecordedSeq
		if n.Deleted {
			err = t.deleteNode(n, &storedNode{num: p.num, revision: p.revision})
			p.revision++
			p.columns = nil // They were cleared.
		} else {
			p.wanted = slices.Compact(slices.Sorted(slices.Values(n.Slots)))
			if err = t.putNode(n, map[registry.ID]*plannedPut{n.ID: p}); err == nil {
				err = t.insertNew()
			}
		}
		if err != nil {
			return err
		}
	}
	for _, slot := range revisions[len(revisions)-1].Slots {
		if err := t.c.exec("INSERT OR REPLACE INTO slot(slot, num) VALUES(?, ?)", slot, p.num); err != nil {
			return err
		}
	}
	return nil
}

// releaseSlots frees the slots that a node holds. Another node may have one of them
// already when the source changed during the dump.
func (t *tx) releaseSlots(num int64) error {
	return t.c.exec("DELETE FROM slot WHERE slot IN (SELECT value FROM json_each((SELECT slots FROM node WHERE num = ?1 AND slots <> ''))) AND num = ?1", num)
}

func (t *tx) restoreEdge(e *graph.DumpedEdge) error {
	kind := t.s.codes.edge[e.Kind]
	if kind == 0 {
		return fmt.Errorf("sqlite: an edge of the unknown kind %q", e.Kind)
	}
	by, err := t.subjectNum(e.By)
	if err != nil {
		return err
	}
	return t.c.exec(`INSERT INTO edge(from_num, to_num, kind, recorded_seq, retracted_seq, valid_from, valid_to, subject) VALUES(?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT(from_num, to_num, kind, recorded_seq) DO UPDATE SET retracted_seq = excluded.retracted_seq`,
		e.FromNumber, e.ToNumber, kind, e.RecordedSeq, e.RetractedSeq, toMicros(e.ValidFrom), toMicros(e.ValidTo), by)
}

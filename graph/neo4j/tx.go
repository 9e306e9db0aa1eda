package neo4j

import (
	"context"
	"errors"
	"time"

	"pedigree/graph"
	"pedigree/registry"
)

// txn is an Update in progress. It holds the head's lock, so what it reads changes only
// by its own writes.
type txn struct {
	*view
	// seq is the sequence of the Update's first entry. Every write is stamped with it.
	seq int64
	// newest is the newest entry before the Update, nil when there is none. lastEntryAt is
	// the time of the newest one now.
	newest      *registry.LogEntry
	lastEntryAt time.Time
	// lastNumber is the newest number that a node has.
	lastNumber int64
	// hasWrites is true when the Update wrote something, and so needs a log entry.
	hasWrites bool
	// migration is the state of a migration into this store, from the head.
	migration graph.MigrationState
}

var _ graph.Tx = (*txn)(nil)

// begin takes the lock, and reads only after it: in two statements, because one could
// read a property before it waits.
func (t *txn) begin(ctx context.Context) error {
	key := map[string]any{"key": t.key("")}
	if _, err := t.query(ctx, lockHead, key); err != nil {
		return err
	}
	rows, err := t.query(ctx, readHeadAndEntry, key)
	if err != nil {
		return err
	}
	if len(rows) != 1 {
		return internal(errors.New("the log head is gone"))
	}
	t.head, t.lastNumber = number(rows[0], "seq"), number(rows[0], "number")
	t.seq = t.head + 1
	if l, ok := rows[0]["entry"].(map[string]any); ok {
		e := entryOf(l)
		t.newest, t.lastEntryAt = &e, e.At
	}
	if t.migration, err = migrationOf(rows[0]); err != nil {
		return internal(err)
	}
	return nil
}

const writeHead = "MATCH (h:Head {key: $key}) USING INDEX h:Head(key) SET h.seq = $seq, h.number = $number"

// finish writes the head back if the Update appended to the log.
func (t *txn) finish(ctx context.Context) error {
	if t.failure != nil {
		return t.failure
	}
	if t.head < t.seq {
		if t.hasWrites {
			return internal(errors.New("an update wrote and appended no log entry"))
		}
		return nil
	}
	_, err := t.query(ctx, writeHead, map[string]any{"key": t.key(""), "seq": t.head, "number": t.lastNumber})
	return err
}

const appendLog = "UNWIND $rows AS row CREATE (l:Log) SET l = row"
const appendTouches = "UNWIND $rows AS row CREATE (t:Touch) SET t = row"

// isNewestEntry reports whether a query asks for the newest entry of the log.
func isNewestEntry(q graph.LogQuery) bool {
	return q.Desc && q.Limit == 1 && q.Before == 0 && q.After == 0 && q.Object == "" && q.Actor == "" && len(q.Actions)+len(q.Models) == 0 && !q.WithModel && q.KnownAt.IsZero()
}

// Log answers from memory what every transaction asks first: the newest entry, which was
// read with the head.
func (t *txn) Log(ctx context.Context, q graph.LogQuery) ([]registry.LogEntry, error) {
	if t.newest != nil && t.newest.Seq == t.head && isNewestEntry(q) && !t.ended && t.failure == nil {
		return []registry.LogEntry{*t.newest}, nil
	}
	return t.view.Log(ctx, q)
}

// Append writes log entries, giving Seq and LeafHash. An entry without a time gets the
// store's clock.
func (t *txn) Append(ctx context.Context, entries ...*registry.LogEntry) error {
	last := t.lastEntryAt
	for i, e := range entries {
		if e.At.IsZero() {
			e.At = t.s.clock()
		}
		e.Seq = t.head + 1 + int64(i)
		e.At = graph.EntryTime(e.At, last, e.Seq == t.seq)
		e.Seal()
		last = e.At
	}
	if err := t.writeEntries(ctx, entries); err != nil {
		return err
	}
	t.head, t.lastEntryAt = t.head+int64(len(entries)), last
	return nil
}

// writeEntries writes entries, and the Touch nodes by which they are found.
func (t *txn) writeEntries(ctx context.Context, entries []*registry.LogEntry) error {
	var logs, touches []row
	for _, e := range entries {
		l := entryProperties(e)
		l["key"], l["ns"] = t.key(seqKey(e.Seq)), t.s.ns
		l["model_key"], l["actor_key"] = t.key(string(e.Model)), t.key(e.Actor)
		logs = append(logs, l)
		seen := map[registry.ID]bool{}
		for _, o := range e.Objects {
			if !seen[o] {
				seen[o] = true
				touches = append(touches, row{"object_key": t.key(string(o)), "seq": e.Seq, "log_key": l["key"]})
			}
		}
	}
	if err := t.writeRows(ctx, appendLog, logs); err != nil {
		return err
	}
	return t.writeRows(ctx, appendTouches, touches)
}

// batch is the maximum number of rows that one statement writes.
const batch = 1000

// writeRows runs a text over rows, in batches.
func (t *txn) writeRows(ctx context.Context, text string, rows []row) error {
	return writeBatches(ctx, t, text, rows)
}

func writeBatches[R any](ctx context.Context, t *txn, text string, rows []R) error {
	for len(rows) > 0 {
		n := min(batch, len(rows))
		if _, err := t.records(ctx, text, map[string]any{"rows": rows[:n]}); err != nil {
			return err
		}
		rows = rows[n:]
	}
	return nil
}

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
	// frontier is that of the log up to the newest entry.
	frontier registry.LogFrontier
	// hasWrites is true when the Update wrote something, and so needs a log entry. sent is
	// true when some of that was sent to the server.
	hasWrites, sent bool
	// migration is the state of a migration into this store, from the head.
	migration graph.MigrationState
}

var _ graph.Tx = (*txn)(nil)

// begin takes the lock, and reads the head after it, and what a rehearsal has noted.
func (t *txn) begin(ctx context.Context, r *rehearsal) error {
	rows, err := t.query(ctx, lockAndReadHead, map[string]any{"key": t.key(""), "in": r.lists()})
	if err != nil {
		return err
	}
	if len(rows) != 1 {
		return internal(errors.New("the log head is gone"))
	}
	if err := t.s.checkLease(rows[0]); err != nil {
		return err
	}
	t.head, t.lastNumber = number(rows[0], "seq"), number(rows[0], "number")
	state := headStateOf(rows[0])
	if newest, known := t.s.memory.Newest(); known && newest != state {
		t.s.lease.sawForeign()
	}
	t.pending.generation = t.s.memory.Lock(state)
	t.seq = t.head + 1
	if t.frontier, err = frontierOf(rows[0]); err != nil {
		return err
	}
	if l, ok := rows[0]["entry"].(map[string]any); ok {
		e := entryOf(l)
		t.newest, t.lastEntryAt = &e, e.At
	}
	if t.migration, err = migrationOf(rows[0]); err != nil {
		return internal(err)
	}
	if r != nil {
		t.seed(r, rows[0])
	}
	return nil
}

// checkAppended refuses an Update that wrote something and appended no log entry.
func (t *txn) checkAppended() error {
	if t.failure == nil && t.hasWrites && t.head < t.seq {
		return internal(errors.New("an update wrote and appended no log entry"))
	}
	return nil
}

// begun starts a closure in the transaction that t is the state of. accept takes over what
// it did.
func (t *txn) begun() *txn {
	v := &view{s: t.s, tx: t.tx, holdsLock: true, head: t.head, pending: t.pending}
	own := &txn{view: v, seq: t.head + 1, newest: t.newest, lastEntryAt: t.lastEntryAt, lastNumber: t.lastNumber, frontier: t.frontier.Clone(), migration: t.migration}
	v.flush = own.flushPending
	t.pending.begin(own)
	return own
}

func (t *txn) accept(own *txn) {
	t.pending.accept()
	t.head, t.newest, t.lastEntryAt, t.lastNumber, t.frontier = own.head, own.newest, own.lastEntryAt, own.lastNumber, own.frontier
}

// isNewestEntry reports whether a query asks for the newest entry of the log.
func isNewestEntry(q graph.LogQuery) bool {
	return q.Desc && q.Limit == 1 && q.Before == 0 && q.After == 0 && len(q.Seqs) == 0 && q.Object == "" && q.Actor == "" && len(q.Actions)+len(q.Models)+len(q.Objects) == 0 && !q.WithModel && q.KnownAt.IsZero() && q.Since.IsZero()
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
	if err := t.checkUsable(ctx); err != nil {
		return err
	}
	if err := t.addToTree(entries); err != nil {
		return err
	}
	t.writeEntries(entries)
	t.head, t.lastEntryAt = t.head+int64(len(entries)), last
	if len(entries) > 0 {
		newest := *entries[len(entries)-1]
		t.newest = &newest
	}
	return nil
}

// writeEntries writes entries, and the Touch nodes by which they are found.
func (t *txn) writeEntries(entries []*registry.LogEntry) {
	for _, e := range entries {
		l := entryProperties(e)
		l["key"], l["ns"] = t.key(seqKey(e.Seq)), t.s.ns
		l["model_key"], l["actor_key"] = t.key(string(e.Model)), t.key(e.Actor)
		t.pending.add(logEntries, l)
		seen := map[registry.ID]bool{}
		for _, o := range e.Objects {
			if !seen[o] {
				seen[o] = true
				t.pending.add(touches, row{"object_key": t.key(string(o)), "seq": e.Seq, "log_key": l["key"]})
			}
		}
	}
}

// checkUsable returns an error when a write cannot be made pending: the transaction is
// over or void, or the context has ended.
func (v *view) checkUsable(ctx context.Context) error {
	switch {
	case v.ended:
		return internal(errors.New("the transaction is over"))
	case v.failure != nil:
		return storeError(v.failure)
	}
	return storeError(ctx.Err())
}

// batch is the maximum number of rows that one statement writes.
const batch = 1000

// writeRows runs a text over rows, in batches.
func (t *txn) writeRows(ctx context.Context, text string, rows []row) error {
	if len(rows) > 0 {
		t.pending.sent()
	}
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

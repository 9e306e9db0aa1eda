package sqlite

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"pedigree/graph"
	"pedigree/graph/readmemory"
	"pedigree/graph/updatequeue"
	"pedigree/registry"
)

// maxBatch is the maximum number of updates in one commit.
const maxBatch = 128

// job is one Update in the queue of the writer.
type job = updatequeue.Job[*tx]

// batch are the Updates of a commit.
type batch = updatequeue.Batch[*tx]

// Update queues fn for the writer; see graph.Store. If the context ends before fn has
// started, fn does not run.
func (s *Store) Update(ctx context.Context, fn func(graph.Tx) error) error {
	err := s.jobs.Submit(updatequeue.NewJob(ctx, func(t *tx) error { return fn(t) }))
	if state, known := s.memory.Newest(); known && err == nil { // The request sees what it has just written.
		readmemory.SetMomentState(ctx, s, state, time.Now())
	}
	return err
}

// updateRestoring is Update for what may write while a migration is not finished.
func (s *Store) updateRestoring(ctx context.Context, fn func(*tx) error) error {
	j := updatequeue.NewJob(ctx, fn)
	j.Restores = true
	return s.jobs.Submit(j)
}

// writeLoop runs in the writer goroutine.
func (s *Store) writeLoop(w *conn) {
	defer close(s.writerDone)
	defer w.close()
	s.jobs.Serve(func(b *batch) { s.commit(w, b) })
}

// commit runs a batch in one transaction. While another process has the lock, it runs
// the whole batch again. If the commit fails, all jobs fail.
func (s *Store) commit(w *conn, b *batch) {
	if len(b.Jobs) == 0 {
		return
	}
	err := s.checkFile()
	if err == nil {
		err = retryWhileBusy(func() error { return s.commitOnce(w, b) })
	}
	if err != nil {
		for i := range b.Results {
			b.Results[i] = publicError(err)
		}
	}
}

// commitOnce stores the error of each closure in the results and returns the error of the
// transaction. Jobs get their results only after the commit, also errors: a closure may
// have failed because of uncommitted writes of an earlier closure of the batch.
func (s *Store) commitOnce(w *conn, b *batch) error {
	if err := s.begin(w); err != nil {
		return err
	}
	err := s.runBatch(w, b, 0, pointOf(b.Jobs))
	for done := len(b.Jobs); err == nil && b.More(); done = len(b.Jobs) {
		point := noSavepoints // Those before have written.
		if mayRestore(b.Jobs[done:]) {
			point = savepointPerJob
		}
		err = s.runBatch(w, b, done, point)
	}
	if errors.Is(err, errUndo) {
		// Undo them all, and run them again so that each can be undone.
		s.forget()
		if err = errors.Join(w.exec("ROLLBACK"), s.begin(w)); err == nil {
			err = s.runBatch(w, b, 0, savepointPerJob)
		}
	}
	if errors.Is(err, errOver) {
		return nil
	}
	if err == nil {
		err = w.writeIndex(w.pendingEntries)
	}
	if err == nil {
		s.committing.Add(1)
		err = w.exec("COMMIT")
		s.rememberWrites(err)
		s.committing.Add(-1)
	}
	if err != nil && !w.raw.AutocommitEnabled() {
		w.exec("ROLLBACK")
	}
	if err != nil { // The nodes that the closures created do not exist.
		s.forget()
	}
	return err
}

// begin begins a transaction of the writer, and looks at the state on which it holds the lock: another
// Store may have written since the last one.
func (s *Store) begin(w *conn) error {
	err := w.beginImmediate()
	if err == nil {
		if err = s.beginWrites(w); err != nil {
			w.exec("ROLLBACK")
		}
	}
	return err
}

// forget drops what the writer remembers of the store, after writes that were rolled back or
// that it did not follow.
func (s *Store) forget() {
	s.recent.reset(0)
	s.frontier, s.newest = registry.LogFrontier{}, nil
}

// errUndo says that a closure failed after it had written, and that only the whole
// transaction can be undone. errOver says that nothing is left to commit.
var errUndo, errOver = errors.New("sqlite: undo the batch"), errors.New("sqlite: the transaction is over")

// runBatch runs the closures of a batch from one on, one after the other.
func (s *Store) runBatch(w *conn, b *batch, from int, point rollbackPoint) error {
	if from == 0 {
		clear(w.pendingEntries)
	}
	for i := from; i < len(b.Jobs); i++ {
		j := b.Jobs[i]
		if j.Broken() && b.Results[i] != nil {
			continue
		}
		var over bool
		w.wrote = false
		if b.Results[i], over = s.runJob(w, j, point); over {
			return errOver
		}
		if w.raw.AutocommitEnabled() {
			s.forget()
			return errors.Join(errors.New("sqlite: the engine rolled back the transaction"), b.Results[i])
		}
		if b.Results[i] != nil && w.wrote && point.none {
			return errUndo
		}
	}
	return nil
}

// rollbackPoint has the statements that undo a closure that failed.
type rollbackPoint struct {
	begin, release, rollback, resume string
	// whole says that a rollback ends the transaction.
	whole bool
	// none says that a closure cannot be undone alone.
	none bool
}

// A single closure uses the transaction itself. The closures of a batch have no savepoint at
// first: with one, the engine copies every page before it changes. Few closures fail after
// they have written. When one does, the batch runs again with a savepoint for each.
var (
	noSavepoints     = rollbackPoint{none: true}
	savepointPerJob  = rollbackPoint{begin: "SAVEPOINT job", release: "RELEASE job", rollback: "ROLLBACK TO job", resume: "RELEASE job"}
	wholeTransaction = rollbackPoint{rollback: "ROLLBACK", whole: true}
)

// pointOf returns how the closures of a batch are undone at first.
func pointOf(batch []*job) rollbackPoint {
	switch {
	case len(batch) == 1:
		return wholeTransaction
	case mayRestore(batch):
		return savepointPerJob
	}
	return noSavepoints
}

func mayRestore(batch []*job) bool {
	return slices.ContainsFunc(batch, func(j *job) bool { return j.Restores })
}

// runJob runs one closure, and again when the fault hook requests it. over says that the
// transaction was rolled back as a whole, so that there is nothing to commit. A failed
// closure does not wait for the lock again.
func (s *Store) runJob(w *conn, j *job, point rollbackPoint) (failure error, over bool) {
	for attempt := 0; ; attempt++ {
		if err := w.execIfSet(point.begin); err != nil {
			return publicError(err), false
		}
		err, retry := s.runOnce(w, j)
		if err == nil {
			if err = w.execIfSet(point.release); err != nil {
				s.forget()
			}
			return publicError(err), false
		}
		if w.raw.AutocommitEnabled() || point.none && (w.wrote || !retry) {
			return err, false
		}
		if undo := errors.Join(w.execIfSet(point.rollback), w.execIfSet(point.resume)); undo != nil {
			return publicError(undo), false
		}
		if retry && attempt == 20 {
			err, retry = &registry.Error{Code: registry.Unavailable, Message: "the store cannot be used just now; try again", Err: err}, false
		}
		if !retry {
			return err, point.whole
		}
		time.Sleep(time.Duration(attempt) * time.Millisecond)
		if point.whole {
			if err := s.begin(w); err != nil {
				return publicError(err), true
			}
		}
	}
}

func (s *Store) runOnce(w *conn, j *job) (err error, retry bool) {
	t := &tx{view: view{c: w, s: s, inUpdate: true}, pendingEntries: indexEntries{}}
	head, lastEntryAt, err := t.newestWritten()
	if err == nil && !j.Restores {
		err = t.checkMayWrite()
	}
	s.writes.restores = s.writes.restores || j.Restores
	if err != nil {
		return publicError(err), false
	}
	t.seq, t.nextSeq, t.lastEntryAt = head+1, head+1, lastEntryAt
	s.recent.resetUnlessAt(head)
	j.Start(t)
	err = j.Answer()
	t.ended = true
	if err != nil {
		return err, false
	}
	if err := t.writeKeys(); err != nil {
		return publicError(err), false
	}
	if t.wrote && t.nextSeq == t.seq {
		return registry.Errorf(registry.Internal, "an update wrote and appended no log entry"), false
	}
	if s.faultHook != nil {
		if err := s.faultHook(); err != nil {
			if isRetryable(err) {
				return err, true
			}
			return publicError(err), false
		}
	}
	maps.Copy(w.pendingEntries, t.pendingEntries)
	maps.Copy(s.writes.names, t.names)
	maps.Copy(s.writes.nodes, t.carried)
	s.writes.head, s.writes.unlogged = t.nextSeq-1, s.writes.unlogged || t.unlogged
	if t.unlogged {
		s.forget()
		return nil, false
	}
	s.recent.apply(t.change, t.nextSeq-1)
	if t.frontier.Size == t.nextSeq-1 {
		s.frontier = t.frontier
	}
	if t.newest != nil {
		s.newest = t.newest
	}
	return nil, false
}

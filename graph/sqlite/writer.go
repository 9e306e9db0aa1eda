package sqlite

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime/debug"
	"sync/atomic"
	"time"

	"pedigree/graph"
	"pedigree/registry"
)

// maxBatch is how many updates one commit takes at most.
const maxBatch = 128

// The states of a job.
const (
	queued int32 = iota
	started
	dropped
)

// job is one Update on its way through the writer. The closure runs in its
// caller's goroutine, when the writer says so: a panic shows the caller's stack,
// and a test that fails inside ends itself and not the writer.
type job struct {
	fn func(graph.Tx) error
	// restores tells that it may write to a half-filled store.
	restores  bool
	state     atomic.Int32
	start     chan *tx
	returned  chan error
	committed chan error
}

// Update queues fn for the writer; see graph.Store. A context that ends before fn
// started drops it.
func (s *Store) Update(ctx context.Context, fn func(graph.Tx) error) error {
	return s.submit(ctx, &job{fn: fn})
}

// run queues a job and waits for it.
func (s *Store) submit(ctx context.Context, j *job) error {
	if ctx.Err() != nil {
		return contextError(ctx)
	}
	j.start, j.returned, j.committed = make(chan *tx), make(chan error, 1), make(chan error, 1)
	if err := s.enqueue(ctx, j); err != nil {
		return err
	}
	cancelled := ctx.Done()
	for {
		select {
		case t := <-j.start:
			j.runClosure(t)
		case err := <-j.committed:
			return err
		case <-cancelled:
			if j.state.CompareAndSwap(queued, dropped) {
				return contextError(ctx)
			}
			cancelled = nil
		}
	}
}

func (s *Store) enqueue(ctx context.Context, j *job) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return closedError()
	}
	select {
	case s.jobs <- j:
		return nil
	case <-ctx.Done():
		return contextError(ctx)
	}
}

// call runs the closure and tells the writer how it ended, whatever happens.
func (j *job) runClosure(t *tx) {
	err := error(registry.Errorf(registry.Internal, "the update ended without an answer"))
	returned := false
	defer func() {
		if !returned {
			if r := recover(); r != nil {
				err = internalError(fmt.Errorf("panic in an update: %v\n%s", r, debug.Stack()))
			}
		}
		j.returned <- err
	}()
	err = j.fn(t)
	returned = true
}

// write is the one writer: it takes all that waits, commits once and then tells
// all.
func (s *Store) writeLoop(w *conn) {
	defer close(s.writerDone)
	defer w.close()
	for j := range s.jobs {
		batch := []*job{j}
	fill:
		for len(batch) < maxBatch {
			select {
			case j, ok := <-s.jobs:
				if !ok {
					break fill
				}
				batch = append(batch, j)
			default:
				break fill
			}
		}
		runnable := batch[:0]
		for _, j := range batch {
			if j.state.CompareAndSwap(queued, started) {
				runnable = append(runnable, j)
			}
		}
		results := s.commit(w, runnable)
		for i, j := range runnable {
			j.committed <- results[i]
		}
	}
}

// commit runs a batch in one transaction. A commit that meets another process is
// run again as a whole; one that fails fails all.
func (s *Store) commit(w *conn, batch []*job) []error {
	results := make([]error, len(batch))
	if len(batch) == 0 {
		return results
	}
	err := s.checkFile()
	if err == nil {
		err = retryWhileBusy(func() error { return s.commitOnce(w, batch, results) })
	}
	if err != nil {
		for i := range results {
			results[i] = publicError(err)
		}
	}
	return results
}

// commitOnce keeps each closure's own error in results and returns that of the
// transaction. No result is told before the commit: a refusal may rest on what a
// closure before it in the batch wrote.
func (s *Store) commitOnce(w *conn, batch []*job, results []error) error {
	if err := w.beginImmediate(); err != nil {
		return err
	}
	point := savepointPerJob
	if len(batch) == 1 {
		point = wholeTransaction
	}
	clear(w.pendingEntries)
	for i, j := range batch {
		results[i] = s.runJob(w, j, point)
		if w.raw.AutocommitEnabled() {
			s.recent.reset(0)
			return errors.Join(errors.New("sqlite: the engine rolled back the transaction"), results[i])
		}
	}
	err := w.writeIndex(w.pendingEntries)
	if err == nil {
		err = w.exec("COMMIT")
	}
	if err != nil && !w.raw.AutocommitEnabled() {
		w.exec("ROLLBACK")
	}
	if err != nil { // What its closures made is not there.
		s.recent.reset(0)
	}
	return err
}

// mark is what can be gone back to when a closure fails.
type rollbackPoint struct{ begin, release, rollback, resume string }

// The marks of a closure: a savepoint among others of its batch; alone the
// transaction itself, which saves the engine a copy of every page that it touches.
var (
	savepointPerJob  = rollbackPoint{begin: "SAVEPOINT job", release: "RELEASE job", rollback: "ROLLBACK TO job", resume: "RELEASE job"}
	wholeTransaction = rollbackPoint{rollback: "ROLLBACK", resume: "BEGIN IMMEDIATE"}
)

// runJob runs one closure, again where the fault hook asks so.
func (s *Store) runJob(w *conn, j *job, point rollbackPoint) error {
	for attempt := 0; ; attempt++ {
		if err := w.execIfSet(point.begin); err != nil {
			return publicError(err)
		}
		err, retry := s.runOnce(w, j)
		if err == nil {
			if err = w.execIfSet(point.release); err != nil {
				s.recent.reset(0)
			}
			return publicError(err)
		}
		if w.raw.AutocommitEnabled() {
			return err
		}
		if undo := errors.Join(w.execIfSet(point.rollback), w.execIfSet(point.resume)); undo != nil {
			return publicError(undo)
		}
		if !retry {
			return err
		}
		if attempt == 20 {
			return &registry.Error{Code: registry.Unavailable, Message: "the store cannot be used just now; try again", Err: err}
		}
		time.Sleep(time.Duration(attempt) * time.Millisecond)
	}
}

func (s *Store) runOnce(w *conn, j *job) (err error, retry bool) {
	t := &tx{view: view{c: w, s: s, inUpdate: true}, pendingEntries: indexEntries{}}
	head, err := t.head()
	if err == nil && !j.restores {
		err = t.checkMigrated()
	}
	if err != nil {
		return publicError(err), false
	}
	t.seq, t.nextSeq = head+1, head+1
	if s.recent.resetUnlessAt(head); j.restores { // It writes without an entry.
		s.recent.reset(0)
	}
	j.start <- t
	err = <-j.returned
	t.ended = true
	if err != nil {
		return err, false
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
	if !j.restores {
		s.recent.apply(t.change, t.nextSeq-1)
	}
	return nil, false
}

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
	restores bool
	state    atomic.Int32
	turn     chan *tx
	ran      chan error
	done     chan error
}

// Update queues fn for the writer; see graph.Store. A context that ends before fn
// started drops it.
func (s *Store) Update(ctx context.Context, fn func(graph.Tx) error) error {
	return s.run(ctx, &job{fn: fn})
}

// run queues a job and waits for it.
func (s *Store) run(ctx context.Context, j *job) error {
	if ctx.Err() != nil {
		return ended(ctx)
	}
	j.turn, j.ran, j.done = make(chan *tx), make(chan error, 1), make(chan error, 1)
	if err := s.enqueue(ctx, j); err != nil {
		return err
	}
	cancelled := ctx.Done()
	for {
		select {
		case t := <-j.turn:
			j.call(t)
		case err := <-j.done:
			return err
		case <-cancelled:
			if j.state.CompareAndSwap(queued, dropped) {
				return ended(ctx)
			}
			cancelled = nil
		}
	}
}

func (s *Store) enqueue(ctx context.Context, j *job) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return closed()
	}
	select {
	case s.jobs <- j:
		return nil
	case <-ctx.Done():
		return ended(ctx)
	}
}

// call runs the closure and tells the writer how it ended, whatever happens.
func (j *job) call(t *tx) {
	err := error(registry.Errorf(registry.Internal, "the update ended without an answer"))
	returned := false
	defer func() {
		if !returned {
			if r := recover(); r != nil {
				err = broken(fmt.Errorf("panic in an update: %v\n%s", r, debug.Stack()))
			}
		}
		j.ran <- err
	}()
	err = j.fn(t)
	returned = true
}

// write is the one writer: it takes all that waits, commits once and then tells
// all.
func (s *Store) write(w *conn) {
	defer close(s.done)
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
		live := batch[:0]
		for _, j := range batch {
			if j.state.CompareAndSwap(queued, started) {
				live = append(live, j)
			}
		}
		results := s.commit(w, live)
		for i, j := range live {
			j.done <- results[i]
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
	err := s.here()
	if err == nil {
		err = patiently(func() error { return s.commitOnce(w, batch, results) })
	}
	if err != nil {
		for i := range results {
			results[i] = fault(err)
		}
	}
	return results
}

// commitOnce keeps each closure's own error in results and returns that of the
// transaction. No result is told before the commit: a refusal may rest on what a
// closure before it in the batch wrote.
func (s *Store) commitOnce(w *conn, batch []*job, results []error) error {
	if err := w.lock(); err != nil {
		return err
	}
	m := among
	if len(batch) == 1 {
		m = alone
	}
	clear(w.texts)
	for i, j := range batch {
		results[i] = s.runJob(w, j, m)
		if w.raw.AutocommitEnabled() {
			s.lately.forget(0)
			return errors.Join(errors.New("sqlite: the engine rolled back the transaction"), results[i])
		}
	}
	err := w.index(w.texts)
	if err == nil {
		err = w.exec("COMMIT")
	}
	if err != nil && !w.raw.AutocommitEnabled() {
		w.exec("ROLLBACK")
	}
	if err != nil { // What its closures made is not there.
		s.lately.forget(0)
	}
	return err
}

// mark is what can be gone back to when a closure fails.
type mark struct{ set, keep, undo, leave string }

// The marks of a closure: a savepoint among others of its batch; alone the
// transaction itself, which saves the engine a copy of every page that it touches.
var (
	among = mark{set: "SAVEPOINT job", keep: "RELEASE job", undo: "ROLLBACK TO job", leave: "RELEASE job"}
	alone = mark{undo: "ROLLBACK", leave: "BEGIN IMMEDIATE"}
)

// runJob runs one closure, again where the fault hook asks so.
func (s *Store) runJob(w *conn, j *job, m mark) error {
	for attempt := 0; ; attempt++ {
		if err := w.step(m.set); err != nil {
			return fault(err)
		}
		err, again := s.runOnce(w, j)
		if err == nil {
			if err = w.step(m.keep); err != nil {
				s.lately.forget(0)
			}
			return fault(err)
		}
		if w.raw.AutocommitEnabled() {
			return err
		}
		if undo := errors.Join(w.step(m.undo), w.step(m.leave)); undo != nil {
			return fault(undo)
		}
		if !again {
			return err
		}
		if attempt == 20 {
			return &registry.Error{Code: registry.Unavailable, Message: "the store cannot be used just now; try again", Err: err}
		}
		time.Sleep(time.Duration(attempt) * time.Millisecond)
	}
}

func (s *Store) runOnce(w *conn, j *job) (err error, again bool) {
	t := &tx{view: view{c: w, s: s, writing: true}, texts: texts{}}
	head, err := t.head()
	if err == nil && !j.restores {
		err = t.open()
	}
	if err != nil {
		return fault(err), false
	}
	t.seq, t.next = head+1, head+1
	if s.lately.at(head); j.restores { // It writes without an entry.
		s.lately.forget(0)
	}
	j.turn <- t
	err = <-j.ran
	t.over = true
	if err != nil {
		return err, false
	}
	if t.wrote && t.next == t.seq {
		return registry.Errorf(registry.Internal, "an update wrote and appended no log entry"), false
	}
	if s.inject != nil {
		if err := s.inject(); err != nil {
			if retryable(err) {
				return err, true
			}
			return fault(err), false
		}
	}
	maps.Copy(w.texts, t.texts)
	if !j.restores {
		s.lately.take(t.change, t.next-1)
	}
	return nil, false
}

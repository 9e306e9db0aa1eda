package neo4j

import (
	"context"
	"errors"
	"time"

	driver "github.com/neo4j/neo4j-go-driver/v5/neo4j"

	"pedigree/graph"
	"pedigree/graph/updatequeue"
	"pedigree/registry"
)

// maxBatch is the maximum number of updates in one transaction. All of them wait for its
// commit.
const maxBatch = 64

// job is one Update in the queue of the writer.
type job = updatequeue.Job[*txn]

// Update runs fn in a write transaction that holds the lock on the log's head from its
// first statement. Updates that wait at the same time share one transaction: they run one
// after the other and are committed together. See graph.Store.
func (s *Store) Update(ctx context.Context, fn func(graph.Tx) error) error {
	err := s.jobs.Submit(updatequeue.NewJob(ctx, func(t *txn) error { return fn(t) }))
	if err == nil {
		s.beginMoment(ctx)
	}
	return err
}

// writeLoop runs in the writer goroutine.
func (s *Store) writeLoop() {
	s.jobs.Serve(func(all *updatequeue.Batch[*txn]) {
		b := &jobBatch{store: s, jobs: all.Jobs, queued: all}
		b.commit()
		copy(all.Results, b.results)
	})
}

// jobBatch is a batch of jobs and what became of them.
type jobBatch struct {
	store   *Store
	jobs    []*job
	results []error
	// queued is the batch of the queue, from which more jobs can come. It is nil for a job that
	// runs alone.
	queued *updatequeue.Batch[*txn]
	// failed has the jobs whose closures failed after their writes had been sent: Neo4j has
	// no savepoints, so the batch runs again without them.
	failed map[*job]error
}

// These errors end a transaction of several jobs: to run it again without one of them, and
// to run each of them in a transaction of its own.
var (
	errWithoutOne = errors.New("neo4j: the batch runs again without a closure that failed")
	errEachAlone  = errors.New("neo4j: each closure of the batch runs alone")
)

// commit runs the batch until no closure fails after a write. If the transaction itself
// fails, all jobs fail.
func (b *jobBatch) commit() {
	b.results, b.failed = make([]error, len(b.jobs)), map[*job]error{}
	for len(b.failed) < len(b.jobs) {
		err := b.store.retryOnFault(b.commitOnce)
		if errors.Is(err, errWithoutOne) {
			continue
		}
		for i, j := range b.jobs {
			switch {
			case b.failed[j] != nil:
			case errors.Is(err, errEachAlone):
				alone := &jobBatch{store: b.store, jobs: []*job{j}}
				alone.commit()
				b.results[i] = alone.results[0]
			case err != nil && b.results[i] == nil:
				b.results[i] = err
			}
		}
		break
	}
	for i, j := range b.jobs {
		if err := b.failed[j]; err != nil {
			b.results[i] = err
		}
	}
}

// join takes the jobs that have come to wait since into the batch, and returns them.
func (b *jobBatch) join() []*job {
	if b.queued == nil || !b.queued.More() {
		return nil
	}
	joined := b.queued.Jobs[len(b.jobs):]
	b.jobs = b.queued.Jobs
	b.results = append(b.results, make([]error, len(joined))...)
	return joined
}

// commitOnce runs the closures that have not failed in one transaction.
func (b *jobBatch) commitOnce() error {
	whole, cancel := context.WithTimeout(context.Background(), commitTimeout)
	defer cancel()
	r := b.rehearse(nil, b.jobs)
	return b.store.commitIn(whole, r, func(t *txn) error {
		clear(b.results)
		if err := b.foresee(whole, t, r); err != nil {
			return err
		}
		for i, j := range b.jobs {
			if b.failed[j] != nil {
				continue
			}
			if err := b.run(t, i, j); err != nil {
				return err
			}
		}
		err := t.flush(whole)
		if err != nil && b.mayBeOfOne(t.failure) {
			return errEachAlone
		}
		return err
	})
}

// mayBeOfOne reports whether the failure of a statement may be due to one of several
// closures. The driver runs all again after a failure that may pass.
func (b *jobBatch) mayBeOfOne(failure error) bool {
	return !driver.IsRetryable(failure) && len(b.jobs)-len(b.failed) > 1
}

// run runs one closure in the transaction, which t is the state of between closures. A
// closure that fails leaves the transaction as it was, or ends it with an error.
func (b *jobBatch) run(t *txn, i int, j *job) error {
	own := t.begun()
	defer own.end()
	err := t.migration.CheckFinished()
	if err == nil {
		j.Start(own)
		err = j.Answer()
	}
	if err == nil {
		err = own.checkAppended()
	}
	if err == nil && own.failure == nil {
		if err = b.store.runFaultHook(); isRetryable(err) {
			return err
		}
	}
	if err == nil && own.failure == nil {
		err = storeError(j.Context.Err())
	}
	if own.failure != nil {
		return b.failStatement(t, own, j)
	}
	switch {
	case err == nil:
		t.accept(own)
	case own.sent:
		b.failed[j] = err
		return errWithoutOne
	default:
		b.results[i] = err
		t.pending.undo()
	}
	return nil
}

// failStatement handles a failed statement of a closure, which ends the transaction. When
// the caller's context ended the statement, the others run again without it.
func (b *jobBatch) failStatement(t, own *txn, j *job) error {
	switch {
	case j.Context.Err() != nil:
		b.failed[j] = storeError(j.Context.Err())
		return errWithoutOne
	case b.mayBeOfOne(own.failure):
		return errEachAlone
	}
	t.failure = own.failure
	return storeError(own.failure)
}

// commitIn runs fn in one transaction that holds the head's lock, and commits it. It reads what
// a rehearsal has noted. It ends the read lease of another server first.
func (s *Store) commitIn(ctx context.Context, r *rehearsal, fn func(*txn) error) error {
	for {
		err := storeError(s.commitUnderLock(ctx, r, fn))
		if !errors.Is(err, errLeased) {
			return err
		}
		if err := s.endForeignLease(ctx); err != nil {
			return err
		}
	}
}

// commitUnderLock is commitIn, but for a lease of another server: that is errLeased.
func (s *Store) commitUnderLock(ctx context.Context, r *rehearsal, fn func(*txn) error) error {
	session := s.session(ctx, driver.AccessModeWrite)
	defer session.Close(ctx)
	ended := func() {} // ends the commit
	done, err := session.ExecuteWrite(ctx, func(dtx driver.ManagedTransaction) (any, error) {
		ended()
		ended = func() {}
		t := &txn{view: &view{s: s, tx: dtx, holdsLock: true, pending: &pendingWrites{}}}
		t.flush = t.flushPending
		defer t.end()
		if err := t.begin(ctx, r); err != nil {
			return nil, t.outcome(err)
		}
		s.headTracker.markVisible(t.head)
		err := t.outcome(fn(t))
		if err == nil {
			ended = s.headTracker.beginCommit()
		}
		return t, err
	})
	var refused *closureError
	if err == nil {
		t := done.(*txn)
		s.headTracker.markVisible(t.head)
		s.newestEntry.Store(t.newest)
		s.memory.Commit(t.pending.generation, s.committed(t.pending), t.head)
	} else if !errors.As(err, &refused) { // It may be committed.
		s.memory.ForgetAll()
	}
	ended()
	return err
}

// write runs fn alone in one transaction that holds the head's lock. The caller's deadline
// ends fn, never the commit: an interrupted commit may have happened, and its caller would
// get an error.
func (s *Store) write(ctx context.Context, fn func(*txn) error) error {
	if s.closed.Load() {
		return errClosed()
	}
	if err := ctx.Err(); err != nil {
		return storeError(err)
	}
	whole, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitTimeout)
	defer cancel()
	err := s.commitIn(whole, nil, func(t *txn) error {
		err := fn(t)
		if err == nil {
			err = t.flush(ctx)
		}
		if err == nil {
			err = s.runFaultHook()
		}
		if err == nil {
			err = ctx.Err()
		}
		return err
	})
	if registry.CodeOf(err) != registry.Internal || ctx.Err() == nil {
		return err
	}
	return storeError(ctx.Err())
}

// retryOnFault runs a write again while its fault is retryable.
func (s *Store) retryOnFault(write func() error) error {
	for try := 0; ; try++ {
		err := write()
		var again *retryableFault
		if !errors.As(err, &again) {
			return err
		}
		if try == 50 {
			return &registry.Error{Code: registry.Unavailable, Message: "the store is busy; try again", Err: again.err}
		}
	}
}

// retryableFault is an error of the fault hook after which the write runs again.
type retryableFault struct{ err error }

// Error is the fault.
func (e *retryableFault) Error() string { return e.err.Error() }

func isRetryable(err error) bool {
	var fault *retryableFault
	return errors.As(err, &fault)
}

// runFaultHook calls the fault hook, after the closure and before the commit.
func (s *Store) runFaultHook() error {
	if s.faultHook == nil {
		return nil
	}
	err := s.faultHook()
	var r interface{ Retryable() bool }
	if errors.As(err, &r) && r.Retryable() {
		return &retryableFault{err}
	}
	return err
}

// commitTimeout bounds a transaction as a whole, including its commit.
const commitTimeout = time.Minute

func errClosed() error { return registry.Errorf(registry.Unavailable, "the store is closed") }

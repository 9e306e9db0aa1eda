// Package updatequeue hands the updates of many goroutines to the one writer of a store,
// which commits those that wait at the same time together.
package updatequeue

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"

	"pedigree/registry"
)

// The states of a Job.
const (
	queued int32 = iota
	started
	dropped
)

// Job is one update in a Queue. Its closure runs in the goroutine of its caller while the
// writer waits: a panic shows the stack of the caller, and t.Fatal inside the closure does not
// end the writer. T is the transaction that the closure gets.
type Job[T any] struct {
	// Context is that of the caller.
	Context context.Context
	// Restores says that the update may write while a migration is not finished.
	Restores bool

	closure func(T) error
	state   atomic.Int32
	start   chan T
	answer  chan error
	result  chan error
	ending  ending
}

// ending is how a closure ended last.
type ending int

const (
	returned ending = iota
	panicked
	exited
)

// NewJob returns an update that has not been submitted.
func NewJob[T any](ctx context.Context, closure func(T) error) *Job[T] {
	return &Job[T]{Context: ctx, closure: closure, start: make(chan T), answer: make(chan error, 1), result: make(chan error, 1)}
}

// Start gives the closure its transaction. Answer must follow. Only the writer calls them.
func (j *Job[T]) Start(t T) { j.start <- t }

// Answer waits for the closure and returns its error. After a panic or runtime.Goexit that is
// INTERNAL.
func (j *Job[T]) Answer() error { return <-j.answer }

// Broken reports whether the closure ended without returning.
func (j *Job[T]) Broken() bool { return j.ending != returned }

// Exited reports whether the goroutine of the caller ended in the closure, so that it cannot
// run again.
func (j *Job[T]) Exited() bool { return j.ending == exited }

// run runs the closure and always sends its error to the writer.
func (j *Job[T]) run(t T) {
	err := error(registry.Errorf(registry.Internal, "the update ended without an answer"))
	j.ending = exited
	defer func() {
		if j.ending == exited {
			if r := recover(); r != nil {
				j.ending = panicked
				err = &registry.Error{Code: registry.Internal, Message: "the store failed", Err: fmt.Errorf("panic in an update: %v\n%s", r, debug.Stack())}
			}
		}
		j.answer <- err
	}()
	err = j.closure(t)
	j.ending = returned
}

// Queue holds the updates that wait for the writer.
type Queue[T any] struct {
	maxBatch int
	jobs     chan *Job[T]
	mu       sync.RWMutex // held for reading while a job is queued
	closed   bool
	ended    chan struct{}
}

// New returns a queue whose writer takes at most maxBatch updates at once. As many can wait
// before their callers do.
func New[T any](maxBatch int) *Queue[T] {
	return &Queue[T]{maxBatch: maxBatch, jobs: make(chan *Job[T], maxBatch), ended: make(chan struct{})}
}

// Len is how many updates wait.
func (q *Queue[T]) Len() int { return len(q.jobs) }

// Submit queues an update and returns what the writer answers. If the context ends before the
// closure has started, the closure does not run, and the answer is UNAVAILABLE, as it is when
// the queue is closed.
func (q *Queue[T]) Submit(j *Job[T]) error {
	if j.Context.Err() != nil {
		return j.leftEarly()
	}
	if err := q.enqueue(j); err != nil {
		return err
	}
	cancelled := j.Context.Done()
	for {
		select {
		case t := <-j.start:
			j.run(t)
		case err := <-j.result:
			return err
		case <-cancelled:
			if j.state.CompareAndSwap(queued, dropped) {
				return j.leftEarly()
			}
			cancelled = nil
		}
	}
}

func (j *Job[T]) leftEarly() error {
	return &registry.Error{Code: registry.Unavailable, Message: "the request ended before the store could answer", Err: context.Cause(j.Context)}
}

func (q *Queue[T]) enqueue(j *Job[T]) error {
	q.mu.RLock()
	defer q.mu.RUnlock()
	if q.closed {
		return registry.Errorf(registry.Unavailable, "the store is closed")
	}
	select {
	case q.jobs <- j:
		return nil
	case <-j.Context.Done():
		return j.leftEarly()
	}
}

// Batch is the updates that the writer commits together.
type Batch[T any] struct {
	Jobs []*Job[T]
	// Results has the result of each, which the writer sets.
	Results []error

	queue *Queue[T]
}

// More adds the updates that have come to wait since. It reports whether there are any. The writer
// asks before it commits, because a commit costs as much for one update as for ten.
func (b *Batch[T]) More() bool {
	before := len(b.Jobs)
	for before == len(b.Jobs) && before < b.queue.maxBatch {
		select {
		case j, ok := <-b.queue.jobs:
			if !ok {
				return false
			}
			b.take(j)
		default:
			return false
		}
	}
	return len(b.Jobs) > before
}

// take adds a job and those that wait behind it, but for those whose callers have left.
func (b *Batch[T]) take(first *Job[T]) {
	for _, j := range b.queue.waiting(first, b.queue.maxBatch-len(b.Jobs)) {
		if j.state.CompareAndSwap(queued, started) {
			b.Jobs, b.Results = append(b.Jobs, j), append(b.Results, nil)
		}
	}
}

// Serve is the loop of the writer. It takes all updates that wait, has them committed together,
// and gives each its result. It ends after Close, when no update waits.
func (q *Queue[T]) Serve(commit func(b *Batch[T])) {
	defer close(q.ended)
	for j := range q.jobs {
		b := &Batch[T]{queue: q}
		b.take(j)
		commit(b)
		for i, j := range b.Jobs {
			j.result <- b.Results[i]
		}
	}
}

// waiting returns a job and those that wait behind it, so many at most.
func (q *Queue[T]) waiting(first *Job[T], most int) []*Job[T] {
	batch := []*Job[T]{first}
	for len(batch) < most {
		select {
		case j, ok := <-q.jobs:
			if !ok {
				return batch
			}
			batch = append(batch, j)
		default:
			return batch
		}
	}
	return batch
}

// Close lets the queue take no more updates and waits until those that wait are answered. It
// reports whether it is the first call.
func (q *Queue[T]) Close() (first bool) {
	q.mu.Lock()
	if first = !q.closed; first {
		q.closed = true
		close(q.jobs)
	}
	q.mu.Unlock()
	<-q.ended
	return first
}

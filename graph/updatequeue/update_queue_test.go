package updatequeue

import (
	"context"
	"runtime"
	"strings"
	"sync"
	"testing"

	"pedigree/registry"
)

// serveAll answers every update of a queue with what its closure returns, and counts the
// batches.
func serveAll(q *Queue[int], batches *[]int) {
	q.Serve(func(b *Batch[int]) {
		*batches = append(*batches, len(b.Jobs))
		for i, j := range b.Jobs {
			j.Start(i)
			b.Results[i] = j.Answer()
		}
	})
}

// TestThoseThatWaitAreOneBatch queues updates before the writer starts: they are one batch, in
// their order, and Close waits for all of them.
func TestThoseThatWaitAreOneBatch(t *testing.T) {
	q := New[int](10)
	var group sync.WaitGroup
	var seen []int
	for i := range 5 {
		group.Go(func() {
			if err := q.Submit(NewJob(t.Context(), func(place int) error { seen = append(seen, place); return nil })); err != nil {
				t.Error(err)
			}
		})
		for q.Len() <= i {
			runtime.Gosched()
		}
	}
	var batches []int
	go serveAll(q, &batches)
	group.Wait()
	if first, second := q.Close(), q.Close(); !first || second {
		t.Errorf("closed first %v, then %v", first, second)
	}
	if len(batches) != 1 || batches[0] != 5 || len(seen) != 5 || seen[4] != 4 {
		t.Errorf("batches %v, closures at %v", batches, seen)
	}
	if err := q.Submit(NewJob(t.Context(), func(int) error { return nil })); registry.CodeOf(err) != registry.Unavailable {
		t.Errorf("after Close: %v", err)
	}
}

// TestACallerWhoLeavesIsNotWaitedFor cancels an update that waits: its closure never runs.
func TestACallerWhoLeavesIsNotWaitedFor(t *testing.T) {
	q := New[int](10)
	ctx, cancel := context.WithCancel(t.Context())
	ran, left := false, make(chan error)
	go func() { left <- q.Submit(NewJob(ctx, func(int) error { ran = true; return nil })) }()
	for q.Len() == 0 {
		runtime.Gosched()
	}
	cancel()
	if err := <-left; registry.CodeOf(err) != registry.Unavailable {
		t.Errorf("it left with %v", err)
	}
	var batches []int
	go serveAll(q, &batches)
	q.Close()
	if ran || len(batches) != 1 || batches[0] != 0 {
		t.Errorf("ran %v, batches %v", ran, batches)
	}
}

// TestAClosureThatDoesNotReturnIsAnError runs closures that panic or end their goroutine: the
// writer gets INTERNAL and goes on, and a panic keeps its stack.
func TestAClosureThatDoesNotReturnIsAnError(t *testing.T) {
	q := New[int](10)
	type outcome struct {
		err            error
		broken, exited bool
	}
	var outcomes []outcome
	go q.Serve(func(b *Batch[int]) {
		for i, j := range b.Jobs {
			j.Start(0)
			b.Results[i] = j.Answer()
			outcomes = append(outcomes, outcome{b.Results[i], j.Broken(), j.Exited()})
		}
	})
	if err := q.Submit(NewJob(t.Context(), func(int) error { panic("boom") })); registry.CodeOf(err) != registry.Internal {
		t.Errorf("a panic: %v", err)
	}
	var group sync.WaitGroup
	group.Go(func() { q.Submit(NewJob(t.Context(), func(int) error { runtime.Goexit(); return nil })) })
	group.Wait()
	if err := q.Submit(NewJob(t.Context(), func(int) error { return nil })); err != nil {
		t.Errorf("the writer did not go on: %v", err)
	}
	q.Close()
	if len(outcomes) != 3 || !outcomes[0].broken || outcomes[0].exited || !outcomes[1].exited || outcomes[2].broken {
		t.Fatalf("%+v", outcomes)
	}
	if coded := outcomes[0].err.(*registry.Error); !strings.Contains(coded.Err.Error(), "boom") || !strings.Contains(coded.Err.Error(), "update_queue_test.go") {
		t.Errorf("the panic has no stack: %v", coded.Err)
	}
}

package sqlite

import (
	"context"
	"errors"
	"testing"
	"time"

	"pedigree/graph"
	"pedigree/registry"
)

// TestAFailedUpdateDoesNotWaitForTheLock: the closure of one store fails while another store
// waits for the lock and then keeps it. The first Update returns nevertheless.
func TestAFailedUpdateDoesNotWaitForTheLock(t *testing.T) {
	p := newPair(t)
	errClosure := errors.New("no")
	asked, released, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		<-asked
		done <- p.other.Update(t.Context(), func(graph.Tx) error { <-released; return nil })
	}()
	err := p.one.Update(t.Context(), func(graph.Tx) error {
		close(asked)
		time.Sleep(50 * time.Millisecond) // The other store polls for the lock by now.
		return errClosure
	})
	close(released)
	if err != errClosure {
		t.Errorf("the failed update: %v", err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	p.put(p.one, newDataset("a"))
}

// TestALogReadHeedsItsContext reads a long log after the context has ended.
func TestALogReadHeedsItsContext(t *testing.T) {
	p := newPair(t)
	err := p.one.Update(t.Context(), func(tx graph.Tx) error {
		for range 3000 {
			if err := tx.Append(t.Context(), &registry.LogEntry{Actor: "test"}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	if out, err := p.one.Log(ctx, graph.LogQuery{Limit: 5000}); registry.CodeOf(err) != registry.Unavailable && !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%d entries, %v", len(out), err)
	}
	if out, err := p.one.Log(ctx, graph.LogQuery{Limit: 1}); err != nil || len(out) != 1 {
		t.Errorf("a short read after the deadline: %d entries, %v", len(out), err)
	}
}

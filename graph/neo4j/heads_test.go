package neo4j

import (
	"context"
	"runtime"
	"testing"
)

func TestAHeadSettles(t *testing.T) {
	var h heads
	h.settle(4)
	if h.await(t.Context(), 4) {
		t.Error("an acknowledged head was waited for")
	}
	if !h.await(t.Context(), 5) || h.await(t.Context(), 5) {
		t.Error("another server's head is waited for once")
	}
	h.rest(7)
	if h.await(t.Context(), 6) {
		t.Error("a head with a later one was waited for")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	end := h.commit()
	if !h.await(ctx, 9) || h.settled >= 9 {
		t.Error("a wait that was cancelled settled the head")
	}
	end()
}

// TestACommitUnderWayIsAwaited: the head of a commit of this store is not settled
// before the commit ends.
func TestACommitUnderWayIsAwaited(t *testing.T) {
	var h heads
	one, two := h.commit(), h.commit()
	done := make(chan bool)
	go func() { done <- h.await(t.Context(), 3) }()
	for waits := false; !waits; runtime.Gosched() {
		h.mu.Lock()
		waits = h.newest == 3
		h.mu.Unlock()
	}
	one() // Of another Update; the head has not settled by it.
	if rest, _ := h.rest(3); rest == 0 {
		t.Error("it settled while a commit is under way")
	}
	h.settle(3)
	two()
	if !<-done {
		t.Error("it was not waited for")
	}
}

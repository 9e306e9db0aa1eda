package neo4j

import (
	"context"
	"runtime"
	"testing"
)

func TestHeadBecomesVisible(t *testing.T) {
	var h headTracker
	h.markVisible(4)
	if h.waitVisible(t.Context(), 4) {
		t.Error("an acknowledged head was waited for")
	}
	if !h.waitVisible(t.Context(), 5) || h.waitVisible(t.Context(), 5) {
		t.Error("another server's head must be waited for once")
	}
	h.remainingWait(7)
	if h.waitVisible(t.Context(), 6) {
		t.Error("a head with a later one was waited for")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	end := h.beginCommit()
	if !h.waitVisible(ctx, 9) || h.visible >= 9 {
		t.Error("a cancelled wait made the head visible")
	}
	end()
}

// TestHeadWaitsForCommitUnderWay: the head of a commit of this store is not visible
// before the commit ends.
func TestHeadWaitsForCommitUnderWay(t *testing.T) {
	var h headTracker
	one, two := h.beginCommit(), h.beginCommit()
	done := make(chan bool)
	go func() { done <- h.waitVisible(t.Context(), 3) }()
	for waits := false; !waits; runtime.Gosched() {
		h.mu.Lock()
		waits = h.newest == 3
		h.mu.Unlock()
	}
	one() // This ends another Update's commit; the head is still not visible.
	if rest, _ := h.remainingWait(3); rest == 0 {
		t.Error("the head is visible while a commit is under way")
	}
	h.markVisible(3)
	two()
	if !<-done {
		t.Error("the head was not waited for")
	}
}

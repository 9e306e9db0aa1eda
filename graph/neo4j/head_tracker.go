package neo4j

import (
	"context"
	"sync"
	"time"
)

// A commit does not become visible all at once: Neo4j writes one record after the
// other, and a new head can be read before the edges that came with it. So a walk waits
// until the head that it read is visible, with all that was committed with it, and
// reads after that. A head is visible when the commit that wrote it was acknowledged
// here; when a later Update took the head's lock, which is held until all is written,
// or read a later head; or, if another server wrote it, remoteCommitWait after it was
// first seen.

// remoteCommitWait is the time in which another server's commit becomes visible.
// localCommitWait is the maximum wait for a commit of this server.
const remoteCommitWait, localCommitWait = 10 * time.Millisecond, time.Second

// headTracker records which heads of the log are visible with all of their commit.
type headTracker struct {
	mu      sync.Mutex
	visible int64
	// newest is the last head that was read, since the time it was first read.
	newest int64
	since  time.Time
	// committing counts the commits of this Store that are under way. ended is closed
	// when one of them ends.
	committing int
	ended      chan struct{}
}

// markVisible records that everything up to a head is written.
func (h *headTracker) markVisible(seq int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.visible = max(h.visible, seq)
}

// beginCommit records that a commit begins. The caller calls end when it has ended.
func (h *headTracker) beginCommit() (end func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.committing++
	if h.ended == nil {
		h.ended = make(chan struct{})
	}
	return func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.committing--
		close(h.ended)
		h.ended = nil
		if h.committing > 0 {
			h.ended = make(chan struct{})
		}
	}
}

// isCommitting reports whether a commit of this Store is under way.
func (h *headTracker) isCommitting() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.committing > 0
}

// remainingWait is how long to wait for a head, 0 when it is visible, and a channel
// that is closed when the wait may end sooner.
func (h *headTracker) remainingWait(seq int64) (time.Duration, <-chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if seq > h.newest {
		h.newest, h.since = seq, time.Now()
	}
	wait := remoteCommitWait
	if h.committing > 0 {
		wait = localCommitWait
	}
	wait -= time.Since(h.since)
	if seq < h.newest || wait <= 0 {
		h.visible = max(h.visible, seq)
	}
	if seq <= h.visible {
		return 0, nil
	}
	return wait, h.ended
}

// waitVisible waits until a head is visible, or the context ends, and reports whether
// it had to wait.
func (h *headTracker) waitVisible(ctx context.Context, seq int64) (waited bool) {
	for {
		wait, ended := h.remainingWait(seq)
		if wait == 0 {
			return waited
		}
		waited = true
		timer := time.NewTimer(wait)
		select {
		case <-ended:
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return waited
		}
		timer.Stop()
	}
}

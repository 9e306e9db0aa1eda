package neo4j

import (
	"context"
	"sync"
	"time"
)

// A commit is not seen at one stroke: Neo4j writes one record after the other, and
// a new head may be read before the edges that came with it. So a walk waits until
// the head that it read has settled, and reads what it reads after that. A head has
// settled when the commit that wrote it was acknowledged here, when a later Update
// took the head's lock, which is held until all is written, or read a later head;
// one that another server wrote, settleTime after it was first seen.

// settleTime is how long another server's commit is given to be written; a commit of
// this one is waited for, commitWait at most.
const settleTime, commitWait = 10 * time.Millisecond, time.Second

// heads is what a Store knows of the log's head.
type heads struct {
	mu      sync.Mutex
	settled int64
	// newest is the last head that was read, and when it was first.
	newest int64
	since  time.Time
	// committing counts the commits of this Store that are under way; ended is closed
	// when one ends.
	committing int
	ended      chan struct{}
}

// settle notes that all up to a head is written.
func (h *heads) settle(seq int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.settled = max(h.settled, seq)
}

// commit notes that a commit begins; the function that it returns, that it ended.
func (h *heads) commit() (end func()) {
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

// rest is how long to wait for a head, 0 when it has settled, and what may end the
// waiting sooner.
func (h *heads) rest(seq int64) (time.Duration, <-chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if seq > h.newest {
		h.newest, h.since = seq, time.Now()
	}
	wait := settleTime
	if h.committing > 0 {
		wait = commitWait
	}
	wait -= time.Since(h.since)
	if seq < h.newest || wait <= 0 {
		h.settled = max(h.settled, seq)
	}
	if seq <= h.settled {
		return 0, nil
	}
	return wait, h.ended
}

// await waits until a head that was read has settled, or the context ends, and
// reports whether it had to.
func (h *heads) await(ctx context.Context, seq int64) (waited bool) {
	for {
		wait, ended := h.rest(seq)
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

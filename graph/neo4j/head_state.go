package neo4j

import (
	"context"
	"errors"
	"sync"
	"time"

	"pedigree/graph"
)

// headState names a state of the store: what was written by log sequence seq. The other
// fields change when something is written that has no log entry.
type headState struct {
	seq, schema, repairs int64
	migration            string
}

// covers reports whether a state is at least as new as another one.
func (h headState) covers(other headState) bool {
	newer := h.seq >= other.seq
	h.seq = other.seq
	return newer && h == other
}

func headStateOf(r row) headState {
	return headState{seq: number(r, "seq"), schema: number(r, "schema"), repairs: number(r, "repairs"), migration: text(r, "migration")}
}

// readHeadState reads the state of the store.
const readHeadState = "MATCH (h:Head {key: $key}) USING INDEX SEEK h:Head(key) RETURN h.seq AS seq, h.schema AS schema, h.repairs AS repairs, h.migration AS migration"

// headReader reads the state of the store for all who ask. Those who ask while it reads
// share the next read, which is sent after they asked.
type headReader struct {
	mu      sync.Mutex
	running bool
	next    *headRead
}

// headRead is one read of the state.
type headRead struct {
	done  chan struct{}
	state headState
	// sent is when the read began.
	sent time.Time
	err  error
}

// read returns a state that the store had after the call began.
func (r *headReader) read(ctx context.Context, s *Store) (*headRead, error) {
	r.mu.Lock()
	if r.next == nil {
		r.next = &headRead{done: make(chan struct{})}
		if !r.running {
			r.running = true
			go r.run(s)
		}
	}
	mine := r.next
	r.mu.Unlock()
	select {
	case <-mine.done:
		return mine, mine.err
	case <-ctx.Done():
		return nil, storeError(ctx.Err())
	}
}

// run reads until nobody waits.
func (r *headReader) run(s *Store) {
	for {
		r.mu.Lock()
		mine := r.next
		r.next = nil
		r.running = mine != nil
		r.mu.Unlock()
		if mine == nil {
			return
		}
		mine.sent = time.Now()
		mine.state, mine.err = s.readState()
		if mine.err == nil {
			s.memory.tell(mine.state, s.headTracker.isCommitting())
		}
		close(mine.done)
	}
}

// readState reads the state of the store, whoever waits for it.
func (s *Store) readState() (state headState, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), commitTimeout)
	defer cancel()
	err = s.read(ctx, func(v *view) error {
		rows, err := v.query(ctx, readHeadState, map[string]any{"key": v.key("")})
		if err != nil {
			return err
		}
		if len(rows) != 1 {
			return internal(errors.New("the log head is gone"))
		}
		state = headStateOf(rows[0])
		return nil
	})
	return state, err
}

// momentLife is how long the reads of one request use the same state.
const momentLife = time.Second

// seenState is what a graph.Moment holds: a state that a store had at a time.
type seenState struct {
	store *Store
	state headState
	at    time.Time
}

// stateFor returns a state that the store had after the request of the context began.
func (s *Store) stateFor(ctx context.Context) (headState, error) {
	moment := graph.MomentOf(ctx)
	if seen, ok := moment.State().(seenState); ok && seen.store == s && time.Since(seen.at) < momentLife {
		return seen.state, nil
	}
	read, err := s.heads.read(ctx, s)
	if err != nil {
		return headState{}, err
	}
	moment.SetState(seenState{s, read.state, read.sent})
	return read.state, nil
}

// beginMoment lets the reads of a request see what it has just written, without asking
// for the state of the store.
func (s *Store) beginMoment(ctx context.Context) {
	if state, known := s.memory.newest(); known {
		graph.MomentOf(ctx).SetState(seenState{s, state, time.Now()})
	}
}

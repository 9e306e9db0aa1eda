package neo4j

import (
	"context"
	"errors"
	"sync"
	"time"

	"pedigree/graph/readmemory"
)

// headStateOf reads the state of the store, with the head of its log.
func headStateOf(r row) readmemory.State {
	return readmemory.State{Seq: number(r, "seq"), Schema: number(r, "schema"), Repairs: number(r, "repairs"), Migration: text(r, "migration")}
}

// readHeadState reads the state of the store.
const readHeadState = "MATCH (h:Head {key: $key}) USING INDEX SEEK h:Head(key) RETURN h.seq AS seq, h.schema AS schema, h.repairs AS repairs, h.migration AS migration, h.lease AS lease"

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
	state readmemory.State
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
		sent := s.lease.now()
		var holder string
		mine.state, holder, mine.err = s.readState()
		if mine.err == nil {
			s.memory.Tell(mine.state, s.headTracker.isCommitting())
			newest, known := s.memory.Newest()
			if s.lease.told(holder, sent, known && newest.Covers(mine.state)) {
				go s.takeLease(mine.state.Seq)
			}
		}
		close(mine.done)
	}
}

// readState reads the state of the store and who holds the read lease, whoever waits for it.
func (s *Store) readState() (state readmemory.State, holder string, err error) {
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
		state, holder = headStateOf(rows[0]), text(rows[0], "lease")
		return nil
	})
	return state, holder, err
}

// stateFor returns a state that the store had after the request of the context began.
func (s *Store) stateFor(ctx context.Context) (readmemory.State, error) {
	if state, seen := readmemory.MomentState(ctx, s); seen {
		return state, nil
	}
	if s.lease.holds() && !s.headTracker.isCommitting() {
		if state, known := s.memory.Newest(); known {
			readmemory.SetMomentState(ctx, s, state, time.Now())
			return state, nil
		}
	}
	read, err := s.heads.read(ctx, s)
	if err != nil {
		return readmemory.State{}, err
	}
	readmemory.SetMomentState(ctx, s, read.state, read.sent)
	return read.state, nil
}

// beginMoment lets the reads of a request see what it has just written, without asking
// for the state of the store.
func (s *Store) beginMoment(ctx context.Context) {
	if state, known := s.memory.Newest(); known {
		readmemory.SetMomentState(ctx, s, state, time.Now())
	}
}

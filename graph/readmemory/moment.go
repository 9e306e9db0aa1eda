package readmemory

import (
	"context"
	"time"

	"pedigree/graph"
)

// momentLife is how long the reads of one request use the same state.
const momentLife = time.Second

// seenState is what a graph.Moment holds: a state that a store had at a time.
type seenState struct {
	store graph.Store
	state State
	at    time.Time
}

// MomentState returns the state of a store that a read of the same request has found out, at most
// a second ago; false when there is none.
func MomentState(ctx context.Context, of graph.Store) (State, bool) {
	seen, ok := graph.MomentOf(ctx).State().(seenState)
	if !ok || seen.store != of || time.Since(seen.at) >= momentLife {
		return State{}, false
	}
	return seen.state, true
}

// SetMomentState tells the other reads of the same request a state that a store had at a time.
func SetMomentState(ctx context.Context, of graph.Store, state State, at time.Time) {
	graph.MomentOf(ctx).SetState(seenState{of, state, at})
}

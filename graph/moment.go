package graph

import (
	"context"
	"sync/atomic"
)

// Moment is shared by the reads of one request. A store that has found out its newest
// state for one of them may answer the others as of that state, without asking again. What
// the request itself writes is always seen.
type Moment struct{ state atomic.Pointer[any] }

type momentKey struct{}

// WithMoment returns a context whose reads share a Moment, which begins now.
func WithMoment(ctx context.Context) context.Context {
	return context.WithValue(ctx, momentKey{}, &Moment{})
}

// MomentOf returns the Moment of a context, nil when there is none.
func MomentOf(ctx context.Context) *Moment {
	m, _ := ctx.Value(momentKey{}).(*Moment)
	return m
}

// State returns what a store has kept in the Moment, nil when that is nothing.
func (m *Moment) State() any {
	if m == nil {
		return nil
	}
	if state := m.state.Load(); state != nil {
		return *state
	}
	return nil
}

// SetState keeps something of a store in the Moment. Without a Moment it is lost.
func (m *Moment) SetState(state any) {
	if m != nil {
		m.state.Store(&state)
	}
}

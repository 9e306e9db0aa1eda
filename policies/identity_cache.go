package policies

import (
	"sync"
	"time"
)

// freshness is how long what was read of an identity holds: a server notices what
// another wrote within that time.
const freshness = time.Second

// mostRecent is how many things a recent keeps.
const mostRecent = 4096

// recent keeps what was read of the store for a moment, by the time of the machine:
// a clock that is injected may stand still. It is for identities, which every
// request asks for; forget drops all of it at once.
type recent[V any] struct {
	mu   sync.Mutex
	kept map[string]kept[V]
	// era counts what was forgotten: what was read before is not kept after.
	era uint64
	// hold is for how long, freshness when zero.
	hold time.Duration
}

type kept[V any] struct {
	value V
	until time.Time
}

// ask returns what is kept under a key, else what read returns, which is kept from
// the moment at which reading began. Errors are not kept.
func (r *recent[V]) ask(key string, read func() (V, error)) (V, error) {
	now := time.Now()
	r.mu.Lock()
	k, ok := r.kept[key]
	era, hold := r.era, r.hold
	r.mu.Unlock()
	if ok && now.Before(k.until) {
		return k.value, nil
	}
	if hold == 0 {
		hold = freshness
	}
	v, err := read()
	if err != nil {
		return v, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.era != era {
		return v, nil
	}
	if r.kept == nil || len(r.kept) >= mostRecent {
		r.kept = map[string]kept[V]{}
	}
	r.kept[key] = kept[V]{v, now.Add(hold)}
	return v, nil
}

// forget drops everything, what is being read at the moment too.
func (r *recent[V]) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.era++
	r.kept = nil
}

package policies

import (
	"sync"
	"time"
)

// freshness is how long what was read of an identity holds: a server notices what
// another wrote within that time.
const identityTTL = time.Second

// mostRecent is how many things a recent keeps.
const maxCacheEntries = 4096

// recent keeps what was read of the store for a moment, by the time of the machine:
// a clock that is injected may stand still. It is for identities, which every
// request asks for; forget drops all of it at once.
type ttlCache[V any] struct {
	mu      sync.Mutex
	entries map[string]cacheEntry[V]
	// era counts what was forgotten: what was read before is not kept after.
	generation uint64
	// hold is for how long, freshness when zero.
	ttl time.Duration
}

type cacheEntry[V any] struct {
	value   V
	expires time.Time
}

// ask returns what is kept under a key, else what read returns, which is kept from
// the moment at which reading began. Errors are not kept.
func (r *ttlCache[V]) get(key string, read func() (V, error)) (V, error) {
	now := time.Now()
	r.mu.Lock()
	k, ok := r.entries[key]
	generation, ttl := r.generation, r.ttl
	r.mu.Unlock()
	if ok && now.Before(k.expires) {
		return k.value, nil
	}
	if ttl == 0 {
		ttl = identityTTL
	}
	v, err := read()
	if err != nil {
		return v, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.generation != generation {
		return v, nil
	}
	if r.entries == nil || len(r.entries) >= maxCacheEntries {
		r.entries = map[string]cacheEntry[V]{}
	}
	r.entries[key] = cacheEntry[V]{v, now.Add(ttl)}
	return v, nil
}

// forget drops everything, what is being read at the moment too.
func (r *ttlCache[V]) clear() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.generation++
	r.entries = nil
}

package policies

import (
	"sync"
	"time"
)

// identityTTL is how long a cached identity is used: a server notices what another
// server wrote within that time.
const identityTTL = time.Second

// maxCacheEntries is the most entries of a ttlCache; a full cache is emptied.
const maxCacheEntries = 4096

// ttlCache caches reads of the store for a short time. It is for identities, which
// every request reads. It uses the system clock, because an injected clock may stand
// still.
type ttlCache[V any] struct {
	mu      sync.Mutex
	entries map[string]cacheEntry[V]
	// generation counts calls of clear: a read that began before one is not cached.
	generation uint64
	// ttl is how long an entry is used; zero means identityTTL.
	ttl time.Duration
}

type cacheEntry[V any] struct {
	value   V
	expires time.Time
}

// get returns the cached value of a key, or calls read and caches its result. The time
// to live counts from the start of the read. Errors are not cached.
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

// clear removes every entry, and keeps reads that are under way from being cached.
func (r *ttlCache[V]) clear() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.generation++
	r.entries = nil
}

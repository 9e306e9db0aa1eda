package server

import (
	"crypto/sha256"
	"net/netip"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"golang.org/x/time/rate"
)

// maxBuckets is the most keys that a limiter remembers; the one that was used longest ago is
// forgotten first.
const maxBuckets = 10_000

// Limits are the rates that a server allows; a zero one is no limit.
type Limits struct {
	// Rate is how many requests a subject may send in a second, over time, and Burst how many
	// at once. A mutation counts once for each of its root fields.
	Rate  float64
	Burst int
	// FailedLogins is how many wrong tokens an address, and a beginning of tokens, may send in a
	// minute, over time and at once.
	FailedLogins int
}

// limiter limits events by key. Its memory is bounded.
type limiter struct {
	mu      sync.Mutex
	rate    rate.Limit
	burst   int
	now     func() time.Time
	buckets *simplelru.LRU[string, *rate.Limiter]
}

// newLimiter returns a limiter of n events in a second, nil when there is no limit.
func newLimiter(n float64, burst int, now func() time.Time) *limiter {
	if n <= 0 {
		return nil
	}
	buckets, err := simplelru.NewLRU[string, *rate.Limiter](maxBuckets, nil)
	if err != nil {
		panic("server: " + err.Error()) // The size is positive.
	}
	return &limiter{rate: rate.Limit(n), burst: max(burst, 1), now: now, buckets: buckets}
}

func (l *limiter) bucket(key string) *rate.Limiter {
	b, ok := l.buckets.Get(key)
	if !ok {
		b = rate.NewLimiter(l.rate, l.burst)
		l.buckets.Add(key, b)
	}
	return b
}

// take counts n events of a key. When they are too many it counts none, and returns how long to
// wait. More events than are allowed at once count as that many.
func (l *limiter) take(key string, n int) (wait time.Duration) {
	if l == nil {
		return 0
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	r := l.bucket(key).ReserveN(now, min(n, l.burst))
	if wait = r.DelayFrom(now); wait > 0 {
		r.CancelAt(now)
	}
	return wait
}

// wait returns how long a key must wait for its next event, and counts nothing.
func (l *limiter) wait(key string) time.Duration {
	if l == nil {
		return 0
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	b, ok := l.buckets.Peek(key)
	if !ok {
		return 0
	}
	missing := 1 - b.TokensAt(l.now())
	if missing <= 0 {
		return 0
	}
	return time.Duration(missing / float64(l.rate) * float64(time.Second))
}

// loginGuard limits failed logins, by address and by the beginning of the token. A token that
// was accepted lately passes also while its address has to wait, because many people may share
// an address.
type loginGuard struct {
	failures *limiter
	mu       sync.Mutex
	accepted *simplelru.LRU[[sha256.Size]byte, struct{}]
}

func newLoginGuard(perMinute int, now func() time.Time) *loginGuard {
	accepted, err := simplelru.NewLRU[[sha256.Size]byte, struct{}](maxBuckets, nil)
	if err != nil {
		panic("server: " + err.Error()) // The size is positive.
	}
	return &loginGuard{failures: newLimiter(float64(perMinute)/60, perMinute, now), accepted: accepted}
}

// loginKeys returns the keys under which a failure counts.
func loginKeys(from netip.Addr, token string) [2]string {
	if from.Is6() { // One customer has a whole /64.
		if p, err := from.Prefix(64); err == nil {
			from = p.Addr()
		}
	}
	return [2]string{"address " + from.String(), "token " + token[:min(len(token), 12)]}
}

// wait returns how long a login has to wait before its token is looked at.
func (g *loginGuard) wait(from netip.Addr, token string) (wait time.Duration) {
	if g.failures == nil {
		return 0
	}
	for _, key := range loginKeys(from, token) {
		wait = max(wait, g.failures.wait(key))
	}
	if wait == 0 {
		return 0
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.accepted.Contains(sha256.Sum256([]byte(token))) {
		return 0
	}
	return wait
}

// succeeded notes that a token was accepted, failed that it was not.
func (g *loginGuard) succeeded(token string) {
	if g.failures == nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.accepted.Add(sha256.Sum256([]byte(token)), struct{}{})
}

func (g *loginGuard) failed(from netip.Addr, token string) {
	if g.failures == nil {
		return
	}
	for _, key := range loginKeys(from, token) {
		g.failures.take(key, 1)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.accepted.Remove(sha256.Sum256([]byte(token)))
}

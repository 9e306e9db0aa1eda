package server

import (
	"net/netip"
	"strconv"
	"testing"
	"time"
)

// TestALimiterForgetsTheOldestKeys shows that its memory is bounded, and that a key in use stays.
func TestALimiterForgetsTheOldestKeys(t *testing.T) {
	now := time.Unix(0, 0)
	l := newLimiter(0.001, 1, func() time.Time { return now })
	if l.take("busy", 1) != 0 {
		t.Fatal("the first event waits")
	}
	for i := range 3 * maxBuckets {
		l.take(strconv.Itoa(i), 1)
		if i%100 == 0 && l.take("busy", 1) == 0 {
			t.Fatal("a key in use was forgotten")
		}
	}
	if n := l.buckets.Len(); n != maxBuckets {
		t.Errorf("%d keys", n)
	}
	g := newLoginGuard(10, func() time.Time { return now })
	for i := range 3 * maxBuckets {
		g.succeeded(strconv.Itoa(i))
		g.failed(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), strconv.Itoa(i))
		g.succeeded(strconv.Itoa(i))
	}
	if g.accepted.Len() != maxBuckets || g.failures.buckets.Len() != maxBuckets {
		t.Errorf("%d accepted, %d failures", g.accepted.Len(), g.failures.buckets.Len())
	}
}

// TestARefusedEventCountsNothing waits as long as the limiter says.
func TestARefusedEventCountsNothing(t *testing.T) {
	now := time.Unix(0, 0)
	l := newLimiter(1, 5, func() time.Time { return now })
	if l.take("k", 5) != 0 {
		t.Fatal("a burst waits")
	}
	for range 100 {
		if wait := l.take("k", 2); wait != 2*time.Second {
			t.Fatal(wait)
		}
	}
	now = now.Add(2 * time.Second)
	if wait := l.take("k", 2); wait != 0 {
		t.Error(wait)
	}
	if wait := l.take("k", 50); wait != 5*time.Second { // More than the burst counts as the burst.
		t.Error(wait)
	}
}

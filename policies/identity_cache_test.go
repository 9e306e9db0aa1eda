package policies

import (
	"errors"
	"strconv"
	"testing"
	"time"
)

// TestWithoutExpiryTheCacheReturnsStaleValues shows that the test of revoked tokens can
// fail: a cache with a long time to live returns the old value.
func TestWithoutExpiryTheCacheReturnsStaleValues(t *testing.T) {
	stored := "old"
	read := func() (string, error) { return stored, nil }
	for hold, want := range map[time.Duration]string{time.Hour: "old", time.Nanosecond: "new"} {
		stored = "old"
		r := ttlCache[string]{ttl: hold}
		r.get("k", read)
		stored = "new"
		time.Sleep(time.Millisecond)
		if got, _ := r.get("k", read); got != want {
			t.Errorf("ttl %v: %s, want %s", hold, got, want)
		}
		r.clear()
		if got, _ := r.get("k", read); got != "new" {
			t.Errorf("%s after the cache was cleared", got)
		}
	}
}

func TestTheCacheIsBoundedAndKeepsNoErrors(t *testing.T) {
	var r ttlCache[int]
	for i := range 3 * maxCacheEntries {
		r.get(strconv.Itoa(i), func() (int, error) { return i, nil })
		if len(r.entries) > maxCacheEntries {
			t.Fatalf("%d entries", len(r.entries))
		}
	}
	reads := 0
	for range 2 {
		r.get("bad", func() (int, error) { reads++; return 0, errors.New("no") })
	}
	if reads != 2 {
		t.Error("an error is cached")
	}
}

package policies

import (
	"errors"
	"strconv"
	"testing"
	"time"
)

// TestWhatIsKeptTooLongIsSeen is the twin of the test that a revoked token is soon
// refused: with no end to what is kept the old is answered.
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
			t.Errorf("kept for %v: %s, want %s", hold, got, want)
		}
		r.clear()
		if got, _ := r.get("k", read); got != "new" {
			t.Errorf("%s after it was forgotten", got)
		}
	}
}

func TestTheCacheIsBoundedAndKeepsNoErrors(t *testing.T) {
	var r ttlCache[int]
	for i := range 3 * maxCacheEntries {
		r.get(strconv.Itoa(i), func() (int, error) { return i, nil })
		if len(r.entries) > maxCacheEntries {
			t.Fatalf("%d are kept", len(r.entries))
		}
	}
	reads := 0
	for range 2 {
		r.get("bad", func() (int, error) { reads++; return 0, errors.New("no") })
	}
	if reads != 2 {
		t.Error("an error is kept")
	}
}

package policies

import (
	"errors"
	"strconv"
	"testing"
	"time"
)

// TestWhatIsKeptTooLongIsSeen is the twin of the test that a revoked token is soon
// refused: with no end to what is kept the old is answered.
func TestWhatIsKeptTooLongIsSeen(t *testing.T) {
	stored := "old"
	read := func() (string, error) { return stored, nil }
	for hold, want := range map[time.Duration]string{time.Hour: "old", time.Nanosecond: "new"} {
		stored = "old"
		r := recent[string]{hold: hold}
		r.ask("k", read)
		stored = "new"
		time.Sleep(time.Millisecond)
		if got, _ := r.ask("k", read); got != want {
			t.Errorf("kept for %v: %s, want %s", hold, got, want)
		}
		r.forget()
		if got, _ := r.ask("k", read); got != "new" {
			t.Errorf("%s after it was forgotten", got)
		}
	}
}

func TestRecentIsBoundedAndKeepsNoErrors(t *testing.T) {
	var r recent[int]
	for i := range 3 * mostRecent {
		r.ask(strconv.Itoa(i), func() (int, error) { return i, nil })
		if len(r.kept) > mostRecent {
			t.Fatalf("%d are kept", len(r.kept))
		}
	}
	reads := 0
	for range 2 {
		r.ask("bad", func() (int, error) { reads++; return 0, errors.New("no") })
	}
	if reads != 2 {
		t.Error("an error is kept")
	}
}

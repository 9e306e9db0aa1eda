package sqlite

import "testing"

// TestEachConnectionHasItsOwnMemory: the settings were made in time.
func TestEachConnectionHasItsOwnMemory(t *testing.T) {
	if slotsErr != nil {
		t.Fatal(slotsErr)
	}
}

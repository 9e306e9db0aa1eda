package registry

import (
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestTheWordsOfANameAreThoseOfThePattern compares the words of random names with what the pattern of
// words finds.
func TestTheWordsOfANameAreThoseOfThePattern(t *testing.T) {
	pattern, r, letters := regexp.MustCompile(`[A-Z]+[a-z]*|[a-z]+`), rand.New(rand.NewPCG(1, 2)), []string{"a", "z", "A", "Z", "_", "7", "é", "É", "@", "[", "`", "{"}
	for range 20_000 {
		var name strings.Builder
		for range r.IntN(9) {
			name.WriteString(letters[r.IntN(len(letters))])
		}
		want := pattern.FindAllString(name.String(), -1)
		for i := range want {
			want[i] = strings.ToLower(want[i])
		}
		if got := nameWords(name.String()); !slices.Equal(got, want) {
			t.Fatalf("%q: %q, want %q", name.String(), got, want)
		}
	}
}

package graph

import "testing"

func TestHolds(t *testing.T) {
	text := []FieldWords{{"name", []string{"credit", "approval"}}, {"tags", []string{"risk"}}}
	all := func(string) bool { return true }
	for _, c := range []struct {
		words []string
		field func(string) bool
		want  bool
	}{
		{[]string{"credit", "ris"}, all, true}, {[]string{"cred", "risk"}, all, false}, {[]string{"credit", "credit"}, all, true}, {nil, all, false},
		{[]string{"credit", "ris"}, func(f string) bool { return f == "name" }, false}, {[]string{"ap"}, func(f string) bool { return f == "name" }, true},
	} {
		if got := MatchesWords(c.words, text, c.field); got != c.want {
			t.Errorf("%v: %v", c.words, got)
		}
	}
}

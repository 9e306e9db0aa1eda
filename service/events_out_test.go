package service_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"pedigree/registry"
	"pedigree/service/facts"
)

// toldByLog returns the events that the log of a registry tells.
func (k *kit) toldByLog() (out [][]byte) {
	k.Helper()
	for after := int64(0); ; {
		events, upTo, err := k.EventsAfter(k.admin, after)
		if err != nil {
			k.Fatal(err)
		}
		if upTo == after {
			return out
		}
		for _, e := range events {
			out = append(out, e.Line)
		}
		after = upTo
	}
}

// lineageEdges are the edges of a graph, and the ids of its lineage nodes. Times that are set only once
// are those that were told first.
func (k *kit) lineageEdges() string {
	var out []string
	for _, line := range strings.Split(k.wholeGraph(), "\n") {
		word := strings.Fields(line)
		switch {
		case len(word) > 2 && strings.HasPrefix(word[1], "-"):
			out = append(out, strings.Join(word[:3], " "))
		case len(word) > 1 && slices.Contains(registry.LineageKinds(), registry.Kind(word[0])):
			out = append(out, word[0]+" "+word[1])
		}
	}
	slices.Sort(out)
	return strings.Join(out, "\n")
}

// TestEventsThatCameInGoOut sends events in a random order, so that reads move to another version when
// their writer is told late, and replays what the log tells of that into an empty registry.
func TestEventsThatCameInGoOut(t *testing.T) {
	late := func(run int, kind string, hour int, input, output string) []byte {
		port := func(name string) string {
			if name == "" {
				return ""
			}
			return fmt.Sprintf(`{"namespace":"postgres://db:5432","name":%q}`, name)
		}
		return fmt.Appendf(nil, `{"eventTime":"2026-11-20T%02d:00:00Z","eventType":%q,"producer":"p","run":{"runId":"0190a1b2-0000-7000-8000-0000000001%02d"},"job":{"namespace":"n","name":"etl"},"inputs":[%s],"outputs":[%s]}`, hour, kind, run, port(input), port(output))
	}
	events := append(sampleEvents(t), late(1, "START", 1, "", ""), late(1, "COMPLETE", 2, "", "t"), late(2, "START", 3, "t", ""), late(2, "COMPLETE", 4, "", "u"), late(3, "COMPLETE", 2, "", "t"), late(4, "START", 5, "u", ""), late(4, "COMPLETE", 6, "", "v"))
	for seed := range uint64(2 * rounds()) {
		k := newEventKit(t)
		r := rand.New(rand.NewPCG(seed, 5))
		order := slices.Clone(events)
		r.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		k.send(order...)
		target := newEventKit(t)
		target.send(k.toldByLog()...)
		sameGraph(t, fmt.Sprintf("seed %d", seed), k.lineageEdges(), target.lineageEdges())
	}
}

// TestCommitsThatNothingNamesGoOut records commits alone, a child before its parent, and one that is told
// more of later: each entry of the log is one event, and these make the same graph. A whole history is left to an export.
func TestCommitsThatNothingNamesGoOut(t *testing.T) {
	k := newEventKit(t)
	sha := func(n int) string { return fmt.Sprintf("%040x", n) }
	record := func(commits ...facts.CommitInput) {
		t.Helper()
		if _, err := k.RecordCommits(k.admin, facts.RecordCommitsInput{Repository: facts.RepositoryInput{URL: "https://git.example/r"}, Commits: commits}); err != nil {
			t.Fatal(err)
		}
	}
	history := []facts.CommitInput{}
	for n := 10; n < 110; n++ {
		history = append(history, facts.CommitInput{SHA: sha(n), Parents: []string{sha(n - 1)}, Message: "change", CommittedAt: time.Date(2026, 1, 1, 0, n, 0, 0, time.UTC)})
	}
	record(history...)
	record(facts.CommitInput{SHA: sha(9), CommittedAt: time.Date(2026, 1, 1, 0, 9, 0, 0, time.UTC)})
	record(facts.CommitInput{SHA: sha(9), Author: "ada"})
	told := k.toldByLog()
	if len(told) != 3 {
		t.Errorf("%d events tell of three records", len(told))
	}
	target := newEventKit(t)
	target.send(told...)
	sameGraph(t, "commits", k.wholeGraph(), target.wholeGraph())
	if !strings.Contains(target.lineageEdges(), "-PARENT→") {
		t.Error("no commit has a parent")
	}
	target.send(told...)
	sameGraph(t, "twice", k.wholeGraph(), target.wholeGraph())
	many := []facts.CommitInput{}
	for n := range 101 {
		many = append(many, facts.CommitInput{SHA: sha(1000 + n)})
	}
	record(many...)
	if now := k.toldByLog(); len(now) != len(told) {
		t.Errorf("a history of 101 commits is told in %d events", len(now)-len(told))
	}
}

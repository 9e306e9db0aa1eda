package e2e

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pedigree/service/lineageout"
)

// exportEvents returns all OpenLineage events of a registry.
func (s *localRegistry) exportEvents() (out [][]byte) {
	s.t.Helper()
	if _, err := s.service.ExportEvents(s.admin(), func(e lineageout.LineageEvent) error { out = append(out, e.Line); return nil }); err != nil {
		s.t.Fatal(err)
	}
	return out
}

// replay records events in their order, and returns how many told something new.
func (s *localRegistry) replay(events [][]byte) (news int) {
	s.t.Helper()
	for _, e := range events {
		changed, err := s.service.RecordLineageEvent(s.admin(), e)
		if err != nil {
			s.t.Fatalf("%v\n%.3000s", err, e)
		}
		if changed {
			news++
		}
	}
	return news
}

// sortedFacts are the facts of a registry, whatever the order in which it learned of them. Numbers of
// versions stay as they are; facts of commits are told one by one.
func sortedFacts(s *localRegistry) []string {
	lines := strings.Split(s.export(), "\n")
	slices.Sort(lines)
	return lines
}

// TestExportedEventsMakeTheSameGraph replays the events of a registry, into empty ones: in their order,
// twice, in reverse and in a random order. The graph is the same, by the facts that it exports.
func TestExportedEventsMakeTheSameGraph(t *testing.T) {
	t.Parallel()
	for from, open := range emptyRegistries {
		t.Run(from, func(t *testing.T) {
			source := open(t)
			loadDemoData(t, source)
			recordEdgeCases(t, source)
			want, events := sortedFacts(source), source.exportEvents()
			reverse, shuffled := slices.Clone(events), slices.Clone(events)
			slices.Reverse(reverse)
			rand.New(rand.NewPCG(1, 2)).Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
			for to, open := range emptyRegistries {
				for order, list := range map[string][][]byte{"in order": events, "twice": slices.Concat(events, events), "in reverse": reverse, "shuffled": shuffled} {
					t.Run(to+" "+order, func(t *testing.T) {
						target := open(t)
						target.replay(list)
						if diff := cmp.Diff(want, sortedFacts(target)); diff != "" {
							t.Errorf("(- source, + replayed)\n%.20000s", diff)
						}
						t.Logf("PROOF %d events of %d facts, %s to %s %s: the same graph", len(events), len(want), from, to, order)
					})
				}
			}
		})
	}
}

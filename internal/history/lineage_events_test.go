package history

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pedigree/connect/jsonlines"
	"pedigree/graph"
	"pedigree/graph/graphtest"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service/bulk"
	"pedigree/service/lineageout"
)

// replay records events in their order. With again they were recorded before: an edge that was
// retracted since may close a cycle now.
func (r *testRegistry) replay(events [][]byte, again bool) {
	r.Helper()
	for i, e := range events {
		if _, err := r.service.RecordLineageEvent(r.adminContext, e); err != nil && (!again || registry.CodeOf(err) != registry.FailedPrecondition) {
			r.Fatalf("event %d: %v\n%.3000s", i, err, e)
		}
	}
}

// facts are the facts of a registry in a fixed order, without the sources of columns whose lineage was
// withdrawn: an event would have to record an edge to take it back, which may close a cycle.
func (r *testRegistry) facts() []string {
	r.Helper()
	var b bytes.Buffer
	if _, err := r.service.ExportFacts(r.adminContext, func(f bulk.FactInput) error { return jsonlines.Encode(&b, f) }); err != nil {
		r.Fatal(err)
	}
	var lines []string
	columns := -1
	for _, line := range strings.Split(b.String(), "\n") {
		switch {
		case strings.HasPrefix(line, `{"datasetVersion"`) && strings.Contains(line, `"derivedFrom"`):
			columns = len(lines)
		case strings.HasPrefix(line, `{"retract":{"from":"dv_`) && strings.Contains(line, `"to":"dv_`):
			if columns >= 0 {
				lines = slices.Delete(lines, columns, columns+1)
			}
			columns = -1
			continue
		}
		lines = append(lines, line)
	}
	slices.Sort(lines)
	return lines
}

// lineage are the nodes and edges of a registry by their natural keys. Of commits it has those that a
// run ran or a tag marks: the log does not say which others were recorded.
func (r *testRegistry) lineage() (out []string) {
	r.Helper()
	for _, kind := range registry.LineageKinds() {
		nodes, err := policies.All(r.Context(), r.store, graph.Query{Kinds: []registry.Kind{kind}, Limit: 1000})
		if err != nil {
			r.Fatal(err)
		}
		for _, n := range nodes {
			if kind != registry.KindCommit {
				out = append(out, fmt.Sprintf("%s %s %s", kind, n.ID, n.Name))
			}
			hops, err := r.store.Neighbors(r.Context(), graph.NeighborQuery{IDs: []registry.ID{n.ID}, Direction: graph.Upstream, LimitPerNode: 1000, Bare: true})
			if err != nil {
				r.Fatal(err)
			}
			for _, e := range hops[0].Edges {
				if e.Kind != registry.EdgeParent {
					out = append(out, fmt.Sprintf("%s -%s→ %s from %d", e.From, e.Kind, e.To, e.ValidFrom.UnixMicro()))
				}
			}
		}
	}
	slices.Sort(out)
	return out
}

// logEvents are the events that the log tells from the start.
func (r *testRegistry) logEvents() (out [][]byte) {
	r.Helper()
	for after := int64(0); ; {
		events, upTo, err := r.service.EventsAfter(r.adminContext, after)
		if err != nil {
			r.Fatal(err)
		}
		if upTo == after {
			return out
		}
		for _, e := range events {
			if e.Seq <= after || e.Seq > upTo {
				r.Fatalf("an event of entry %d comes between %d and %d", e.Seq, after, upTo)
			}
			out = append(out, e.Line)
		}
		after = upTo
	}
}

// TestARandomHistoryIsToldByEvents replays what a random history left, and what its log tells, into
// empty registries.
func TestARandomHistoryIsToldByEvents(t *testing.T) {
	for _, store := range stores {
		t.Run(store.name, func(t *testing.T) {
			whole, told, facts := 0, 0, 0
			for seed := range uint64((graphtest.Rounds() + 2) / 3) {
				source := newSite(t, store.open)
				sim := newSimulation(source, seed)
				for range 80 {
					source.advance(time.Duration(1+sim.IntN(7200)) * time.Second)
					sim.randomEvent()
				}
				source.advance(240 * time.Hour)
				var events [][]byte
				if _, err := source.service.ExportEvents(source.adminContext, func(e lineageout.LineageEvent) error { events = append(events, e.Line); return nil }); err != nil {
					t.Fatal(err)
				}
				want := source.facts()
				reverse, shuffled := slices.Clone(events), slices.Concat(events, events)
				slices.Reverse(reverse)
				rand.New(rand.NewPCG(seed, 3)).Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
				for order, list := range map[string][][]byte{"in order": events, "in reverse": reverse, "twice in a random order": shuffled} {
					target := newSite(t, store.open)
					target.now = source.now
					target.replay(list, false)
					if diff := cmp.Diff(want, target.facts()); diff != "" {
						t.Errorf("seed %d, %s (- source, + replayed)\n%.6000s", seed, order, diff)
					}
				}
				log := source.logEvents()
				target := newSite(t, store.open)
				target.now = source.now
				target.replay(log, false)
				target.replay(log, true)
				if diff := cmp.Diff(source.lineage(), target.lineage()); diff != "" {
					t.Errorf("seed %d, the log (- source, + replayed)\n%.6000s", seed, diff)
				}
				if again := source.logEvents(); !slices.EqualFunc(log, again, bytes.Equal) {
					t.Errorf("seed %d: the log tells something else the second time", seed)
				}
				whole, told, facts = whole+len(events), told+len(log), facts+len(want)
			}
			t.Logf("PROOF %s: %d events of %d facts, in order, in reverse and twice in a random order, and %d events of the log: the same graph", store.name, whole, facts, told)
			if whole < 30 || told < 60 {
				t.Errorf("%d events of what is recorded, %d of the log", whole, told)
			}
		})
	}
}

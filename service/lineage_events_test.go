package service_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pedigree/graph"
	"pedigree/openlineage"
	"pedigree/policies"
	"pedigree/registry"
)

// sampleEvents are events that openlineage-python 1.54 sent, and events about them that it could
// have sent: a writer that is told late, and an input without a version.
func sampleEvents(t *testing.T) (out [][]byte) {
	t.Helper()
	files, err := filepath.Glob("../testdata/openlineage/*.json")
	if err != nil || len(files) == 0 {
		t.Fatal("no events", err)
	}
	for _, f := range files {
		raw, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, raw)
	}
	return out
}

// send records events in their order and returns how many told anything new.
func (k *kit) send(events ...[]byte) (news int) {
	k.Helper()
	for _, raw := range events {
		e, err := openlineage.Parse(raw)
		if err != nil {
			k.Fatal(err)
		}
		changed, err := k.RecordLineageEvent(k.admin, e)
		if err != nil {
			k.Fatalf("%v\n%s", err, raw)
		}
		if changed {
			news++
		}
	}
	return news
}

var recorded = regexp.MustCompile(`"recordedAt":"[^"]*",?`)

// wholeGraph is the text of all nodes that the API shows and that are not deleted, with their
// edges: in the order of their ids, without what only says when the registry learned of them.
func (k *kit) wholeGraph() string {
	k.Helper()
	var lines []string
	for _, kind := range registry.Kinds() {
		if registry.NounOf(kind) == nil || kind == registry.KindActor || kind == registry.KindPolicy || kind == registry.KindToken {
			continue
		}
		nodes, err := policies.All(k.Context(), k.store, graph.Query{Kinds: []registry.Kind{kind}, Limit: 1000})
		if err != nil {
			k.Fatal(err)
		}
		for _, n := range nodes {
			lines = append(lines, fmt.Sprintf("%s %s %q of %s, %d to %d: %s", n.Kind, n.ID, n.Name, n.Parent, n.ValidFrom.UnixMicro(), n.ValidTo.UnixMicro(), recorded.ReplaceAll(n.Doc, nil)))
			hops, err := k.store.Neighbors(k.Context(), graph.NeighborQuery{IDs: []registry.ID{n.ID}, Direction: graph.Upstream, LimitPerNode: 1000, Bare: true})
			if err != nil {
				k.Fatal(err)
			}
			for _, e := range hops[0].Edges {
				lines = append(lines, fmt.Sprintf("%s -%s→ %s from %d", e.From, e.Kind, e.To, e.ValidFrom.UnixMicro()))
			}
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

func newEventKit(t *testing.T) *kit {
	k := newKit(t)
	k.now = time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
	return k
}

func TestTheSamplesMakeALineage(t *testing.T) {
	k := newEventKit(t)
	if n := k.send(sampleEvents(t)...); n != len(sampleEvents(t)) {
		t.Errorf("%d events told something new", n)
	}
	t.Log(k.wholeGraph())
	if n := k.send(sampleEvents(t)...); n != 0 {
		t.Errorf("%d events told something new the second time", n)
	}
}

// TestEventsInEveryOrderMakeOneGraph sends events in random orders, some of them twice, and in
// the end from 16 clients at once.
func TestEventsInEveryOrderMakeOneGraph(t *testing.T) {
	first := newEventKit(t)
	events := sampleEvents(t)
	first.send(events...)
	want := first.wholeGraph()
	for seed := range uint64(20) {
		k, r := newEventKit(t), rand.New(rand.NewPCG(seed, 1))
		order := slices.Concat(events, events)
		r.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		k.send(order...)
		if diff := cmp.Diff(strings.Split(want, "\n"), strings.Split(k.wholeGraph(), "\n")); diff != "" {
			t.Fatalf("seed %d (- in order, + in another order)\n%s", seed, diff)
		}
	}
	k := newEventKit(t)
	var all sync.WaitGroup
	for i := range 16 {
		all.Go(func() {
			for j := range events {
				e, err := openlineage.Parse(events[(i+j)%len(events)])
				if err == nil {
					_, err = k.RecordLineageEvent(k.admin, e)
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if diff := cmp.Diff(strings.Split(want, "\n"), strings.Split(k.wholeGraph(), "\n")); diff != "" {
		t.Fatalf("16 clients at once (- in order, + at once)\n%s", diff)
	}
}

// randomEvents are the events of some runs that read and write some tables at random: without
// versions or with one, under one of two names, complete or not.
func randomEvents(r *rand.Rand) (out [][]byte) {
	begin := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	at := func(minute int) string { return begin.Add(time.Duration(minute) * time.Minute).Format(time.RFC3339) }
	const facet = `"_producer":"p","_schemaURL":"s"`
	table := func(i int) string {
		name, facets := fmt.Sprintf(`"namespace":"postgres://db:5432","name":"t%d"`, i), ""
		if i == 2 && r.IntN(2) == 0 { // The folder of the table.
			name = `"namespace":"s3://lake","name":"t2"`
		}
		switch r.IntN(5) {
		case 0:
			facets = fmt.Sprintf(`"version":{%s,"datasetVersion":"%d"}`, facet, r.IntN(2))
		case 1:
			facets = fmt.Sprintf(`"documentation":{%s,"description":"table %d, told %d"}`, facet, i, r.IntN(3))
		}
		return fmt.Sprintf(`{%s,"facets":{%s}}`, name, facets)
	}
	tables := func(from, to int) string {
		var list []string
		for i := from; i < to; i++ {
			if r.IntN(3) > 0 {
				list = append(list, table(i))
			}
		}
		return strings.Join(list, ",")
	}
	for run := range 6 {
		level, start := r.IntN(3), r.IntN(60)
		event := func(minute int, kind string) {
			out = append(out, fmt.Appendf(nil, `{"eventTime":%q,"eventType":%q,"producer":"p%d","run":{"runId":"0190a1b2-0000-7000-8000-%012d"},"job":{"namespace":"n","name":"j%d"},"inputs":[%s],"outputs":[%s]}`,
				at(minute), kind, r.IntN(2), run, run%4, tables(level, level+2), tables(level+2, level+4)))
		}
		event(start, "START")
		if r.IntN(3) == 0 {
			event(start+2, "RUNNING")
		}
		if r.IntN(5) > 0 {
			event(start+5+r.IntN(20), []string{"COMPLETE", "COMPLETE", "COMPLETE", "FAIL", "ABORT"}[r.IntN(5)])
		}
	}
	if r.IntN(2) == 0 {
		out = append(out, fmt.Appendf(nil, `{"eventTime":%q,"producer":"p","dataset":{"namespace":"s3://lake","name":"t2","facets":{"symlinks":{%s,"identifiers":[{"namespace":"postgres://db:5432","name":"t2","type":"TABLE"}]}}}}`, at(r.IntN(90)), facet))
	}
	return out
}

// TestRandomEventsInEveryOrderMakeOneGraph does so with reads that name no version, writers that
// are told late, and tables with two names.
func TestRandomEventsInEveryOrderMakeOneGraph(t *testing.T) {
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 2))
		events := randomEvents(r)
		first := newEventKit(t)
		first.send(events...)
		want := first.wholeGraph()
		k := newEventKit(t)
		order := slices.Concat(events, events[:len(events)/2])
		r.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		k.send(order...)
		if diff := cmp.Diff(strings.Split(want, "\n"), strings.Split(k.wholeGraph(), "\n")); diff != "" {
			t.Errorf("seed %d (- in order, + in another order)\n%s", seed, diff)
		}
	}
}

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

package service_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pedigree/graph"
	"pedigree/graph/neo4j"
	"pedigree/internal/neo4jtest"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service/provenance"
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
		changed, err := k.RecordLineageEvent(k.admin, raw)
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

// rounds is how often repeated tests are repeated.
func rounds() int {
	if n, err := strconv.Atoi(os.Getenv("PEDIGREE_ROUNDS")); err == nil {
		return n
	}
	return 3
}

func newEventKit(t *testing.T) *kit { return eventKit(newKit(t)) }

// newNeo4jEventKit is newEventKit on Neo4j.
func newNeo4jEventKit(t *testing.T) *kit {
	t.Helper()
	store, err := neo4j.Open(t.Context(), neo4jtest.URL(t), neo4j.WithNamespace(neo4jtest.Namespace()))
	if err != nil {
		t.Fatal(err)
	}
	return eventKit(kitOn(t, store))
}

func eventKit(k *kit) *kit {
	k.now = time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
	return k
}

// TestTheSamplesMakeALineage sends the samples once and again, and walks from the model's file to
// the raw data.
func TestTheSamplesMakeALineage(t *testing.T) {
	k := newEventKit(t)
	if n := k.send(sampleEvents(t)...); n != len(sampleEvents(t)) {
		t.Errorf("%d of %d events told something new", n, len(sampleEvents(t)))
	}
	before := k.head()
	if n := k.send(sampleEvents(t)...); n != 0 || k.head() != before {
		t.Errorf("%d events told something new the second time; the log grew by %d", n, k.head()-before)
	}
	file := registry.DatasetVersionID(registry.DatasetID("s3://models", "churn/v1.0.0/model.json"), "md5:1564c45aa8412e3d80517677962ce127")
	p := must[*provenance.Provenance](k)(k.Provenance(k.admin, file, time.Time{}, time.Time{}))
	var names []string
	for _, n := range slices.Concat(p.RawSources, p.Runs, p.Commits) {
		names = append(names, fmt.Sprintf("%s %s", n.NodeMeta().Kind, n.NodeMeta().ID))
	}
	want := []string{
		"DATASET_VERSION " + string(registry.DatasetVersionID(registry.DatasetID("s3://lake", "raw/churn.csv"), "md5:5c58c678d04dcb799d0626fdf4a8bb1d")),
		"RUN " + string(registry.NewRunID("openlineage", "0190a1b2-0000-7000-8000-000000000002")),
		"RUN " + string(registry.NewRunID("openlineage", "0190a1b2-0000-7000-8000-000000000003")),
		"COMMIT " + string(registry.CommitID("b17a3e7db5b17782a3558cb30b1d1d15b4e7642f")),
	}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("provenance of the model's file (- wanted, + got)\n%s", diff)
	}
}

// sameGraph fails the test when two graphs differ.
func sameGraph(t *testing.T, what, want, got string) {
	t.Helper()
	if diff := cmp.Diff(strings.Split(want, "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("%s (- in order, + otherwise)\n%s", what, diff)
	}
}

// shuffled returns the events twice, in a random order.
func shuffled(r *rand.Rand, events [][]byte) [][]byte {
	out := slices.Concat(events, events)
	r.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

// sendAtOnce sends all events from 16 clients at once, from each in another order.
func (k *kit) sendAtOnce(events [][]byte) {
	var all sync.WaitGroup
	for i := range 16 {
		all.Go(func() {
			for j := range events {
				if _, err := k.RecordLineageEvent(k.admin, events[(i+j)%len(events)]); err != nil {
					k.Error(err)
				}
			}
		})
	}
	all.Wait()
}

// TestEventsInEveryOrderMakeOneGraph sends the samples in reverse, twice in random orders, and from
// 16 clients at once.
func TestEventsInEveryOrderMakeOneGraph(t *testing.T) {
	events := sampleEvents(t)
	first := newEventKit(t)
	first.send(events...)
	want := first.wholeGraph()
	reverse := slices.Clone(events)
	slices.Reverse(reverse)
	k := newEventKit(t)
	k.send(reverse...)
	sameGraph(t, "reverse", want, k.wholeGraph())
	for seed := range uint64(2 * rounds()) {
		k := newEventKit(t)
		k.send(shuffled(rand.New(rand.NewPCG(seed, 1)), events)...)
		sameGraph(t, fmt.Sprintf("seed %d", seed), want, k.wholeGraph())
	}
	k = newEventKit(t)
	k.sendAtOnce(events)
	sameGraph(t, "16 clients", want, k.wholeGraph())
	t.Logf("PROOF in order, in reverse, in %d random orders and from 16 clients at once: one graph", 2*rounds())
}

// TestEventsOnNeo4jMakeTheSameGraph sends the samples and random events to Neo4j, in another order
// than to SQLite.
func TestEventsOnNeo4jMakeTheSameGraph(t *testing.T) {
	events := sampleEvents(t)
	first, k := newEventKit(t), newNeo4jEventKit(t)
	first.send(events...)
	k.send(shuffled(rand.New(rand.NewPCG(1, 1)), events)...)
	sameGraph(t, "a random order", first.wholeGraph(), k.wholeGraph())
	k = newNeo4jEventKit(t)
	k.sendAtOnce(events)
	sameGraph(t, "16 clients", first.wholeGraph(), k.wholeGraph())
	for seed := range uint64(max(1, rounds()/2)) {
		r := rand.New(rand.NewPCG(seed, 2))
		events := randomEvents(r)
		first, k := newEventKit(t), newNeo4jEventKit(t)
		first.send(events...)
		k.send(shuffled(r, events)...)
		sameGraph(t, fmt.Sprintf("seed %d", seed), first.wholeGraph(), k.wholeGraph())
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
		switch r.IntN(6) {
		case 0:
			facets = fmt.Sprintf(`"version":{%s,"datasetVersion":"%d"}`, facet, r.IntN(2))
		case 2, 3:
			facets = fmt.Sprintf(`"version":{%s,"datasetVersion":"%d"},"schema":{%s,"fields":[{"name":"x","type":"int"}]},"columnLineage":{%s,"fields":{"x":{"inputFields":[{"namespace":"postgres://db:5432","name":"t%d","field":"x"}]}}}`,
				facet, r.IntN(2), facet, facet, i-2+r.IntN(2))
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
	for seed := range uint64(4 * rounds()) {
		r := rand.New(rand.NewPCG(seed, 2))
		events := randomEvents(r)
		first, k := newEventKit(t), newEventKit(t)
		first.send(events...)
		k.send(shuffled(r, events)...)
		sameGraph(t, fmt.Sprintf("seed %d", seed), first.wholeGraph(), k.wholeGraph())
	}
}

// TestALateWriterTakesTheReadsAfterIt tells of a read before anything wrote the table, of another
// after a write, and then of a write between.
func TestALateWriterTakesTheReadsAfterIt(t *testing.T) {
	k := newEventKit(t)
	event := func(run int, minute, kind, inputs, outputs string) []byte {
		return fmt.Appendf(nil, `{"eventTime":"2026-11-01T00:%s:00Z","eventType":%q,"producer":"p","run":{"runId":"0190a1b2-0000-7000-8000-%012d"},"job":{"namespace":"n","name":"job"},"inputs":[%s],"outputs":[%s]}`,
			minute, kind, run, inputs, outputs)
	}
	const table = `{"namespace":"postgres://db:5432","name":"t"}`
	reads := func(run int) string {
		hops, err := k.store.Neighbors(t.Context(), graph.NeighborQuery{IDs: []registry.ID{eventRun(run)}, Direction: graph.Upstream, LimitPerNode: 10})
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, n := range hops[0].Nodes {
			v := must[registry.Node](k)(k.Node(k.admin, n.ID)).(*registry.DatasetVersion)
			names = append(names, v.Version)
		}
		return strings.Join(names, " ")
	}
	k.send(event(1, "10", "START", table, ""), event(2, "30", "START", table, ""), event(3, "05", "START", table, ""))
	if got := reads(1) + ", " + reads(2); got != "unversioned, unversioned" {
		t.Fatalf("before any write: %s", got)
	}
	k.send(event(4, "06", "COMPLETE", "", table))
	if got, want := reads(1)+", "+reads(2)+", "+reads(3), string(eventRun(4))+", "+string(eventRun(4))+", unversioned"; got != want {
		t.Errorf("after a write at 06: %s, want %s", got, want)
	}
	k.send(event(5, "20", "COMPLETE", "", table))
	if got, want := reads(1)+", "+reads(2), string(eventRun(4))+", "+string(eventRun(5)); got != want {
		t.Errorf("after a write at 20: %s, want %s", got, want)
	}
}

// eventRun is the id of the run of an event with this number.
func eventRun(n int) registry.ID {
	return registry.NewRunID("openlineage", fmt.Sprintf("0190a1b2-0000-7000-8000-%012d", n))
}

// TestDamagedEventsAreRefusedWhole changes the samples at random places. Each is recorded, or
// refused with the path of the wrong member and without a trace.
func TestDamagedEventsAreRefusedWhole(t *testing.T) {
	k, r := newEventKit(t), rand.New(rand.NewPCG(7, 7))
	events, refused := sampleEvents(t), 0
	junk := []string{`null`, `7`, `[]`, `{}`, `"x"`, `"\u0000"`, `true`, `[[]]`, `{"a":{}}`, ``, `"`, `1e999`}
	for range 100 * rounds() {
		var tree map[string]any
		if err := json.Unmarshal(events[r.IntN(len(events))], &tree); err != nil {
			t.Fatal(err)
		}
		place := places(tree)
		at := place[r.IntN(len(place))]
		at("@@")
		raw, err := json.Marshal(tree)
		if err != nil {
			t.Fatal(err)
		}
		raw = bytes.Replace(raw, []byte(`"@@"`), []byte(junk[r.IntN(len(junk))]), 1)
		before := k.head()
		changed, err := k.RecordLineageEvent(k.admin, raw)
		if err == nil {
			if changed != (k.head() > before) {
				t.Errorf("changed is %v, the log grew by %d: %s", changed, k.head()-before, raw)
			}
			continue
		}
		refused++
		var known *registry.Error
		if !errors.As(err, &known) || known.Code != registry.InvalidArgument || known.Field == "" || k.head() != before {
			t.Errorf("%v: the log grew by %d: %s", err, k.head()-before, raw)
		}
	}
	if refused < 20*rounds() {
		t.Errorf("only %d were refused", refused)
	}
	t.Logf("PROOF %d damaged events: %d refused with a path, the others recorded", 100*rounds(), refused)
}

// places returns functions that each set one member of a JSON tree, at any depth.
func places(v any) (out []func(any)) {
	switch v := v.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			out = append(append(out, func(x any) { v[key] = x }), places(v[key])...)
		}
	case []any:
		for i := range v {
			out = append(append(out, func(x any) { v[i] = x }), places(v[i])...)
		}
	}
	return out
}

// TestEventsReportTheLastMetres registers a version and records its deployment by this registry's
// own facets, in both orders.
func TestEventsReportTheLastMetres(t *testing.T) {
	train := []byte(`{"eventTime":"2026-11-02T00:00:00Z","eventType":"COMPLETE","producer":"p","run":{"runId":"0190a1b2-0000-7000-8000-000000000001"},"job":{"namespace":"n","name":"fit"},
		"inputs":[{"namespace":"s3://lake","name":"train.csv","facets":{"version":{"_producer":"p","_schemaURL":"s","datasetVersion":"7"}}}],
		"outputs":[{"namespace":"s3://models","name":"m.bin","outputFacets":{"pedigree_modelVersion":{"_producer":"p","_schemaURL":"s","model":"churn","version":"v1.2.0","description":"from the pipeline"}}}]}`)
	deploy := []byte(`{"eventTime":"2026-11-03T00:00:00Z","eventType":"COMPLETE","producer":"p","run":{"runId":"0190a1b2-0000-7000-8000-000000000002",
		"facets":{"pedigree_deployment":{"_producer":"p","_schemaURL":"s","model":"churn","version":"1.2.0","environment":"prod","endpoint":"https://score.example.org"}}},"job":{"namespace":"n","name":"roll-out"}}`)
	for _, order := range [][][]byte{{train, deploy}, {deploy, train}} {
		k := newEventKit(t)
		if k.send(order...) != 2 || k.send(order...) != 0 {
			t.Error("the second time something was new")
		}
		data := registry.DatasetVersionID(registry.DatasetID("s3://lake", "train.csv"), "7")
		impact := must[*provenance.ImpactConnection](k)(k.Impact(k.admin, provenance.ImpactInput{Of: []registry.ID{data}}))
		if len(impact.Edges) != 1 || impact.Edges[0].Node.NodeMeta().ID.Kind() != registry.KindDeployment {
			t.Errorf("impact of the training data: %+v", impact.Edges)
		}
		_, err := k.RecordLineageEvent(k.as("bob", registry.RoleDeveloper), train)
		k.wantCode(registry.Forbidden, err)
	}
	k := newEventKit(t)
	_, err := k.RecordLineageEvent(k.admin, bytes.Replace(train, []byte("v1.2.0"), []byte("latest"), 1))
	k.wantCode(registry.InvalidArgument, err)
	if got := must[*registry.Model](k)(k.Model(k.admin, "churn")); got != nil || k.head() > 1 {
		t.Errorf("a refused event left %+v, head %d", got, k.head())
	}
}

// TestAReaderLeavesTheSourcesOfColumns tells of a version with column lineage by its writer, and then
// more of it by a reader that names it, in both orders.
func TestAReaderLeavesTheSourcesOfColumns(t *testing.T) {
	const facet = `"_producer":"p","_schemaURL":"s"`
	event := func(run int, minute string, inputs, outputs string) []byte {
		return fmt.Appendf(nil, `{"eventTime":"2026-11-01T00:%s:00Z","eventType":"COMPLETE","producer":"p","run":{"runId":"0190a1b2-0000-7000-8000-%012d"},"job":{"namespace":"n","name":"job"},"inputs":[%s],"outputs":[%s]}`,
			minute, run, inputs, outputs)
	}
	table := func(name, version, more string) string {
		return fmt.Sprintf(`{"namespace":"postgres://db:5432","name":%q,"facets":{"version":{%s,"datasetVersion":%q},"schema":{%s,"fields":[{"name":"x","type":"int"}]}%s}}`, name, facet, version, facet, more)
	}
	lineage := `,"columnLineage":{` + facet + `,"fields":{"x":{"inputFields":[{"namespace":"postgres://db:5432","name":"raw","field":"x"}]}}}`
	writer := event(1, "10", table("raw", "1", ""), table("clean", "7", lineage))
	reader := event(2, "20", table("clean", "7", `,"documentation":{`+facet+`,"description":"told by a reader"}`), "")
	var graphs []string
	for _, order := range [][][]byte{{writer, reader}, {reader, writer}} {
		k := newEventKit(t)
		k.send(order...)
		clean := must[registry.Node](k)(k.Node(k.admin, registry.DatasetVersionID(registry.DatasetID("postgres://db:5432", "clean"), "7"))).(*registry.DatasetVersion)
		if clean.Description != "told by a reader" || len(clean.Columns) != 1 || len(clean.Columns[0].DerivedFrom) != 1 {
			t.Errorf("the version is %+v", clean)
		}
		graphs = append(graphs, k.wholeGraph())
	}
	sameGraph(t, "the reader first", graphs[0], graphs[1])
}

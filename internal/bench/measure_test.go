package bench

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"pedigree/internal/bench/graphs"
)

// smallContender returns the bare SQL contender on a graph of 10,000 nodes.
func smallContender(t *testing.T) (*contender, graphs.Plan) {
	t.Helper()
	c := Config{Dir: t.TempDir(), BatchSize: 5000, Progress: io.Discard, Seed: 1}
	file, built, err := c.buildSQLite(t.Context(), 10_000)
	if err != nil {
		t.Fatal(err)
	}
	if built.NodeBytes < 100 || built.EdgeBytes < 20 || built.Edges == 0 {
		t.Errorf("%+v", built)
	}
	if _, again, err := c.buildSQLite(t.Context(), 10_000); err != nil || again != built {
		t.Errorf("an existing graph was loaded again: %+v, %v", again, err)
	}
	return bareSQLContender(file, 10_000), c.plan(10_000)
}

func TestEveryQuestionIsAskedEquallyOften(t *testing.T) {
	c, plan := smallContender(t)
	for _, workers := range Concurrency() {
		s, err := c.measure(workload{questions: plan.Versions(), exact: true, workers: workers, minTime: 300 * time.Millisecond, maxTime: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		if s.Answers == 0 || s.Answers%2000 != 0 || !s.Complete || s.P50 <= 0 || s.P99 < s.P50 || s.ServerCPU <= 0 {
			t.Errorf("%d workers: %+v", workers, s)
		}
	}
	if s, err := c.measure(workload{questions: plan.Versions(), workers: 1, maxTime: time.Millisecond}); err != nil || s.Complete {
		t.Errorf("a run cut by maxTime returned %+v, %v; want an incomplete sample", s, err)
	}
}

func TestAWrongCountEndsTheBench(t *testing.T) {
	c, plan := smallContender(t)
	for _, spoil := range []func(*graphs.Question){func(q *graphs.Question) { q.Nodes++ }, func(q *graphs.Question) { q.Edges-- }} {
		questions := plan.Versions()
		spoil(&questions[1234])
		_, err := c.measure(workload{questions: questions, exact: true, workers: 4, maxTime: time.Minute})
		if err == nil || !strings.Contains(err.Error(), string(questions[1234].Of)) {
			t.Errorf("a wrong count returned error %v", err)
		}
	}
}

func TestAnHTTPConnIsReused(t *testing.T) {
	seen := map[string]bool{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen[r.RemoteAddr] = true
		body, err := io.ReadAll(r.Body)
		if err != nil || r.Header.Get("Authorization") != "Bearer x" {
			w.WriteHeader(http.StatusUnauthorized)
		}
		w.Write(body)
	}))
	defer s.Close()
	conn, err := dial(s.URL+"/graphql", "Authorization: Bearer x")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.close()
	for _, body := range []string{"a", strings.Repeat("long ", 20_000), ""} {
		got, err := conn.post([]byte(body))
		if err != nil || string(got) != body {
			t.Fatalf("%d bytes, %v", len(got), err)
		}
	}
	if len(seen) != 1 {
		t.Errorf("%d connections", len(seen))
	}
	other, err := dial(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer other.close()
	if _, err := other.post([]byte("who")); err == nil || !strings.Contains(err.Error(), "401") {
		t.Errorf("a 401 response returned error %v", err)
	}
}

// TestTargetsAreChecked checks figures on both sides of their targets.
func TestTargetsAreChecked(t *testing.T) {
	r := &Result{Config: Config{Sizes: []int{10_000, 100_000}}, samples: map[sampleKey][]Sample{}, Built: map[string]map[int]Built{
		PedigreeSQLite: {10_000: {LoadStats: graphs.LoadStats{Edges: 100_000, EdgesTook: time.Second}}}, PedigreeNeo4j: {10_000: {LoadStats: graphs.LoadStats{Edges: 5000, EdgesTook: time.Second}}}},
		Memory: &MemoryUse{Idle: 20 << 20, Peak: 300 << 20}}
	put := func(k sampleKey, p50 time.Duration, rate float64) {
		r.samples[k] = []Sample{{P50: p50, PerSecond: rate}, {P50: p50, PerSecond: rate}, {P50: time.Hour, PerSecond: 0}}
	}
	put(sampleKey{Lineage, PedigreeSQLite, 10_000, 1}, 700*time.Microsecond, 2000)
	put(sampleKey{Lineage, PedigreeSQLite, 100_000, 1}, time.Millisecond, 2000)
	put(sampleKey{Lineage, BareSQL, 10_000, 1}, 100*time.Microsecond, 9000)
	put(sampleKey{Lineage, Peer, 10_000, 1}, time.Millisecond, 150)
	put(sampleKey{Lineage, PedigreeNeo4j, 10_000, 1}, time.Millisecond, 200)
	put(sampleKey{Lineage, RawCypher, 10_000, 1}, time.Millisecond, 900)
	put(sampleKey{Lineage, BareSQL, 100_000, 1}, 100*time.Microsecond, 9000)
	put(sampleKey{"hub", PedigreeSQLite, 10_000, 1}, time.Hour, 10) // A small hub has no target.
	put(sampleKey{"hub", PedigreeSQLite, 100_000, 1}, 5*time.Millisecond, 10)
	got := map[string]bool{}
	for _, v := range r.checkTargets() {
		got[v.what] = v.holds
	}
	want := map[string]bool{
		"answers/s on sqlite against @neo4j/graphql at 10000 nodes, 1 at once": true,
		"answers/s on neo4j against @neo4j/graphql at 10000 nodes, 1 at once":  false,
		"p50 on sqlite against the bare closure at 10000 nodes, 1 at once":     true,
		"p50 on neo4j against the raw driver at 10000 nodes, 1 at once":        true,
		"growth on sqlite from 10000 to 100000 nodes, p50":                     false,
		"p50 on sqlite against the bare closure at 100000 nodes, 1 at once":    false,
		"hub at 100000 nodes on SQLite, in bare closures, p50":                 false,
		"loading 10000 nodes into sqlite, edges/s":                             true,
		"loading 10000 nodes into neo4j, edges/s":                              false,
		"anonymous memory at 0 nodes under the mix, MiB":                       false,
		"anonymous memory at 0 nodes idle, MiB":                                true,
	}
	for what, holds := range want {
		if is, checked := got[what]; !checked || is != holds {
			t.Errorf("%s: checked %v, holds %v, want %v", what, checked, is, holds)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d checks: %v", len(got), got)
	}
	if table := r.Table(); !strings.Contains(table, "| falls short |") || !strings.Contains(table, "| holds |") {
		t.Error(table)
	}
}

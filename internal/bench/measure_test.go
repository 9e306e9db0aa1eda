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

// small is the bare closure on a small graph.
func small(t *testing.T) (*contender, graphs.Plan) {
	t.Helper()
	c := Config{Dir: t.TempDir(), Batch: 5000, Progress: io.Discard, Seed: 1}
	file, built, err := c.buildSQLite(t.Context(), 10_000)
	if err != nil {
		t.Fatal(err)
	}
	if built.NodeBytes < 100 || built.EdgeBytes < 20 || built.Edges == 0 {
		t.Errorf("%+v", built)
	}
	if _, again, err := c.buildSQLite(t.Context(), 10_000); err != nil || again != built {
		t.Errorf("a graph that is there was made anew: %+v, %v", again, err)
	}
	return bareContender(file, 10_000), c.plan(10_000)
}

func TestEveryQuestionIsAskedEquallyOften(t *testing.T) {
	c, plan := small(t)
	for _, workers := range Concurrency() {
		s, err := c.measure(exam{questions: plan.Versions(), exact: true, workers: workers, least: 300 * time.Millisecond, most: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		if s.Answers == 0 || s.Answers%2000 != 0 || !s.Whole || s.P50 <= 0 || s.P99 < s.P50 || s.ServerCPU <= 0 {
			t.Errorf("%d workers: %+v", workers, s)
		}
	}
	if s, err := c.measure(exam{questions: plan.Versions(), workers: 1, most: time.Millisecond}); err != nil || s.Whole {
		t.Errorf("a run that was cut says %+v, %v", s, err)
	}
}

func TestAWrongCountEndsTheBench(t *testing.T) {
	c, plan := small(t)
	for _, spoil := range []func(*graphs.Question){func(q *graphs.Question) { q.Nodes++ }, func(q *graphs.Question) { q.Edges-- }} {
		questions := plan.Versions()
		spoil(&questions[1234])
		_, err := c.measure(exam{questions: questions, exact: true, workers: 4, most: time.Minute})
		if err == nil || !strings.Contains(err.Error(), string(questions[1234].Of)) {
			t.Errorf("a wrong count is told as %v", err)
		}
	}
}

func TestALineKeepsItsConnection(t *testing.T) {
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
	l, err := dial(s.URL+"/graphql", "Authorization: Bearer x")
	if err != nil {
		t.Fatal(err)
	}
	defer l.close()
	for _, body := range []string{"a", strings.Repeat("long ", 20_000), ""} {
		got, err := l.post([]byte(body))
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
		t.Errorf("a refusal is told as %v", err)
	}
}

// TestTargetsAreJudged holds verdicts to both sides of their targets.
func TestTargetsAreJudged(t *testing.T) {
	r := &Result{Config: Config{Sizes: []int{10_000, 100_000}}, samples: map[at][]Sample{}, Built: map[string]map[int]Built{
		OnSQLite: {10_000: {Loaded: graphs.Loaded{Edges: 100_000, EdgesTook: time.Second}}}, OnNeo4j: {10_000: {Loaded: graphs.Loaded{Edges: 5000, EdgesTook: time.Second}}}},
		Memory: &Memory{Idle: 20 << 20, Most: 300 << 20}}
	put := func(k at, p50 time.Duration, rate float64) {
		r.samples[k] = []Sample{{P50: p50, PerSecond: rate}, {P50: p50, PerSecond: rate}, {P50: time.Hour, PerSecond: 0}}
	}
	put(at{Lineage, OnSQLite, 10_000, 1}, 700*time.Microsecond, 2000)
	put(at{Lineage, OnSQLite, 100_000, 1}, time.Millisecond, 2000)
	put(at{Lineage, Bare, 10_000, 1}, 100*time.Microsecond, 9000)
	put(at{Lineage, Peer, 10_000, 1}, time.Millisecond, 150)
	put(at{Lineage, OnNeo4j, 10_000, 1}, time.Millisecond, 200)
	put(at{Lineage, Raw, 10_000, 1}, time.Millisecond, 900)
	put(at{Lineage, Bare, 100_000, 1}, 100*time.Microsecond, 9000)
	put(at{"hub", OnSQLite, 10_000, 1}, time.Hour, 10) // A small hub is not judged.
	put(at{"hub", OnSQLite, 100_000, 1}, 5*time.Millisecond, 10)
	got := map[string]bool{}
	for _, v := range r.judge() {
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
		if is, judged := got[what]; !judged || is != holds {
			t.Errorf("%s: judged %v, holds %v, wanted %v", what, judged, is, holds)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d verdicts: %v", len(got), got)
	}
	if table := r.Table(); !strings.Contains(table, "| falls short |") || !strings.Contains(table, "| holds |") {
		t.Error(table)
	}
}

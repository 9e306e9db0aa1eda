package bench

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vektah/gqlparser/v2"

	"pedigree/internal/bench/graphs"
)

// TestGrowthStoresHaveOneShape counts the facts of two sizes by their kinds.
func TestGrowthStoresHaveOneShape(t *testing.T) {
	count := func(n int) map[string]int {
		kinds := map[string]int{}
		if err := growthFacts(n, func(f fact) error {
			for kind := range f {
				kinds[kind]++
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		return kinds
	}
	small, large := count(100), count(1000)
	const parents = 4
	for kind, each := range map[string]float64{"model": 1, "modelVersion": 2, "transition": 1.1, "alias": 1, "deployment": 1, "datasetVersion": 2, "run": 1, "commits": 1, "tag": 1} {
		fixed := map[string]int{"model": parents, "modelVersion": 2 * parents, "transition": 1}[kind]
		if small[kind] != int(100*each)+fixed || large[kind] != int(1000*each)+fixed {
			t.Errorf("%d and %d facts of kind %s, want %.1f for each sibling and %d more", small[kind], large[kind], kind, each, fixed)
		}
	}
	if len(small) != 9 {
		t.Errorf("%d kinds of facts: %v", len(small), small)
	}
	stop := errors.New("stop")
	if err := growthFacts(100, func(fact) error { return stop }); err != stop {
		t.Errorf("a failing line gave error %v", err)
	}
}

func TestEveryGrowthQuestionFitsTheSchema(t *testing.T) {
	schema := graphQLSchema(t)
	for _, q := range slices.Concat(growthReads(), growthAdminReads(), growthWrites()) {
		if _, err := gqlparser.LoadQueryWithRules(schema, q.document, nil); err != nil {
			t.Errorf("%s: %v", q.name, err)
		}
	}
}

func TestAGrowthQuestionHasANewNumberEachTime(t *testing.T) {
	var bodies []string
	answer := `{"data":{}}`
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		bodies = append(bodies, string(body))
		io.WriteString(w, answer)
	}))
	defer s.Close()
	conn, err := dial(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.close()
	q := &growthQuerier{httpConn: conn, document: `{a(b:"$N"){c}}`}
	for range 2 {
		if _, _, err := q.query(graphs.Question{}); err != nil {
			t.Fatal(err)
		}
	}
	if want := []string{`{"query":"{a(b:\"1\"){c}}"}`, `{"query":"{a(b:\"2\"){c}}"}`}; !slices.Equal(bodies, want) {
		t.Errorf("%q", bodies)
	}
	answer = `{"errors":[{}],"data":null}`
	if _, _, err := q.query(graphs.Question{}); err == nil {
		t.Error("an answer with errors passes")
	}
}

// TestGrowthIsCheckedAtBothEnds has figures on both sides of the targets of both stores.
func TestGrowthIsCheckedAtBothEnds(t *testing.T) {
	g := newGrowthResult([]int{10_000, 100, 1000})
	put := func(question, contender string, costs ...time.Duration) {
		for i, cost := range costs {
			g.add(sampleKey{question, contender, g.sizes[i], 1}, Sample{ServerCPU: cost * time.Microsecond})
		}
	}
	put("flat", PedigreeSQLite, 100, 900, 130)
	put("steep", PedigreeSQLite, 100, 100, 140)
	put("flat", PedigreeNeo4j, 1000, 1000, 1600)
	put("half", PedigreeSQLite, 100)
	g.failed[sampleKey{"broken", PedigreeSQLite, 1000, 1}] = errors.New("refused")
	var got []string
	for _, c := range g.checkTargets() {
		outcome := " falls short"
		if c.holds {
			outcome = " holds"
		}
		got = append(got, c.what+": "+c.figure+outcome)
	}
	want := []string{
		"growth of flat on sqlite, server CPU from 100 to 10000 siblings: 1.30× holds",
		"growth of steep on sqlite, server CPU from 100 to 10000 siblings: 1.40× falls short",
		"growth of flat on neo4j, server CPU from 100 to 10000 siblings: 1.60× holds",
		"questions about growth that ended with an error: 1 falls short",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	var b strings.Builder
	g.write(&b)
	for _, row := range []string{"| question | contender | 100 | 1000 | 10000 | × |", "| steep | sqlite | 100µs | 100µs | 140µs | 1.40 |", "| half | sqlite | 100µs |  |  |  |", "- broken, 1 at once: refused"} {
		if !strings.Contains(b.String(), row) {
			t.Errorf("no %q in\n%s", row, b.String())
		}
	}
}

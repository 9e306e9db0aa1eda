package access

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"pedigree/registry"
	"pedigree/rest/openlineage"
)

// lineageEvents are requests to the routes of OpenLineage's events, by method and path. A route
// without one fails TestOpenLineageMatrix.
func (seed *seedData) lineageEvents() map[string][]string {
	table := func(name string) string { return fmt.Sprintf(`{"namespace":"postgres://db:5432","name":%q}`, name) }
	event := func(kind, inputs, outputs string) string {
		return fmt.Sprintf(`{"eventTime":"1987-01-02T00:00:00Z","eventType":%q,"producer":"p","run":{"runId":"0190a1b2-0000-7000-8000-000000000001"},"job":{"namespace":"n","name":"etl"},"inputs":[%s],"outputs":[%s]}`,
			kind, inputs, outputs)
	}
	whole := event("COMPLETE", table("raw"), table("clean"))
	dataset := `{"eventTime":"1987-01-02T00:00:00Z","producer":"p","dataset":` + table("raw") + `}`
	return map[string][]string{
		"POST " + openlineage.Prefix:            {whole, event("START", "", ""), dataset},
		"POST " + openlineage.Prefix + "/batch": {"[" + whole + "," + dataset + "]"},
	}
}

// sendEvents sends a body to a route of events as an actor.
func (s *testServer) sendEvents(who, method, path, body string) *answer {
	r, err := http.NewRequest(method, s.url+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	if token := s.seed.tokens[who]; token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	return s.send(r)
}

// TestOpenLineageMatrix checks that events are recorded for exactly the roles that may record runs,
// and that what is refused writes nothing.
func TestOpenLineageMatrix(t *testing.T) {
	t.Parallel()
	want, seed, asked := readMatrix(t), loadSeed(t), 0
	s := open(t, "")
	for _, route := range openlineage.Routes() {
		if route.Method == http.MethodGet {
			continue // TestMarquezGraphMatrix asks it.
		}
		if !slices.ContainsFunc(registry.Operations(), func(o registry.Operation) bool { return o.Name == route.Operation }) {
			t.Errorf("%s names %q, which is not an operation", route.Path, route.Operation)
		}
		bodies := seed.lineageEvents()[route.Method+" "+route.Path]
		if len(bodies) == 0 {
			t.Errorf("%s %s has no request: add one to seedData.lineageEvents", route.Method, route.Path)
		}
		for _, body := range bodies {
			for _, column := range columns {
				row := want["Mutation."+route.Operation][column]
				allowed := map[string]int{"401": 401, "forbidden": 403}[row]
				if allowed == 0 {
					allowed = map[string]int{openlineage.Prefix: 201}[route.Path]
				}
				if allowed == 0 {
					allowed = 200
				}
				before := s.logHead()
				a := s.sendEvents(column, route.Method, route.Path, body)
				asked++
				if a.status != allowed {
					t.Errorf("%s as %s: %d, the matrix says %s: %s", route.Path, column, a.status, row, a.raw)
				}
				if wrote := s.logHead() != before; wrote != (allowed < 300) {
					t.Errorf("%s as %s: wrote is %v: %s", route.Path, column, wrote, body)
				} else if wrote { // The next role needs an unchanged copy.
					s = open(t, "")
				}
			}
		}
	}
	t.Logf("%d requests to %d routes; 0 routes without a row", asked, len(openlineage.Routes()))
}

// graphTargets are the queries of requests for graphs, by path. A route without one fails
// TestMarquezGraphMatrix.
func (seed *seedData) graphTargets() map[string][]string {
	raw := "dataset:" + seed.name["raw-set/namespace"] + ":" + seed.name["raw-set"]
	return map[string][]string{openlineage.Prefix: {"?nodeId=job:n:etl", "?depth=2&nodeId=" + url.QueryEscape(raw)}}
}

// TestMarquezGraphMatrix checks that a graph is answered to exactly the roles that may ask for lineage and
// see the field that it is named by, and that no answer has a hidden canary.
func TestMarquezGraphMatrix(t *testing.T) {
	t.Parallel()
	want, s := readMatrix(t), open(t, "")
	asked := 0
	for _, route := range openlineage.Routes() {
		if route.Method != http.MethodGet {
			continue
		}
		targets := s.seed.graphTargets()[route.Path]
		if len(targets) == 0 || want[route.Field] == nil {
			t.Errorf("%s has no request, or names %q, which has no row in the matrix", route.Path, route.Field)
		}
		for _, target := range targets {
			for _, column := range columns {
				status := 200
				switch {
				case want["Query."+route.Operation][column] == "401":
					status = 401
				case want["Query."+route.Operation][column] == "forbidden" || want[route.Field][column] == "null":
					status = 403
				}
				before := s.logHead()
				a := s.sendEvents(column, route.Method, route.Path+target, "")
				if asked++; a.status != status || s.logHead() != before {
					t.Errorf("%s%s as %s: %d, the matrix says %d: %s", route.Path, target, column, a.status, status, a.raw)
				}
				if column == anonymous {
					continue
				}
				c := newCrawler(t, s, column)
				if c.scan(target, a); len(c.leaks) > 0 {
					t.Errorf("%s as %s leaks %v", target, column, c.leaks)
				}
			}
		}
	}
	if asked < 10 {
		t.Errorf("only %d requests", asked)
	}
}

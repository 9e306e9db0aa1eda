package access

import (
	"fmt"
	"net/http"
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

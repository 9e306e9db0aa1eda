package access

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"pedigree/registry"
	v1 "pedigree/rest/v1"
	"pedigree/server"
)

// restRequest is one request to the REST API. The target follows /api/v1/, unless it begins
// with a slash.
type restRequest struct {
	target, media, body string
	// whole says that only who sees all that there is may ask. cached says that the caller may
	// keep the answer.
	whole, cached bool
}

// restRequests returns requests for each route of the REST API, by method and path.
// The roles that are allowed to ask get status 200. A route without a request fails
// TestRESTMatrix.
func (seed *seedData) restRequests() map[string][]restRequest {
	return map[string][]restRequest{
		"GET /api/v1/viewer": {{target: "viewer"}},
		"GET /api/v1/lineage/{id}/export": {{target: "lineage/" + string(seed.id["a2"]) + "/export?format=cyclonedx"},
			{target: "lineage/" + string(seed.id["raw"]) + "/export?format=dot&direction=both&maxDepth=3&asOf=1988-01-01T00:00:00Z"}},
		"GET /api/v1/facts": {{target: "facts"}},
		"POST /api/v1/facts": {{target: "facts", media: "application/x-ndjson", body: `{"datasetVersion":{"dataset":"new","version":"1"}}`},
			{target: "facts", media: "application/jsonl", body: "not a fact\n"}},
		"GET /log/checkpoint":     {{target: "/log/checkpoint", cached: true}},
		"GET /log/tile/{path...}": {{target: "/log/tile/0/000.p/5", cached: true}},
		"GET /api/v1/log/export":  {{target: "log/export", whole: true}},
	}
}

// sendREST sends a request to the REST API as an actor.
func (s *testServer) sendREST(who, method string, q restRequest) *answer {
	path := q.target
	if !strings.HasPrefix(path, "/") {
		path = v1.Prefix + path
	}
	r, err := http.NewRequest(method, s.url+path, strings.NewReader(q.body))
	if err != nil {
		s.t.Fatal(err)
	}
	if q.body != "" {
		r.Header.Set("Content-Type", q.media)
	}
	if token := s.seed.tokens[who]; token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	return s.send(r)
}

// restReads scans the answer of each GET route.
func (c *crawler) restReads() {
	for _, route := range v1.Routes() {
		for _, q := range c.s.seed.restRequests()[route.Method+" "+route.Path] {
			if route.Method == http.MethodGet {
				a := c.s.sendREST(c.who, route.Method, q)
				if a.status >= 500 {
					c.s.t.Errorf("as %s: %s: %d %s", c.who, q.target, a.status, a.raw)
				}
				c.scan("GET "+q.target, a)
			}
		}
	}
}

// TestRESTMatrix checks that a route of the REST API answers exactly the roles that
// may call its GraphQL operation by the matrix.
func TestRESTMatrix(t *testing.T) {
	t.Parallel()
	s, want := open(t, ""), readMatrix(t)
	asked := s.seed.restRequests()
	for _, route := range v1.Routes() {
		key := route.Method + " " + route.Path
		i := slices.IndexFunc(registry.Operations(), func(o registry.Operation) bool { return o.Name == route.Operation })
		if i < 0 {
			t.Errorf("%s names %q, which is not an operation", key, route.Operation)
			continue
		}
		row := "Query." + route.Operation
		if registry.Operations()[i].Mutation {
			row = "Mutation." + route.Operation
		}
		if len(asked[key]) == 0 {
			t.Errorf("%s has no request: add one to seedData.restRequests", key)
		}
		for _, q := range asked[key] {
			for _, column := range columns {
				a := s.sendREST(column, route.Method, q)
				status := map[string]int{"401": 401, "forbidden": 403}[want[row][column]]
				if status == 0 {
					status = 200
				}
				if q.whole && status == 200 && column != admin {
					status = 403
				}
				if a.status != status {
					t.Errorf("%s as %s: %d, the matrix says %s of %s: %s", key, column, a.status, want[row][column], row, a.raw)
				}
				if problem := strings.HasPrefix(a.header.Get("Content-Type"), "application/problem+json"); problem != (status != 200) {
					t.Errorf("%s as %s has the content type %q", key, column, a.header.Get("Content-Type"))
				}
				if control := a.header.Get("Cache-Control"); control != "no-store" && !(q.cached && status == 200 && strings.HasPrefix(control, "private, ")) {
					t.Errorf("%s as %s may be cached", key, column)
				}
			}
		}
		delete(asked, key)
	}
	for key := range asked {
		t.Errorf("%s has requests but is not a route", key)
	}
}

// TestEveryPathIsPublicOrRefusesStrangers checks that every path that is not public
// answers 401 without a token, to every method and in every spelling, before any
// call to the store.
func TestEveryPathIsPublicOrRefusesStrangers(t *testing.T) {
	s := open(t, "")
	public := []string{"/", "/graphiql", "/healthz", "/readyz", "/session", "/login", "/callback", "/logout"}
	closed := 0
	for _, route := range server.Routes() {
		if route.Public {
			if !slices.Contains(public, route.Path) && !strings.HasPrefix(route.Path, "/assets/") {
				t.Errorf("%s is public but not in the list", route.Path)
			}
			continue
		}
		closed++
		path := strings.NewReplacer("{", "", "}", "").Replace(route.Path)
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"} {
			for spelling, want := range map[string]int{path: 401, path + "/": 0, path + "%2f": 0, path + ";x": 0, "/" + path: 0, "/healthz/.." + path: 0, strings.ToUpper(path): 0} {
				r, err := http.NewRequest(method, s.url, nil)
				if err != nil {
					t.Fatal(err)
				}
				r.URL.Opaque = "//" + r.URL.Host + spelling
				calls := s.store.calls()
				a := s.send(r)
				if a.status != 401 && (want == 401 || a.status != 404 && a.status != 405) || a.status == 405 && spelling == path {
					t.Errorf("%s %s: %d", method, spelling, a.status)
				}
				if s.store.calls() != calls {
					t.Errorf("%s %s: the store was asked", method, spelling)
				}
			}
		}
	}
	t.Logf("%d paths are not public", closed)
}

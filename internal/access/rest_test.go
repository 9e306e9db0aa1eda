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

// sendREST sends a request to the REST API as an actor.
func (s *testServer) sendREST(who, method string, q restRequest) *answer {
	own, has := s.seed.id["webhook "+who]
	if !has {
		own = s.seed.id["webhook "+admin]
	}
	path := strings.ReplaceAll(q.target, "{own webhook}", string(own))
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

// get sends a GET, again where the store has no time for it.
func (c *crawler) get(q restRequest) *answer {
	a := c.s.sendREST(c.who, http.MethodGet, q)
	for try := 1; a.status == http.StatusServiceUnavailable && try < unavailableTries; try++ {
		a = c.s.sendREST(c.who, http.MethodGet, q)
	}
	return a
}

// restReads scans the answer of each GET route.
func (c *crawler) restReads() {
	for _, route := range v1.Routes() {
		for _, q := range c.s.seed.restRequests()[route.Method+" "+route.Path] {
			if route.Method == http.MethodGet {
				a := c.get(q)
				if a.status >= 500 {
					c.s.t.Errorf("as %s: %s: %d %s", c.who, q.target, a.status, a.raw)
				}
				if !q.proof {
					c.scan("GET "+q.target, a)
				}
			}
		}
	}
}

// restStatuses returns the statuses that a route may answer a column with, by the rows of its
// operation and of the field that it shows.
func restStatuses(want map[string]map[string]string, route v1.Route, q restRequest, column string) []int {
	row := "Query." + route.Operation
	// A query and a mutation may have one name; a GET is never a mutation.
	if route.Method != http.MethodGet && slices.ContainsFunc(registry.Operations(), func(o registry.Operation) bool { return o.Mutation && o.Name == route.Operation }) {
		row = "Mutation." + route.Operation
	}
	switch {
	case want[row][column] == "401":
		return []int{401}
	case want[row][column] == "forbidden" || want[route.Field][column] == "null" || q.whole && column != admin:
		return []int{403}
	case want[route.Field][column] == "notfound":
		return []int{404}
	}
	return []int{200, 201, 202}
}

// TestRESTMatrix checks that a route of the REST API answers exactly the roles that
// may call its GraphQL operation by the matrix. A route that changes something writes when it
// answers, and else nothing. No answer has a hidden canary.
func TestRESTMatrix(t *testing.T) {
	t.Parallel()
	s, want := open(t, ""), readMatrix(t)
	asked := s.seed.restRequests()
	for _, route := range v1.Routes() {
		key := route.Method + " " + route.Path
		if !slices.ContainsFunc(registry.Operations(), func(o registry.Operation) bool { return o.Name == route.Operation }) {
			t.Errorf("%s names %q, which is not an operation", key, route.Operation)
			continue
		}
		if route.Field != "" && want[route.Field] == nil {
			t.Errorf("%s names %q, which has no row in the matrix", key, route.Field)
		}
		if len(asked[key]) == 0 {
			t.Errorf("%s has no request: add one to seedData.restRequests", key)
		}
		for _, q := range asked[key] {
			for _, column := range columns {
				statuses := restStatuses(want, route, q, column)
				s.checkREST(t, route, q, column, statuses)
				if route.Method != http.MethodGet && statuses[0] == 200 { // The next role needs an unchanged copy.
					s = open(t, "")
				}
			}
		}
		delete(asked, key)
	}
	for key := range asked {
		t.Errorf("%s has requests but is not a route", key)
	}
}

// checkREST sends a request as the actor of a column and checks the answer.
func (s *testServer) checkREST(t *testing.T, route v1.Route, q restRequest, column string, statuses []int) {
	t.Helper()
	key := route.Method + " " + route.Path
	if route.Method != http.MethodGet && statuses[0] == 200 {
		s.prepareMutation(t, route.Operation)
	}
	q.target = strings.ReplaceAll(q.target, "{own token}", string(s.seed.id["spare token "+column]))
	before := s.logHead()
	a := s.sendREST(column, route.Method, q)
	if !slices.Contains(statuses, a.status) {
		t.Errorf("%s as %s: %d, the matrix says %v: %s", key, column, a.status, statuses, a.raw)
	}
	if wrote := s.logHead() != before; wrote && (route.Method == http.MethodGet || a.status >= 300) {
		t.Errorf("%s as %s: %d, but something was written", key, column, a.status)
	} else if !wrote && route.Method != http.MethodGet && a.status < 300 && !q.reads {
		t.Errorf("%s as %s: %d, but nothing was written", key, column, a.status)
	}
	if problem := strings.HasPrefix(a.header.Get("Content-Type"), "application/problem+json"); problem != (a.status >= 300) {
		t.Errorf("%s as %s has the content type %q", key, column, a.header.Get("Content-Type"))
	}
	if control := a.header.Get("Cache-Control"); control != "no-store" && !(q.cached && a.status == 200 && strings.HasPrefix(control, "private, ")) {
		t.Errorf("%s as %s may be cached", key, column)
	}
	if column == anonymous || q.proof {
		return
	}
	c := newCrawler(t, s, column)
	if c.scan(q.target+q.body, a); len(c.leaks) > 0 {
		t.Errorf("%s as %s leaks %v", key, column, c.leaks)
	}
}

// TestEveryPathIsPublicOrRefusesStrangers checks that every path that is not public
// answers 401 without a token, to every method and in every spelling, before any
// call to the store.
func TestEveryPathIsPublicOrRefusesStrangers(t *testing.T) {
	s := open(t, "")
	public := []string{"/", "/graphiql", "/healthz", "/readyz", "/session", "/login", "/callback", "/logout",
		"/access", "/commits", "/compare", "/datasets", "/deployments", "/features", "/governance", "/help", "/impact", "/lineage", "/log", "/models", "/nodes", "/notifications", "/recalls", "/runs", "/search"}
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

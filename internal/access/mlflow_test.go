package access

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"pedigree/registry"
	"pedigree/rest/mlflow"
)

// mlflowRequest is one request to MLflow's API: the query of a GET, or the body of another.
type mlflowRequest struct {
	query string
	body  string
	// path is the rest of the path of a file.
	path string
	// row is the row of the matrix that holds, if it is not that of the route's operation. as has
	// the status where it is another one, by column.
	row string
	as  map[string]int
	// raw says that the answer is a file.
	raw bool
}

// hiddenVersion is the status for readers who do not see the version that a request is about. For
// them, it is as one that is not there.
var hiddenVersion = map[string]int{viewer: 404, developer: 404}

// mlflowRequests returns requests for each route of MLflow's API, by method and path below the
// prefix. A route without a request fails TestMLflowMatrix.
func (seed *seedData) mlflowRequests() map[string][]mlflowRequest {
	q := func(label string) string { return fmt.Sprintf("%q", seed.name[label]) }
	alpha, name := url.QueryEscape(seed.name["alpha"]), `"name":`+q("alpha")
	a2, a3 := `{`+name+`,"version":"2"`, `{`+name+`,"version":"3"`
	return map[string][]mlflowRequest{
		"POST registered-models/create":              {{body: `{"name":"gamma","description":"new","tags":[{"key":"k","value":"v"}]}`}},
		"POST registered-models/rename":              {{body: `{` + name + `,"new_name":"renamed"}`}},
		"PATCH registered-models/update":             {{body: `{` + name + `,"description":"changed"}`}},
		"DELETE registered-models/delete":            {{body: `{"name":` + q("beta") + `}`}},
		"GET registered-models/get":                  {{query: "name=" + alpha}},
		"GET registered-models/search":               {{}, {query: "max_results=2&order_by=last_updated_timestamp+DESC"}, {query: "filter=name+LIKE+%27%25%27"}},
		"POST registered-models/get-latest-versions": {{body: `{` + name + `}`}, {body: `{` + name + `,"stages":["Production","none"]}`}},
		"GET registered-models/get-latest-versions":  {{query: "name=" + alpha + "&stages=Production"}},
		"POST registered-models/set-tag":             {{body: `{` + name + `,"key":"new","value":"tag"}`}},
		"DELETE registered-models/delete-tag":        {{body: `{` + name + `,"key":"new"}`}},
		"POST registered-models/alias":               {{body: a2 + `,"alias":"candidate"}`}},
		"DELETE registered-models/alias":             {{body: `{` + name + `,"alias":` + q("visible-alias") + `}`}},
		"GET registered-models/alias":                {{query: "name=" + alpha + "&alias=latest"}, {query: "name=" + alpha + "&alias=" + seed.name["visible-alias"], as: map[string]int{viewer: 400}}},
		"POST model-versions/create":                 {{body: `{` + name + `,"source":"s3://b/m","run_id":"r"}`}},
		"PATCH model-versions/update":                {{body: a2 + `,"description":"changed"}`}},
		"POST model-versions/transition-stage":       {{body: a3 + `,"stage":"Staging","archive_existing_versions":false}`, as: hiddenVersion}, {body: a3 + `,"stage":"staging","archive_existing_versions":true}`, as: hiddenVersion}},
		"DELETE model-versions/delete":               {{body: a3 + `}`, as: hiddenVersion}},
		"GET model-versions/get":                     {{query: "name=" + alpha + "&version=2"}, {query: "name=" + alpha + "&version=3", as: hiddenVersion}},
		"GET model-versions/search":                  {{}, {query: "filter=name+%3D+%27" + alpha + "%27&order_by=version_number"}, {query: "max_results=3"}},
		"GET model-versions/get-download-uri":        {{query: "name=" + alpha + "&version=2", row: "ModelVersion.artifacts"}},
		"POST model-versions/set-tag":                {{body: a2 + `,"key":"new","value":"tag"}`}},
		"DELETE model-versions/delete-tag":           {{body: a2 + `,"key":"new"}`}},
		"GET -artifacts/artifacts":                   {{query: "path=versions/" + string(seed.id["a2"])}, {query: "path=versions/" + string(seed.id["a3"]), as: map[string]int{developer: 404}}, {query: "path=1/run", as: map[string]int{developer: 403}}},
		"GET -artifacts/artifacts/{path...}":         {{path: "versions/" + string(seed.id["a2"]) + "/" + seed.name["a2/file"], raw: true}, {path: "versions/" + string(seed.id["a3"]) + "/" + seed.name["a3/file"], raw: true, as: map[string]int{developer: 404}}},
		"PUT -artifacts/artifacts/{path...}":         {{path: "1/run/artifacts/f", body: "new"}, {path: "versions/" + string(seed.id["a3"]) + "/new", body: "new"}},
		"DELETE -artifacts/artifacts/{path...}":      {{path: "versions/" + string(seed.id["a3"]) + "/" + seed.name["a3/file"]}},
		"POST webhooks":                              {{body: `{"name":"w","url":"https://example.com/hook","events":[{"entity":"MODEL_VERSION","action":"CREATED"}],"secret":"s"}`}},
		"GET webhooks":                               {{}, {query: "max_results=1"}},
		"GET webhooks/{id}":                          {{}},
		"PATCH webhooks/{id}":                        {{body: `{"status":"DISABLED","description":"new"}`}},
		"DELETE webhooks/{id}":                       {{body: `{}`}},
		"POST webhooks/{id}/test":                    {{body: `{}`}, {body: `{"event":{"entity":"MODEL_VERSION","action":"CREATED"}}`}},
	}
}

// sendMLflow sends a request to MLflow's API as an actor.
func (s *testServer) sendMLflow(who string, route mlflow.Route, q mlflowRequest) *answer {
	webhook := "w1"
	if id := s.seed.id["mlflow webhook "+who]; id != "" {
		webhook = string(id)
	}
	target := s.url + strings.NewReplacer("{id}", webhook, "{path...}", q.path).Replace(route.Path)
	if q.query != "" {
		target += "?" + q.query
	}
	r, err := http.NewRequest(route.Method, target, strings.NewReader(q.body))
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	if token := s.seed.tokens[who]; token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	return s.send(r)
}

// mlflowRoutes are the routes with their requests.
func (seed *seedData) mlflowRoutes(t testing.TB) map[mlflow.Route][]mlflowRequest {
	t.Helper()
	requests, out := seed.mlflowRequests(), map[mlflow.Route][]mlflowRequest{}
	for _, route := range mlflow.Routes() {
		_, path, _ := strings.Cut(route.Path, "api/2.0/mlflow")
		path = strings.TrimPrefix(path, "/")
		out[route] = requests[route.Method+" "+path]
		if len(out[route]) == 0 {
			t.Errorf("%s %s has no request: add one to seedData.mlflowRequests", route.Method, route.Path)
		}
	}
	for key := range requests {
		if !slices.ContainsFunc(mlflow.Routes(), func(r mlflow.Route) bool {
			return r.Method+" "+r.Path == strings.Replace(key, " ", " "+mlflow.Prefix, 1) || r.Method+" "+r.Path == strings.Replace(key, " ", " /api/2.0/mlflow", 1)
		}) {
			t.Errorf("%s has requests but is not a route", key)
		}
	}
	return out
}

// mlflowReads scans the answer of each GET route, of all models and versions of the seed.
func (c *crawler) mlflowReads() {
	for route, requests := range c.s.seed.mlflowRoutes(c.s.t) {
		if route.Method != http.MethodGet {
			continue
		}
		for _, label := range []string{"alpha", "beta"} {
			for number := range 7 {
				requests = append(requests, mlflowRequest{query: fmt.Sprintf("name=%s&version=%d", url.QueryEscape(c.s.seed.name[label]), number)})
			}
		}
		for _, q := range requests {
			a := c.s.sendMLflow(c.who, route, q)
			if a.status >= 500 && a.status != 501 {
				c.s.t.Errorf("as %s: %s?%s: %d %s", c.who, route.Path, q.query, a.status, a.raw)
			}
			c.scan("GET "+route.Path+"?"+q.query, a)
		}
	}
}

// TestMLflowMatrix checks that a route of MLflow's API answers exactly the roles that may do the
// same through GraphQL by the matrix, that what is refused writes nothing, and that its errors are
// in MLflow's envelope.
func TestMLflowMatrix(t *testing.T) {
	t.Parallel()
	want, seed, asked := readMatrix(t), loadSeed(t), 0
	s := open(t, "")
	for route, requests := range seed.mlflowRoutes(t) {
		i := slices.IndexFunc(registry.Operations(), func(o registry.Operation) bool { return o.Name == route.Operation })
		if i < 0 {
			t.Errorf("%s %s names %q, which is not an operation", route.Method, route.Path, route.Operation)
			continue
		}
		operation := registry.Operations()[i]
		for _, q := range requests {
			row := "Query." + operation.Name
			if operation.Mutation {
				row = "Mutation." + operation.Name
			}
			if q.row != "" {
				row = q.row
			}
			for _, column := range columns {
				status := map[string]int{"401": 401, "forbidden": 403, "null": 403}[want[row][column]]
				if status == 0 {
					status = 200
				}
				if q.as[column] != 0 {
					status = q.as[column]
				}
				before := s.logHead()
				a := s.sendMLflow(column, route, q)
				asked++
				if a.status != status {
					t.Errorf("%s %s as %s: %d, the matrix says %s of %s: %s", route.Method, route.Path, column, a.status, want[row][column], row, a.raw)
				}
				var envelope struct {
					Code    string `json:"error_code"`
					Message string `json:"message"`
				}
				if err := json.Unmarshal(a.raw, &envelope); err != nil && !(q.raw && status == 200) || (envelope.Code == "") != (status == 200) || (envelope.Message == "") != (status == 200) {
					t.Errorf("%s %s as %s: %s", route.Method, route.Path, column, a.raw)
				}
				if a.header.Get("Cache-Control") != "no-store" {
					t.Errorf("%s %s as %s may be cached", route.Method, route.Path, column)
				}
				if wrote := s.logHead() != before; wrote && !(operation.Mutation && status == 200) {
					t.Errorf("%s %s as %s wrote", route.Method, route.Path, column)
				} else if wrote { // The next role needs an unchanged copy.
					s = open(t, "")
				}
			}
		}
	}
	t.Logf("%d requests to %d routes; 0 routes without a row", asked, len(mlflow.Routes()))
}

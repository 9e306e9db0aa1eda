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
	"pedigree/rest/kubeflow"
)

// kubeflowRequest is one request to Kubeflow's API. id is the label of the object in the path, query
// the query of a GET, and body the body of another; {label} in them stands for the id of an object.
type kubeflowRequest struct {
	id, query, body string
	// as has the status where it is not that of the row of the route's operation, by column.
	as map[string]int
}

// unseen is the status for readers who do not see the object that a request is about; for viewers,
// notForViewers.
var (
	unseen        = map[string]int{viewer: 404, developer: 404}
	notForViewers = map[string]int{viewer: 404}
)

// kubeflowRequests returns requests for each route of Kubeflow's API, by method and path below the
// prefix. A route without a request fails TestKubeflowMatrix.
func (seed *seedData) kubeflowRequests() map[string][]kubeflowRequest {
	name := url.QueryEscape(seed.name["alpha"])
	patch := `{"description":"changed"}`
	dataset := `{"artifactType":"dataset-artifact","name":"d","uri":"s3://b/new"}`
	return map[string][]kubeflowRequest{
		"GET registered_models":                {{}, {query: "pageSize=1&orderBy=LAST_UPDATE_TIME&sortOrder=DESC"}, {query: "filterQuery=name%20LIKE%20%27%25%27"}},
		"POST registered_models":               {{body: `{"name":"gamma","owner":"o","customProperties":{"k":{"metadataType":"MetadataStringValue","string_value":"v"}}}`}},
		"GET registered_models/{id}":           {{id: "alpha"}},
		"PATCH registered_models/{id}":         {{id: "alpha", body: patch}},
		"GET registered_model":                 {{query: "name=" + name}},
		"GET registered_models/{id}/versions":  {{id: "alpha"}, {id: "alpha", query: "pageSize=2&orderBy=CREATE_TIME"}},
		"POST registered_models/{id}/versions": {{id: "alpha", body: `{"name":"new one"}`}},
		"GET model_versions":                   {{}, {query: "pageSize=1"}},
		"POST model_versions":                  {{body: `{"name":"new two","registeredModelId":"{alpha}"}`}},
		"GET model_versions/{id}":              {{id: "a2"}, {id: "a3", as: unseen}},
		"PATCH model_versions/{id}":            {{id: "a2", body: patch}, {id: "a3", body: patch, as: unseen}},
		"GET model_version":                    {{query: "name={version a2}&parentResourceId={alpha}", as: notForViewers}, {query: "name={version a3}&parentResourceId={alpha}", as: unseen}},
		"GET model_versions/{id}/artifacts":    {{id: "a2"}, {id: "a3", as: unseen}},
		"POST model_versions/{id}/artifacts": {{id: "a2", body: `{"name":"m","uri":"s3://b/m","modelSourceKind":"kfp","modelSourceId":"r1"}`}, {id: "a2", body: dataset},
			{id: "a2", body: `{"artifactType":"metric","name":"loss","value":0.5}`}, {id: "a2", body: `{"artifactType":"parameter","name":"rate","value":"1"}`}, {id: "a3", body: dataset, as: unseen}},
		"GET artifacts":        {{}, {query: "artifactType=metric"}},
		"POST artifacts":       {{body: `{"name":"loose","uri":"s3://b/l"}`}},
		"GET artifacts/{id}":   {{id: "artifact", as: notForViewers}, {id: "hidden metric", as: unseen}, {id: "metric", as: notForViewers}},
		"PATCH artifacts/{id}": {{id: "artifact", body: `{"artifactType":"model-artifact","description":"changed"}`, as: notForViewers}, {id: "hidden metric", body: `{"artifactType":"metric","value":1}`, as: unseen}},
		"GET artifact":         {{query: "name=metric&parentResourceId={a2}", as: notForViewers}, {query: "name=metric&parentResourceId={a3}", as: unseen}},
		"GET model_artifacts":  {{}}, "POST model_artifacts": {{body: `{"name":"loose","uri":"s3://b/l"}`}},
		"GET model_artifacts/{id}":                          {{id: "artifact", as: notForViewers}},
		"PATCH model_artifacts/{id}":                        {{id: "artifact", body: patch, as: notForViewers}},
		"GET model_artifact":                                {{query: "name=artifact&parentResourceId={a2}", as: notForViewers}},
		"GET serving_environments":                          {{}},
		"POST serving_environments":                         {{body: `{"name":"another"}`}},
		"GET serving_environments/{id}":                     {{id: "environment", as: unseen}},
		"PATCH serving_environments/{id}":                   {{id: "environment", body: patch, as: unseen}},
		"GET serving_environment":                           {{query: "name=environment", as: unseen}},
		"GET serving_environments/{id}/inference_services":  {{id: "environment", as: unseen}},
		"POST serving_environments/{id}/inference_services": {{id: "environment", body: `{"name":"new","registeredModelId":"{alpha}","servingEnvironmentId":"{environment}","modelVersionId":"{a2}"}`, as: unseen}},
		"GET inference_services":                            {{}},
		"POST inference_services":                           {{body: `{"name":"new","registeredModelId":"{alpha}","servingEnvironmentId":"{environment}"}`, as: unseen}},
		"GET inference_services/{id}":                       {{id: "service", as: notForViewers}, {id: "hidden service", as: unseen}},
		"PATCH inference_services/{id}":                     {{id: "service", body: `{"desiredState":"UNDEPLOYED"}`, as: notForViewers}},
		"GET inference_service":                             {{query: "name=service&parentResourceId={environment}", as: unseen}},
		"GET inference_services/{id}/model":                 {{id: "service", as: notForViewers}},
		"GET inference_services/{id}/version":               {{id: "service", as: notForViewers}},
		"GET inference_services/{id}/serves":                {{id: "service", as: notForViewers}},
		"POST inference_services/{id}/serves":               {{id: "service", body: `{"modelVersionId":"{a2}","lastKnownState":"RUNNING"}`, as: notForViewers}},
		"GET experiments":                                   {{}},
		"POST experiments":                                  {{body: `{"name":"another"}`}},
		"GET experiments/{id}":                              {{id: "experiment", as: unseen}},
		"PATCH experiments/{id}":                            {{id: "experiment", body: patch, as: unseen}},
		"GET experiment":                                    {{query: "name=experiment", as: unseen}},
		"GET experiments/{id}/experiment_runs":              {{id: "experiment", as: unseen}},
		"POST experiments/{id}/experiment_runs":             {{id: "experiment", body: `{"name":"new"}`, as: unseen}},
		"GET experiment_runs":                               {{}},
		"POST experiment_runs":                              {{body: `{"name":"new","experimentId":"{experiment}"}`, as: unseen}},
		"GET experiment_runs/{id}":                          {{id: "run", as: unseen}},
		"PATCH experiment_runs/{id}":                        {{id: "run", body: `{"status":"FINISHED"}`, as: unseen}},
		"GET experiment_run":                                {{query: "name=run&parentResourceId={experiment}", as: unseen}},
		"GET experiment_runs/{id}/artifacts":                {{id: "run", as: unseen}},
		"POST experiment_runs/{id}/artifacts":               {{id: "run", body: `{"artifactType":"metric","name":"loss","value":0.5,"step":2}`, as: unseen}},
		"GET experiment_runs/metric_history":                {{}},
		"GET experiment_runs/{id}/metric_history":           {{id: "run", query: "name=loss", as: unseen}},
	}
}

// kubeflowServer is a server with objects that Kubeflow's clients made, and their ids by label.
type kubeflowServer struct {
	*testServer
	ids map[string]string
}

// sendKubeflow sends a request to a path of Kubeflow's API as an actor.
func (s *kubeflowServer) sendKubeflow(who, method, path string, q kubeflowRequest) *answer {
	fill := func(text string) string {
		for label, id := range s.ids {
			text = strings.ReplaceAll(text, "{"+label+"}", id)
		}
		return text
	}
	path = strings.ReplaceAll(path, "{id}", s.ids[q.id])
	if q.query != "" {
		path += "?" + fill(q.query)
	}
	r, err := http.NewRequest(method, s.url+path, strings.NewReader(fill(q.body)))
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	if token := s.seed.tokens[who]; token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	return s.send(r)
}

// alphaPath is the start of the paths that have all routes.
const alphaPath = "/api/model_registry/v1alpha3/"

// openKubeflow opens a copy of the seed's registry and makes the objects in it.
func openKubeflow(t *testing.T) *kubeflowServer {
	t.Helper()
	s := &kubeflowServer{open(t, ""), map[string]string{}}
	ask := func(method, path, label, body string) map[string]any {
		t.Helper()
		var out map[string]any
		a := s.sendKubeflow(admin, method, alphaPath+path, kubeflowRequest{body: body})
		if err := json.Unmarshal(a.raw, &out); err != nil || a.status > 201 {
			t.Fatalf("%s %s: %d %s", method, path, a.status, a.raw)
		}
		if label != "" {
			s.ids[label] = out["id"].(string)
		}
		return out
	}
	for _, label := range []string{"alpha", "beta"} {
		ask("GET", "registered_model?name="+url.QueryEscape(s.seed.name[label]), label, "")
	}
	for i, one := range ask("GET", "registered_models/"+s.ids["alpha"]+"/versions", "", "")["items"].([]any) {
		v, label := one.(map[string]any), fmt.Sprint("a", i+1) // In the order of their registration.
		s.ids[label], s.ids["version "+label] = v["id"].(string), url.QueryEscape(v["name"].(string))
	}
	ask("POST", "model_versions/"+s.ids["a2"]+"/artifacts", "artifact", `{"name":"artifact","uri":"s3://b/a"}`)
	ask("POST", "model_versions/"+s.ids["a2"]+"/artifacts", "metric", `{"artifactType":"metric","name":"metric","value":1}`)
	ask("POST", "model_versions/"+s.ids["a3"]+"/artifacts", "hidden metric", `{"artifactType":"metric","name":"metric","value":1}`)
	ask("POST", "serving_environments", "environment", `{"name":"environment"}`)
	service := `{"name":"%s","registeredModelId":"{alpha}","servingEnvironmentId":"{environment}","modelVersionId":"{%s}"}`
	ask("POST", "inference_services", "service", fmt.Sprintf(service, "service", "a2"))
	ask("POST", "inference_services", "hidden service", fmt.Sprintf(service, "hidden", "a3"))
	ask("POST", "experiments", "experiment", `{"name":"experiment"}`)
	ask("POST", "experiment_runs", "run", `{"name":"run","experimentId":"{experiment}"}`)
	return s
}

// TestKubeflowMatrix checks that a route of Kubeflow's API answers exactly the roles that may do the
// same through GraphQL by the matrix, that what is refused writes nothing, and that its errors are
// in Kubeflow's form.
func TestKubeflowMatrix(t *testing.T) {
	t.Parallel()
	want, asked := readMatrix(t), 0
	s := openKubeflow(t)
	requests := s.seed.kubeflowRequests()
	used := map[string]bool{}
	for _, route := range kubeflow.Routes() {
		i := slices.IndexFunc(registry.Operations(), func(o registry.Operation) bool { return o.Name == route.Operation })
		if i < 0 {
			t.Errorf("%s %s names %q, which is not an operation", route.Method, route.Path, route.Operation)
			continue
		}
		operation := registry.Operations()[i]
		row := "Query." + operation.Name
		if operation.Mutation {
			row = "Mutation." + operation.Name
		}
		path := strings.TrimPrefix(strings.TrimPrefix(route.Path, kubeflow.Prefix), alphaPath)
		used[route.Method+" "+path] = true
		if len(requests[route.Method+" "+path]) == 0 {
			t.Errorf("%s %s has no request: add one to seedData.kubeflowRequests", route.Method, route.Path)
		}
		for _, q := range requests[route.Method+" "+path] {
			for _, column := range columns {
				statuses := []int{200, 201}
				if refused := map[string]int{"401": 401, "forbidden": 403, "null": 403}[want[row][column]]; refused != 0 {
					statuses = []int{refused}
				}
				if q.as[column] != 0 {
					statuses = []int{q.as[column]}
				}
				before := s.logHead()
				a := s.sendKubeflow(column, route.Method, route.Path, q)
				asked++
				if !slices.Contains(statuses, a.status) {
					t.Errorf("%s %s %s as %s: %d, the matrix says %s of %s: %s", route.Method, route.Path, q.id, column, a.status, want[row][column], row, a.raw)
				}
				var envelope struct{ Code, Message string }
				if err := json.Unmarshal(a.raw, &envelope); err != nil || (envelope.Code == "") != (a.status < 300) || (envelope.Message == "") != (a.status < 300) {
					t.Errorf("%s %s as %s: %s", route.Method, route.Path, column, a.raw)
				}
				if a.header.Get("Cache-Control") != "no-store" {
					t.Errorf("%s %s as %s may be cached", route.Method, route.Path, column)
				}
				if wrote := s.logHead() != before; wrote != (operation.Mutation && a.status < 300) {
					t.Errorf("%s %s %s as %s: wrote is %v", route.Method, route.Path, q.id, column, wrote)
				} else if wrote { // The next role needs an unchanged copy.
					s = openKubeflow(t)
				}
			}
		}
	}
	for key := range requests {
		if !used[key] {
			t.Errorf("%s has requests but is not a route", key)
		}
	}
	t.Logf("PROOF %d requests to %d routes; 0 routes without a row", asked, len(kubeflow.Routes()))
}

// kubeflowReads scans the answer of each GET route, of all objects that the administrator sees.
func (c *crawler) kubeflowReads() {
	s := &kubeflowServer{c.s, map[string]string{}}
	for _, plural := range []string{"registered_models", "model_versions", "artifacts"} {
		var list struct{ Items []struct{ ID string } }
		if a := s.sendKubeflow(admin, http.MethodGet, alphaPath+plural, kubeflowRequest{}); json.Unmarshal(a.raw, &list) != nil || len(list.Items) == 0 {
			c.s.t.Errorf("%s: %d %s", plural, a.status, a.raw)
		}
		for _, one := range list.Items {
			s.ids[one.ID] = one.ID
		}
	}
	for _, route := range kubeflow.Routes() {
		if route.Method != http.MethodGet || strings.HasPrefix(route.Path, kubeflow.Prefix) {
			continue
		}
		requests := []kubeflowRequest{{query: "orderBy=CREATE_TIME&name=" + url.QueryEscape(c.s.seed.name["alpha"])}}
		for id := range s.ids {
			if strings.Contains(route.Path, "{id}") {
				requests = append(requests, kubeflowRequest{id: id})
			} else {
				requests = append(requests, kubeflowRequest{query: "name=artifact&parentResourceId=" + id})
			}
		}
		for _, q := range requests {
			a := s.sendKubeflow(c.who, route.Method, route.Path, q)
			if a.status >= 500 {
				c.s.t.Errorf("as %s: %s %s: %d %s", c.who, route.Path, q.id, a.status, a.raw)
			}
			c.scan("GET "+route.Path+"?"+q.query+" "+q.id, a)
		}
	}
}

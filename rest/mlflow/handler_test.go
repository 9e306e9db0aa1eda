package mlflow

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"pedigree/graph/sqlite"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service"
	"pedigree/service/catalog"
	"pedigree/service/core"
	"pedigree/service/governance"
)

// kit is the handler over an empty registry.
type kit struct {
	*testing.T
	*Handler
	service *service.Service
}

func newKit(t *testing.T, options ...Option) *kit {
	t.Helper()
	store, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "p.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	policy, err := policies.Load("")
	if err != nil {
		t.Fatal(err)
	}
	gate, err := policies.NewGate(t.Context(), store, policy, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	s := service.New(gate)
	return &kit{t, New(s, slog.New(slog.NewTextHandler(io.Discard, nil)), func(context.Context) string { return "request-1" }, options...), s}
}

// as returns the context of a subject with a role.
func (k *kit) as(role string) context.Context {
	return service.As(k.Context(), registry.Actor{Subject: "user-" + role, Grants: []registry.Grant{{Role: role, Scope: registry.ScopeAll}}}, "r")
}

// body is an answer: its fields, or the code and message of an error.
type body struct {
	Code    string `json:"error_code"`
	Message string
	Model   registeredModel   `json:"registered_model"`
	Version modelVersion      `json:"model_version"`
	Models  []registeredModel `json:"registered_models"`
	All     []modelVersion    `json:"model_versions"`
	Next    string            `json:"next_page_token"`
	URI     string            `json:"artifact_uri"`
}

// send sends a request as a role: content is a body, or the query of a GET.
func (k *kit) send(role, method, path, content string) (int, body) {
	k.Helper()
	target, r := Prefix+path, (*http.Request)(nil)
	if method == http.MethodGet {
		r = httptest.NewRequest(method, target+"?"+content, nil)
	} else {
		r = httptest.NewRequest(method, target, strings.NewReader(content))
		r.Header.Set("Content-Type", "application/json")
	}
	w := httptest.NewRecorder()
	k.ServeHTTP(w, r.WithContext(k.as(role)))
	var out body
	if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil {
		k.Errorf("%s %s: %v: %s", method, path, err, w.Body)
	}
	return w.Code, out
}

// ok sends a request as the administrator, which must succeed.
func (k *kit) ok(method, path, content string) body {
	k.Helper()
	status, out := k.send(registry.RoleAdmin, method, path, content)
	if status != http.StatusOK {
		k.Fatalf("%s %s %s: %d %+v", method, path, content, status, out)
	}
	return out
}

// refused sends a request as the administrator, which must fail so.
func (k *kit) refused(status int, code, message, method, path, content string) {
	k.Helper()
	got, out := k.send(registry.RoleAdmin, method, path, content)
	if got != status || out.Code != code || !strings.Contains(out.Message, message) {
		k.Errorf("%s %s %.200s: %d %s %q, want %d %s %q", method, path, content, got, out.Code, out.Message, status, code, message)
	}
}

// versions makes a model with a number of versions.
func (k *kit) versions(model string, n int) {
	k.Helper()
	k.ok("POST", "registered-models/create", fmt.Sprintf(`{"name":%q}`, model))
	for i := range n {
		k.ok("POST", "model-versions/create", fmt.Sprintf(`{"name":%q,"source":"s3://b/%d"}`, model, i))
	}
}

func (k *kit) move(model string, version int, stage string, archive bool) (int, body) {
	k.Helper()
	return k.send(registry.RoleAdmin, "POST", "model-versions/transition-stage", fmt.Sprintf(`{"name":%q,"version":"%d","stage":%q,"archive_existing_versions":%t}`, model, version, stage, archive))
}

// transitions returns the stages that a version went through, with ! for a forced one.
func (k *kit) transitions(model string, number int) (out []string) {
	k.Helper()
	v, err := k.service.VersionByNumber(k.as(registry.RoleAdmin), model, number)
	if err != nil || v == nil {
		k.Fatal(model, number, err)
	}
	page, err := k.service.TransitionsOf(k.as(registry.RoleAdmin), v, core.Paging{First: new(100)})
	if err != nil {
		k.Fatal(err)
	}
	for _, e := range page.Edges {
		text := string(e.Node.To)
		if e.Node.Forced {
			text += "!"
		}
		out = append(out, text)
	}
	return out
}

// TestRequestsAreReadStrictly sends what no client sends.
func TestRequestsAreReadStrictly(t *testing.T) {
	k := newKit(t)
	k.versions("m", 1)
	const invalid = "INVALID_PARAMETER_VALUE"
	for _, c := range []struct {
		status                               int
		code, message, method, path, content string
	}{
		{400, invalid, "given twice", "POST", "registered-models/create", `{"name":"a","name":"b"}`},
		{400, invalid, "given twice", "POST", "registered-models/rename", `{"name":"m","newName":"b","new_name":"c"}`},
		{400, invalid, "not one JSON object", "POST", "registered-models/create", `{"name":"a"} {}`},
		{400, invalid, "not one JSON object", "POST", "registered-models/create", `["secret"]`},
		{400, invalid, "not one JSON object", "POST", "registered-models/create", "{\"name\":\"\xff\"}"},
		{400, invalid, "Missing value for required parameter 'name'", "POST", "registered-models/create", ``},
		{400, invalid, "must be a string", "POST", "registered-models/create", `{"name":{}}`},
		{400, invalid, "control character", "POST", "registered-models/create", `{"name":"a\u0000b"}`},
		{400, invalid, "tags", "POST", "registered-models/create", `{"name":"a","tags":{"k":"v"}}`},
		{413, "BAD_REQUEST", "larger than", "POST", "registered-models/create", `{"name":"` + strings.Repeat("x", maxBody) + `"}`},
		{400, invalid, "more than once", "GET", "registered-models/get", "name=m&name=n"},
		{400, invalid, "not valid UTF-8", "GET", "registered-models/get", "name=%ff"},
		{400, invalid, "must be an integer, got 'x'", "GET", "model-versions/get", "name=m&version=x"},
		{404, "RESOURCE_DOES_NOT_EXIST", "Model Version (name=m, version=0) not found", "GET", "model-versions/get", "name=m&version=0"},
		{404, "RESOURCE_DOES_NOT_EXIST", "Model Version (name=m, version=-1) not found", "GET", "model-versions/get", "name=m&version=-1"},
		{400, invalid, "max_results", "GET", "registered-models/search", "max_results=0"},
		{400, invalid, "max_results", "GET", "model-versions/search", "max_results=200001"},
		{400, invalid, "true or false", "POST", "model-versions/transition-stage", `{"name":"m","version":"1","stage":"Staging","archive_existing_versions":1}`},
		{404, "ENDPOINT_NOT_FOUND", "no such endpoint", "POST", "registered-models/none", `{}`},
		{404, "ENDPOINT_NOT_FOUND", "no such endpoint", "GET", "webhooks/a/b", ``},
		{405, "BAD_REQUEST", "GET, HEAD, POST", "PATCH", "webhooks", `{}`},
		{404, "RESOURCE_DOES_NOT_EXIST", "Webhook with ID w1 not found", "POST", "webhooks/w1/test", `{}`},
		{400, "INVALID_PARAMETER_VALUE", "allowed are registered_model.created", "POST", "webhooks", `{"name":"w","url":"https://x.example","events":[{"entity":"BUDGET_POLICY","action":"EXCEEDED"}]}`},
		{400, "INVALID_PARAMETER_VALUE", "'events'", "POST", "webhooks", `{"name":"w","url":"https://x.example"}`},
		{400, "INVALID_PARAMETER_VALUE", "'status'", "POST", "webhooks", `{"name":"w","url":"https://x.example","events":[{"entity":"PROMPT","action":"CREATED"}],"status":"OFF"}`},
	} {
		k.refused(c.status, c.code, c.message, c.method, c.path, c.content)
	}
	r := httptest.NewRequest("POST", Prefix+"registered-models/create", strings.NewReader(`{"name":"form"}`))
	r.Header.Set("Content-Type", "text/plain")
	w := httptest.NewRecorder()
	if k.ServeHTTP(w, r.WithContext(k.as(registry.RoleAdmin))); w.Code != 400 {
		t.Errorf("text/plain: %d %s", w.Code, w.Body)
	}
	if got := k.ok("POST", "registered-models/rename", `{"name":"m","newName":"camel","unknown":1}`); got.Model.Name != "camel" {
		t.Errorf("%+v", got)
	}
}

// TestStagesFollowTheLifecycle moves versions by the lifecycle: what it does not have is refused
// with what it has, a promotion replaces the incumbent, and peers are archived with records.
func TestStagesFollowTheLifecycle(t *testing.T) {
	k := newKit(t)
	k.versions("m", 4)
	k.refused(400, "INVALID_PARAMETER_VALUE", "from None (DEVELOPMENT) to Production; allowed stages: Staging, Archived", "POST", "model-versions/transition-stage", `{"name":"m","version":"1","stage":"Production"}`)
	for n := 1; n <= 3; n++ {
		if status, out := k.move("m", n, "Staging", false); status != 200 {
			t.Fatal(status, out)
		}
	}
	id := versionID(k, "m", 2)
	if _, err := k.service.TransitionModelVersion(k.as(registry.RoleAdmin), catalog.TransitionModelVersionInput{ID: &id, To: registry.Canary}); err != nil {
		t.Fatal(err)
	}
	canary := k.ok("GET", "model-versions/get", "name=m&version=2").Version
	if canary.Stage != "Staging" || fmt.Sprint(canary.Tags) != "[{lifecycle CANARY}]" {
		t.Errorf("%+v", canary)
	}
	if found := k.ok("GET", "model-versions/search", "filter="+url.QueryEscape("tags.lifecycle = 'CANARY'")).All; len(found) != 1 || found[0].Version != "2" {
		t.Errorf("%+v", found)
	}
	if status, out := k.move("m", 4, "Staging", true); status != 200 {
		t.Fatal(status, out)
	}
	for n, want := range map[int]string{1: "[STAGING ARCHIVED]", 2: "[STAGING CANARY ARCHIVED]", 3: "[STAGING ARCHIVED]", 4: "[STAGING]"} {
		if got := fmt.Sprint(k.transitions("m", n)); got != want {
			t.Errorf("version %d went through %s, want %s", n, got, want)
		}
	}
	k.versions("p", 2)
	for n := 1; n <= 2; n++ {
		k.move("p", n, "Staging", false)
		if status, out := k.move("p", n, "Production", n == 1); status != 200 {
			t.Fatal(status, out)
		}
	}
	if got := k.ok("GET", "model-versions/get", "name=p&version=1").Version; got.Stage != "Archived" || fmt.Sprint(got.Tags) != "[{lifecycle DEPRECATED}]" {
		t.Errorf("the incumbent: %+v", got)
	}
}

func versionID(k *kit, model string, number int) registry.ID {
	k.Helper()
	v, err := k.service.VersionByNumber(k.as(registry.RoleAdmin), model, number)
	if err != nil || v == nil {
		k.Fatal(model, number, err)
	}
	return v.ID
}

// TestAnyStage lets every stage follow every stage. A move that the lifecycle has is no forced
// one, and there is still one version in PRODUCTION.
func TestAnyStage(t *testing.T) {
	k := newKit(t, AnyStage(true))
	k.versions("m", 2)
	for _, to := range []struct {
		version int
		stage   string
	}{{1, "Production"}, {2, "Production"}, {1, "Staging"}, {1, "Production"}, {1, "None"}} {
		if status, out := k.move("m", to.version, to.stage, false); status != 200 || out.Version.Stage != to.stage {
			t.Fatal(to, status, out)
		}
	}
	if one, two := fmt.Sprint(k.transitions("m", 1)), fmt.Sprint(k.transitions("m", 2)); one != "[PRODUCTION! DEPRECATED STAGING! PRODUCTION DEVELOPMENT!]" || two != "[PRODUCTION! DEPRECATED]" {
		t.Errorf("%s and %s", one, two)
	}
	if status, out := k.send(registry.RoleDataScientist, "POST", "model-versions/transition-stage", `{"name":"m","version":"1","stage":"Production"}`); status != 403 || out.Code != "PERMISSION_DENIED" {
		t.Errorf("a data scientist: %d %+v", status, out)
	}
}

// TestGuardedStages makes a request where an approval is needed, and tells its id.
func TestGuardedStages(t *testing.T) {
	k := newKit(t)
	k.versions("m", 1)
	k.move("m", 1, "Staging", false)
	if _, err := k.service.PutTransitionGuard(k.as(registry.RoleAdmin), governance.PutTransitionGuardInput{Profile: registry.ProfileGuarded}); err != nil {
		t.Fatal(err)
	}
	const ask = `{"name":"m","version":"1","stage":"Production"}`
	id := string(registry.TransitionRequestID(versionID(k, "m", 1), 1))
	for range 2 { // The second finds that it stands.
		status, out := k.send(registry.RoleDataScientist, "POST", "model-versions/transition-stage", ask)
		if status != 403 || out.Code != "PERMISSION_DENIED" || !strings.Contains(out.Message, id) {
			t.Errorf("%d %+v, want the id %s", status, out, id)
		}
	}
	if got := k.ok("GET", "model-versions/get", "name=m&version=1").Version.Stage; got != "Staging" {
		t.Errorf("it is in %s", got)
	}
}

// TestLostRaces moves one version from many sides: one wins, and the others lose with 409 or with
// what the lifecycle says by then.
func TestLostRaces(t *testing.T) {
	k := newKit(t)
	k.versions("m", 1)
	var wait sync.WaitGroup
	var mu sync.Mutex
	counts := map[string]int{}
	for i := range 16 {
		wait.Go(func() {
			status, out := k.move("m", 1, []string{"Staging", "Archived"}[i%2], i%2 == 0)
			mu.Lock()
			defer mu.Unlock()
			counts[fmt.Sprint(status, " ", out.Code)]++
		})
	}
	wait.Wait()
	for got := range counts {
		if got != "200 " && got != "409 ABORTED" && got != "400 INVALID_PARAMETER_VALUE" {
			t.Errorf("%v", counts)
		}
	}
	// A revision that was seen before another change.
	id, stale := versionID(k, "m", 1), 1
	_, err := k.service.TransitionModelVersion(k.as(registry.RoleAdmin), catalog.TransitionModelVersionInput{ID: &id, To: registry.Archived, IfRevision: &stale})
	w := httptest.NewRecorder()
	k.writeError(w, httptest.NewRequest("GET", "/", nil), asTransitionError(err, "m", &registry.ModelVersion{}, "Archived"))
	if w.Code != 409 || !strings.Contains(w.Body.String(), `"ABORTED"`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// TestVersionsAreNumberedAndSemantic gives versions by a tag, and else the next minor.
func TestVersionsAreNumberedAndSemantic(t *testing.T) {
	k := newKit(t)
	k.versions("m", 1)
	k.ok("POST", "model-versions/create", `{"name":"m","source":"s","tags":[{"key":"pedigree.version","value":"v2.1.0"}]}`)
	k.ok("POST", "model-versions/create", `{"name":"m","source":"s"}`)
	k.refused(400, "RESOURCE_ALREADY_EXISTS", "2.1.0", "POST", "model-versions/create", `{"name":"m","source":"s","tags":[{"key":"pedigree.version","value":"2.1.0"}]}`)
	k.refused(400, "INVALID_PARAMETER_VALUE", "semantic version", "POST", "model-versions/create", `{"name":"m","source":"s","tags":[{"key":"pedigree.version","value":"2"}]}`)
	for n, want := range map[int]string{1: "0.1.0", 2: "2.1.0", 3: "2.2.0"} {
		if v, err := k.service.VersionByNumber(k.as(registry.RoleAdmin), "m", n); err != nil || v == nil || v.Version != want {
			t.Errorf("version %d: %+v, want %s", n, v, want)
		}
	}
	for _, key := range []string{"lifecycle", "pedigree.mlflow.run_id", "pedigree.version"} {
		k.refused(400, "INVALID_PARAMETER_VALUE", key, "POST", "model-versions/set-tag", `{"name":"m","version":"1","key":"`+key+`","value":"x"}`)
		k.refused(400, "INVALID_PARAMETER_VALUE", key, "DELETE", "model-versions/delete-tag", `{"name":"m","version":"1","key":"`+key+`"}`)
	}
	k.refused(400, "INVALID_PARAMETER_VALUE", "read-only", "POST", "model-versions/create", `{"name":"m","source":"s","tags":[{"key":"pedigree.mlflow.run_id","value":"x"}]}`)
}

// TestFilters reads filters that the client's script does not send.
func TestFilters(t *testing.T) {
	for text, want := range map[string]string{
		`name='a' AND NAME='b'`:          "Invalid attribute key",
		`name = 'a''b'`:                  "",
		`attribute.name ILIKE "%X_"`:     "",
		"tags.`a b` LIKE 'x%'":           "",
		`tag.a.b = 'x' and name != 'y'`:  "",
		`name IN ('a','b',)`:             "Invalid clause",
		`name IN ()`:                     "Invalid clause",
		`name IN 'a'`:                    "Invalid clause",
		`(name = 'a')`:                   "Invalid clause",
		`NOT name = 'a'`:                 "Invalid clause",
		`name = 'a' name = 'b'`:          "Invalid clause",
		`name = 'a' AND`:                 "Invalid clause",
		`= 'a'`:                          "Invalid clause",
		"tags.`open = 'x'":               "Invalid filter string",
		`tags. = 'x'`:                    "Invalid attribute key",
		`name NOT LIKE 'x'`:              "Invalid clause",
		strings.Repeat(" ", maxFilter+1): "longer than",
		`name`:                           "Invalid clause",
	} {
		_, err := ofModels.parseFilter(text)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%.60q: %v, want %q", text, err, want)
		}
	}
}

// TestSearchesArePagedToTheEnd reads lists of 0, 1, n-1, n and n+1 items by pages of n, in an
// order of the index and in one that is sorted, and in both directions.
func TestSearchesArePagedToTheEnd(t *testing.T) {
	k := newKit(t)
	made := 0
	for _, total := range []int{0, 1, 4, 5, 6, 11} {
		for ; made < total; made++ {
			k.versions(fmt.Sprintf("m%02d", made), 1)
		}
		for _, order := range []string{"", "&order_by=name+DESC", "&order_by=last_updated_timestamp+ASC", "&order_by=timestamp+DESC"} {
			for _, path := range []string{"registered-models/search", "model-versions/search"} {
				if path == "model-versions/search" {
					order = strings.Replace(order, "=timestamp", "=creation_timestamp", 1)
				}
				seen, token := map[string]bool{}, ""
				for pages := 0; pages < 10; pages++ {
					got := k.ok("GET", path, "max_results=5"+order+"&page_token="+url.QueryEscape(token))
					for _, m := range got.Models {
						seen[m.Name] = true
					}
					for _, v := range got.All {
						seen[v.Name] = true
					}
					if token = got.Next; token == "" {
						break
					}
				}
				if len(seen) != total {
					t.Errorf("%s%s: %d of %d", path, order, len(seen), total)
				}
			}
		}
	}
	token := url.QueryEscape(k.ok("GET", "registered-models/search", "max_results=5").Next)
	k.refused(400, "INVALID_PARAMETER_VALUE", "Invalid page token", "GET", "registered-models/search", "max_results=5&order_by=name+DESC&page_token="+token)
	if status, _ := k.send(registry.RoleDataScientist, "GET", "registered-models/search", "max_results=5&page_token="+token); status != 400 {
		t.Errorf("the token of another caller: %d", status)
	}
}

package v1

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"pedigree/blobs"
	"pedigree/graph"
	"pedigree/graph/sqlite"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service"
)

// countedStore counts the reads of a store.
type countedStore struct {
	graph.Store
	reads atomic.Int64
}

func (s *countedStore) Nodes(ctx context.Context, at graph.Instant, ids ...registry.ID) ([]*graph.Node, error) {
	s.reads.Add(1)
	return s.Store.Nodes(ctx, at, ids...)
}

func (s *countedStore) Find(ctx context.Context, q graph.Query) (graph.Page, error) {
	s.reads.Add(1)
	return s.Store.Find(ctx, q)
}

// DumpCounts and SetCounts pass on: the store keeps counters.
func (s *countedStore) DumpCounts(ctx context.Context, after graph.Count, limit int) ([]graph.Count, error) {
	return graph.CountersOf(s.Store).DumpCounts(ctx, after, limit)
}

func (s *countedStore) SetCounts(ctx context.Context, counts ...graph.Count) error {
	return graph.CountersOf(s.Store).SetCounts(ctx, counts...)
}

func (s *countedStore) AddCounts(ctx context.Context, counts ...graph.Count) error {
	return graph.CountersOf(s.Store).AddCounts(ctx, counts...)
}

func (s *countedStore) Counts(ctx context.Context, since string, keys ...graph.CountKey) ([][]graph.Count, error) {
	s.reads.Add(1)
	return graph.CountersOf(s.Store).Counts(ctx, since, keys...)
}

// api is the handler over an empty registry, whose callers have the roles of their names.
type api struct {
	*testing.T
	handler *Handler
	store   *countedStore
	now     time.Time
}

func newAPI(t *testing.T, options ...service.Option) *api {
	t.Helper()
	return newAPIUnder(t, "", options...)
}

// newAPIUnder returns the handler under the policy of a file, "" for the default one.
func newAPIUnder(t *testing.T, policy string, options ...service.Option) *api {
	t.Helper()
	store, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "p.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	table, err := policies.Load(policy)
	if err != nil {
		t.Fatal(err)
	}
	a := &api{T: t, store: &countedStore{Store: store}, now: time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)}
	gate, err := policies.NewGate(t.Context(), a.store, table, func() time.Time { a.now = a.now.Add(time.Second); return a.now })
	if err != nil {
		t.Fatal(err)
	}
	files, err := blobs.New("file://" + filepath.Join(t.TempDir(), "artifacts"))
	if err != nil {
		t.Fatal(err)
	}
	a.handler = New(service.New(gate, append(options, service.WithBlobs(files, 1<<20))...), slog.New(slog.NewTextHandler(t.Output(), nil)), func(context.Context) string { return "request-1" })
	return a
}

// as sends a request as a role. headers are names and values in turn.
func (a *api) as(role, method, target, body string, headers ...string) *httptest.ResponseRecorder {
	a.Helper()
	r := httptest.NewRequest(method, "/", strings.NewReader(body))
	r.URL, _ = r.URL.Parse("http://x/api/v1/" + target)
	if body == "" {
		r.Body, r.ContentLength = http.NoBody, 0
	} else {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	actor := registry.Actor{Subject: role, Grants: []registry.Grant{{Role: role, Scope: registry.ScopeAll}}}
	a.handler.ServeHTTP(w, r.WithContext(service.As(r.Context(), actor, "request-1")))
	return w
}

// admin sends a request as an administrator, who is to get a status.
func (a *api) admin(status int, method, target, body string, headers ...string) string {
	a.Helper()
	w := a.as(registry.RoleAdmin, method, target, body, headers...)
	if w.Code != status {
		a.Errorf("%s %s: %d, not %d: %s", method, target, w.Code, status, w.Body)
	}
	return w.Body.String()
}

const fraud = `{"name":"fraud","version":"v1.0.0","algorithm":"xgboost","metrics":{"accuracy":0.92,"f1_score":0.9,"auc":0.97},"features":["amount","country"],"created_date":"2026-01-01"}`

// TestTheExamplesOfTheSpecification sends its four requests; the answers have its shapes, byte for
// byte.
func TestTheExamplesOfTheSpecification(t *testing.T) {
	a := newAPI(t)
	for _, c := range []struct {
		method, target, body string
		status               int
		answer               string
	}{
		{"POST", "models/register?", fraud, 201, ""},
		{"GET", "models/fraud/v1.0.0?fields=model_id,status,created_date,creator,metrics,features", "", 200,
			`{"model_id":"fraud-v1.0.0","status":"development","created_date":"2026-01-01T00:00:00Z","creator":"admin","metrics":{"accuracy":0.92,"auc":0.97,"f1_score":0.9},"features":["amount","country"]}`},
		{"GET", "models", "", 200, `{"models":[{"name":"fraud","versions":["v1.0.0"],"latest_version":"v1.0.0","production_version":null}]}`},
		{"POST", "models/fraud/v1.0.0/transition", `{"to_stage":"Staging","reason":"try it"}`, 200, ""},
		{"POST", "models/fraud/1.0.0/transition", `{"to_stage":"PRODUCTION","reason":"beats the old one","force":false}`, 200, ""},
		{"GET", "models", "", 200, `{"models":[{"name":"fraud","versions":["v1.0.0"],"latest_version":"v1.0.0","production_version":"v1.0.0"}]}`},
		{"GET", "audit?page_size=1&fields=action,performed_by,from_stage,to_stage,change_reason", "", 200, ""},
	} {
		if got := a.admin(c.status, c.method, strings.TrimSuffix(c.target, "?"), c.body); c.answer != "" && got != c.answer+"\n" {
			t.Errorf("%s %s:\n%s\nis not\n%s", c.method, c.target, got, c.answer)
		}
	}
	if got := a.admin(200, "GET", "audit?page_size=1&fields=action,performed_by,from_stage,to_stage,change_reason", ""); !strings.HasPrefix(got,
		`{"entries":[{"action":"model_deployed","performed_by":"admin","from_stage":"staging","to_stage":"production","change_reason":"beats the old one"}]`) {
		t.Error(got)
	}
}

func TestAnAnswerIsConditional(t *testing.T) {
	a := newAPI(t)
	a.admin(201, "POST", "models/register", fraud)
	w := a.as(registry.RoleAdmin, "GET", "models/fraud/v1.0.0", "")
	tag := w.Header().Get("ETag")
	if !strings.HasPrefix(tag, `"1-`) {
		t.Fatalf("ETag %q", tag)
	}
	if w := a.as(registry.RoleAdmin, "GET", "models/fraud/v1.0.0", "", "If-None-Match", tag); w.Code != 304 || w.Body.Len() != 0 {
		t.Errorf("unchanged: %d %s", w.Code, w.Body)
	}
	card := a.as(registry.RoleAdmin, "GET", "models/fraud/v1.0.0/card", "").Header().Get("ETag")
	a.admin(200, "PATCH", "models/fraud/v1.0.0/card", `{"limitations":["adults"]}`, "If-Match", card)
	if got := a.admin(412, "PATCH", "models/fraud/v1.0.0/card", `{"limitations":[]}`, "If-Match", card); !strings.Contains(got, `"revision":2`) || !strings.Contains(got, `"field":"If-Match"`) {
		t.Error(got)
	}
	// Without the condition the same change is made: it is If-Match that refused it.
	a.admin(200, "PATCH", "models/fraud/v1.0.0/card", `{"limitations":["all"]}`)
	a.admin(200, "POST", "models/fraud/v1.0.0/transition", `{"to_stage":"staging"}`, "If-Match", tag)
	a.admin(412, "POST", "models/fraud/v1.0.0/transition", `{"to_stage":"production"}`, "If-Match", tag)
	a.admin(412, "DELETE", "models/fraud/v1.0.0", "", "If-Match", tag)
	a.admin(400, "PUT", "models/fraud/aliases/a", `{"version":"v1.0.0"}`, "If-Match", tag)
	a.admin(400, "PATCH", "models/fraud", `{"owner":"x"}`, "If-Match", `"x"`)
	a.admin(200, "PATCH", "models/fraud", `{"owner":"x"}`, "If-Match", "*")
}

func TestARetryHasNoSecondEffect(t *testing.T) {
	a := newAPI(t)
	first := a.admin(201, "POST", "models/register", fraud, "Idempotency-Key", "k")
	if again := a.admin(201, "POST", "models/register", fraud, "Idempotency-Key", "k"); again != first {
		t.Errorf("%s is not %s", again, first)
	}
	a.admin(409, "POST", "models/register", strings.Replace(fraud, "0.92", "0.93", 1), "Idempotency-Key", "k")
	a.admin(409, "POST", "models/register", fraud) // It exists.
}

func TestNullClearsAndWhatIsLeftOutStays(t *testing.T) {
	a := newAPI(t)
	a.admin(201, "POST", "models/register", fraud)
	a.admin(200, "PATCH", "models/fraud", `{"description":"scores","tags":[{"key":"a","value":"b"}]}`)
	a.admin(200, "PATCH", "models/fraud", `{"tags":null}`)
	if got := a.admin(200, "GET", "models/fraud?fields=description,tags", ""); got != `{"description":"scores"}`+"\n" {
		t.Error(got)
	}
	a.admin(200, "PATCH", "models/fraud/v1.0.0/card", `{"performance":{"accuracy":null},"features":null}`)
	if got := a.admin(200, "GET", "models/fraud/v1.0.0?fields=metrics,features,algorithm", ""); got != `{"metrics":{"auc":0.97,"f1_score":0.9},"algorithm":"xgboost"}`+"\n" {
		t.Error(got)
	}
}

func TestPagesAndFields(t *testing.T) {
	a := newAPI(t)
	var want, got []string
	for i := range 5 {
		name := fmt.Sprintf("m%d", i)
		want = append(want, name)
		a.admin(201, "POST", "models", `{"name":"`+name+`"}`)
	}
	token := ""
	for {
		var page struct {
			Models []struct{ Name string }
			Next   string `json:"next_page_token"`
		}
		if err := json.Unmarshal([]byte(a.admin(200, "GET", "models?page_size=2&fields=name&page_token="+token, "")), &page); err != nil {
			t.Fatal(err)
		}
		for _, m := range page.Models {
			got = append(got, m.Name)
		}
		if token = page.Next; token == "" {
			break
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("%v", got)
	}
	for target, field := range map[string]string{"models?page_size=201": "page_size", "models?page_token=x": "page_token", "models?fields=name,size": "fields", "models?fields=name,name": "fields",
		"models?stage=new": "stage", "models?created_from=yesterday": "created_from", "lineage/x": "id", "models/m0/versions?page_size=x": "page_size"} {
		if got := a.admin(400, "GET", target, ""); !strings.Contains(got, `"field":"`+field+`"`) {
			t.Errorf("%s: %s", target, got)
		}
	}
}

func TestBodiesAreReadStrictly(t *testing.T) {
	a := newAPI(t)
	for body, told := range map[string]string{
		`{"name":"a","name":"b"}`:                        "name: is given twice",
		`{"name":"a","Name":"b"}`:                        "Name: there is no such field",
		`{"name":"a","createdDate":"2026-01-01"}`:        "createdDate: there is no such field",
		`{"name":"a","idempotency_key":"x"}`:             "idempotency_key: there is no such field",
		`{"name":1}`:                                     "name: must be a text",
		`{"name":"a","tags":{}}`:                         "tags: must be a list",
		`{"name":"a","features":[null]}`:                 "features[0]: must not be null",
		`{"name":"a","metrics":{"auc":"1"}}`:             "metrics.auc: must be a number",
		`{"name":"a","metrics":{"auc":1e999}}`:           "metrics.auc: is out of range",
		`{"name":"a","bump":"huge"}`:                     "bump: must be one of major, minor, patch",
		`{"name":"a","run":"x"}`:                         "run: \\\"x\\\" is not an id",
		`{"name":"a","card":{"training":{"samples":1}}}`: "card.training.samples: there is no such field",
		`{"name":"a","created_date":"soon"}`:             "created_date: must be a time",
		`{"name":"\ud800"}`:                              "half of a surrogate pair",
		`{"name":"a\u0000"}`:                             "NUL",
		`{"name":"a"} {}`:                                "is not one JSON object",
		`[]`:                                             "is not one JSON object",
		`{"name":`:                                       "is not one JSON object",
		`{"name":"a","hyperparameters":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}`: "nested deeper",
		"{\"name\":\"\xff\"}": "not valid UTF-8",
	} {
		if got := a.admin(400, "POST", "models/register", body); !strings.Contains(got, told) {
			t.Errorf("%q is answered by %s", body, got)
		}
	}
	a.admin(201, "POST", "models/register", `{"name":"a","bump":"Major","hyperparameters":{"depth":[1,2]}}`)
}

func TestAVersionIsPatched(t *testing.T) {
	a := newAPI(t)
	a.admin(201, "POST", "models/register", fraud)
	a.admin(200, "PATCH", "models/fraud/v1.0.0", `{"framework":"xgboost 2","metrics":{"recall":0.5},"algorithm":null,"card":{"limitations":["adults"]}}`)
	if got := a.admin(200, "GET", "models/fraud/v1.0.0?fields=algorithm,framework,metrics,features", ""); got !=
		`{"framework":"xgboost 2","metrics":{"accuracy":0.92,"auc":0.97,"f1_score":0.9,"recall":0.5},"features":["amount","country"]}`+"\n" {
		t.Error(got)
	}
	a.admin(200, "PATCH", "models/fraud/v1.0.0", `{"metrics":null,"features":["amount"]}`)
	if got := a.admin(200, "GET", "models/fraud/v1.0.0?fields=metrics,features", ""); got != `{"features":["amount"]}`+"\n" {
		t.Error(got)
	}
	if got := a.admin(400, "PATCH", "models/fraud/v1.0.0", `{"metrics":{"auc":1},"card":{"performance":{"recall":1}}}`); !strings.Contains(got, `"field":"card.performance"`) {
		t.Error(got)
	}
}

// TestAModelMayBeCalledRegister checks that a name that is also a word of a path is reached by the
// methods that the word has not.
func TestAModelMayBeCalledRegister(t *testing.T) {
	a := newAPI(t)
	a.admin(201, "POST", "models/register", strings.Replace(fraud, `"fraud"`, `"register"`, 1))
	a.admin(200, "GET", "models/register", "")
	a.admin(200, "PATCH", "models/register", `{"owner":"x"}`)
	a.admin(200, "DELETE", "models/register", "")
}

// TestHiddenFieldsAreNamed checks that fields that the caller may not see are left out, and named.
func TestHiddenFieldsAreNamed(t *testing.T) {
	a := newAPI(t)
	a.admin(201, "POST", "models/register", fraud)
	a.admin(200, "POST", "models/fraud/v1.0.0/transition", `{"to_stage":"production","force":true,"reason":"now"}`)
	w := a.as(registry.RoleViewer, "GET", "models/fraud/v1.0.0", "")
	if got := w.Header().Get(hiddenHeader); w.Code != 200 || got != "ModelVersion.creator, ModelVersion.label, ModelVersion.packaging, ModelVersion.tags" || strings.Contains(w.Body.String(), "creator") {
		t.Errorf("%d %q %s", w.Code, got, w.Body)
	}
	if w := a.as(registry.RoleAdmin, "GET", "models/fraud/v1.0.0", ""); w.Header().Get(hiddenHeader) != "" || !strings.Contains(w.Body.String(), `"creator":"admin"`) {
		t.Errorf("an administrator does not see all: %s", w.Body)
	}
	for target, status := range map[string]int{"models/fraud/v1.0.0/artifacts": 403, "models/fraud/aliases": 403, "models/fraud/versions": 200} {
		if w := a.as(registry.RoleViewer, "GET", target, ""); w.Code != status {
			t.Errorf("%s: %d", target, w.Code)
		}
	}
}

// readsOfAList returns how many reads of the store a list of so many models takes.
func readsOfAList(t *testing.T, models int, options ...service.Option) int64 {
	t.Helper()
	a := newAPI(t, options...)
	for i := range models {
		a.admin(201, "POST", "models/register", strings.Replace(fraud, `"fraud"`, fmt.Sprintf(`"m%02d"`, i), 1))
	}
	before := a.store.reads.Load()
	a.admin(200, "GET", "models", "")
	return a.store.reads.Load() - before
}

// TestAListOfModelsTakesAsManyReadsForAnyNumber checks that what is told of the models of a page
// is read for all of them together.
func TestAListOfModelsTakesAsManyReadsForAnyNumber(t *testing.T) {
	two, twelve := readsOfAList(t, 2), readsOfAList(t, 12)
	if two != twelve || twelve > 8 {
		t.Errorf("%d reads for 2 models, %d for 12", two, twelve)
	}
	if each := readsOfAList(t, 12, service.Unbatched()); each <= twelve {
		t.Errorf("without batches it takes %d reads: nothing was batched", each)
	}
	t.Logf("PROOF GET models: %d reads for 2 models, %d for 12", two, twelve)
}

func TestTheCodecReadsWhatItIsToldTo(t *testing.T) {
	a := newAPI(t)
	got := a.admin(201, "POST", "datasets", `{"dataset":"d","version":"1","role":"Raw","size_bytes":3,"columns":[{"name":"c","type":"int"}]}`)
	if !strings.Contains(got, `"role":"raw","columns":[{"name":"c","type":"int"}]`) && !strings.Contains(got, `"columns":[{"name":"c","type":"int"`) {
		t.Error(got)
	}
	got = a.admin(201, "POST", "datasets", `{"dataset":"e","version":"1","derived_from":["`+idIn(t, got)+`"],"columns":[{"name":"c","derived_from":[{"dataset":"d","column":"c","transformations":[{"type":"direct"}]}]}]}`)
	if !strings.Contains(got, `"transformations":[{"type":"direct"}]`) {
		t.Error(got)
	}
	a.admin(200, "POST", "datasets", `{"dataset":"d","version":"1"}`)
	if got := a.admin(200, "GET", "datasets/d/versions/1", ""); !strings.Contains(got, `"size_bytes":3`) {
		t.Error(got)
	}
}

// idIn returns the id of the dataset version in an answer.
func idIn(t *testing.T, body string) string {
	t.Helper()
	var out struct {
		Version struct{ ID string } `json:"dataset_version"`
	}
	if err := json.Unmarshal([]byte(body), &out); err != nil {
		t.Fatal(err)
	}
	return out.Version.ID
}

package mlflow

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"pedigree/registry"
	"pedigree/service/core"
)

// fakeServer answers with a list of statuses and bodies in turn; the last one again.
func fakeServer(t *testing.T, answers ...string) (url string, asked *[]string) {
	t.Helper()
	asked = &[]string{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		*asked = append(*asked, r.URL.String()+" "+r.Header.Get("Authorization"))
		answer := answers[min(len(*asked), len(answers))-1]
		status, body, _ := strings.Cut(answer, " ")
		if status == "302" {
			http.Redirect(w, r, "/elsewhere", http.StatusFound)
			return
		}
		var n int
		fmt.Sscan(status, &n)
		w.WriteHeader(n)
		fmt.Fprint(w, body)
	}))
	t.Cleanup(s.Close)
	return s.URL, asked
}

const answerOfRun = `200 {"run":{"info":{"run_id":"r1","status":"FINISHED","start_time":"1700000000000","end_time":1700000001000},` +
	`"data":{"metrics":[{"key":"nan","value": NaN},{"key":"text","value":"Infinity"},{"key":"loss","value":0.5}]}}}`

// TestTheClientTriesAgain sends a request again when the server fails, with growing pauses, and
// not when the request is wrong.
func TestTheClientTriesAgain(t *testing.T) {
	for _, c := range []struct {
		answers []string
		pauses  string
		code    registry.Code
	}{
		{[]string{answerOfRun}, "[]", ""},
		{[]string{"503 x", "500 x", "429 x", answerOfRun}, "[250ms 500ms 1s]", ""},
		{[]string{"503 x"}, "[250ms 500ms 1s 2s]", registry.Unavailable},
		{[]string{`404 {"error_code":"RESOURCE_DOES_NOT_EXIST"}`}, "[]", registry.NotFound},
		{[]string{"401 x"}, "[]", registry.FailedPrecondition},
		{[]string{"400 x"}, "[]", registry.InvalidArgument},
		{[]string{"302 x"}, "[]", registry.Unavailable}, // The token stays with its server.
		{[]string{"200 <html>"}, "[]", registry.Unavailable},
		{[]string{`200 {"run":{"info":{"run_id":"other"}}}`}, "[]", registry.Unavailable},
	} {
		url, asked := fakeServer(t, c.answers...)
		var pauses []time.Duration
		client, err := NewClient(url+"/", Login{Token: "secret"}, Sleep(func(_ context.Context, d time.Duration) error { pauses = append(pauses, d); return nil }))
		if err != nil {
			t.Fatal(err)
		}
		r, err := client.run(t.Context(), "r1")
		if registry.CodeOf(err) != c.code && !(c.code == "" && err == nil) || fmt.Sprint(pauses) != c.pauses {
			t.Errorf("%v: %v after pauses of %v", c.answers, err, pauses)
		}
		if err == nil && (r.Info.StartTime != 1700000000000 || r.Data.Metrics[0].Value.value != nil || r.Data.Metrics[1].Value.value != nil || *r.Data.Metrics[2].Value.value != 0.5) {
			t.Errorf("%+v", r)
		}
		if err != nil && strings.Contains(err.Error(), "127.0.0.1") {
			t.Errorf("the error names the server: %v", err)
		}
		if got := (*asked)[0]; got != "/api/2.0/mlflow/runs/get?run_id=r1 Bearer secret" {
			t.Error(got)
		}
	}
}

// TestAnAnswerIsBounded refuses an answer that is too long, and URLs that hold secrets.
func TestAnAnswerIsBounded(t *testing.T) {
	url, _ := fakeServer(t, "200 "+strings.Repeat("x", maxModelFile+1))
	client, err := NewClient(url, Login{Username: "u", Password: "p", Token: "t"}, Once())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.read(t.Context(), "/x", nil, maxModelFile); registry.CodeOf(err) != registry.ResourceExhausted {
		t.Error(err)
	}
	for _, wrong := range []string{"", "file:///x", "http://u:p@h", "http://h?x=1", "http://h#x", "http://", "tracking:5000"} {
		if _, err := NewClient(wrong, Login{}); registry.CodeOf(err) != registry.InvalidArgument || strings.Contains(err.Error(), "u:p") {
			t.Errorf("%q: %v", wrong, err)
		}
	}
}

// TestNobodyWaitsForAServerThatIsDown asks once, and then not for a while.
func TestNobodyWaitsForAServerThatIsDown(t *testing.T) {
	url, asked := fakeServer(t, "503 x")
	now := time.Unix(1e9, 0)
	r, err := NewRunReader(url, Login{}, func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []int{1, 1, 1, 2} {
		if i == 3 {
			now = now.Add(quiet)
		}
		if _, err := r.ReadRun(t.Context(), core.TrackedRun{RunID: "r1", Model: "m"}); registry.CodeOf(err) != registry.Unavailable || len(*asked) != want {
			t.Errorf("read %d: %v after %d requests, want %d", i+1, err, len(*asked), want)
		}
	}
	for _, id := range []string{"../x", "a b", "a/b", strings.Repeat("a", 65)} {
		if _, err := r.ReadRun(t.Context(), core.TrackedRun{RunID: id}); registry.CodeOf(err) != registry.InvalidArgument || len(*asked) != 2 {
			t.Errorf("%q: %v after %d requests", id, err, len(*asked))
		}
	}
}

// TestPlacesOfModels finds the folder of a model by what its version says, and follows nothing
// that leads elsewhere.
func TestPlacesOfModels(t *testing.T) {
	for _, c := range []struct {
		source, run, logged string
		want                modelPlace
		ok                  bool
	}{
		{"models:/m-0123", "r", "", modelPlace{loggedModel: "m-0123"}, true},
		{"s3://x", "r", "m-0123", modelPlace{loggedModel: "m-0123"}, true},
		{"runs:/r/a/b", "r", "", modelPlace{runID: "r", folder: "a/b"}, true},
		{"runs:/r/../../x", "r", "", modelPlace{runID: "r", folder: "x"}, true},
		{"runs:/other/model", "r", "", modelPlace{}, false},
		{"models:/m/1", "r", "", modelPlace{}, false},
		{"models:/m-../x", "r", "", modelPlace{}, false},
		{"file:///etc", "r", "", modelPlace{}, false},
	} {
		if got, ok := placeOf(c.source, c.run, c.logged); got != c.want || ok != c.ok {
			t.Errorf("%s: %+v %v", c.source, got, ok)
		}
	}
}

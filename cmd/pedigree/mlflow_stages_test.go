package main

import (
	"net/http"
	"strings"
	"testing"
)

// TestStageTransitionsOfMLflow moves a version past the lifecycle, which one server allows and the
// other does not.
func TestStageTransitionsOfMLflow(t *testing.T) {
	for moves, want := range map[string]int{"lifecycle": 400, "any": 200} {
		url, _ := startServer(t, "--mlflow-stage-transitions", moves)
		post := func(path, body string) int {
			t.Helper()
			r, err := http.NewRequest(http.MethodPost, url+"/api/2.0/mlflow/"+path, strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Content-Type", "application/json")
			r.SetBasicAuth("anybody", adminToken)
			resp, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			return resp.StatusCode
		}
		if post("registered-models/create", `{"name":"m"}`) != 200 || post("model-versions/create", `{"name":"m","source":"s3://b/m"}`) != 200 {
			t.Fatal("the version was not made")
		}
		if got := post("model-versions/transition-stage", `{"name":"m","version":"1","stage":"Production"}`); got != want {
			t.Errorf("%s: %d, want %d", moves, got, want)
		}
	}
	if code, _, stderr := run(t, "serve", "--listen", "127.0.0.1:0", "--data", t.TempDir(), "--mlflow-stage-transitions", "all"); code != 1 || !strings.Contains(stderr, "is not lifecycle or any") {
		t.Errorf("%d %s", code, stderr)
	}
}

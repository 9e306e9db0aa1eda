package access

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"pedigree/registry"
	"pedigree/rest/mlflow"
	"pedigree/server"
)

// mlflowCall sends a request to MLflow's API: content is the body, or the query of a GET.
func (s *testServer) mlflowCall(who, method, path, content string) *answer {
	q := mlflowRequest{body: content}
	if method == http.MethodGet {
		q = mlflowRequest{query: content}
	}
	return s.sendMLflow(who, mlflow.Route{Method: method, Path: mlflow.Prefix + path}, q)
}

// TestMLflowAdvisories has one test for each flaw of MLflow's registry routes in public
// advisories.
func TestMLflowAdvisories(t *testing.T) {
	s := open(t, "")
	alpha, beta := s.seed.name["alpha"], s.seed.name["beta"]
	register := func(who, source string) *answer {
		body, _ := json.Marshal(map[string]string{"name": alpha, "source": source})
		return s.mlflowCall(who, "POST", "model-versions/create", string(body))
	}
	passed := 0
	run := func(name string, test func(t *testing.T)) {
		if t.Run(name, test) {
			passed++
		}
	}
	// Sources that climb, in every spelling: refused, and nothing is written.
	for name, sources := range map[string][]string{
		"CVE-2023-1177 source climbs":            {"../../etc", "file:///a/../../etc/passwd", "models:/m/../../x"},
		"CVE-2023-2780 source climbs encoded":    {"file:///%2e%2e/etc", "s3://b/%2e%2e%2fetc", "s3://b/a%2f..%2f..%2fetc"},
		"CVE-2023-6977 source climbs backslash":  {`..\..\etc`, `a\..\..\b`, "a%5c..%5cb"},
		"CVE-2024-1483 source climbs behind #":   {"http://h/p#/../../etc/passwd", "models:/m/1#../../x", "s3://b/x?y=/../z"},
		"CVE-2024-8859 source climbs in a query": {"dbfs:/x?/../../etc", "dbfs:///p?..%2f..%2fetc"},
		"CVE-2025-11201 source climbs twice":     {"%252e%252e%252fetc", "a%255c..%255cb", "a/%25252e%25252e/b"},
	} {
		run(name, func(t *testing.T) {
			before := s.logHead()
			for _, source := range sources {
				if a := register(admin, source); a.status != 400 || !strings.Contains(string(a.raw), "INVALID_PARAMETER_VALUE") {
					t.Errorf("%q: %d %s", source, a.status, a.raw)
				}
			}
			if s.logHead() != before {
				t.Error("something was written")
			}
		})
	}
	run("CVE-2026-2393 a source is a label that nothing fetches", func(t *testing.T) {
		calls := make(chan string, 1)
		target := serveOnce(t, calls)
		for _, source := range []string{target, "file:///etc/passwd", "//proc/self/root", "gopher://127.0.0.1/x"} {
			a := register(admin, source)
			var out struct {
				Version struct{ Version, Source string } `json:"model_version"`
			}
			if json.Unmarshal(a.raw, &out); a.status != 200 || out.Version.Source != source {
				t.Errorf("%q: %d %s", source, a.status, a.raw)
			}
			a = s.mlflowCall(admin, "GET", "model-versions/get-download-uri", "name="+url.QueryEscape(alpha)+"&version="+out.Version.Version)
			if want := fmt.Sprintf(`{"artifact_uri":%q}`, source); string(a.raw) != want {
				t.Errorf("%s, want %s", a.raw, want)
			}
		}
		select {
		case path := <-calls:
			t.Errorf("the server asked for %s", path)
		default:
		}
	})
	run("CVE-2026-2614 no tag switches a check off", func(t *testing.T) {
		for _, tag := range []string{"mlflow.prompt.is_prompt", "pedigree.mlflow.run_id", "lifecycle"} {
			body := fmt.Sprintf(`{"name":%q,"source":"s3://b/../../etc","tags":[{"key":%q,"value":"true"}]}`, alpha, tag)
			if a := s.mlflowCall(admin, "POST", "model-versions/create", body); a.status != 400 {
				t.Errorf("%s: %d %s", tag, a.status, a.raw)
			}
		}
	})
	run("CVE-2026-69148 a copy needs the right to the original", func(t *testing.T) {
		before := s.logHead()
		body := fmt.Sprintf(`{"name":%q,"source":"models:/%s/1"}`, beta, alpha) // The caller writes beta and sees no alpha.
		a := s.mlflowCall(scopedScientist, "POST", "model-versions/create", body)
		if a.status != 404 || !strings.Contains(string(a.raw), "RESOURCE_DOES_NOT_EXIST") || s.logHead() != before {
			t.Errorf("%d %s", a.status, a.raw)
		}
		if a = s.mlflowCall(admin, "POST", "model-versions/create", body); a.status != 200 {
			t.Fatalf("%d %s", a.status, a.raw)
		}
		// The copy is theirs, and where the original lies is not.
		a = s.mlflowCall(scopedScientist, "GET", "model-versions/get-download-uri", "name="+url.QueryEscape(beta)+"&version=2")
		if a.status != 404 {
			t.Errorf("%d %s", a.status, a.raw)
		}
	})
	run("CVE-2026-0545 every route has a right", func(t *testing.T) {
		for _, route := range mlflow.Routes() {
			if !slices.ContainsFunc(registry.Operations(), func(o registry.Operation) bool { return o.Name == route.Operation && o.Action != "" }) {
				t.Errorf("%s %s has none", route.Method, route.Path)
			}
			if !slices.Contains(server.Routes(), server.Route{Path: route.Path}) {
				t.Errorf("%s is not among the paths that refuse strangers", route.Path)
			}
		}
	})
	run("CVE-2026-2652 the twin under ajax-api has the same right", func(t *testing.T) {
		twins := 0
		for _, route := range mlflow.Routes() {
			if path, ok := strings.CutPrefix(route.Path, "/ajax-api/"); ok {
				twins++
				if !slices.Contains(mlflow.Routes(), mlflow.Route{Method: route.Method, Path: "/api/" + path, Operation: route.Operation}) {
					t.Errorf("%s %s differs from its twin", route.Method, route.Path)
				}
			}
		}
		if 2*twins != len(mlflow.Routes()) {
			t.Errorf("%d twins", twins)
		}
	})
	run("CVE-2024-27132 text is text", func(t *testing.T) {
		body := fmt.Sprintf(`{"name":%q,"description":"<script>alert(1)</script>"}`, alpha)
		a := s.mlflowCall(admin, "PATCH", "registered-models/update", body)
		if a.status != 200 || a.header.Get("Content-Type") != "application/json" || a.header.Get("X-Content-Type-Options") != "nosniff" || strings.Contains(string(a.raw), "<script>") {
			t.Errorf("%d %v %s", a.status, a.header, a.raw)
		}
	})
	t.Logf("PROOF %d advisories passed", passed)
	if passed != 12 {
		t.Errorf("%d advisories passed", passed)
	}
}

// serveOnce returns the URL of a server that tells which paths it was asked for.
func serveOnce(t *testing.T, calls chan<- string) string {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case calls <- r.URL.Path:
		default:
		}
	}))
	t.Cleanup(srv.Close)
	return srv.URL + "/model"
}

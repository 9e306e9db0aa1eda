package openlineage

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pedigree/internal/registrytest"
	"pedigree/registry"
	"pedigree/service"
)

var update = flag.Bool("update", false, "write the golden files anew")

// door is the handler over a registry that has the events of a file each.
func door(t *testing.T, role string, files string) (ask func(method, target string) *httptest.ResponseRecorder) {
	t.Helper()
	s := registrytest.Open(t, registrytest.Store(t), func() time.Time { return time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC) })
	h := New(s, slog.New(slog.DiscardHandler), func(context.Context) string { return "r" })
	as := func(role string) context.Context {
		return service.As(t.Context(), registry.Actor{Subject: role, Grants: []registry.Grant{{Role: role, Scope: registry.ScopeAll}}}, "r")
	}
	samples, err := filepath.Glob(files)
	if err != nil || len(samples) == 0 {
		t.Fatal("no events", err)
	}
	for _, f := range samples {
		raw, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequestWithContext(as(registry.RoleAdmin), http.MethodPost, Prefix, bytes.NewReader(raw))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		if h.ServeHTTP(w, r); w.Code != http.StatusCreated {
			t.Fatalf("%s: %d %s", f, w.Code, w.Body)
		}
	}
	return func(method, target string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequestWithContext(as(role), method, Prefix+target, nil))
		return w
	}
}

// nodeOf is a nodeId as a query parameter.
func nodeOf(id string) string { return "?nodeId=" + url.QueryEscape(id) }

// TestAGraphIsAnsweredAsMarquezDoes records the events of openlineage-python, and compares the answer with
// what was looked through by hand. Every edge stands at both its ends.
func TestAGraphIsAnsweredAsMarquezDoes(t *testing.T) {
	ask := door(t, registry.RoleAdmin, "../../testdata/openlineage/*.json")
	w := ask(http.MethodGet, nodeOf("job:airflow-prod:churn.train"))
	var got bytes.Buffer
	if err := json.Indent(&got, w.Body.Bytes(), "", " "); w.Code != 200 || err != nil {
		t.Fatalf("%d %v %s", w.Code, err, w.Body)
	}
	const golden = "testdata/samples.golden.json"
	if *update {
		if err := os.WriteFile(golden, append(got.Bytes(), '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got.String()+"\n"); diff != "" {
		t.Errorf("(- wanted, + got)\n%s", diff)
	}
	var answer lineageAnswer
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
		t.Fatal(err)
	}
	ends := map[graphEdge]int{}
	for _, n := range answer.Graph {
		for _, e := range n.InEdges {
			if e.Destination != n.ID {
				t.Errorf("%v does not end at %s", e, n.ID)
			}
			ends[e]++
		}
		for _, e := range n.OutEdges {
			if e.Origin != n.ID {
				t.Errorf("%v does not begin at %s", e, n.ID)
			}
			ends[e]--
		}
	}
	for e, n := range ends {
		if n != 0 {
			t.Errorf("%v does not stand at both its ends", e)
		}
	}
	if len(ends) < 4 {
		t.Errorf("only %d edges", len(ends))
	}
	for _, n := range answer.Graph { // Every node leads to the whole graph, also as clients write its id.
		if other := ask(http.MethodGet, nodeOf(n.ID)+"&depth=20"); other.Body.String() != w.Body.String() {
			t.Errorf("from %s: %s", n.ID, other.Body)
		}
	}
}

// TestAGraphThatIsNotThereIsRefused asks for what there is not, for what is no node, and as who may not.
func TestAGraphThatIsNotThereIsRefused(t *testing.T) {
	files := "../../testdata/openlineage/0[12]*.json"
	ask, viewer := door(t, registry.RoleAdmin, files), door(t, registry.RoleViewer, files)
	for _, c := range []struct {
		ask          func(method, target string) *httptest.ResponseRecorder
		method       string
		target, want string
		status       int
	}{
		{ask, http.MethodGet, nodeOf("job:airflow-prod:nobody"), "there is no run of the job", 404},
		{ask, http.MethodGet, nodeOf("dataset:s3://lake:nobody"), "look for it with the query datasets", 404},
		{ask, http.MethodGet, "", "write dataset:NAMESPACE:NAME", 400},
		{ask, http.MethodGet, nodeOf("run:0190a1b2"), "write dataset:NAMESPACE:NAME", 400},
		{ask, http.MethodGet, nodeOf("job:airflow-prod:churn.etl") + "&depth=x", "whole number", 400},
		{ask, http.MethodGet, nodeOf("job:airflow-prod:churn.etl") + "&depth=51", "must be 0..50", 400},
		{ask, http.MethodPut, nodeOf("job:airflow-prod:churn.etl"), "send events with POST", 405},
		{viewer, http.MethodGet, nodeOf("job:airflow-prod:churn.etl"), "named by their namespaces", 403},
	} {
		if w := c.ask(c.method, c.target); w.Code != c.status || !strings.Contains(w.Body.String(), c.want) {
			t.Errorf("%s %s: %d %s", c.method, c.target, w.Code, w.Body)
		}
	}
}

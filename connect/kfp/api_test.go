package kfp

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pedigree/connect/git"
	"pedigree/internal/registrytest"
	"pedigree/registry"
)

const (
	runOfV2 = "0f3a9f0e-6a52-4f0e-9a53-0d7f3f1c1a01"
	runA    = "0f3a9f0e-6a52-4f0e-9a53-0d7f3f1c1a02"
	runB    = "0f3a9f0e-6a52-4f0e-9a53-0d7f3f1c1a03"
)

// TestARunOfKFP2HasItsTasksAndStates imports a run whose API names no artifacts: what its tasks
// wrote is known by their outputs, and where that lies is told to be unknown.
func TestARunOfKFP2HasItsTasksAndStates(t *testing.T) {
	s, ctx := newRegistry(t, registrytest.Store(t))
	report := load(t, ctx, s, "testdata/api/run-v2.json", Options{})
	if text := problems(report); len(report.ProblemsOf(git.NotRead)) != 0 || !strings.Contains(text, "does not say where its artifacts lie") || !strings.Contains(text, "task for-loop-2/#1/evaluate ran") {
		t.Error(text)
	}
	id := runOfV2 + "/for-loop-2/#1/train"
	failed, err := s.Run(ctx, nil, ptr(producer), &id)
	if err != nil || failed == nil || failed.Status != registry.RunFailed || failed.Description != "out of memory" || failed.StartedAt.Hour() != 10 {
		t.Errorf("%+v %v", failed, err)
	}
	id = runOfV2
	root, err := s.Run(ctx, nil, ptr(producer), &id)
	if err != nil || root == nil || root.Name != "sweep of Friday" || string(root.Parameters) != `{"raw_uri":"s3://lake/raw/other.csv"}` || root.EndedAt.Minute() != 10 {
		t.Errorf("%+v %v", root, err)
	}
	if err := inOrder(tree(t, s, ctx, "sweep.train", "0.1.0"), "run train (TRAINING)", "sweep/clean/cleaned", "run clean (ETL)", "raw/other.csv"); err != nil {
		t.Error(err)
	}
	if v, err := s.ModelVersion(ctx, "sweep.train", "0.2.0"); v != nil || err != nil {
		t.Errorf("the failed task has a version: %v %v", v, err)
	}
}

// TestACachedTaskNamesTheRunThatMadeItsOutput imports two runs of KFP 3, the second of which took
// the cleaned data from the first: in both orders, that has one maker.
func TestACachedTaskNamesTheRunThatMadeItsOutput(t *testing.T) {
	var want string
	for _, order := range [][]string{{"a", "b"}, {"b", "a"}} {
		s, ctx := newRegistry(t, registrytest.Store(t))
		for _, name := range order {
			if report := load(t, ctx, s, "testdata/api/run-v3-"+name+".json", Options{Models: []string{"sweeper=train.model"}}); len(report.ProblemsOf(git.NotRecorded)) != 0 {
				t.Error(problems(report))
			}
		}
		label := runB + "/1"
		text := tree(t, s, ctx, "sweeper", label)
		if err := inOrder(text, "run train (TRAINING)", "clean/7/cleaned", "run clean (ETL)", "raw/other.csv"); err != nil || strings.Count(text, "run clean") != 1 {
			t.Error(err, text)
		}
		id := runB + "/clean"
		cached, err := s.Run(ctx, nil, ptr(producer), &id)
		if err != nil || cached == nil || valueOf(cached.Tags, "kfp.cachedFrom") != runA {
			t.Errorf("%+v %v", cached, err)
		}
		id = runB + "/for-loop-2/#1/train"
		if run, err := s.Run(ctx, nil, ptr(producer), &id); err != nil || run == nil || len(run.Metrics) != 1 || run.Metrics[0] != (registry.Metric{Name: "accuracy", Value: 0.6}) {
			t.Errorf("%+v %v", run, err)
		}
		// Versions are numbered in the order of their registration, and the time of data is the first
		// that is told; the rest is equal.
		got := withoutVersions(everything(t, s, ctx))
		if want == "" {
			want = got
		}
		if got != want {
			t.Errorf("in another order:\n%s", cmp.Diff(want, got))
		}
	}
}

var createdAt = regexp.MustCompile(`,"createdAt":"[^"]*"`)

func withoutVersions(text string) string {
	var out []string
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, `{"run"`) || strings.HasPrefix(line, `{"datasetVersion"`) || strings.Contains(line, `"from":"dv_`) {
			out = append(out, createdAt.ReplaceAllString(strings.TrimSpace(line), ""))
		}
	}
	return strings.Join(out, "\n")
}

// TestAServerOfKFPIsReadPageByPage imports from a server: its token goes to it, a redirect is not
// followed, and no credentials are in messages.
func TestAServerOfKFPIsReadPageByPage(t *testing.T) {
	var asked []string
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Header.Get("Authorization"))
		switch {
		case strings.HasSuffix(r.URL.Path, "/redirect.yaml"):
			http.Redirect(w, r, "http://127.0.0.1:1/elsewhere?token=secret", http.StatusFound)
		case r.URL.Path == "/pipeline/apis/v2beta1/runs" && r.URL.Query().Get("page_token") == "":
			w.Write([]byte(`{"runs":[{"run_id":"` + runA + `"}],"next_page_token":"2"}`))
		case r.URL.Path == "/pipeline/apis/v2beta1/runs":
			w.Write([]byte(`{"runs":[{"run_id":"` + runB + `"},{"run_id":"gone"}]}`))
		case strings.HasSuffix(r.URL.Path, runA):
			serve(w, "testdata/api/run-v3-a.json")
		case strings.HasSuffix(r.URL.Path, runB):
			serve(w, "testdata/api/run-v3-b.json")
		default:
			http.NotFound(w, r)
		}
	}))
	defer api.Close()
	s, ctx := newRegistry(t, registrytest.Store(t))
	report := load(t, ctx, s, api.URL+"/pipeline/apis/v2beta1/runs", Options{Token: "t0ken"})
	if report.Added("versions") != 4 || !strings.Contains(problems(report), "not read run gone") {
		t.Errorf("%+v", report)
	}
	for _, header := range asked {
		if header != "Bearer t0ken" {
			t.Errorf("a request with %q", header)
		}
	}
	_, err := Import(ctx, s, api.URL+"/redirect.yaml?access_token=secret", Options{})
	if registry.CodeOf(err) != registry.FailedPrecondition || strings.Contains(err.Error(), "secret") {
		t.Errorf("a redirect: %v", err)
	}
	if _, err := Import(ctx, s, "http://ann:secret@127.0.0.1/x", Options{}); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("a password: %v", err)
	}
}

func serve(w http.ResponseWriter, file string) {
	if body, err := os.ReadFile(file); err == nil {
		w.Write(body)
	}
}

// TestArtifactsOfAServerOfKFP3AreReadByTheirURLs imports a run whose tasks, artifacts and the links between
// them the server answers apart and page by page, as the proposal of KFP 3 has it: the registry is then as
// after the run with all of it in one document. Without the artifacts it has no model.
func TestArtifactsOfAServerOfKFP3AreReadByTheirURLs(t *testing.T) {
	raw, err := os.ReadFile("testdata/api/run-v3-a.json")
	if err != nil {
		t.Fatal(err)
	}
	var run map[string]any
	if err := json.Unmarshal(raw, &run); err != nil {
		t.Fatal(err)
	}
	tasks, links, artifacts := run["tasks"].([]any), []any{}, map[string]any{}
	delete(run, "tasks")
	for _, one := range tasks {
		task := one.(map[string]any)
		outputs, ok := task["outputs"].(map[string]any)
		if !ok {
			continue
		}
		for _, written := range outputs["artifacts"].([]any) {
			w := written.(map[string]any)
			for _, a := range w["artifacts"].([]any) {
				id := a.(map[string]any)["artifact_id"].(string)
				artifacts[id] = a
				links = append(links, map[string]any{"artifact_id": id, "run_id": runA, "task_id": task["task_id"], "type": "OUTPUT", "artifact_key": w["artifact_key"], "producer_key": w["artifact_key"]})
			}
		}
		delete(task, "outputs")
	}
	whole, read := true, 0
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		page := func(key string, all []any) {
			from, _ := strconv.Atoi(r.URL.Query().Get("page_token"))
			to, next := min(from+2, len(all)), ""
			if to < len(all) {
				next = strconv.Itoa(to)
			}
			_ = json.NewEncoder(w).Encode(map[string]any{key: all[from:to], "next_page_token": next})
		}
		id, ofArtifact := strings.CutPrefix(r.URL.Path, "/apis/v2beta1/artifacts/")
		switch {
		case r.URL.Path == "/apis/v2beta1/runs/"+runA:
			_ = json.NewEncoder(w).Encode(run)
		case r.URL.Path == "/apis/v2beta1/runs/"+runA+"/tasks":
			page("tasks", tasks)
		case whole && r.URL.Path == "/apis/v2beta1/artifact_tasks" && r.URL.Query().Get("run_ids") == runA:
			page("artifact_tasks", links)
		case whole && ofArtifact && artifacts[id] != nil:
			read++
			_ = json.NewEncoder(w).Encode(artifacts[id])
		default:
			http.NotFound(w, r)
		}
	}))
	defer api.Close()
	imported := func(from string) string {
		s, ctx := newRegistry(t, registrytest.Store(t))
		report := load(t, ctx, s, from, Options{Models: []string{"sweeper=train.model"}})
		if again := load(t, ctx, s, from, Options{Models: []string{"sweeper=train.model"}}); again.Total() != 0 {
			t.Errorf("once more adds %d, after %d", again.Total(), report.Total())
		}
		return withoutVersions(everything(t, s, ctx))
	}
	want := imported("testdata/api/run-v3-a.json")
	if got := imported(api.URL + "/apis/v2beta1/runs/" + runA); got != want || read != 2*len(artifacts) {
		t.Errorf("%d artifacts of %d were read: %s", read/2, len(artifacts), cmp.Diff(want, got))
	}
	if whole = false; imported(api.URL+"/apis/v2beta1/runs/"+runA) == want {
		t.Error("a server without artifacts gives the same")
	}
}

package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// loggedRuns runs the script that logs ten runs, and returns their ids.
func loggedRuns(t *testing.T, python string, env ...string) (ids []string) {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(string(runPython(t, python, "runs.py", env...))), "\n")
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &ids); err != nil || len(ids) != 10 {
		t.Fatalf("%v: %s", err, lines)
	}
	return ids
}

// mlflowCall sends a request to the MLflow API of a server.
func (p *process) mlflowCall(method, path, body string) string {
	p.t.Helper()
	req, err := http.NewRequest(method, p.url+"/api/2.0/mlflow/"+path, strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+adminToken)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != http.StatusOK {
		p.t.Fatalf("%s: %d %s", path, resp.StatusCode, b)
	}
	return string(b)
}

// origin is what provenance says of a version.
type origin struct {
	Number int
	ID     string
	Tags   []struct{ Key, Value string }
	Card   struct {
		Performance  struct{ Accuracy float64 }
		ModelDetails struct {
			Framework       string
			Hyperparameters map[string]any
		}
	}
	Runs []struct {
		RunID      string
		Status     string
		Parameters map[string]any
		Metrics    []struct{ Name string }
	}
	Commits  []struct{ SHA string }
	Datasets []struct {
		ID, Name, URI string
		Columns       []struct{ Name, Type string }
	}
	Features []struct{ Name, Type string }
	Gaps     []struct{ Code string }
}

func (o *origin) gaps() (out []string) {
	for _, g := range o.Gaps {
		if g.Code == "RUN_NOT_READ" {
			out = append(out, g.Code)
		}
	}
	return out
}

// originOf asks for the provenance of a version by its number.
func (p *process) originOf(model string, number int) *origin {
	p.t.Helper()
	var found struct {
		ModelVersion *origin
		Provenance   *origin
	}
	version := fmt.Sprintf("0.%d.0", number)
	p.data(&found, fmt.Sprintf(`{ modelVersion(model: %q, version: %q) { id number tags { key value } card { performance { accuracy } modelDetails { framework hyperparameters } } } }`, model, version))
	if found.ModelVersion == nil {
		p.t.Fatalf("there is no version %s of %s", version, model)
	}
	p.data(&found, fmt.Sprintf(`{ provenance(of: %q) { runs { ... on Run { runId status parameters metrics { name } } } commits { ... on Commit { sha } }
		datasets { ... on DatasetVersion { id name uri columns { name type } } } features { ... on Feature { name type } } gaps { code } } }`, found.ModelVersion.ID))
	o := found.Provenance
	o.ID, o.Number, o.Tags, o.Card = found.ModelVersion.ID, found.ModelVersion.Number, found.ModelVersion.Tags, found.ModelVersion.Card
	return o
}

// data asks a GraphQL query that must succeed.
func (p *process) data(into any, query string) {
	p.t.Helper()
	body, _ := json.Marshal(map[string]string{"query": query})
	req, _ := http.NewRequest(http.MethodPost, p.url+"/graphql", bytes.NewReader(body))
	req.Header.Set("Authorization", "Bearer "+adminToken)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	var a answer
	if err := json.NewDecoder(resp.Body).Decode(&a); err != nil || len(a.Errors) > 0 {
		p.t.Fatalf("%v %+v", err, a.Errors)
	}
	if err := json.Unmarshal(a.Data, into); err != nil {
		p.t.Fatal(err)
	}
}

// TestMLflowRunsBecomeLineage registers ten runs of a real tracking server. What each version came
// from is known; while the server is down versions are registered all the same, and the gaps say
// that their runs are not read, until the server is back. This registry is killed meanwhile.
func TestMLflowRunsBecomeLineage(t *testing.T) {
	t.Parallel()
	python := mlflowPython(t)
	runsBecomeLineage(t, python, stores["SQLite"](t))
}

// TestMLflowRunsBecomeLineageOnNeo4j is the same on the other store.
func TestMLflowRunsBecomeLineageOnNeo4j(t *testing.T) {
	t.Parallel()
	python := mlflowPython(t)
	runsBecomeLineage(t, python, stores["Neo4j"](t))
}

func runsBecomeLineage(t *testing.T, python string, store []string) {
	home, port := t.TempDir(), freePort(t)
	backend := "sqlite:///" + filepath.Join(home, "mlflow.db")
	theirs := launchMLflow(t, python, home, backend, port)
	flags := append(slices.Clone(store), "--mlflow-tracking-uri", theirs.url)
	ours := start(t, flags...)
	ids := loggedRuns(t, python, "MLFLOW_TRACKING_URI="+theirs.url, "MLFLOW_REGISTRY_URI="+ours.url, "REGISTER=ten")
	register := func(i int) {
		ours.mlflowCall("POST", "model-versions/create", fmt.Sprintf(`{"name":"ten","source":"runs:/%s/model","run_id":"%s"}`, ids[i], ids[i]))
	}
	for i := range 4 {
		register(i)
	}
	theirs.kill()
	for i := 4; i < 9; i++ {
		register(i)
	}
	for n := 6; n <= 10; n++ {
		if o := ours.originOf("ten", n); len(o.gaps()) != 1 || len(o.Runs) != 0 {
			t.Errorf("version %d, whose run was not read: gaps %v, runs %v", n, o.Gaps, o.Runs)
		}
	}
	ours.kill()
	launchMLflow(t, python, home, backend, port)
	ours = start(t, flags...)
	for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(500 * time.Millisecond) {
		open := 0
		for n := 1; n <= 10; n++ {
			open += len(ours.originOf("ten", n).gaps())
		}
		if open == 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d runs are not read: %s", open, ours.log)
		}
	}
	checkOrigins(t, ours, ids)
}

// checkOrigins checks what is known of the ten versions. Version 1 is the run with a model, the
// others are the runs in order.
func checkOrigins(t *testing.T, ours *process, ids []string) {
	t.Helper()
	byData := map[string]string{}
	for n := 1; n <= 10; n++ {
		i := (n + 8) % 10
		o := ours.originOf("ten", n)
		if len(o.Runs) != 1 || o.Runs[0].RunID != ids[i] || o.Runs[0].Status != "COMPLETE" || o.Runs[0].Parameters["solver"] != "lbfgs" {
			t.Errorf("version %d: runs %+v, want %s", n, o.Runs, ids[i])
			continue
		}
		if len(o.Commits) != 1 || o.Commits[0].SHA != fmt.Sprintf("%040x", 0xC0FFEE+i) {
			t.Errorf("version %d: commits %+v", n, o.Commits)
		}
		name := []string{"even", "odd"}[i%2]
		if len(o.Datasets) != 1 || o.Datasets[0].Name != name || o.Datasets[0].URI != "s3://bucket/"+name+".csv" || len(o.Datasets[0].Columns) != 3 || o.Datasets[0].Columns[0].Type != "double" {
			t.Fatalf("version %d: datasets %+v", n, o.Datasets)
		}
		byData[name] = o.Datasets[0].ID
		metrics := fmt.Sprint(o.Runs[0].Metrics)
		if !strings.Contains(metrics, "accuracy") || strings.Contains(metrics, "odd") {
			t.Errorf("version %d: metrics %s", n, metrics)
		}
		if want := 0.9 + 0.001*float64(i); o.Card.Performance.Accuracy < want-1e-9 || o.Card.Performance.Accuracy > want+1e-9 || o.Card.ModelDetails.Hyperparameters["solver"] != "lbfgs" {
			t.Errorf("version %d: card %+v, want accuracy %v", n, o.Card, want)
		}
		for _, g := range o.Gaps {
			if g.Code == "VERSION_WITHOUT_TRAINING" || g.Code == "VERSION_WITHOUT_DATA" || g.Code == "RUN_WITHOUT_COMMIT" || g.Code == "CARD_CONTRADICTS_GRAPH" {
				t.Errorf("version %d has the gap %s", n, g.Code)
			}
		}
	}
	logged := ours.originOf("ten", 1)
	if fmt.Sprint(logged.Features) != "[{age double} {income long}]" || !strings.HasPrefix(logged.Card.ModelDetails.Framework, "sklearn ") || !strings.Contains(fmt.Sprint(logged.Runs[0].Metrics), "after") {
		t.Errorf("the logged model: features %v, framework %q, metrics %v", logged.Features, logged.Card.ModelDetails.Framework, logged.Runs[0].Metrics)
	}
	for _, key := range []string{"signature", "input_example", "flavors"} {
		if !strings.Contains(fmt.Sprint(logged.Tags), "pedigree.mlflow."+key) {
			t.Errorf("the version does not show the %s of its model: %v", key, logged.Tags)
		}
	}
	var found struct {
		Impact struct {
			Edges []struct{ Depth int }
		}
	}
	ours.data(&found, fmt.Sprintf(`{ impact(of: [%q], targets: [MODEL_VERSION]) { edges { depth } } }`, byData["even"]))
	if len(found.Impact.Edges) != 5 {
		t.Errorf("the impact of the data is %d versions, want 5", len(found.Impact.Edges))
	}
	t.Logf("PROOF ten versions: run, commit, data and parameters of each; the data leads to %d versions", len(found.Impact.Edges))
}

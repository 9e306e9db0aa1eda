package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestOneStoryOfAllDoors follows one model through every door: the data of a DVC project, a training
// run that OpenLineage's client tells, MLflow's client that registers, a transition by GraphQL that
// somebody else approves, and an inference service of Kubeflow's client. The raw file then affects
// that service, and the service comes from the raw file, the commit, and the approver.
func TestOneStoryOfAllDoors(t *testing.T) { oneStory(t, "SQLite") }

// TestOneStoryOfAllDoorsOnNeo4j is the same on the other store.
func TestOneStoryOfAllDoorsOnNeo4j(t *testing.T) { oneStory(t, "Neo4j") }

func oneStory(t *testing.T, store string) {
	t.Parallel()
	tell := pythonWith(t, "openlineage", filepath.Join("testdata", "openlineage", "requirements.txt"))
	mlflow := mlflowPython(t)
	serve := pythonWith(t, "kubeflow-0.3.18", filepath.Join("testdata", "kubeflow", "requirements-0.3.18.txt"))
	p := start(t, stores[store](t)...)
	as := map[string]string{"ada": p.token("ada", "data_scientist"), "bob": p.token("bob", "admin")}
	run := func(who, program string, args ...string) string {
		t.Helper()
		cmd := exec.Command(program, args...)
		cmd.Env = append(os.Environ(), "URL="+p.url, "TOKEN="+as[who], "PEDIGREE_TOKEN="+as[who], "OPENLINEAGE_URL="+p.url, "OPENLINEAGE_API_KEY="+as[who],
			"MLFLOW_REGISTRY_URI="+p.url, "MLFLOW_TRACKING_TOKEN="+as[who], "MLFLOW_DISABLE_TELEMETRY=true", "GIT_PYTHON_REFRESH=quiet")
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%s %v: %v\n%s%s\n%s", program, args, err, out, stderr.String(), p.log)
		}
		return strings.TrimSpace(string(out))
	}
	script := func(name string) string { return filepath.Join("testdata", "story", name) }

	// The data: what the DVC project has at its last commit.
	clone := filepath.Join(t.TempDir(), "churn")
	if out, err := exec.Command("git", "clone", "-q", "../../testdata/dvc-project/repo.bundle", clone).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	run("ada", binary, "import", "dvc", clone, "--repo", "churn", "--server", p.url)
	sha := run("ada", "git", "-C", clone, "rev-parse", "HEAD")
	var data struct {
		ModelVersion struct {
			Upstream struct {
				Edges []struct {
					Node struct {
						Upstream struct {
							Edges []struct{ Node struct{ Name, Digest string } }
						}
					}
				}
			}
		}
	}
	p.must(`{ modelVersion(model: "churn-model", version: "1.1.1") { upstream { edges { node { ... on Run { upstream { edges { node { name ... on DatasetVersion { digest } } } } } } } } } }`, nil, &data)
	digest := ""
	for _, e := range data.ModelVersion.Upstream.Edges {
		for _, d := range e.Node.Upstream.Edges {
			if d.Node.Name == "data/features" {
				digest = d.Node.Digest
			}
		}
	}
	if digest == "" {
		t.Fatalf("the features of the project are not known: %+v", data)
	}

	// The training: it begins, registers its model with MLflow, and ends.
	run("ada", tell, script("train.py"), "START", digest, sha, "0.1.0")
	if got := run("ada", mlflow, script("register.py")); got != "1" {
		t.Fatalf("MLflow registered version %q", got)
	}
	run("ada", tell, script("train.py"), "COMPLETE", digest, sha, "0.1.0")

	// The promotion: bob guards the model and moves it to STAGING, ada asks for PRODUCTION, bob approves.
	graphql := func(who, query string) string {
		t.Helper()
		return p.askAs(as[who], query)
	}
	graphql("bob", `mutation { putTransitionGuard(input: {model: "churn-online", profile: GUARDED, reason: "it decides about people"}) { guard { name } } }`)
	graphql("bob", `mutation { transitionModelVersion(input: {model: "churn-online", version: "0.1.0", to: STAGING}) { transition { id } } }`)
	asked := graphql("ada", `mutation { transitionModelVersion(input: {model: "churn-online", version: "0.1.0", to: PRODUCTION, reason: "better on March data"}) { transition { id } request { id } } }`)
	_, rest, _ := strings.Cut(asked, `"request":{"id":"`)
	request, _, ok := strings.Cut(rest, `"`)
	if !ok {
		t.Fatalf("no approval was asked for: %s", asked)
	}
	if got := graphql("bob", fmt.Sprintf(`mutation { approveTransition(input: {id: %q, comment: "the numbers hold"}) { transition { to } } }`, request)); !strings.Contains(got, "PRODUCTION") {
		t.Fatal(got)
	}

	// The service.
	run("ada", serve, script("serve.py"))

	var story struct {
		Deployments struct {
			Edges []struct {
				Node struct{ ID, Endpoint, Environment, Version string }
			}
		}
	}
	p.must(`{ deployments(filter: {environment: "prod", live: true}) { edges { node { id endpoint environment version } } } }`, nil, &story)
	i := slices.IndexFunc(story.Deployments.Edges, func(e struct {
		Node struct{ ID, Endpoint, Environment, Version string }
	}) bool {
		return e.Node.Endpoint == "churn-scoring"
	})
	if i < 0 {
		t.Fatalf("no inference service: %+v", story)
	}
	service := story.Deployments.Edges[i].Node.ID
	var told struct {
		Provenance struct {
			RawSources []struct{ ID, Name, Digest string }
			Runs       []struct{ RunID string }
			Commits    []struct{ Sha string }
			People     []string
		}
	}
	p.must(fmt.Sprintf(`{ provenance(of: %q) { rawSources { id name ... on DatasetVersion { digest } } runs { ... on Run { runId } } commits { ... on Commit { sha } } people } }`, service), nil, &told)
	raw := ""
	for _, s := range told.Provenance.RawSources {
		if s.Name == "data/raw/churn.csv" {
			raw = s.ID
		}
	}
	commits := fmt.Sprint(told.Provenance.Commits)
	if raw == "" || !strings.Contains(commits, sha) || !slices.Contains(told.Provenance.People, "bob") || !strings.Contains(fmt.Sprint(told.Provenance.Runs), "0190a1b2-0000-7000-8000-0000000000bb") {
		t.Fatalf("the service comes from %+v", told.Provenance)
	}
	var affected struct {
		Impact struct {
			Edges []struct{ Node struct{ ID, Endpoint string } }
		}
	}
	p.must(fmt.Sprintf(`{ impact(of: [%q]) { edges { node { id ... on Deployment { endpoint } } } } }`, raw), nil, &affected)
	if !strings.Contains(fmt.Sprint(affected.Impact.Edges), service+" churn-scoring") {
		t.Errorf("the raw file affects %+v", affected.Impact.Edges)
	}
	t.Logf("PROOF one story on %s: data/raw/churn.csv → … → run → churn-online 0.1.0 → churn-scoring; commit %.12s, people %v", store, sha, told.Provenance.People)
}

// askAs sends one operation with a token, which must succeed, and returns its data.
func (p *process) askAs(token, query string) string {
	p.t.Helper()
	body, err := json.Marshal(map[string]string{"query": query})
	if err != nil {
		p.t.Fatal(err)
	}
	req, err := http.NewRequest(http.MethodPost, p.url+"/graphql", bytes.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	var a answer
	if err := json.NewDecoder(resp.Body).Decode(&a); err != nil || len(a.Errors) > 0 {
		p.t.Fatalf("%s: %v %+v", query, err, a.Errors)
	}
	return string(a.Data)
}

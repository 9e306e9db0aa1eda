package e2e

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestKubeflowClient runs Kubeflow's own Python client of both generations, which call the two
// prefixes: every call of its high-level class, and inference services by its core client. What it
// said is lineage afterwards.
func TestKubeflowClient(t *testing.T) { kubeflowClient(t, "SQLite") }

// TestKubeflowClientOnNeo4j does so on Neo4j.
func TestKubeflowClientOnNeo4j(t *testing.T) { kubeflowClient(t, "Neo4j") }

func kubeflowClient(t *testing.T, store string) {
	t.Parallel()
	for _, version := range []string{"0.3.14", "0.3.18"} {
		t.Run(version, func(t *testing.T) {
			python := pythonWith(t, "kubeflow-"+version, filepath.Join("testdata", "kubeflow", "requirements-"+version+".txt"))
			p := start(t, stores[store](t)...)
			cmd := exec.Command(python, filepath.Join("testdata", "kubeflow", "client.py"))
			cmd.Env = append(os.Environ(), "URL="+p.url, "TOKEN="+adminToken)
			var stderr bytes.Buffer
			cmd.Stderr = &stderr
			out, err := cmd.Output()
			if err != nil {
				t.Fatalf("%v\n%s\n%s\n%s", err, out, stderr.Bytes(), p.log)
			}
			var data json.RawMessage
			p.must(`{ modelVersion(model: "churn", version: "0.1.0") { label
				upstream { edges { node { name ... on Run { producer runId } } } }
				deployments { edges { node { environment endpoint live } } } }
				model(name: "churn") { tags { key value } } deployments(filter: {live: false}) { edges { node { endpoint version } } } }`, nil, &data)
			got := string(data)
			for _, want := range []string{`"label":"v1"`, `"name":"train","producer":"kfp","runId":"run-1"`, `"environment":"prod-ns","endpoint":"churn-isvc","live":true`,
				`"key":"team","value":"growth"`, `"endpoint":"newest","version":"0.5.0"`} {
				if !strings.Contains(got, want) {
					t.Errorf("no %s in %s", want, got)
				}
			}
			t.Logf("PROOF model-registry %s: %d calls on %s", version, strings.Count(string(out), "\n"), store)
		})
	}
}

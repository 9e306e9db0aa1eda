package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestAnAirflowPipelineReportsItsLineage runs the pipeline in testdata/airflow with Airflow and its own
// OpenLineage provider, which sends the events by itself: the features come from the raw table by the two
// tasks, and the runs of these name the run of the pipeline.
func TestAnAirflowPipelineReportsItsLineage(t *testing.T) {
	t.Parallel()
	bin := filepath.Dir(pythonWith(t, "airflow", filepath.Join("testdata", "airflow", "requirements.txt")))
	p := start(t, stores["SQLite"](t)...)
	home := t.TempDir()
	if err := os.CopyFS(filepath.Join(home, "dags"), os.DirFS(filepath.Join("..", "..", "testdata", "airflow"))); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"db", "migrate"}, {"dags", "test", "churn"}} {
		cmd := exec.Command(filepath.Join(bin, "airflow"), args...)
		cmd.Dir = home
		cmd.Env = append(os.Environ(), "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"), "AIRFLOW_HOME="+home, "AIRFLOW__CORE__LOAD_EXAMPLES=False",
			"AIRFLOW__OPENLINEAGE__NAMESPACE=airflow", "OPENLINEAGE_URL="+p.url, "OPENLINEAGE_API_KEY="+adminToken)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("airflow %v: %v\n%s", args, err, out)
		}
	}
	var data struct {
		Dataset struct {
			Versions struct {
				Edges []struct{ Node struct{ ID string } }
			}
		}
		Runs struct {
			Edges []struct {
				Node struct {
					Name, RunKind, Status string
					Tags                  []struct{ Key, Value string }
				}
			}
		}
	}
	p.must(`{ dataset(name: "shop.public.customer_features", namespace: "postgres://db:5432") { versions(first: 5) { edges { node { id } } } }
		runs(first: 10) { edges { node { name runKind status tags { key value } } } } }`, nil, &data)
	var runs []string
	for _, e := range data.Runs.Edges {
		text := strings.Join([]string{e.Node.Name, e.Node.RunKind, e.Node.Status}, " ")
		for _, tag := range e.Node.Tags {
			if tag.Key == "openlineage.parent.job" {
				text += " of " + tag.Value
			}
		}
		runs = append(runs, text)
	}
	slices.Sort(runs)
	if want := []string{"churn  COMPLETE", "churn.build_features FEATURE_ENGINEERING COMPLETE of churn", "churn.clean ETL COMPLETE of churn"}; !slices.Equal(runs, want) {
		t.Errorf("the runs are %q", runs)
	}
	if n := len(data.Dataset.Versions.Edges); n != 1 {
		t.Fatalf("%d versions of the features", n)
	}
	var graph struct {
		Lineage struct {
			Nodes []struct {
				Depth int
				Node  struct{ Name string }
			}
			Edges []struct{ Kind string }
		}
	}
	p.must(`query($id: ID!) { lineage(of: $id, direction: UPSTREAM) { nodes { depth node { name } } edges { kind } } }`, map[string]any{"id": data.Dataset.Versions.Edges[0].Node.ID}, &graph)
	var nodes []string
	for _, n := range graph.Lineage.Nodes {
		nodes = append(nodes, string(rune('0'+n.Depth))+" "+n.Node.Name)
	}
	slices.Sort(nodes)
	if want := []string{"0 shop.public.customer_features", "1 churn.build_features", "2 shop.public.clean_calls", "3 churn.clean", "4 shop.public.raw_calls"}; !slices.Equal(nodes, want) || len(graph.Lineage.Edges) != 4 {
		t.Errorf("the lineage is %q, with %d edges", nodes, len(graph.Lineage.Edges))
	}
	t.Logf("PROOF Airflow 3.3.2 with its OpenLineage provider 2.20.3: %d runs, %d nodes from the features to the raw table", len(runs), len(nodes))
}

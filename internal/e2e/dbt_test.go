package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestADBTProjectReportsItsLineage builds the project in testdata/dbt with dbt and its own OpenLineage
// wrapper, which sends the events by itself. The features come from the raw tables, column by column,
// although the wrapper lists no seed among its inputs.
func TestADBTProjectReportsItsLineage(t *testing.T) { buildWithDBT(t, "SQLite") }

// TestADBTProjectReportsItsLineageOnNeo4j does so on Neo4j.
func TestADBTProjectReportsItsLineageOnNeo4j(t *testing.T) { buildWithDBT(t, "Neo4j") }

func buildWithDBT(t *testing.T, store string) {
	t.Parallel()
	bin := filepath.Dir(pythonWith(t, "dbt", filepath.Join("testdata", "dbt", "requirements.txt")))
	p := start(t, stores[store](t)...)
	project := t.TempDir()
	if err := os.CopyFS(project, os.DirFS(filepath.Join("..", "..", "testdata", "dbt"))); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"build"}, {"run", "--select", "training_set"}} {
		cmd := exec.Command(filepath.Join(bin, "dbt-ol"), append(args, "--profiles-dir", ".")...)
		cmd.Dir = project
		cmd.Env = append(os.Environ(), "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"), "OPENLINEAGE_URL="+p.url, "OPENLINEAGE_API_KEY="+adminToken)
		if out, err := cmd.CombinedOutput(); err != nil || strings.Contains(string(out), "Failed to emit") {
			t.Fatalf("dbt-ol %v: %v\n%s", args, err, out)
		}
	}
	var data struct {
		Runs struct {
			Edges []struct {
				Node struct{ Name, RunKind, Status string }
			}
		}
		Dataset struct {
			Versions struct {
				Edges []struct{ Node struct{ ID, Version string } }
			}
		}
	}
	p.must(`{ runs(first: 100) { edges { node { name runKind status } } } dataset(name: "churn.main.training_set", namespace: "duckdb://churn.duckdb") { versions(first: 10) { edges { node { id version } } } } }`, nil, &data)
	var runs []string
	for _, e := range data.Runs.Edges {
		runs = append(runs, strings.TrimPrefix(e.Node.Name, "churn.main.churn.")+" "+e.Node.RunKind+" "+e.Node.Status)
	}
	slices.Sort(runs)
	want := []string{"clean_calls.build.run ETL COMPLETE", "clean_calls.build.test  COMPLETE", "customer_features.build.run FEATURE_ENGINEERING COMPLETE", "customer_features.build.test  COMPLETE",
		"dbt-run-churn  COMPLETE", "dbt-run-churn  COMPLETE", "training_set ETL COMPLETE", "training_set.build.run ETL COMPLETE", "training_set.build.test  COMPLETE"}
	if !slices.Equal(runs, want) {
		t.Errorf("the runs are\n%s", strings.Join(runs, "\n"))
	}
	var built []string
	for _, e := range data.Dataset.Versions.Edges { // Beside them is the unversioned one, which the test's START names before anything is told of a build.
		if e.Node.Version != "unversioned" {
			built = append(built, e.Node.ID)
		}
	}
	if len(built) != 2 {
		t.Fatalf("%d versions of the training set, want one for each build of it", len(built))
	}
	checkDBTGraph(t, p, built[0])
}

// checkDBTGraph checks what a version of the training set comes from.
func checkDBTGraph(t *testing.T, p *process, trainingSet string) {
	t.Helper()
	var graph struct {
		Lineage struct {
			Nodes []struct {
				Depth int
				Node  struct {
					Kind, Name, Namespace, Description string
					Columns                            []struct{ Name, Type string }
				}
			}
			Edges []struct{ Kind string }
		}
		ColumnLineage struct {
			Columns []struct {
				Column string
				Depth  int
				Node   struct{ Name string }
			}
		}
	}
	p.must(`query($id: ID!) { lineage(of: $id, direction: UPSTREAM) { nodes { depth node { kind name ... on DatasetVersion { namespace description columns { name type } } } } edges { kind } }
		columnLineage(of: $id, column: "drop_rate", direction: UPSTREAM) { columns { column depth node { name } } } }`, map[string]any{"id": trainingSet}, &graph)
	var nodes, columns []string
	kinds := map[string]int{}
	for _, n := range graph.Lineage.Nodes {
		name := strings.TrimPrefix(strings.TrimPrefix(n.Node.Name, "churn.main."), "churn.")
		nodes = append(nodes, string(rune('0'+n.Depth))+" "+name)
		if n.Node.Kind == "DATASET_VERSION" && n.Node.Namespace != "duckdb://churn.duckdb" {
			t.Errorf("%s is in %s", n.Node.Name, n.Node.Namespace)
		}
		if name == "training_set" && n.Node.Kind == "DATASET_VERSION" && (n.Node.Description != "What the model is trained on." || len(n.Node.Columns) != 5 || n.Node.Columns[1].Type != "double") {
			t.Errorf("the training set is %+v", n.Node)
		}
	}
	slices.Sort(nodes)
	want := []string{"0 training_set", "1 training_set.build.run", "2 customer_features", "3 customer_features.build.run", "4 clean_calls", "4 raw_customers", "5 clean_calls.build.run", "6 raw_calls"}
	if !slices.Equal(nodes, want) {
		t.Errorf("the lineage is\n%s", strings.Join(nodes, "\n"))
	}
	for _, e := range graph.Lineage.Edges {
		kinds[e.Kind]++
	}
	if kinds["USED"] != 4 || kinds["GENERATED_BY"] != 3 || len(kinds) != 2 {
		t.Errorf("the edges are %v", kinds)
	}
	for _, c := range graph.ColumnLineage.Columns {
		columns = append(columns, string(rune('0'+c.Depth))+" "+strings.TrimPrefix(c.Node.Name, "churn.main.")+"."+c.Column)
	}
	slices.Sort(columns)
	if got := strings.Join(columns, ", "); !strings.HasSuffix(got, "customer_features.dropped, 2 clean_calls.call_id, 2 clean_calls.dropped, 3 raw_calls.call_id, 3 raw_calls.dropped") {
		t.Errorf("drop_rate comes from %s", got)
	}
	t.Logf("PROOF dbt 1.11.16 with its OpenLineage wrapper 1.54.0: %d nodes and %d edges from the training set to raw tables, drop_rate from %d columns", len(nodes), len(graph.Lineage.Edges), len(columns))
}

package mlflow

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pedigree/registry"
)

// runOf reads a run from JSON.
func runOf(t *testing.T, text string) *run {
	t.Helper()
	r := &run{}
	if err := json.Unmarshal([]byte(text), r); err != nil {
		t.Fatal(err)
	}
	return r
}

// TestARunBecomesFacts maps one run with everything that MLflow keeps of it, and what it may hold
// that this registry does not.
func TestARunBecomesFacts(t *testing.T) {
	r := runOf(t, `{"info":{"run_id":"r1","run_name":"first","user_id":"ann","status":"FINISHED","start_time":1700000000000,"end_time":1700003600000},
		"data":{"params":[{"key":"rate","value":"0.1"}],"metrics":[{"key":"accuracy","value":0.9},{"key":"f1","value":2},{"key":"inf","value":1.7976931348623157e308},{"key":"a\u0001","value":1}],
		"tags":[{"key":"mlflow.source.git.commit","value":"ABCDEF0123456789abcdef0123456789abcdef01"},{"key":"mlflow.source.git.repoURL","value":"https://ann:secret@github.com/acme/churn.git"},
			{"key":"mlflow.log-model.history","value":"[]"},{"key":"mlflow.parentRunId","value":"r0"},{"key":"bad","value":"a\u0000b"}]},
		"inputs":{"dataset_inputs":[
			{"tags":[{"key":"mlflow.data.context","value":"eval"}],"dataset":{"name":"test","digest":"d2","source":"{}"}},
			{"tags":[{"key":"mlflow.data.context","value":"training"}],"dataset":{"name":"train","digest":"d1","source":"{\"uri\":\"s3://b/../x\"}","profile":"{\"num_rows\":4}",
				"schema":"{\"mlflow_colspec\":[{\"type\":\"double\",\"name\":\"age\"},{\"type\":\"long\",\"name\":\"age\"}]}"}},
			{"tags":[{"key":"mlflow.data.context","value":"again"}],"dataset":{"name":"train","digest":"d1"}}]}}`)
	file := parseModelFile([]byte("flavors:\n  python_function: {}\n  sklearn: {sklearn_version: 1.9.1}\nsignature:\n  inputs: '[{\"name\":\"age\",\"type\":\"double\"},{\"name\":\"job\",\"type\":\"string\"},{\"type\":\"tensor\",\"tensor-spec\":{\"dtype\":\"f\",\"shape\":[-1]}}]'\n"))
	e := evidenceOf(r, file, "churn")
	if got := fmt.Sprint(e.run.Name, e.run.Status, e.run.RunKind, string(e.run.Parameters), e.run.Metrics, e.run.Commits, e.run.EndedAt.Sub(e.run.StartedAt)); got !=
		`firstCOMPLETETRAINING{"rate":"0.1"}[{accuracy 0.9} {f1 2}] [abcdef0123456789abcdef0123456789abcdef01] 1h0m0s` {
		t.Error(got)
	}
	if text := fmt.Sprintf("%+v %+v", e.run, e.commits); strings.Contains(text, "secret") || !strings.Contains(text, "github.com/acme/churn") || !strings.Contains(text, "{Key:mlflow.user Value:ann}") || !strings.Contains(text, "r0") {
		t.Error(text)
	}
	if len(e.datasets) != 2 || e.datasets[0].Role != registry.OtherData || e.datasets[1].Role != registry.TrainingData || e.datasets[1].URI != "" || *e.datasets[1].Rows != 4 || len(e.datasets[1].Columns) != 1 || len(e.run.Inputs) != 2 {
		t.Errorf("%+v", e.datasets)
	}
	if len(e.features) != 2 || e.features[0].Column != "age" || *e.features[0].DefinedOn != datasetVersionID(&e.datasets[1]) || e.features[1].Model != "churn" {
		t.Errorf("%+v", e.features)
	}
	if c := e.card; c.ModelDetails.Framework != "sklearn 1.9.1" || c.Training.TrainingDataVersion != "train@d1" || *c.Training.SamplesUsed != 4 || *c.Training.TrainingTimeHours != 1 ||
		*c.Performance.Accuracy != 0.9 || c.Performance.F1Score != nil || fmt.Sprint(c.Features) != "[age job]" {
		t.Errorf("%+v %+v", c.ModelDetails, c.Training)
	}
	if got := strings.Join(e.left, ", "); got != "run tag bad, metric inf, metric a\u0001, source of dataset train, column of dataset train" {
		t.Errorf("%q", got)
	}
	for _, f := range e.toCore().Facts {
		if err := f.CheckFact(); err != nil {
			t.Errorf("%s: %v", f.FactKind(), err)
		}
	}
}

// TestARunThatGoesOnTellsNoMetrics leaves out what may still change: what is recorded first stays.
func TestARunThatGoesOnTellsNoMetrics(t *testing.T) {
	e := evidenceOf(runOf(t, `{"info":{"run_id":"r1","status":"RUNNING","start_time":1},"data":{"metrics":[{"key":"loss","value":1}],"params":[{"key":"a","value":"1"}]}}`), &modelFile{}, "m")
	if e.ended || e.run.Metrics != nil || e.card != nil || e.run.Status != registry.RunRunning || e.run.Name != "r1" || len(e.run.Parameters) == 0 {
		t.Errorf("%+v", e)
	}
	if e.commits != nil || len(e.run.Inputs) != 0 {
		t.Errorf("%+v", e)
	}
}

// TestFilesAreReadBelowTheirFolder reads MLmodel below the folder of a source and of its
// artifacts, and never elsewhere: not by a path, a step up, or a link.
func TestFilesAreReadBelowTheirFolder(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	base, artifacts := filepath.Join(dir, "base"), filepath.Join(dir, "artifacts")
	write(filepath.Join(base, "m", "MLmodel"), "base")
	write(filepath.Join(artifacts, "1", "a", "MLmodel"), "artifacts")
	write(filepath.Join(dir, "outside", "MLmodel"), "outside")
	if err := os.Symlink(filepath.Join(dir, "outside"), filepath.Join(base, "link")); err != nil {
		t.Fatal(err)
	}
	l := localFiles{base, artifacts}
	for _, c := range []struct{ uri, folder, want string }{
		{"file://" + base + "/m", "", "base"}, {base, "m", "base"}, {"mlflow-artifacts:/1", "a", "artifacts"}, {"mlflow-artifacts:/1/a", "", "artifacts"},
		{"file://" + dir + "/outside", "", ""}, {dir + "/outside", "", ""}, {base + "/link", "", ""}, {base, "../outside", ""}, {"mlflow-artifacts:/../outside", "", ""},
		{"s3://bucket/m", "", ""}, {"file:///etc", "", ""}, {"%zz", "", ""},
	} {
		if got, err := l.read(c.uri, c.folder); string(got) != c.want || err != nil {
			t.Errorf("%s and %s: %q %v, want %q", c.uri, c.folder, got, err, c.want)
		}
	}
}

// TestTheLatestMetricIsTheHighestStep reads the lines of a metric's file.
func TestTheLatestMetricIsTheHighestStep(t *testing.T) {
	for text, want := range map[string]string{"1 0.5 2\n2 0.9 1\n": "0.5", "1 0.5\n2 0.7\n": "0.7", "1 0.5 1\n1 0.6 1\n": "0.6", "x\n": "", "": "", "1 nan 0\n": "NaN"} {
		got := ""
		if v := latestOf(text).value; v != nil {
			got = fmt.Sprint(*v)
		}
		if got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}

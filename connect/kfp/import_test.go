package kfp

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pedigree/connect/git"
	"pedigree/internal/registrytest"
	"pedigree/registry"
	"pedigree/service/bulk"
)

// TestTheSampleRunLeadsFromRawDataToTheModel imports a real run: the model that its last task
// registers comes from the data that its importer names.
func TestTheSampleRunLeadsFromRawDataToTheModel(t *testing.T) {
	s, ctx := newRegistry(t, registrytest.Store(t))
	report := load(t, ctx, s, "testdata/sample", Options{})
	if report.Added("versions") != 1 || report.Added("runs") != 5 || report.Added("datasets") != 3 || len(report.Problems) != 0 {
		t.Errorf("%+v", report)
	}
	if err := inOrder(tree(t, s, ctx, "churn", "1.0.0"), "churn 1.0.0", "run train (TRAINING)", "feature-engineering/features", "run feature-engineering (FEATURE_ENGINEERING)",
		"etl/cleaned", "run etl (ETL)", "raw/churn.csv"); err != nil {
		t.Error(err)
	}
	v, err := s.ModelVersion(ctx, "churn", "1.0.0")
	if err != nil {
		t.Fatal(err)
	}
	card, err := s.CardOf(ctx, v)
	if err != nil || card.Performance == nil || card.Performance.Accuracy == nil || *card.Performance.Accuracy != 0.93 || card.ModelDetails.Framework != "sklearn" ||
		string(card.ModelDetails.Hyperparameters) != `{"epochs":5,"learning_rate":0.01}` {
		t.Errorf("%+v %v", card, err)
	}
	train, run := producer, "churn-training-2026-11-23-04-24-20-582442/train"
	got, err := s.Run(ctx, nil, &train, &run)
	if err != nil || got == nil || got.Status != registry.RunComplete || len(got.Metrics) != 1 {
		t.Errorf("%+v %v", got, err)
	}
	raw, err := s.DatasetVersion(ctx, "raw/churn.csv", registry.Unversioned, "s3://lake")
	if err != nil || raw == nil || raw.Role != registry.RawData || raw.URI != "s3://lake/raw/churn.csv" {
		t.Errorf("%+v %v", raw, err)
	}
	before := everything(t, s, ctx)
	if again := load(t, ctx, s, "testdata/sample", Options{}); again.Total() != 0 || everything(t, s, ctx) != before {
		t.Errorf("a second import: %+v", again)
	}
}

func ptr[T any](v T) *T { return &v }

// TestLoopsConditionsAndGraphsOfLocalRuns imports real local runs of a loop, of a condition in an
// exit handler, and of a graph in a graph.
func TestLoopsConditionsAndGraphsOfLocalRuns(t *testing.T) {
	s, ctx := newRegistry(t, registrytest.Store(t))
	report := load(t, ctx, s, "testdata/local", Options{})
	if report.Added("versions") != 4 || report.Added("runs") != 22 || report.Added("datasets") != 6 || len(report.ProblemsOf(git.NotRead))+len(report.ProblemsOf(git.NotRecorded)) != 0 {
		t.Errorf("%+v", report)
	}
	for _, c := range []struct {
		model, version string
		wanted         []string
	}{
		{"sweep.train", "0.1.0", []string{"run train (TRAINING)", "clean/cleaned", "run clean (ETL)", "raw/sweep.csv"}},
		{"sweep.train", "0.2.0", []string{"run train (TRAINING)", "clean/cleaned", "run clean (ETL)", "raw/sweep.csv"}},
		{"promote", "1.0.0", []string{"run train (TRAINING)", "clean/cleaned", "run clean (ETL)", "raw/promote.csv"}},
		{"nested.train", "0.1.0", []string{"run train (TRAINING)", "clean/cleaned", "run clean (ETL)", "raw/nested.csv"}},
	} {
		if err := inOrder(tree(t, s, ctx, c.model, c.version), c.wanted...); err != nil {
			t.Error(err)
		}
	}
	sweep, promote := "sweep-2026-11-30-04-23-41-332667", "promote-2026-11-30-04-23-44-794005"
	for id, tags := range map[string]map[string]string{
		sweep + "/for-loop-2":                                        {"kfp.parent": sweep},
		sweep + "/for-loop-2/#1":                                     {"kfp.parent": sweep + "/for-loop-2"},
		sweep + "/for-loop-2/#1/train":                               {"kfp.parent": sweep + "/for-loop-2/#1", "kfp.image": "python:3.11"},
		promote + "/exit-handler-1/train":                            {"kfp.parent": promote + "/exit-handler-1"},
		promote + "/notify":                                          {"kfp.exitHandler": "true"},
		"nested-2026-11-30-04-23-43-899439/prepare":                  {"kfp.task": "prepare"},
		promote + "/exit-handler-1/condition-branches-2/condition-3": {"kfp.condition": "inputs.parameter_values['pipelinechannel--evaluate-Output'] > inputs.parameter_values['pipelinechannel--limit']"},
	} {
		run, err := s.Run(ctx, nil, ptr(producer), &id)
		if err != nil || run == nil {
			t.Errorf("%s: %v %v", id, run, err)
			continue
		}
		for key, want := range tags {
			if got := valueOf(run.Tags, key); got != want {
				t.Errorf("%s: %s is %q, want %q", id, key, got, want)
			}
		}
	}
	id := sweep + "/for-loop-2/#1/train"
	if run, err := s.Run(ctx, nil, ptr(producer), &id); err != nil || string(run.Parameters) != `{"rate":0.2}` || len(run.Metrics) != 1 || run.Metrics[0].Value != 0.7 {
		t.Errorf("%+v %v", run, err)
	}
	id = sweep + "/for-loop-2/#0/evaluate"
	run, err := s.Run(ctx, nil, ptr(producer), &id)
	if err != nil || run.RunKind != registry.RunEvaluation || len(run.Metrics) != 4 || run.Metrics[0] != (registry.Metric{Name: "confusionMatrix.yes.yes", Value: 9}) {
		t.Errorf("%+v %v", run, err)
	}
	if id = promote + "/exit-handler-1/condition-branches-2/condition-4/clean-2"; !strings.Contains(problems(report), "condition-4/clean-2 ran") {
		t.Errorf("the branch that was not taken is not told: %s", problems(report))
	}
	if run, err := s.Run(ctx, nil, ptr(producer), &id); run != nil || err != nil {
		t.Errorf("the branch that was not taken: %+v %v", run, err)
	}
}

func valueOf(tags []registry.KeyValue, key string) string {
	for _, t := range tags {
		if t.Key == key {
			return t.Value
		}
	}
	return ""
}

func problems(r *git.Report) string {
	var out strings.Builder
	for _, p := range r.Problems {
		out.WriteString(string(p.Kind) + " " + p.Where + ": " + p.What + "\n")
	}
	return out.String()
}

// TestAnImportThatIsKilledGoesOn breaks an import off at every batch, before and after the batch is
// recorded. Imported again, the registry is the same as after a whole import.
func TestAnImportThatIsKilledGoesOn(t *testing.T) {
	whole, ctx := newRegistry(t, registrytest.Store(t))
	load(t, ctx, whole, "testdata/local", Options{})
	want := everything(t, whole, ctx)
	rounds := 0
	for after := 0; ; after += 3 {
		s, ctx := newRegistry(t, registrytest.Store(t))
		broken := &failing{s, after, after%2 == 0}
		_, err := Import(ctx, broken, "testdata/local", Options{batch: 3})
		if err == nil {
			break
		}
		if registry.CodeOf(err) != registry.Unavailable {
			t.Fatal(err)
		}
		load(t, ctx, s, "testdata/local", Options{})
		if got := everything(t, s, ctx); got != want {
			t.Fatalf("killed after %d batches, and again:\n%s\nwant\n%s", after, got, want)
		}
		rounds++
	}
	if rounds < 4 {
		t.Errorf("only %d places to break off at", rounds)
	}
}

// TestAPlanAloneIsToldAndRecordsNoRun imports compiled pipelines: nothing says that they ran.
func TestAPlanAloneIsToldAndRecordsNoRun(t *testing.T) {
	s, ctx := newRegistry(t, registrytest.Store(t))
	for file, want := range map[string]string{"sweep": "4 tasks, 1 loops, 0 conditions and 0 graphs", "promote": "7 tasks, 0 loops, 2 conditions and 2 graphs", "nested": "3 tasks, 0 loops, 0 conditions and 1 graphs"} {
		report := load(t, ctx, s, "testdata/local/"+file+".yaml", Options{})
		if report.Total() != 0 || !strings.Contains(problems(report), want) || !strings.Contains(problems(report), "nothing says that it ran") {
			t.Errorf("%s: %d added, %s", file, report.Total(), problems(report))
		}
	}
}

func TestAnImportNeedsItsRights(t *testing.T) {
	s, ctx := newRegistry(t, registrytest.Store(t))
	if _, err := Import(as(ctx, registry.RoleViewer), s, "testdata/sample", Options{}); registry.CodeOf(err) != registry.Forbidden {
		t.Errorf("a viewer: %v", err)
	}
	if _, err := Import(ctx, s, "testdata/nothing", Options{}); registry.CodeOf(err) != registry.NotFound {
		t.Errorf("nothing: %v", err)
	}
	other := filepath.Join(t.TempDir(), "x.yaml")
	if err := os.WriteFile(other, []byte("a: 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Import(ctx, s, other, Options{}); registry.CodeOf(err) != registry.InvalidArgument || !strings.Contains(err.Error(), "x.yaml: is no pipeline") {
		t.Errorf("another document: %v", err)
	}
	if everything(t, s, ctx) != "" {
		t.Error("something was recorded")
	}
}

// refusing refuses facts that hold the version of a model.
type refusing struct{ Registry }

func (r refusing) RecordFacts(ctx context.Context, in bulk.RecordFactsInput) (*bulk.RecordFactsPayload, error) {
	for _, f := range in.Facts {
		if f.ModelVersion != nil {
			return nil, registry.Errorf(registry.Forbidden, "no versions today")
		}
	}
	return r.Registry.RecordFacts(ctx, in)
}

// TestWhatReadsARefusedModelIsStillRecorded imports into a registry that takes no versions. The
// task that evaluates a model is recorded without this input, which no one knows there.
func TestWhatReadsARefusedModelIsStillRecorded(t *testing.T) {
	s, ctx := newRegistry(t, registrytest.Store(t))
	report := load(t, ctx, refusing{s}, "testdata/local", Options{})
	if report.Added("versions") != 0 || report.Added("datasets") != 6 {
		t.Errorf("%+v", report)
	}
	id := "sweep-2026-11-30-04-23-41-332667/for-loop-2/#0/evaluate"
	run, err := s.Run(ctx, nil, ptr(producer), &id)
	if err != nil || run == nil || len(run.Metrics) != 4 {
		t.Errorf("the task that read a refused model: %+v %v\n%s", run, err, problems(report))
	}
	for _, p := range report.ProblemsOf(git.NotRecorded) {
		if !strings.Contains(p.What, "no versions today") {
			t.Errorf("%s: %s", p.Where, p.What)
		}
	}
}

package dvc_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pedigree/connect/git"
	"pedigree/registry"
	"pedigree/service/provenance"
)

// TestOnlyTheRawFileAndItsDescendantsChanged compares two versions of the sample. By its
// git log they differ only by a new export of the raw data.
func TestOnlyTheRawFileAndItsDescendantsChanged(t *testing.T) {
	w := newFixture(t, registry.RoleAdmin)
	w.load(sample(t), git.Options{Name: "churn"})
	diff := func(a, b string) *provenance.LineageDiff {
		t.Helper()
		d, err := w.s.LineageDiff(w.ctx, provenance.LineageDiffInput{A: w.version("churn-model", a).ID, B: w.version("churn-model", b).ID})
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	d := diff("1.1.0", "1.1.1")
	got := map[string][2]string{}
	for _, c := range d.Datasets.Changed {
		got[c.Name] = [2]string{c.BeforeDigest, c.AfterDigest}
		if c.BeforeDigest == c.AfterDigest || c.BeforeVersion != c.BeforeDigest || c.AfterVersion != c.AfterDigest || c.Namespace != "churn" {
			t.Errorf("%+v", c)
		}
	}
	// The raw file and the cleaned data and features made from it, with the digests of
	// dvc.lock in the two commits.
	want := map[string][2]string{
		"data/raw/churn.csv": {"md5:34d76ef886ba5e884268c093588ab584", raw},
		"data/clean.csv":     {"md5:cc9f076e40451c31842fa2e0e2d13c27", "md5:6b92247fd1f4aa298e07837d27c368ae"},
		"data/features":      {"md5:fbfb8881461b2cff6e15707173fcf847.dir", "md5:47cf3d7643bb95e10716b1c2cfbedcae.dir"}}
	if x := cmp.Diff(want, got); x != "" {
		t.Errorf("datasets (-want +got):\n%s", x)
	}
	if len(d.Datasets.Added)+len(d.Datasets.Removed)+len(d.Runs.Added)+len(d.Runs.Removed)+len(d.Features.Changed)+len(d.Versions.Changed) != 0 {
		t.Errorf("more than the expected changes: %+v %+v", d.Datasets, d.Runs)
	}
	var runs []string
	for _, r := range d.Runs.Changed {
		runs = append(runs, r.Name)
		if len(r.Parameters) != 0 {
			t.Errorf("%s has different parameters: %+v", r.Name, r.Parameters[0])
		}
	}
	slices.Sort(runs)
	if x := cmp.Diff([]string{"clean", "features", "train"}, runs); x != "" {
		t.Errorf("runs (-want +got):\n%s", x)
	}
	if d.Parameters == nil || len(d.Parameters) != 0 {
		t.Errorf("parameters: %+v", d.Parameters)
	}
	var metrics []string
	for _, m := range d.Metrics {
		metrics = append(metrics, m.Key)
	}
	if x := cmp.Diff([]string{"rows"}, metrics); x != "" || *d.Metrics[0].Before != 146 || *d.Metrics[0].After != 147 {
		t.Errorf("metrics (-want +got):\n%s", x)
	}
	var fields []string
	for _, f := range d.Card {
		fields = append(fields, f.Path)
	}
	if x := cmp.Diff([]string{"performance.metrics.rows", "training.trainingDataVersion", "training.trainingDate"}, fields); x != "" {
		t.Errorf("card (-want +got):\n%s", x)
	}
	if len(d.Repositories) != 1 || d.Repositories[0].Repository.Name != "churn" || d.Commits.RemovedCount != 0 || !d.Commits.Complete || d.Identical {
		t.Errorf("repositories %+v, commits %+v, identical %v", d.Repositories, d.Commits, d.Identical)
	}
	var commits []string
	for _, c := range d.Commits.Added {
		commits = append(commits, describe(c))
	}
	if x := cmp.Diff([]string{"commit " + newest}, commits); x != "" {
		t.Errorf("commits (-want +got):\n%s", x)
	}
	if d.Stage == nil || *d.Stage.Before != registry.Deprecated || *d.Stage.After != registry.Production || len(d.Approvals.After) != 1 ||
		d.Approvals.After[0].Reason != "churn-model#prod#3" || !d.Approvals.After[0].Forced {
		t.Errorf("stage %+v, approvals %+v", d.Stage, d.Approvals)
	}

	// In the other direction, and between the versions that differ by a parameter.
	if back := diff("1.1.1", "1.1.0"); len(back.Datasets.Changed) != 3 || back.Commits.RemovedCount != 1 || back.Commits.AddedCount != 0 {
		t.Errorf("back: %+v", back)
	}
	tuned := diff("1.0.0", "1.1.0")
	if len(tuned.Datasets.Changed) != 0 || len(tuned.Parameters) != 1 || tuned.Parameters[0].Key != "train.learning_rate" {
		t.Errorf("1.0.0 and 1.1.0: %+v, %+v", tuned.Datasets, tuned.Parameters)
	}
	if same := diff("1.1.1", "1.1.1"); !same.Identical || same.TruncationA.Truncated {
		t.Errorf("a version differs from itself: %+v", same)
	}
}

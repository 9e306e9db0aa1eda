package dvc_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pedigree/connect/git"
	"pedigree/registry"
	"pedigree/service/catalog"
	"pedigree/service/core"
	"pedigree/service/provenance"
)

const (
	root   = "a0ff894ee6cb4053cbf6953fa9ffd651a1a30084"
	newest = "102522d11c97004f6e901d21e46b6e52cd0a35f4"
	// raw is the digest of the last version of data/raw/churn.csv.
	raw = "md5:5c58c678d04dcb799d0626fdf4a8bb1d"
)

func readGolden(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("../../testdata/dvc-project", name))
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(b))
}

func TestVersionsStagesAndDeploymentsAgreeWithGTO(t *testing.T) {
	w := newFixture(t, registry.RoleAdmin)
	if r := w.load(sample(t), git.Options{}); len(r.Problems) != 0 {
		t.Errorf("problems: %+v", r.Problems)
	}
	// The columns of gto show: name, latest, #prod.
	lines := strings.Split(readGolden(t, "gto-show.txt"), "\n")
	cells := strings.Fields(strings.ReplaceAll(lines[3], "│", " "))
	m, err := w.s.Model(w.ctx, cells[0])
	if err != nil || m == nil {
		t.Fatalf("model %s: %v", cells[0], err)
	}
	if latest, err := w.s.LatestVersion(w.ctx, m); err != nil || "v"+latest.Version != cells[1] {
		t.Errorf("latest is %+v, gto says %s (%v)", latest, cells[1], err)
	}
	if prod, err := w.s.ProductionVersion(w.ctx, m); err != nil || "v"+prod.Version != cells[2] {
		t.Errorf("in production is %+v, gto says %s (%v)", prod, cells[2], err)
	}
	// The columns of gto history: timestamp (2 fields), artifact, event, version, stage,
	// commit, ref.
	rows := strings.Split(readGolden(t, "gto-history.txt"), "\n")[1:]
	for _, row := range rows {
		f := strings.Fields(row)
		v := w.version(f[2], f[4])
		at := f[0] + " " + strings.TrimSuffix(f[1], "+00:00")
		const layout = "2006-01-02 15:04:05"
		deployed := func(end bool) bool {
			return slices.ContainsFunc(w.deployments(v), func(d *registry.Deployment) bool {
				when := d.StartedAt
				if end {
					when = d.EndedAt
				}
				return d.Environment == f[5] && when.Format(layout) == at
			})
		}
		ok := false
		switch f[3] {
		case "registration":
			ok = v.CreatedDate.Format(layout) == at && v.Label == f[7] && slices.Contains(w.neighbors(v, false), "RELEASED_FROM tag "+f[7])
		case "assignment":
			ok = deployed(false)
		case "unassignment":
			ok = deployed(true)
		case "deregistration":
			ok = v.Stage == registry.Archived
		}
		if !ok {
			t.Errorf("not as gto says: %s; version %+v, deployments %+v", row, v, w.deployments(v))
		}
	}
	stages := map[string]registry.Stage{}
	for _, v := range []string{"1.0.0", "1.1.0", "1.1.1"} {
		stages[v] = w.version("churn-model", v).Stage
	}
	if d := cmp.Diff(map[string]registry.Stage{"1.0.0": registry.Archived, "1.1.0": registry.Deprecated, "1.1.1": registry.Production}, stages); d != "" {
		t.Errorf("stages (-want +got):\n%s", d)
	}
	ts, err := w.s.TransitionsOf(w.ctx, w.version("churn-model", "1.1.1"), core.Paging{})
	if err != nil || len(ts.Edges) != 1 || ts.Edges[0].Node.Reason != "churn-model#prod#3" || ts.Edges[0].Node.By != "import:gto" ||
		!ts.Edges[0].Node.Forced || ts.Edges[0].Node.At.Format("15:04:05") != "04:29:36" {
		t.Errorf("transitions of 1.1.1: %+v %v", ts.Edges[0].Node, err)
	}
}

func TestTheLiveDeploymentGoesBackToTheRawFileAndItsCommits(t *testing.T) {
	w := newFixture(t, registry.RoleAdmin)
	w.load(sample(t), git.Options{Name: "churn"})
	ds := w.deployments(w.version("churn-model", "1.1.1"))
	if len(ds) != 1 || !ds[0].Live || ds[0].Environment != "prod" {
		t.Fatalf("deployments %+v", ds)
	}
	up := w.upstream(ds[0].ID)
	for _, want := range []string{"version churn-model 1.1.1", "run train", "data data/features md5:47cf3d7643bb95e10716b1c2cfbedcae.dir", "run features",
		"data data/clean.csv md5:6b92247fd1f4aa298e07837d27c368ae", "run clean", "data data/raw/churn.csv " + raw, "tag churn-model@v1.1.1",
		"commit " + newest, "commit 29ecf038a75deb7fb75e44fce0c95fb0682b5b33"} {
		if !slices.Contains(up, want) {
			t.Errorf("%q is not upstream of the deployment", want)
		}
	}
	// The walk stops at the release of an earlier version. Only the walk from the first
	// version reaches the root commit.
	if up := w.upstream(w.version("churn-model", "1.0.0").ID); !slices.Contains(up, "commit "+root) {
		t.Errorf("the root is not upstream of 1.0.0: %v", up)
	}
	if hasPrefix(up, "data src/") || hasPrefix(up, "run report") || slices.Contains(up, "version churn-model 1.1.0") {
		t.Errorf("code, reports or other versions are upstream: %v", up)
	}
}

func TestTheImpactOfTheRawFileIsTheLiveDeployment(t *testing.T) {
	w := newFixture(t, registry.RoleAdmin)
	w.load(sample(t), git.Options{Name: "churn"})
	v := w.data("churn", "data/raw/churn.csv", raw)
	if v == nil || v.Role != registry.RawData || v.Description != "raw churn export" || *v.SizeBytes != 2492 {
		t.Fatalf("the raw file: %+v", v)
	}
	impact, err := w.s.Impact(w.ctx, provenance.ImpactInput{Of: []registry.ID{v.ID}, Live: true})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range impact.Edges {
		got = append(got, describe(e.Node))
	}
	if d := cmp.Diff([]string{"deployment prod/churn-model 1.1.1"}, got); d != "" {
		t.Errorf("impact (-want +got):\n%s", d)
	}
}

func TestImportingTheSampleTwiceAddsNothing(t *testing.T) {
	w := newFixture(t, registry.RoleAdmin)
	path := sample(t)
	r := w.load(path, git.Options{})
	for kind, want := range map[string]int{"commits": 5, "tags": 12, "model versions": 3, "deployments": 3, "deployments ended": 2, "transitions": 4} {
		if r.Added(kind) != want {
			t.Errorf("%d %s, want %d", r.Added(kind), kind, want)
		}
	}
	w.importAgain(path, git.Options{})
	w.importAgain(path, git.Options{All: true})
	if r := w.load(path, git.Options{}); len(r.Problems) != 0 {
		t.Errorf("what was done before is listed as not done: %+v", r.Problems)
	}
}

func TestARunIsRecordedOnceForManyCommits(t *testing.T) {
	w := newFixture(t, registry.RoleAdmin)
	w.load(sample(t), git.Options{Name: "churn"})
	got := map[string]int{}
	runs := w.runs()
	for name, rs := range runs {
		got[name] = len(rs)
	}
	// clean and features ran again when the raw file changed, train also for the new
	// learning rate, the reports for each model, and the frozen sweeps once.
	want := map[string]int{"clean": 2, "features": 2, "train": 3, "report@de": 3, "report@fr": 3, "sweep@de-s": 1, "sweep@de-l": 1}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("runs (-want +got):\n%s", d)
	}
	kinds := map[string]registry.RunKind{}
	for name, rs := range runs {
		kinds[name] = rs[0].RunKind
		for _, run := range rs {
			commits := 0
			for _, up := range w.neighbors(run, false) {
				if strings.HasPrefix(up, "RAN_CODE ") {
					commits++
				}
			}
			if commits != 1 {
				t.Errorf("a run of %s ran the code of %d commits", name, commits)
			}
		}
	}
	wantKinds := map[string]registry.RunKind{"clean": registry.RunETL, "features": registry.RunFeatureEngineering, "train": registry.RunTraining,
		"report@de": registry.RunOther, "report@fr": registry.RunOther, "sweep@de-s": registry.RunOther, "sweep@de-l": registry.RunOther}
	if d := cmp.Diff(wantKinds, kinds); d != "" {
		t.Errorf("kinds (-want +got):\n%s", d)
	}
}

func TestAVersionCarriesItsFileParametersAndMetrics(t *testing.T) {
	w := newFixture(t, registry.RoleAdmin)
	w.load(sample(t), git.Options{Name: "churn"})
	v := w.version("churn-model", "1.1.1")
	if v.Owner != "ml-team" || v.Description != "churn classifier" || v.Creator != "import:gto" || len(v.Tags) != 2 {
		t.Errorf("version %+v", v)
	}
	files, err := w.s.ArtifactsOf(w.ctx, v, core.Paging{})
	if err != nil || len(files.Edges) != 1 || files.Edges[0].Node.Name != "models/model.json" || files.Edges[0].Node.Digest != "md5:1564c45aa8412e3d80517677962ce127" {
		t.Errorf("files %+v %v", files, err)
	}
	card, err := w.s.CardOf(w.ctx, v)
	if err != nil {
		t.Fatal(err)
	}
	if got := string(card.ModelDetails.Hyperparameters); got != `{"train.epochs":5,"train.learning_rate":0.05,"train.seed":42}` {
		t.Errorf("hyperparameters %s", got)
	}
	if p := card.Performance; p == nil || p.Accuracy == nil || *p.Accuracy != 0.825 || len(p.Metrics) != 1 || p.Metrics[0] != (registry.Metric{Name: "rows", Value: 147}) {
		t.Errorf("performance %+v", card.Performance)
	}
	if card.Training.TrainingDataVersion != "md5:47cf3d7643bb95e10716b1c2cfbedcae.dir" {
		t.Errorf("training %+v", card.Training)
	}
	want := []string{"GENERATED_BY run train", "RELEASED_FROM tag churn-model@v1.1.1"}
	if d := cmp.Diff(want, w.neighbors(v, false)); d != "" {
		t.Errorf("one hop up (-want +got):\n%s", d)
	}
	want = []string{"DEPLOYS deployment prod/churn-model 1.1.1", "USED run report@de", "USED run report@fr"}
	if d := cmp.Diff(want, w.neighbors(v, true)); d != "" {
		t.Errorf("one hop down (-want +got):\n%s", d)
	}
}

func TestImportedFilesAreLinkedToTheirSource(t *testing.T) {
	w := newFixture(t, registry.RoleAdmin)
	w.load(sample(t), git.Options{Name: "churn"})
	v := w.data("churn", "data/countries.csv", "md5:6e4f9f4f833ed49cedb0852c80ad4396")
	if v == nil {
		t.Fatal("the import is not recorded")
	}
	if d := cmp.Diff([]registry.KeyValue{{Key: "rev_lock:efe4ac437be894b3714f151b24be3eb71aec8781"}}, v.Tags); d != "" {
		t.Errorf("the commit that it was taken at (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]string{"DERIVED_FROM data data/countries.csv md5:6e4f9f4f833ed49cedb0852c80ad4396"}, w.neighbors(v, false)); d != "" {
		t.Errorf("dvc import (-want +got):\n%s", d)
	}
	if w.data("https://git.example.test/data/lib", "data/countries.csv", "md5:6e4f9f4f833ed49cedb0852c80ad4396") == nil {
		t.Error("the other repository's file is not named by its normalised URL")
	}
	if w.data("file", "/srv/shared/ext.csv", "md5:401b30e3b8b5d629635a5c613cdb7919") == nil {
		t.Error("what dvc import-url took is not recorded")
	}
}

func TestCallerWithoutForceRecordsDeploymentsAndReportsTransitions(t *testing.T) {
	w := newFixture(t, registry.RoleDataScientist)
	path := sample(t)
	r := w.load(path, git.Options{})
	if r.Added("deployments") != 3 || r.Added("transitions") != 0 || len(r.ProblemsOf(git.NotDone)) != 4 || !hasProblem(r, git.NotDone, "churn-model#prod#3", "PRODUCTION") {
		t.Fatalf("report %+v", r)
	}
	if v := w.version("churn-model", "1.1.1"); v.Stage != registry.Development {
		t.Errorf("1.1.1 is in %s", v.Stage)
	}
	w.importAgain(path, git.Options{})
	// A subject with the permission makes the missing transitions.
	w.actAs(registry.RoleAdmin)
	if r := w.load(path, git.Options{}); r.Added("transitions") != 4 || r.Total() != 4 {
		t.Errorf("the admin's import: %+v", r)
	}
	if v := w.version("churn-model", "1.1.1"); v.Stage != registry.Production {
		t.Errorf("1.1.1 is in %s", v.Stage)
	}
}

func TestAnOldTagDoesNotUndoALaterTransition(t *testing.T) {
	w := newFixture(t, registry.RoleDataScientist)
	path := sample(t)
	w.load(path, git.Options{})
	w.actAs(registry.RoleAdmin)
	prod, version := "churn-model", "1.1.0"
	for _, to := range []registry.Stage{registry.Staging, registry.Production} {
		if _, err := w.s.TransitionModelVersion(w.ctx, catalog.TransitionModelVersionInput{Model: &prod, Version: &version, To: to, Reason: "by hand"}); err != nil {
			t.Fatal(err)
		}
	}
	first := "1.0.0"
	if _, err := w.s.TransitionModelVersion(w.ctx, catalog.TransitionModelVersionInput{Model: &prod, Version: &first, To: registry.Staging, Reason: "by hand"}); err != nil {
		t.Fatal(err)
	}
	r := w.load(path, git.Options{})
	if v := w.version(prod, first); v.Stage != registry.Staging || !hasProblem(r, git.NotDone, "churn-model@v1.0.0!", "moved on") {
		t.Errorf("1.0.0, moved by hand today, is in %s; %+v", v.Stage, r.Problems)
	}
	if v := w.version(prod, version); v.Stage != registry.Production || !hasProblem(r, git.NotDone, "churn-model#prod#3", "took PRODUCTION") {
		t.Errorf("1.1.0, promoted by hand today, is in %s after tags of yesterday; %+v", v.Stage, r)
	}
}

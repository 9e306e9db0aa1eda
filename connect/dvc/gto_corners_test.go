package dvc_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pedigree/connect/dvc"
	"pedigree/connect/git"
	"pedigree/registry"
	"pedigree/service/catalog"
)

// modelRepo returns a repository with an artifact "model" that a stage trains, and a function
// that commits another state of its file and returns the commit.
func modelRepo(t *testing.T) (*repo, func(digest string) string) {
	t.Helper()
	r := newRepo(t)
	return r, func(digest string) string {
		return r.commit("feat: "+digest, "dvc.yaml", "stages:\n  train:\n    cmd: t\n    outs: [m.pkl]\nartifacts:\n  model:\n    path: m.pkl\n    type: model\n",
			"dvc.lock", lock("train", "t", "outs m.pkl "+digest))
	}
}

// stateOf describes the stage of a version and its deployments.
func (w *fixture) stateOf(model, version string) string {
	w.Helper()
	v := w.version(model, version)
	out := []string{string(v.Stage)}
	for _, d := range w.deployments(v) {
		out = append(out, fmt.Sprintf("%s live %v", d.Environment, d.Live))
	}
	slices.Sort(out[1:])
	return strings.Join(out, ", ")
}

func TestTwoRepositoriesWithOneModelNameLeaveEachOtherAlone(t *testing.T) {
	w := newFixture(t, registry.RoleAdmin)
	churn, trainChurn := modelRepo(t)
	trainChurn(d1)
	churn.tag("model@v1.0.0", "x")
	churn.tag("model#prod#1", "x")
	w.load(churn.path, git.Options{Name: "churn"})
	fraud, trainFraud := modelRepo(t)
	trainFraud(d2)
	fraud.tag("model@v1.0.0", "x")
	fraud.tag("model#prod#1", "x")
	trainFraud(d3)
	fraud.tag("model@v1.1.0", "x")
	fraud.tag("model#prod#2", "x")
	before := w.stateOf("model", "1.0.0")
	rep := w.load(fraud.path, git.Options{Name: "fraud"})
	if rep.Added("model versions")+rep.Added("deployments")+rep.Added("transitions") != 0 || rep.Added("runs") != 2 ||
		!hasProblem(rep, git.NotRecorded, "model model", "belongs to the repository churn", "--model-prefix") {
		t.Errorf("report %+v", rep)
	}
	if after := w.stateOf("model", "1.0.0"); before != "PRODUCTION, prod live true" || after != before {
		t.Errorf("churn's version was %s and is %s", before, after)
	}
	rep, err := dvc.Import(w.ctx, w.s, fraud.path, dvc.Options{Options: git.Options{Name: "fraud"}, ModelPrefix: "fraud"})
	if err != nil || rep.Added("model versions") != 2 {
		t.Fatalf("with a prefix: %+v, %v", rep, err)
	}
	if up := w.upstream(w.version("fraud=model", "1.0.0").ID); w.stateOf("fraud=model", "1.1.0") != "PRODUCTION, prod live true" || !slices.Contains(up, "run train") {
		t.Errorf("with a prefix: %s, %v", w.stateOf("fraud=model", "1.1.0"), up)
	}
	if after := w.stateOf("model", "1.0.0"); after != before {
		t.Errorf("churn's version was %s and is %s", before, after)
	}
	w.importAgain(churn.path, git.Options{Name: "churn"})
}

func TestAKeyThatEndsAnotherTouchesNothingOfIt(t *testing.T) {
	w := newFixture(t, registry.RoleAdmin)
	for i, key := range []string{"fork of risk", "risk"} {
		r := newRepo(t)
		r.commit(key, "dvc.yaml", fmt.Sprintf("artifacts:\n  m%d:\n    path: m.pkl\n", i))
		r.tag(fmt.Sprintf("m%d@v1.0.0", i), "x")
		r.tag(fmt.Sprintf("m%d#prod#1", i), "x")
		w.load(r.path, git.Options{Name: key})
	}
	if got := w.stateOf("m0", "1.0.0"); got != "PRODUCTION, prod live true" {
		t.Errorf("the other repository's version is %s", got)
	}
}

func TestAVersionStaysInTheHighestStageThatItIsIn(t *testing.T) {
	w := newFixture(t, registry.RoleAdmin)
	r, train := modelRepo(t)
	train(d1)
	r.tag("model@v1.0.0", "x")
	r.tag("model#production#1", "x")
	r.tag("model#staging#2", "x")
	rep := w.load(r.path, namedRepo)
	if got := w.stateOf("model", "1.0.0"); got != "PRODUCTION, production live true, staging live true" || !hasProblem(rep, git.Remark, "model#staging#2", "stays in PRODUCTION") {
		t.Errorf("%s, %+v", got, rep.Problems)
	}
	r.tag("model#production!#3", "x")
	r.tag("model#staging#4", "x")
	w.load(r.path, namedRepo)
	if got := w.stateOf("model", "1.0.0"); strings.Contains(got, "production live true") {
		t.Errorf("after production: %s", got)
	}
}

func TestTheLastOfSeveralAssignmentsInOneSecondStands(t *testing.T) {
	w := newFixture(t, registry.RoleAdmin)
	r, train := modelRepo(t)
	first := train(d1)
	r.tag("model@v1.0.0", "x")
	second := train(d2)
	r.tag("model@v2.0.0", "x")
	tick := r.tick
	for _, tag := range [][2]string{{"model#qa#4", first}, {"model#qa#5", second}, {"model#qa#10", first}} {
		r.tick = tick
		r.tag(tag[0], "x", tag[1])
	}
	rep := w.load(r.path, namedRepo)
	if a, b := w.stateOf("model", "1.0.0"), w.stateOf("model", "2.0.0"); a != "DEVELOPMENT, qa live true" || b != "DEVELOPMENT" {
		t.Errorf("1.0.0 is %s, 2.0.0 is %s", a, b)
	}
	if !hasProblem(rep, git.NotRecorded, "model#qa#5", "within the same second") {
		t.Errorf("problems %+v", rep.Problems)
	}
	w.importAgain(r.path, namedRepo)
}

func TestTagsThatMeanLessThanTheySeemAreListed(t *testing.T) {
	w := newFixture(t, registry.RoleAdmin)
	r := newRepo(t)
	r.commit("one", "dvc.yaml", "artifacts:\n  nlp/bert: {path: a.pkl}\n  hand: {path: c.pkl}\n  light: {path: d.pkl}\n", "nlp/dvc.yaml", "artifacts:\n  bert: {path: b.pkl}\n",
		"a.pkl.dvc", "outs:\n- {path: a.pkl, hash: md5, md5: "+d1+"}\n", "nlp/b.pkl.dvc", "outs:\n- {path: b.pkl, hash: md5, md5: "+d2+"}\n")
	r.tag("nlp/bert@v1.0.0", "x")
	r.tag("nlp=bert@v1.1.0", "x")
	r.tag("hand@v1.0.0", "x")
	r.git("tag", "light@v1.0.0")
	version := "1.0.0"
	if _, err := w.s.RegisterModelVersion(w.ctx, catalog.RegisterModelVersionInput{Model: "hand", Version: &version, CreateModel: true}); err != nil {
		t.Fatal(err)
	}
	rep := w.load(r.path, namedRepo)
	for _, want := range [][]string{{"tag nlp=bert@v1.1.0", "would be the model nlp=bert"}, {"tag hand@v1.0.0", "was there already"}, {"tag light@v1.0.0", "lightweight"}} {
		if !hasProblem(rep, git.NotRecorded, want...) && !hasProblem(rep, git.Remark, want...) {
			t.Errorf("%v is not in %+v", want, rep.Problems)
		}
	}
	if !strings.Contains(w.everything(), d1) || rep.Added("model versions") != 2 {
		t.Errorf("report %+v", rep)
	}
	r.commit("two", "x", "y")
	r.git("tag", "-d", "nlp/bert@v1.0.0")
	r.tag("nlp/bert@v1.0.0", "moved")
	if rep := w.load(r.path, namedRepo); !hasProblem(rep, git.Remark, "tag nlp/bert@v1.0.0", "now points at the commit", "stays") || rep.Added("model versions") != 0 {
		t.Errorf("a moved tag: %+v", rep)
	}
}

func TestOddTextsCostNoVersionAndNoRun(t *testing.T) {
	many := make([]string, 250)
	for i := range many {
		many[i] = fmt.Sprint("l", i)
	}
	for name, c := range map[string]struct{ artifact, cmd, change string }{
		"a long label":     {"    labels: [" + strings.Repeat("l", 256) + "]\n", "t", "beyond its longest"},
		"many labels":      {"    labels: [" + strings.Join(many, ", ") + "]\n", "t", "labels beyond"},
		"a long owner":     {"    meta: {owner: " + strings.Repeat("o", 300) + "}\n", "t", "beyond its longest"},
		"a control in it":  {"    desc: \"a\\vb\"\n", "t", "control characters"},
		"a long desc":      {"    desc: " + strings.Repeat("d", 70_000) + "\n", "t", "beyond its longest"},
		"colours to print": {"", `"echo \e[1mhi"`, "control characters"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newFixture(t, registry.RoleAdmin)
			r := newRepo(t)
			r.commit("one", "dvc.yaml", "stages:\n  train:\n    cmd: t\n    outs: [m.pkl]\nartifacts:\n  m:\n    path: m.pkl\n    type: model\n"+c.artifact, "dvc.lock", lock("train", c.cmd, "outs m.pkl "+d1))
			r.tag("m@v1.0.0", "x")
			rep := w.load(r.path, namedRepo)
			if rep.Added("runs") != 1 || rep.Added("model versions") != 1 || len(rep.Problems) != 1 || !hasProblem(rep, git.Changed, c.change) {
				t.Errorf("report %+v", rep)
			}
		})
	}
}

func TestTheKindOfARunIsReadFromWholeWords(t *testing.T) {
	w := newFixture(t, registry.RoleAdmin)
	r := newRepo(t)
	want := map[string]registry.RunKind{"train_test_split": registry.RunETL, "prepare_training_data": registry.RunETL, "pretrained_download": registry.RunOther, "constrain": registry.RunOther,
		"train_and_evaluate": registry.RunTraining, "evaluate_after_train": registry.RunEvaluation, "fit_model": registry.RunTraining, "build_model": registry.RunTraining, "data_validation": registry.RunOther,
		"defeat": registry.RunOther, "TrainModel": registry.RunTraining, "featurize": registry.RunFeatureEngineering, "plot-eval": registry.RunOther, "validate": registry.RunEvaluation}
	file := "schema: '2.0'\nstages:\n"
	for name := range want {
		file += entryOf(name, "c", fmt.Sprintf("outs o/%s %032x", name, len(file)))
	}
	r.commit("one", "dvc.lock", file)
	w.load(r.path, namedRepo)
	runs := w.runs()
	for name, kind := range want {
		if len(runs[name]) != 1 || runs[name][0].RunKind != kind {
			t.Errorf("%s is %+v, want %s", name, runs[name], kind)
		}
	}
}

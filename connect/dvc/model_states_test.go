package dvc_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pedigree/connect/dvc"
	"pedigree/connect/git"
	"pedigree/registry"
	"pedigree/service/core"
)

// loadModels imports a repository whose models the options name.
func (w *fixture) loadModels(from string, o dvc.Options) *git.Report {
	w.Helper()
	if o.Name == "" {
		o.Name = "mine"
	}
	rep, err := dvc.Import(w.ctx, w.s, from, o)
	if err != nil {
		w.Fatal(err)
	}
	return rep
}

// versions lists the versions of a model, oldest first: version, label and files.
func (w *fixture) versions(model string) (out []string) {
	w.Helper()
	m, err := w.s.Model(w.ctx, model)
	if err != nil || m == nil {
		return nil
	}
	list, err := w.s.VersionsOf(w.ctx, m, core.Paging{}, nil, nil)
	if err != nil {
		w.Fatal(err)
	}
	for _, e := range slices.Backward(list.Edges) {
		files, err := w.s.ArtifactsOf(w.ctx, e.Node, core.Paging{})
		if err != nil {
			w.Fatal(err)
		}
		text := e.Node.Version + " " + e.Node.Label
		for _, f := range files.Edges {
			text += " " + f.Node.Name
		}
		out = append(out, text)
	}
	return out
}

// trained returns the files of a commit in which train wrote model.pkl and scaler.pkl.
func trained(model, scaler string) []string {
	return []string{"dvc.yaml", "stages:\n  train:\n    cmd: t\n    deps: [d.csv]\n    outs: [model.pkl, scaler.pkl]\n    metrics:\n    - m.json: {cache: false}\n",
		"d.csv.dvc", "outs:\n- {path: d.csv, hash: md5, md5: " + d4 + "}\n", "m.json", `{"accuracy": 0.9}`,
		"dvc.lock", lock("train", "t", "deps d.csv "+d4, "outs model.pkl "+model, "outs scaler.pkl "+scaler, "outs m.json d8556de1ab9a67ba29638420936ab7e1") + "    params:\n      params.yaml:\n        lr: 0.1\n"}
}

func TestEachStateOfAnOutputIsAVersion(t *testing.T) {
	w := newFixture(t, registry.RoleAdmin)
	r := newRepo(t)
	one := r.commit("feat: one", trained(d1, d3)...)
	r.commit("docs: nothing of the model", "README", "x")
	two := r.commit("feat: two", trained(d2, d3)...)
	r.tag("v2.0.0", "second")
	r.commit("revert: to one", trained(d1, d3)...)
	o := dvc.Options{Models: []string{"churn=model.pkl"}, Artifacts: []string{"sc*.pkl"}}
	if rep := w.loadModels(r.path, o); rep.Added("model versions") != 2 || len(rep.Candidates) != 0 {
		t.Errorf("report %+v", rep)
	}
	want := []string{"0.1.0 " + one[:12] + " model.pkl scaler.pkl", "2.0.0 " + two[:12] + " model.pkl scaler.pkl"}
	if d := cmp.Diff(want, w.versions("churn")); d != "" {
		t.Errorf("versions (-want +got):\n%s", d)
	}
	v := w.version("churn", "2.0.0")
	if d := cmp.Diff([]string{"GENERATED_BY run train", "RELEASED_FROM tag v2.0.0"}, w.neighbors(v, false)); d != "" || v.Owner != "Ada" {
		t.Errorf("%s of %s (-want +got):\n%s", v.Name, v.Owner, d)
	}
	card, err := w.s.CardOf(w.ctx, v)
	if err != nil || card.ModelDetails == nil || string(card.ModelDetails.Hyperparameters) != `{"lr":0.1}` || card.Training.TrainingDataVersion != "md5:"+d4 {
		t.Errorf("card %+v, %v", card, err)
	}
	again := func(added int) {
		t.Helper()
		if rep := w.loadModels(r.path, o); rep.Added("model versions") != added || len(rep.Problems) != 0 {
			t.Errorf("imported again: %+v", rep)
		}
	}
	again(0)
	three := r.commit("feat: three", trained(strings.Repeat("5", 32), d2)...)
	again(1)
	if got := w.versions("churn"); len(got) != 3 || got[2] != "2.1.0 "+three[:12]+" model.pkl scaler.pkl" {
		t.Errorf("versions %v", got)
	}
	again(0)
}

// TestAnOlderBranchThatComesLaterAddsOnlyItsOwnStates has a state that an older commit had first.
func TestAnOlderBranchThatComesLaterAddsOnlyItsOwnStates(t *testing.T) {
	w := newFixture(t, registry.RoleAdmin)
	r := newRepo(t)
	r.commit("chore: begin", "x", "1")
	r.git("branch", "early")
	r.git("checkout", "-q", "early")
	r.commit("feat: early", trained(d1, d3)...)
	r.git("checkout", "-q", "main")
	r.commit("feat: the same, later", trained(d1, d3)...)
	r.git("branch", "-m", "early", "hidden")
	hidden := r.git("rev-parse", "hidden")
	r.git("branch", "-D", "hidden")
	o := dvc.Options{Models: []string{"churn=model.pkl"}}
	w.loadModels(r.path, o)
	before := w.versions("churn")
	r.git("branch", "early", hidden)
	if rep := w.loadModels(r.path, o); rep.Added("commits") != 1 || rep.Added("model versions") != 0 || len(before) != 1 {
		t.Errorf("before %v, then %+v", before, rep)
	}
}

func TestAModelIsAFileAFolderOrAGlob(t *testing.T) {
	for rule, want := range map[string][]string{
		"m=models":         {"models/a.pkl models/b.pkl", "models/a.pkl models/b.pkl"},
		"m=models/*.pkl":   {"models/a.pkl models/b.pkl", "models/a.pkl models/b.pkl"},
		"m=./models/b.pkl": {"models/b.pkl"},
		"m=out/inner.pt":   {"out"},
		"m=tracked.onnx":   {"tracked.onnx", "tracked.onnx"},
	} {
		t.Run(rule, func(t *testing.T) {
			w := newFixture(t, registry.RoleAdmin)
			r := newRepo(t)
			for i, digest := range []string{d1, d2} {
				r.commit(fmt.Sprint(i), "dvc.lock", lock("train", "t", "outs models/a.pkl "+digest, "outs models/b.pkl "+d3, "outs out "+d4+".dir"),
					"tracked.onnx.dvc", "outs:\n- {path: tracked.onnx, hash: md5, md5: "+digest+"}\n")
			}
			w.loadModels(r.path, dvc.Options{Models: []string{rule}})
			var got []string
			for _, v := range w.versions("m") {
				got = append(got, strings.Join(strings.Fields(v)[2:], " "))
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("files of the versions (-want +got):\n%s", d)
			}
			if rep := w.loadModels(r.path, dvc.Options{Models: []string{rule}}); rep.Total() != 0 {
				t.Errorf("imported again: %+v", rep)
			}
		})
	}
}

func TestRulesThatMeanNothingAreToldOrRefused(t *testing.T) {
	w := newFixture(t, registry.RoleAdmin)
	r := newRepo(t)
	r.commit("one", trained(d1, d3)...)
	if rep := w.loadModels(r.path, dvc.Options{Models: []string{"churn=modell.pkl"}}); !hasProblem(rep, git.NotRecorded, "model churn", "no commit has an output modell.pkl") {
		t.Errorf("problems %+v", rep.Problems)
	}
	for _, bad := range []string{"churn", "=model.pkl", "churn=", "a/b=model.pkl", "churn=[model.pkl"} {
		if _, err := dvc.Import(w.ctx, w.s, r.path, dvc.Options{Models: []string{bad}}); registry.CodeOf(err) != registry.InvalidArgument {
			t.Errorf("%q: %v", bad, err)
		}
	}
	w.loadModels(r.path, dvc.Options{Models: []string{"churn=model.pkl"}})
	other := newRepo(t)
	other.commit("other", trained(d2, d3)...)
	rep := w.loadModels(other.path, dvc.Options{Options: git.Options{Name: "other"}, Models: []string{"churn=model.pkl"}})
	if rep.Added("model versions") != 0 || !hasProblem(rep, git.NotRecorded, "model churn", "belongs to the repository mine") {
		t.Errorf("report %+v", rep)
	}
}

func TestAVersionOfATagIsNotRegisteredTwice(t *testing.T) {
	w := newFixture(t, registry.RoleAdmin)
	r, train := modelRepo(t)
	train(d1)
	r.tag("model@v1.0.0", "x")
	second := train(d2)
	rep := w.loadModels(r.path, dvc.Options{Models: []string{"model=m.pkl"}})
	if d := cmp.Diff([]string{"1.0.0 model@v1.0.0 m.pkl", "1.1.0 " + second[:12] + " m.pkl"}, w.versions("model")); d != "" || rep.Added("model versions") != 2 {
		t.Errorf("%+v, versions (-want +got):\n%s", rep, d)
	}
}

func TestWhatMayBeAModelIsListed(t *testing.T) {
	w := newFixture(t, registry.RoleAdmin)
	r := newRepo(t)
	r.commit("one", append(trained(d1, d3), "bert.onnx.dvc", "outs:\n- {path: bert.onnx, hash: md5, md5: "+d2+"}\n", "nlp/dvc.yaml", "artifacts:\n  tagger: {path: t.bin}\n")...)
	want := []git.Candidate{{Model: "bert", Path: "bert.onnx", Why: "tracked by bert.onnx.dvc"}, {Model: "model", Path: "model.pkl", Beside: []string{"scaler.pkl"}, Why: "an output of the stage train"},
		{Model: "nlp=tagger", Path: "nlp/t.bin", Why: "an artifact without a tag"}}
	if d := cmp.Diff(want, w.load(r.path, namedRepo).Candidates); d != "" {
		t.Errorf("candidates (-want +got):\n%s", d)
	}
	r.tag("nlp=tagger@v1.0.0", "x")
	if rep := w.load(r.path, namedRepo); len(rep.Candidates) != 0 {
		t.Errorf("with a tag: %+v", rep.Candidates)
	}
	plain := newRepo(t)
	plain.commit("one", "dvc.lock", lock("clean", "c", "outs a.csv "+d1))
	if rep := w.load(plain.path, git.Options{Name: "plain"}); len(rep.Candidates) != 0 || !rep.NoModels {
		t.Errorf("without models: %+v", rep)
	}
}

package dvc_test

import (
	"context"
	"crypto/md5"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pedigree/connect/dvc"
	"pedigree/connect/git"
	"pedigree/registry"
	"pedigree/service/core"
)

var namedRepo = git.Options{Name: "mine"}

// Digests of files that are not in the test repositories.
const (
	d1 = "11111111111111111111111111111111"
	d2 = "22222222222222222222222222222222"
	d3 = "33333333333333333333333333333333"
	d4 = "44444444444444444444444444444444"
)

// lock returns a dvc.lock file with one stage.
func lock(stage, cmd string, items ...string) string {
	b := strings.Builder{}
	b.WriteString("schema: '2.0'\nstages:\n")
	b.WriteString(entryOf(stage, cmd, items...))
	return b.String()
}

// entryOf returns one stage of a dvc.lock file. An item is "deps PATH MD5" or "outs PATH
// MD5".
func entryOf(stage, cmd string, items ...string) string {
	b := strings.Builder{}
	b.WriteString("  " + stage + ":\n    cmd: " + cmd + "\n")
	for _, list := range []string{"deps", "outs"} {
		head := "    " + list + ":\n"
		for _, it := range items {
			if f := strings.Fields(it); f[0] == list {
				b.WriteString(head + "    - path: " + f[1] + "\n      hash: md5\n      md5: " + f[2] + "\n")
				head = ""
			}
		}
	}
	return b.String()
}

func TestPathsAreTakenFromTheWorkingFolderOfTheStage(t *testing.T) {
	w := newFixture(t, registry.RoleAdmin)
	r := newRepo(t)
	r.commit("feat: a pipeline in a folder", "sub/dvc.yaml", `
stages:
  prepare:
    wdir: inner
    cmd: python prepare.py
    meta: {role: feature_engineering}
    deps: [../raw.csv, prepare.py]
    outs: [../out/table.csv]
`, "sub/dvc.lock", lock("prepare", "python prepare.py", "deps ../raw.csv "+d1, "deps prepare.py "+d2, "outs ../out/table.csv "+d3),
		"sub/inner/prepare.py", "pass", "sub/raw.csv.dvc", "outs:\n- md5: "+d1+"\n  hash: md5\n  path: raw.csv\nmeta:\n  owner: data-team\n")
	rep := w.load(r.path, namedRepo)
	if len(rep.Problems) != 0 {
		t.Errorf("problems %+v", rep.Problems)
	}
	run := w.runs()["sub/dvc.yaml:prepare"]
	if len(run) != 1 || run[0].RunKind != registry.RunFeatureEngineering {
		t.Fatalf("runs %+v", w.runs())
	}
	up := w.neighbors(run[0], false)
	if !slices.Contains(up, "USED data sub/raw.csv md5:"+d1) || len(up) != 2 {
		t.Errorf("the run comes from %v", up)
	}
	if d := cmp.Diff([]string{"GENERATED_BY data sub/out/table.csv md5:" + d3}, w.neighbors(run[0], true)); d != "" {
		t.Errorf("the run made (-want +got):\n%s", d)
	}
	w.importAgain(r.path, namedRepo)
}

func TestABrokenLockIsListedAndTheRestGoesOn(t *testing.T) {
	w := newFixture(t, registry.RoleAdmin)
	r := newRepo(t)
	r.commit("feat: good", "dvc.lock", lock("make", "echo 1", "outs a.csv "+d1))
	bad := r.commit("fix: a conflict", "dvc.lock", "schema: '2.0'\n<<<<<<< HEAD\nstages: {}\n=======\n>>>>>>> x\n", "b.csv.dvc", "outs:\n- md5: "+d2+"\n  hash: md5\n  path: b.csv\n")
	r.commit("feat: still broken", "c.txt", "c")
	r.commit("fix: good again", "dvc.lock", lock("make", "echo 2", "outs a.csv "+d3), "d.csv.dvc", "outs: [")
	rep := w.load(r.path, namedRepo)
	if !hasProblem(rep, git.NotRead, "dvc.lock at commit "+bad[:12], "merge conflict") || !hasProblem(rep, git.NotRead, "d.csv.dvc") || len(rep.Problems) != 2 {
		t.Errorf("problems %+v", rep.Problems)
	}
	if len(w.runs()["make"]) != 2 || w.data("mine", "b.csv", "md5:"+d2) == nil {
		t.Errorf("the rest is not recorded: %+v", w.runs())
	}
	w.importAgain(r.path, namedRepo)
}

func TestADigestWithoutAHashFieldIsFromDVC2(t *testing.T) {
	w := newFixture(t, registry.RoleAdmin)
	r := newRepo(t)
	r.commit("data: old", "a.csv.dvc", "outs:\n- md5: "+d1+"\n  path: a.csv\n")
	r.commit("data: new", "a.csv.dvc", "outs:\n- md5: "+d1+"\n  hash: md5\n  path: a.csv\n")
	if rep := w.load(r.path, namedRepo); rep.Added("dataset versions") != 2 {
		t.Errorf("report %+v", rep)
	}
	if w.data("mine", "a.csv", "md5-dos2unix:"+d1) == nil || w.data("mine", "a.csv", "md5:"+d1) == nil {
		t.Error("the two are not distinguished")
	}
}

func TestFolderDependenciesMatchTheFilesInThem(t *testing.T) {
	w := newFixture(t, registry.RoleAdmin)
	r := newRepo(t)
	r.commit("feat: folders", "dvc.lock", "schema: '2.0'\nstages:\n"+
		entryOf("split", "echo", "outs data/parts "+d1+".dir", "outs data/other.csv "+d2)+
		entryOf("one", "echo", "deps data/parts/train.csv "+d3, "outs one.txt "+d4)+
		entryOf("all", "echo", "deps data "+d4+".dir", "outs all.txt "+d3))
	w.load(r.path, namedRepo)
	runs := w.runs()
	if d := cmp.Diff([]string{"RAN_CODE", "USED data data/parts md5:" + d1 + ".dir"}, withoutCommits(w.neighbors(runs["one"][0], false))); d != "" {
		t.Errorf("a file in an output folder (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]string{"RAN_CODE", "USED data data/other.csv md5:" + d2, "USED data data/parts md5:" + d1 + ".dir"}, withoutCommits(w.neighbors(runs["all"][0], false))); d != "" {
		t.Errorf("a folder of outputs (-want +got):\n%s", d)
	}
}

func withoutCommits(list []string) (out []string) {
	for _, s := range list {
		if strings.HasPrefix(s, "RAN_CODE") {
			s = "RAN_CODE"
		}
		out = append(out, s)
	}
	return out
}

func TestACycleIsListedAndTheRestIsRecorded(t *testing.T) {
	w := newFixture(t, registry.RoleAdmin)
	r := newRepo(t)
	r.commit("feat: there", "dvc.lock", "schema: '2.0'\nstages:\n"+entryOf("first", "echo", "outs b.csv "+d2)+entryOf("there", "echo", "deps b.csv "+d2, "outs a.csv "+d1))
	r.commit("feat: and back", "dvc.lock", "schema: '2.0'\nstages:\n"+entryOf("first", "echo 2", "outs a.csv "+d1)+entryOf("back", "echo", "deps a.csv "+d1, "outs b.csv "+d2, "outs c.csv "+d3))
	rep := w.load(r.path, namedRepo)
	if len(rep.ProblemsOf(git.NotRecorded)) != 1 || !hasProblem(rep, git.NotRecorded, "back wrote", "cycle") {
		t.Errorf("problems %+v", rep.Problems)
	}
	back := w.runs()["back"][0]
	if d := cmp.Diff([]string{"GENERATED_BY data c.csv md5:" + d3}, w.neighbors(back, true)); d != "" {
		t.Errorf("what closes no cycle is missing (-want +got):\n%s", d)
	}
	w.importAgain(r.path, namedRepo)
}

func TestDataThatWasAddedAndLaterImportedIsDerived(t *testing.T) {
	w := newFixture(t, registry.RoleAdmin)
	r := newRepo(t)
	out := "outs:\n- md5: " + d1 + "\n  hash: md5\n  path: a.csv\n"
	r.commit("data: add by hand", "a.csv.dvc", out)
	r.commit("data: import the same", "a.csv.dvc", "frozen: true\ndeps:\n- path: get/a.csv\n  repo:\n    url: git@host.example:team/data.git\n    rev_lock: "+
		strings.Repeat("a", 40)+"\n"+out)
	w.load(r.path, namedRepo)
	want := []string{"DERIVED_FROM data get/a.csv md5:" + d1}
	if d := cmp.Diff(want, w.neighbors(w.data("mine", "a.csv", "md5:"+d1), false)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if w.data("https://host.example/team/data", "get/a.csv", "md5:"+d1) == nil {
		t.Error("the source is not named by its normalised URL")
	}
	w.importAgain(r.path, namedRepo)
}

func TestAStageThatReadSomethingElseIsStale(t *testing.T) {
	w := newFixture(t, registry.RoleAdmin)
	r := newRepo(t)
	r.commit("data: newer than the run", "a.csv.dvc", "outs:\n- md5: "+d2+"\n  hash: md5\n  path: a.csv\n", "dvc.lock", lock("train", "echo", "deps a.csv "+d1, "outs m.bin "+d3))
	rep := w.load(r.path, namedRepo)
	if !hasProblem(rep, git.Remark, "train", "stale", "a.csv") {
		t.Errorf("problems %+v", rep.Problems)
	}
	if up := w.neighbors(w.runs()["train"][0], false); !slices.Contains(up, "USED data a.csv md5:"+d1) {
		t.Errorf("the run did not read what its entry says: %v", up)
	}
}

func TestOlderCommitsOnANewBranchDoNotConflict(t *testing.T) {
	w := newFixture(t, registry.RoleAdmin)
	r := newRepo(t)
	r.commit("chore: begin", "x", "1")
	r.git("branch", "early")
	files := []string{"dvc.lock", lock("train", "echo", "outs m.bin "+d3)}
	r.commit("feat: late", files...)
	w.load(r.path, namedRepo)
	late := w.runs()["train"][0].StartedAt
	r.git("checkout", "-q", "early")
	r.tick = 1 // The next commit is older than the imported one.
	r.commit("feat: early", files...)
	rep := w.load(r.path, namedRepo)
	if len(rep.Problems) != 0 || rep.Added("runs") != 0 || len(w.runs()["train"]) != 1 || !w.runs()["train"][0].StartedAt.Equal(late) {
		t.Errorf("report %+v, runs %+v", rep, w.runs())
	}
}

// model returns the files of a project whose stage train writes the file of an artifact.
func model(digest string) []string {
	return []string{"eu/dvc.yaml", "stages:\n  train:\n    cmd: echo\n    outs: [m.bin]\nartifacts:\n  churn:\n    path: m.bin\n    type: model\n  table:\n    path: t.csv\n    type: dataset\n",
		"eu/dvc.lock", lock("train", "echo", "outs m.bin "+digest)}
}

func TestAnArtifactInAFolderIsAModelOfThatFolder(t *testing.T) {
	w := newFixture(t, registry.RoleAdmin)
	r := newRepo(t)
	r.commit("feat: model", model(d1)...)
	at := r.tag("eu=churn@v1.0.0", "Registering")
	r.git("tag", "eu=churn#prod")
	r.tag("eu=table@v1.0.0", "Registering")
	r.tag("eu=table#prod#1", "Assigning")
	r.tag("other@v0.1.0", "Registering")
	r.commit("chore: later")
	r.tag("eu=churn@v1.1.0+build5", "Registering")
	rep := w.load(r.path, namedRepo)
	v := w.version("eu=churn", "1.0.0")
	if !v.CreatedDate.Equal(at) || v.Stage != registry.Production || !slices.Contains(w.neighbors(v, false), "GENERATED_BY run eu/dvc.yaml:train") {
		t.Errorf("%+v from %v", v, w.neighbors(v, false))
	}
	if m, err := w.s.Model(w.ctx, "eu=table"); err != nil || m != nil {
		t.Errorf("a dataset became a model: %+v %v", m, err)
	}
	if !hasProblem(rep, git.Remark, "eu=table@v1.0.0", "dataset") || !hasProblem(rep, git.NotRecorded, "eu=churn@v1.1.0+build5", "build metadata") ||
		!hasProblem(rep, git.Remark, "other@v0.1.0", "no dvc.yaml") {
		t.Errorf("problems %+v", rep.Problems)
	}
	w.version("other", "0.1.0")
	w.importAgain(r.path, namedRepo)
}

func TestTheFirstVersionOfAFileIsWhatItsReadersRead(t *testing.T) {
	w := newFixture(t, registry.RoleAdmin)
	r := newRepo(t)
	r.commit("feat: one", append(model(d1), "dvc.lock", lock("report", "echo", "deps eu/m.bin "+d1, "outs r.txt "+d2))...)
	r.tag("eu=churn@v1.0.0", "Registering")
	w.load(r.path, namedRepo)
	r.commit("chore: the same file")
	r.tag("eu=churn@v1.0.1", "Registering")
	w.load(r.path, namedRepo)
	for version, want := range map[string]bool{"1.0.0": true, "1.0.1": false} {
		if got := slices.Contains(w.neighbors(w.version("eu=churn", version), true), "USED run report"); got != want {
			t.Errorf("the report read %s: %v, want %v", version, got, want)
		}
	}
	w.importAgain(r.path, namedRepo)
}

func TestAMovedAssignmentEndsTheOldDeployment(t *testing.T) {
	w := newFixture(t, registry.RoleAdmin)
	r := newRepo(t)
	r.commit("feat: one", model(d1)...)
	r.tag("eu=churn@v1.0.0", "Registering")
	r.tag("eu=churn#prod#1", "Assigning")
	w.load(r.path, namedRepo)
	r.commit("feat: two", model(d2)...)
	r.tag("eu=churn@v1.1.0", "Registering")
	at := r.tag("eu=churn#prod#1", "Assigning", "-f")
	rep := w.load(r.path, namedRepo)
	if !hasProblem(rep, git.Remark, "prod/eu=churn 1.0.0", "moved or deleted") {
		t.Errorf("problems %+v", rep.Problems)
	}
	old, now := w.deployments(w.version("eu=churn", "1.0.0")), w.deployments(w.version("eu=churn", "1.1.0"))
	if len(old) != 1 || !old[0].EndedAt.Equal(at) || len(now) != 1 || !now[0].Live {
		t.Errorf("old %+v, now %+v", old, now)
	}
	if v := w.version("eu=churn", "1.1.0"); v.Stage != registry.Production {
		t.Errorf("1.1.0 is in %s", v.Stage)
	}
	w.importAgain(r.path, namedRepo)
}

func TestAModelUnderDVCWithoutARunIsDerivedFromItsFile(t *testing.T) {
	w := newFixture(t, registry.RoleAdmin)
	r := newRepo(t)
	r.commit("feat: bought", "dvc.yaml", "artifacts:\n  bought:\n    path: m.bin\n", "m.bin.dvc", "outs:\n- md5: "+d1+"\n  hash: md5\n  path: m.bin\n")
	r.tag("bought@v1.0.0", "Registering")
	w.load(r.path, namedRepo)
	if d := cmp.Diff([]string{"DERIVED_FROM data m.bin md5:" + d1, "RELEASED_FROM tag bought@v1.0.0"}, w.neighbors(w.version("bought", "1.0.0"), false)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	w.importAgain(r.path, namedRepo)
}

func TestMetricsThatAreNotTheRunsAreLeftOut(t *testing.T) {
	w := newFixture(t, registry.RoleAdmin)
	r := newRepo(t)
	yaml := "stages:\n  eval:\n    cmd: echo\n    metrics:\n    - m.json\n"
	right := `{"f1": 0.5, "deep": {"auc": 1}, "note": "good"}`
	r.commit("feat: right", "dvc.yaml", yaml, "m.json", right, "dvc.lock", lock("eval", "echo 1", fmt.Sprintf("outs m.json %x", md5.Sum([]byte(right)))))
	r.commit("fix: edited", "m.json", `{"f1": 0.99}`, "dvc.lock", lock("eval", "echo 2", "outs m.json "+d1))
	rep := w.load(r.path, namedRepo)
	for _, run := range w.runs()["eval"] {
		if run.RunKind != registry.RunEvaluation {
			t.Errorf("eval is %s", run.RunKind)
		}
		if want := []registry.Metric{{Name: "deep.auc", Value: 1}, {Name: "f1", Value: 0.5}}; run.Command == "echo 1" && !slices.Equal(run.Metrics, want) {
			t.Errorf("metrics %+v, want %+v", run.Metrics, want)
		}
		if run.Command == "echo 2" && len(run.Metrics) != 0 {
			t.Errorf("an edited file's metrics were taken: %+v", run.Metrics)
		}
	}
	if !hasProblem(rep, git.Remark, "m.json", "not the file that dvc.lock means") {
		t.Errorf("problems %+v", rep.Problems)
	}
}

func TestAPartialCloneReportsWhatIsMissing(t *testing.T) {
	w := newFixture(t, registry.RoleAdmin)
	r := newRepo(t)
	r.commit("feat: one", model(d1)...)
	r.commit("feat: two", model(d2)...)
	r.git("config", "uploadpack.allowFilter", "true")
	for filter, want := range map[string]string{"tree:0": "the folder", "tree:1": "the folder", "blob:none": "the file"} {
		to := filepath.Join(t.TempDir(), "partial")
		if out, err := exec.Command("git", "clone", "-q", "--no-checkout", "--filter="+filter, "file://"+r.path, to).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		rep := w.load(to, namedRepo)
		if !hasProblem(rep, git.NotRead, want, "partial clone") {
			t.Errorf("%s: %+v", filter, rep.Problems)
		}
	}
}

func TestACancelledImportStops(t *testing.T) {
	w := newFixture(t, registry.RoleAdmin)
	ctx, cancel := context.WithCancel(w.ctx)
	cancel()
	if _, err := dvc.Import(ctx, w.s, sample(t), dvc.Options{Options: namedRepo}); err == nil {
		t.Error("the import did not stop")
	}
	w.load(sample(t), namedRepo)
}

func TestARepositoryWithoutDVCIsReported(t *testing.T) {
	w := newFixture(t, registry.RoleAdmin)
	r := newRepo(t)
	r.commit("feat: code alone", "main.go", "package main")
	w.load(r.path, namedRepo)
	rep := w.load(r.path, namedRepo)
	if !hasProblem(rep, git.Remark, "no commit has files of DVC") {
		t.Errorf("problems %+v", rep.Problems)
	}
	if _, err := w.s.Commit(w.ctx, r.git("rev-parse", "HEAD")); err != nil {
		t.Error(err)
	}
	if _, err := w.s.Runs(w.ctx, core.Paging{}, nil, nil); err != nil {
		t.Error(err)
	}
}

// TestWhatARunCannotHoldIsReported imports parameters and metrics that are larger than a run
// may have.
func TestWhatARunCannotHoldIsReported(t *testing.T) {
	w := newFixture(t, registry.RoleAdmin)
	r := newRepo(t)
	var losses []string
	for i := range 120 {
		losses = append(losses, fmt.Sprint(i))
	}
	metrics := `{"acc": 0.5, "loss": [` + strings.Join(losses, ",") + `]}`
	r.commit("feat: large", "dvc.yaml", "stages:\n  train:\n    cmd: t\n    params: [big]\n    metrics:\n    - m.json:\n        cache: false\n", "m.json", metrics,
		"dvc.lock", lock("train", "t", "outs m.json "+fmt.Sprintf("%x", md5.Sum([]byte(metrics))))+"    params:\n      params.yaml:\n        big: "+strings.Repeat("x", registry.MaxJSON)+"\n")
	rep := w.load(r.path, namedRepo)
	var told []string
	for _, p := range rep.ProblemsOf(git.NotRecorded) {
		told = append(told, p.Where+": "+p.What)
	}
	all := strings.Join(told, "\n")
	if len(told) != 2 || !strings.Contains(all, "its parameters: they have 65546 bytes, and a run has at most 65536") || !strings.Contains(all, "20 of its values") {
		t.Errorf("reported:\n%s", all)
	}
	if rep.Added("runs") != 1 {
		t.Errorf("%+v", rep.Counts)
	}
}

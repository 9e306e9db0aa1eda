package dvc_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pedigree/connect/git"
	"pedigree/registry"
)

const modelArtifact = "artifacts:\n  m:\n    path: m.pkl\n    type: model\n"

func TestAnEntryOfAStageThatWasRenamedIsNoRun(t *testing.T) {
	w := newFixture(t, registry.RoleAdmin)
	r := newRepo(t)
	stage := func(name string) string {
		return "stages:\n  " + name + ":\n    cmd: c\n    deps: [d.csv]\n    outs: [m.pkl]\n" + modelArtifact
	}
	r.commit("one", "dvc.yaml", stage("build"), "dvc.lock", lock("build", "c", "deps d.csv "+d1, "outs m.pkl "+d3))
	r.tag("m@v1.0.0", "x")
	r.commit("two", "dvc.yaml", stage("train"), "dvc.lock", lock("build", "c", "deps d.csv "+d1, "outs m.pkl "+d3)+entryOf("train", "c", "deps d.csv "+d2, "outs m.pkl "+d4))
	r.tag("m@v2.0.0", "x")
	rep := w.load(r.path, namedRepo)
	if len(rep.Problems) != 1 || !hasProblem(rep, git.Remark, "build", "dvc.yaml has no such stage") {
		t.Errorf("problems %+v", rep.Problems)
	}
	up := w.upstream(w.version("m", "2.0.0").ID)
	if !slices.Contains(up, "run train") || !slices.Contains(up, "data d.csv md5:"+d2) || slices.Contains(up, "run build") {
		t.Errorf("2.0.0 comes from %v", up)
	}
	if !strings.Contains(w.everything(), `"version":"2.0.0"`) || !strings.Contains(w.everything(), "md5:"+d4) {
		t.Errorf("2.0.0 has not its own file:\n%s", w.everything())
	}
	w.importAgain(r.path, namedRepo)
}

func TestAnItemThatForeachNoLongerHasIsNoRun(t *testing.T) {
	w := newFixture(t, registry.RoleAdmin)
	r := newRepo(t)
	r.commit("one", "params.yaml", "countries: [de, fr]\nsizes: {s: {n: 1}, l: {n: 2}}\n", "dvc.yaml", `
stages:
  list:
    foreach: ${countries}
    do: {cmd: c, outs: ["${item}.csv": {desc: "of ${item}"}]}
  map:
    foreach: ${sizes}
    do: {cmd: c, wdir: "in/${key}", outs: ["${item.n}.csv"]}
  grid:
    matrix: {size: [s, l], country: "${countries}"}
    cmd: c
    outs: ["grid/${item.size}-${item.country}.csv": {type: model}]
`, "dvc.lock", "schema: '2.0'\nstages:\n"+entryOf("list@de", "c", "outs de.csv "+d1)+entryOf("list@es", "c", "outs es.csv "+d1)+
		entryOf("map@s", "c", "outs 1.csv "+d2)+entryOf("map@xl", "c", "outs 9.csv "+d2)+
		entryOf("grid@s-fr", "c", "outs grid/s-fr.csv "+d3)+entryOf("grid@m-fr", "c", "outs grid/m-fr.csv "+d3))
	rep := w.load(r.path, namedRepo)
	runs := w.runs()
	for _, name := range []string{"list@de", "map@s", "grid@s-fr"} {
		if len(runs[name]) != 1 {
			t.Errorf("there is no run of %s: %+v", name, rep.Problems)
		}
	}
	for _, name := range []string{"list@es", "map@xl", "grid@m-fr"} {
		if len(runs[name]) != 0 || !hasProblem(rep, git.Remark, name, "no such stage") {
			t.Errorf("%s is recorded: %+v", name, rep.Problems)
		}
	}
	if w.data("mine", "in/s/1.csv", "md5:"+d2) == nil || runs["grid@s-fr"][0].RunKind != registry.RunTraining {
		t.Errorf("the templates of a generated stage are not replaced:\n%s", w.everything())
	}
}

func TestTemplatesNameTheOutputsThatTheyMean(t *testing.T) {
	w := newFixture(t, registry.RoleAdmin)
	r := newRepo(t)
	r.commit("one", "out/metrics.json", `{"auc": 0.9}`, "out/stats.json", `{"rows": 123}`, "params.yaml", "paths: {model: out/model.pkl, stats: out/stats.json}\n",
		"more.toml", "[paths]\ntrain = \"out/train.csv\"\n", "conf/some.json", `{"metrics": "out/metrics.json", "paths": {"model": "not taken"}}`, "dvc.yaml", `
vars: [more.toml, "conf/some.json:metrics", {extra: {file: out/extra.csv}}]
stages:
  build:
    cmd: b
    outs:
    - ${paths.train}: {desc: the training rows}
    - ${paths.model}: {type: model, desc: the model}
    - ${paths.stats}: {cache: false, desc: row counts}
    - ${extra.file}: {desc: extra rows}
    - ${nowhere.known}: {desc: what is left}
    metrics:
    - ${metrics}: {cache: false}
artifacts:
  m: {path: "${paths.model}", type: model}
`, "dvc.lock", lock("build", "b", "outs out/train.csv "+d1, "outs out/model.pkl "+d2, "outs out/extra.csv "+d3, "outs out/other.csv "+d4,
			"outs out/stats.json 53e67ca01f5e0d19fd1ddee2b0d1ddbb", "outs out/metrics.json f04886860596507d5ab632fa8818bf7f"))
	r.tag("m@v1.0.0", "x")
	rep := w.load(r.path, namedRepo)
	for file, want := range map[string]string{"out/train.csv md5:" + d1: "the training rows", "out/model.pkl md5:" + d2: "the model", "out/extra.csv md5:" + d3: "extra rows",
		"out/other.csv md5:" + d4: "what is left"} {
		name, version, _ := strings.Cut(file, " ")
		if v := w.data("mine", name, version); v == nil || v.Description != want {
			t.Errorf("%s: %+v, want %q", file, v, want)
		}
	}
	if d := cmp.Diff([]registry.Metric{{Name: "auc", Value: 0.9}}, w.runs()["build"][0].Metrics); d != "" || len(rep.Problems) != 0 {
		t.Errorf("problems %+v, metrics (-want +got):\n%s", rep.Problems, d)
	}
	if up := w.upstream(w.version("m", "1.0.0").ID); !slices.Contains(up, "run build") {
		t.Errorf("the path of an artifact is not resolved: %v", up)
	}
}

func TestAFieldOfAnotherShapeCostsNoFile(t *testing.T) {
	w := newFixture(t, registry.RoleAdmin)
	r := newRepo(t)
	data := func(path, digest, more string) string {
		return "outs:\n- path: " + path + "\n  hash: md5\n  md5: " + digest + "\n" + more
	}
	sha := r.commit("one", "a.csv.dvc", data("a.csv", d1, "meta: added by the nightly job\n"), "b.csv.dvc", data("b.csv", d2, "meta: [reviewed]\n"), "c.csv.dvc", data("c.csv", d3, "  labels: {a: b}\nmeta: 7\n"),
		"dvc.yaml", "stages:\n  train:\n    cmd: t\n    meta: [nightly]\n    desc: [a, list]\n    outs: [m.pkl]\n"+modelArtifact+"    meta: team churn\n    labels: one\n",
		"dvc.lock", lock("train", "t", "outs m.pkl "+d4))
	r.tag("m@v1.0.0", "x")
	rep := w.load(r.path, namedRepo)
	for path, digest := range map[string]string{"a.csv": d1, "b.csv": d2, "c.csv": d3} {
		if w.data("mine", path, "md5:"+digest) == nil {
			t.Errorf("%s is not recorded", path)
		}
	}
	if up := w.neighbors(w.version("m", "1.0.0"), false); !slices.Contains(up, "GENERATED_BY run train") {
		t.Errorf("the version stands without its run: %v", up)
	}
	want := []git.Problem{{Kind: git.NotRead, Where: "c.csv.dvc at commit " + sha[:12], What: "left out: line 5: cannot unmarshal !!map, which has another form here"},
		{Kind: git.NotRead, Where: "dvc.yaml at commit " + sha[:12], What: "left out: line 5: cannot unmarshal !!seq, which has another form here"},
		{Kind: git.NotRead, Where: "dvc.yaml at commit " + sha[:12], What: "left out: line 12: cannot unmarshal !!str `one`, which has another form here"}}
	if d := cmp.Diff(want, rep.Problems); d != "" {
		t.Errorf("problems (-want +got):\n%s", d)
	}
}

func TestAnErrorOfALibraryIsWholeAndOneLine(t *testing.T) {
	w := newFixture(t, registry.RoleAdmin)
	r := newRepo(t)
	sha := r.commit("one", "dvc.yaml", "stages:\n  train:\n    cmd: t\n    metrics: [a.json]\n    outs: [m.pkl]\n    metrics: [b.json]\n",
		"dvc.lock", lock("train", "t", "outs m.pkl "+d4))
	rep := w.load(r.path, namedRepo)
	want := []git.Problem{{Kind: git.NotRead, Where: "dvc.yaml at commit " + sha[:12], What: `left out: line 6: mapping key "metrics" already defined at line 4`}}
	if d := cmp.Diff(want, rep.Problems); d != "" || len(w.runs()["train"]) != 1 {
		t.Errorf("%d runs, problems (-want +got):\n%s", len(w.runs()["train"]), d)
	}
}

func TestTheFormerFileOfArtifactsIsRead(t *testing.T) {
	w := newFixture(t, registry.RoleAdmin)
	r := newRepo(t)
	r.commit("one", "artifacts.yaml", "rf:\n  path: model.pkl\n  type: model\n  description: random forest\n  labels: [tabular]\nrows:\n  path: data.csv\n  type: dataset\n",
		"dvc.yaml", "stages:\n  train:\n    cmd: t\n    outs: [model.pkl]\n", "dvc.lock", lock("train", "t", "outs model.pkl "+d1))
	r.tag("rf@v1.0.0#1", "x")
	r.tag("rows@v1.0.0", "x")
	rep := w.load(r.path, namedRepo)
	v := w.version("rf", "1.0.0")
	if up := w.neighbors(v, false); !slices.Contains(up, "GENERATED_BY run train") || v.Description != "random forest" || len(v.Tags) != 1 {
		t.Errorf("%+v comes from %v", v, up)
	}
	if rep.Added("model versions") != 1 || !hasProblem(rep, git.Remark, "rows@v1.0.0", "is a dataset") {
		t.Errorf("report %+v", rep)
	}
}

func TestParametersAreReadAsDVCReadsThem(t *testing.T) {
	w := newFixture(t, registry.RoleAdmin)
	r := newRepo(t)
	r.commit("one", "dvc.lock", "schema: '2.0'\nstages:\n  train:\n    cmd: t\n    params:\n      params.yaml:\n        start: 2021-01-01\n        ts: 2021-01-01 10:00:00+02:00\n"+
		"        days: [2021-02-03]\n        oct: 0777\n        octal: 0o17\n        hex: 0x1f\n        big: 123456789012345678901234567890\n        rate: 1e-3\n        inf: .inf\n        yes: yes\n        on: true\n        none: null\n"+
		"        base: &b {x: 1, y: 2}\n        merged: {<<: *b, y: 3}\n    outs:\n    - path: m.pkl\n      hash: md5\n      md5: "+d1+"\n")
	w.load(r.path, namedRepo)
	want := `{"base":{"x":1,"y":2},"big":123456789012345678901234567890,"days":["2021-02-03"],"hex":31,"inf":"+Inf","merged":{"x":1,"y":3},"none":null,"oct":777,"octal":15,"on":true,"rate":0.001,` +
		`"start":"2021-01-01","ts":"2021-01-01 10:00:00+02:00","yes":"yes"}`
	if d := cmp.Diff(want, string(w.runs()["train"][0].Parameters)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestMetricsInTOMLAreRead(t *testing.T) {
	w := newFixture(t, registry.RoleAdmin)
	r := newRepo(t)
	r.commit("one", "m.toml", "accuracy = 0.9\nrows = 3\n[test]\nf1 = 0.8\n", "dvc.yaml", "stages:\n  train:\n    cmd: t\n    metrics: [m.toml]\n",
		"dvc.lock", lock("train", "t", "outs m.toml c36a4949041ce6abd2d147a26b55ac24"))
	w.load(r.path, namedRepo)
	if run := w.runs()["train"]; len(run) != 1 || len(run[0].Metrics) != 3 {
		t.Errorf("%+v", run[0].Metrics)
	}
}

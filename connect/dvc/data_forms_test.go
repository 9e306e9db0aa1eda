package dvc_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pedigree/connect/git"
	"pedigree/registry"
	"pedigree/service/bulk"
)

// everything returns all facts of the registry as text.
func (w *fixture) everything() string {
	w.Helper()
	var b strings.Builder
	if _, err := w.s.ExportFacts(w.ctx, func(in bulk.FactInput) error {
		raw, err := registry.Canonical(in)
		b.Write(append(raw, '\n'))
		return err
	}); err != nil {
		w.Fatal(err)
	}
	return b.String()
}

// TestNoPasswordOfASourceIsRecorded takes every place where DVC's files hold an address.
func TestNoPasswordOfASourceIsRecorded(t *testing.T) {
	w := newFixture(t, registry.RoleAdmin)
	r := newRepo(t)
	r.git("remote", "add", "origin", "https://deploy:p^s{secret}@git.example.com/risk/churn.git")
	imported := func(dep, out string) string {
		return "deps:\n- " + dep + "\nouts:\n- path: " + out + "\n  hash: md5\n  md5: " + d1 + "\n"
	}
	r.commit("data: sources of https://secret@ci.example.org/2", "a.csv.dvc", imported("path: https://bob:s3%%secret@data.example.org/100%.csv\n  etag: e1", "a.csv"),
		"b.csv.dvc", imported("path: b.csv\n  repo:\n    url: bob:secret@git.example.com:data/reg.git\n    rev_lock: "+strings.Repeat("a", 40), "b.csv"),
		"c.csv.dvc", imported("path: remote://storage/c.csv\n  etag: e2", "c.csv"),
		"d.csv.dvc", imported("path: s3://key:secret@bucket/d.csv?X-Amz-Signature=secret\n  version_id: v1", "d.csv"),
		"e.csv.dvc", imported("path: e.csv\n  etag: e5", "s3://key:secret@bucket/out.csv"),
		".dvc/config", "[core]\n    remote = storage\n['remote \"storage\"']\n    url = https://bob:se/cret:secret@storage.example.org/base\n    password = secret\n",
		"dvc.yaml", "stages:\n  train:\n    cmd: t\n    deps: [https://bob:secret@data.example.org/x.csv]\n    outs: [m.pkl]\nartifacts:\n  m:\n    path: https://bob:secret@models.example.org/m.pkl\n",
		"dvc.lock", "schema: '2.0'\ndatasets:\n- {name: web, type: url, url: 'https://bob:secret@data.example.org/set', meta: {etag: e4}}\nstages:\n  train:\n    cmd: curl https://bob:secret@data.example.org/x.csv\n"+
			"    deps:\n    - path: https://bob:secret@data.example.org/x.csv\n      etag: e3\n    - path: ds://web\n    params:\n      params.yaml:\n        db: postgresql://bob:secret@db.example.org/loans\n"+
			"    outs:\n    - path: m.pkl\n      hash: md5\n      md5: "+d2+"\n")
	r.tag("m@v1.0.0", "first, see https://bob:secret@ci.example.org/1")
	rep := w.load(r.path, git.Options{})
	all := w.everything()
	if strings.Contains(all, "secret") || strings.Contains(fmt.Sprint(rep), "secret") {
		t.Errorf("a password is recorded:\n%s\n%+v", all, rep)
	}
	for _, want := range [][3]string{{"https://data.example.org", "100%.csv", "e1"}, {"https://git.example.com/data/reg", "b.csv", "md5:" + d1}, {"https://storage.example.org", "base/c.csv", "e2"},
		{"s3://bucket", "d.csv", "v1"}, {"https://data.example.org", "x.csv", "e3"}, {"https://data.example.org", "set", "e4"}} {
		if w.data(want[0], want[1], want[2]) == nil {
			t.Errorf("there is no %v:\n%s", want, all)
		}
	}
}

// TestEveryFormOfDataHasOneIdentity writes the same data in each form of DVC 1 to 3, as an
// output and as a dependency.
func TestEveryFormOfDataHasOneIdentity(t *testing.T) {
	folder := func(id string) string {
		return "hash: md5\n%[1]sfiles:\n%[1]s- relpath: b.csv\n%[1]s  " + id + "2\n%[1]s- relpath: a.csv\n%[1]s  " + id + "1\n"
	}
	for name, c := range map[string]struct{ form, version string }{
		"md5 of DVC 3":                {"hash: md5\n%[1]smd5: " + d1 + "\n", "md5:" + d1},
		"md5 of DVC 1 and 2":          {"md5: " + d1 + "\n", "md5-dos2unix:" + d1},
		"folder":                      {"hash: md5\n%[1]smd5: " + d1 + ".dir\n", "md5:" + d1 + ".dir"},
		"etag":                        {"etag: '\"e1\"'\n", `"e1"`},
		"version of a storage":        {"version_id: v1\n%[1]setag: e1\n", "v1"},
		"checksum of HDFS":            {"checksum: c1\n", "c1"},
		"version of a cloud remote":   {"cloud:\n%[1]s  store:\n%[1]s    etag: e1\n%[1]s    version_id: v1\n", "v1"},
		"files with md5":              {folder("md5: 1111111111111111111111111111111"), "md5:c3677927c2d0162246e138de50a2b1f1.dir"},
		"files with versions":         {folder("version_id: V"), "files-sha256:"},
		"files with etags of a cloud": {folder("cloud:\n%[1]s    store:\n%[1]s      etag: E"), "files-sha256:"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newFixture(t, registry.RoleAdmin)
			r := newRepo(t)
			inLock, inDVC := fmt.Sprintf(c.form+"%[1]ssize: 9\n", "      "), fmt.Sprintf(c.form+"%[1]ssize: 9\n", "  ")
			r.commit("feat: all", "in.dvc", "deps:\n- path: s3://lake/in\n  "+inDVC+"outs:\n- path: in\n  "+inDVC,
				"dvc.lock", "schema: '2.0'\nstages:\n  one:\n    cmd: c\n    deps:\n    - path: in\n      "+inLock+"    outs:\n    - path: out\n      "+inLock+
					"  two:\n    cmd: c\n    deps:\n    - path: out\n      "+inLock+"    outs:\n    - path: end\n      hash: md5\n      md5: "+d2+"\n")
			if rep := w.load(r.path, namedRepo); len(rep.Problems) != 0 {
				t.Errorf("problems %+v", rep.Problems)
			}
			up := w.upstream(w.data("mine", "end", "md5:"+d2).ID)
			var versions []string
			for _, what := range up {
				if f := strings.Fields(what); f[0] == "data" && f[1] != "end" {
					versions = append(versions, f[2])
				}
			}
			slices.Sort(versions)
			if len(versions) != 3 || len(slices.Compact(versions)) != 1 || !strings.HasPrefix(versions[0], c.version) {
				t.Errorf("from end to the source: %v, want %s three times", up, c.version)
			}
		})
	}
}

func TestAFolderThatIsPushedToACloudStaysTheSame(t *testing.T) {
	w := newFixture(t, registry.RoleAdmin)
	r := newRepo(t)
	// The digests of the sample's folder of features, whose object DVC made.
	const dir = "47cf3d7643bb95e10716b1c2cfbedcae.dir"
	r.commit("data: add", "f.dvc", "outs:\n- path: f\n  hash: md5\n  md5: "+dir+"\n")
	r.commit("data: push", "f.dvc", "outs:\n- path: f\n  hash: md5\n  files:\n  - relpath: train.csv\n    md5: 204aef3c1a32012786d28b47f951a2f3\n    cloud: {s: {version_id: v1}}\n"+
		"  - relpath: test.csv\n    md5: 5b32ab5e6d42dc06a0aeefabf4c4d591\n    cloud: {s: {version_id: v2}}\n")
	if rep := w.load(r.path, namedRepo); rep.Added("dataset versions") != 1 || w.data("mine", "f", "md5:"+dir) == nil {
		t.Errorf("report %+v\n%s", rep, w.everything())
	}
}

func TestANamedDatasetHasTheStateThatTheStageRead(t *testing.T) {
	w := newFixture(t, registry.RoleAdmin)
	r := newRepo(t)
	a, b := strings.Repeat("a1", 20), strings.Repeat("b2", 20)
	lock := func(version, rev, etag, out string) string {
		sets := fmt.Sprintf("{name: animals, url: 'dc://animals', type: dc, version: %s}|{name: reg, url: 'https://git.example.com/reg', type: dvc, path: data, rev_lock: '%s'}|"+
			"{name: web, url: 'https://data.example.org/set.csv', type: url, meta: {etag: '%s', size: 3}}", version, rev, etag)
		deps := ""
		for set := range strings.SplitSeq(sets, "|") {
			name, _, _ := strings.Cut(strings.TrimPrefix(set, "{name: "), ",")
			deps += "    - path: ds://" + name + "\n      dataset: " + set + "\n"
		}
		// The head of the file is newer than what the stage read.
		return "schema: '2.0'\ndatasets:\n- {name: animals, url: 'dc://animals', type: dc, version: 9}\nstages:\n  train:\n    cmd: t\n    deps:\n" + deps +
			"    outs:\n    - path: m.pkl\n      hash: md5\n      md5: " + out + "\n"
	}
	r.commit("one", "dvc.lock", lock("1", a, "e1", d1))
	r.commit("two", "dvc.lock", lock("2", b, "e2", d2))
	w.load(r.path, namedRepo)
	for out, want := range map[string][]string{
		d1: {"USED data animals 1", "USED data data " + a, "USED data set.csv e1"},
		d2: {"USED data animals 2", "USED data data " + b, "USED data set.csv e2"}} {
		v := w.data("mine", "m.pkl", "md5:"+out)
		run := slices.IndexFunc(w.runs()["train"], func(run *registry.Run) bool {
			return slices.Contains(w.neighbors(run, true), "GENERATED_BY data m.pkl "+v.Version)
		})
		got := slices.DeleteFunc(w.neighbors(w.runs()["train"][run], false), func(s string) bool { return strings.HasPrefix(s, "RAN_CODE") })
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", out, d)
		}
	}
}

func TestNamesOfSourcesMeanOneThing(t *testing.T) {
	w := newFixture(t, registry.RoleAdmin)
	source := func(dep string, out string) string {
		return "deps:\n- " + dep + "\nouts:\n- path: " + out + "\n  hash: md5\n  md5: " + strings.Repeat(out[:1], 32) + "\n"
	}
	for _, name := range []string{"alpha", "beta"} {
		r := newRepo(t)
		r.commit("data: "+name, "a.dvc", source("path: remote://storage/a.csv\n  etag: e1", "a"), "b.dvc", source("path: ../shared/b.csv\n  etag: e2", "b"),
			"sub/c.dvc", source("path: ../../shared/b.csv\n  etag: e2", "c"), "d.dvc", source("path: https://data.example.org/get?id=17\n  etag: e3", "d"),
			"e.dvc", source("path: https://DATA.example.org/get?id=18\n  etag: e3", "e"), "f.dvc", source("path: gdrive://1AbC/f.csv\n  etag: e4", "f"),
			"sub/1.dvc", source("path: d\n  repo: {url: ., rev_lock: "+strings.Repeat("a", 40)+"}", "1"),
			"2.dvc", source("db: {query: \"SELECT *\\n FROM loans\", connection: warehouse}", "2"), "3.dvc", source("db: {table: loans, connection: warehouse}", "3"),
			"4.dvc", source("path: file:///srv/x.csv\n  etag: e5", "4"), "5.dvc", source("path: /srv/x.csv\n  etag: e5", "5"))
		if rep := w.load(r.path, git.Options{Name: name}); len(rep.Problems) != 0 {
			t.Errorf("problems %+v", rep.Problems)
		}
		for _, want := range [][3]string{{name, "remote://storage/a.csv", "e1"}, {name, "../shared/b.csv", "e2"}, {"https://data.example.org", "get?id=17", "e3"}, {"https://data.example.org", "get?id=18", "e3"},
			{"gdrive://1AbC", "f.csv", "e4"}, {name, "d", "md5:" + strings.Repeat("1", 32)}, {name, "db://warehouse/SELECT * FROM loans", "md5:" + strings.Repeat("2", 32)},
			{name, "db://warehouse/loans", "md5:" + strings.Repeat("3", 32)}, {"file", "/srv/x.csv", "e5"}} {
			if w.data(want[0], want[1], want[2]) == nil {
				t.Errorf("there is no %v:\n%s", want, w.everything())
			}
		}
	}
	if n := strings.Count(w.everything(), `"version":"e5"`); n != 1 {
		t.Errorf("a file of the machine has %d names", n)
	}
}

func TestAChainGoesOnInTheRegistryThatItWasImportedFrom(t *testing.T) {
	w := newFixture(t, registry.RoleAdmin)
	from := newRepo(t)
	from.git("remote", "add", "origin", "https://git.example.com/data/registry.git")
	rev := from.commit("data: clean", "src.csv.dvc", "deps:\n- path: s3://lake/src.csv\n  etag: zz\nouts:\n- path: src.csv\n  hash: md5\n  md5: "+d1+"\n",
		"dvc.lock", lock("clean", "c", "deps src.csv "+d1, "outs cases.csv "+d2))
	to := newRepo(t)
	to.commit("data: import", "data/cases.csv.dvc", "deps:\n- path: cases.csv\n  repo:\n    url: git@git.example.com:data/registry\n    rev_lock: "+rev+"\nouts:\n- path: cases.csv\n  hash: md5\n  md5: "+d2+"\n",
		"dvc.lock", lock("train", "t", "deps data/cases.csv "+d2, "outs m.pkl "+d3))
	w.load(to.path, namedRepo) // Also in this order.
	w.load(from.path, git.Options{})
	up := w.upstream(w.data("mine", "m.pkl", "md5:"+d3).ID)
	for _, want := range []string{"data data/cases.csv md5:" + d2, "data cases.csv md5:" + d2, "run clean", "data src.csv md5:" + d1, "data src.csv zz"} {
		if !slices.Contains(up, want) {
			t.Errorf("%q is not in %v", want, up)
		}
	}
}

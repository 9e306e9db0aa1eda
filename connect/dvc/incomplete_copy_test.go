package dvc_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pedigree/connect/git"
	"pedigree/registry"
)

// lose removes an object from a repository.
func (r *repo) lose(revision string) {
	r.Helper()
	sha := r.git("rev-parse", revision)
	if err := os.Remove(filepath.Join(r.path, ".git", "objects", sha[:2], sha[2:])); err != nil {
		r.Fatal(err)
	}
}

func TestAMissingObjectCostsOnlyWhatItHolds(t *testing.T) {
	for _, c := range []struct{ lost, where, what string }{
		{"HEAD~1:dvc.lock", "dvc.lock at commit ", "the file is not in this copy"},
		{"HEAD~1:", "commit ", "the folder "},
		{"HEAD~1:sub", "commit ", "the folder "},
		{"HEAD~1", "commit ", "history is cut"},
	} {
		t.Run(c.lost, func(t *testing.T) {
			w := newFixture(t, registry.RoleAdmin)
			r := newRepo(t)
			r.commit("one", "dvc.lock", lock("one", "c", "outs a.csv "+d1), "sub/x.dvc", "outs:\n- {path: x, hash: md5, md5: "+d3+"}\n")
			r.commit("two", "dvc.lock", lock("two", "c", "outs a.csv "+d2), "sub/y.dvc", "outs:\n- {path: y, hash: md5, md5: "+d3+"}\n")
			r.commit("three", "dvc.lock", lock("three", "c", "outs b.csv "+d4), "sub/z.dvc", "outs:\n- {path: z, hash: md5, md5: "+d3+"}\n")
			r.lose(c.lost)
			rep := w.load(r.path, namedRepo)
			if !hasProblem(rep, git.NotRead, c.where, c.what) {
				t.Errorf("problems %+v", rep.Problems)
			}
			if runs := w.runs(); len(runs["three"]) != 1 || w.data("mine", "sub/z", "md5:"+d3) == nil {
				t.Errorf("the rest is not recorded: %v", runs)
			}
		})
	}
}

func TestFilesOfASubmoduleAreTheCodeOfAnotherRepository(t *testing.T) {
	w := newFixture(t, registry.RoleAdmin)
	other := newRepo(t)
	other.commit("code", "train.py", "pass", "data.dvc", "outs:\n- {path: data, hash: md5, md5: "+d1+"}\n")
	r := newRepo(t)
	r.git("-c", "protocol.file.allow=always", "submodule", "add", "-q", other.path, "libs/shared")
	r.commit("train", "dvc.lock", lock("train", "t", "deps libs/shared/train.py "+d2, "deps libs/shared "+d3+".dir", "outs m.pkl "+d4))
	rep := w.load(r.path, namedRepo)
	if len(rep.Problems) != 1 || !hasProblem(rep, git.Remark, "submodule libs/shared", "are not read") {
		t.Errorf("problems %+v", rep.Problems)
	}
	up := w.neighbors(w.runs()["train"][0], false)
	if len(up) != 1 || !slices.ContainsFunc(up, func(s string) bool { return strings.HasPrefix(s, "RAN_CODE") }) {
		t.Errorf("the run read %v", up)
	}
	w.importAgain(r.path, namedRepo)
}

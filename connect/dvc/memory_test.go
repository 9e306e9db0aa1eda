package dvc

import (
	"bytes"
	"fmt"
	"os/exec"
	"testing"

	"pedigree/connect/git"
	"pedigree/registry"
)

// manyFiles returns a repository of n .dvc files and as many commits that change one each.
func manyFiles(t *testing.T, files, commits int) *git.Repository {
	t.Helper()
	dir := t.TempDir()
	if out, err := exec.Command("git", "init", "-q", "--bare", dir).CombinedOutput(); err != nil {
		t.Fatalf("git init: %v\n%s", err, out)
	}
	var in bytes.Buffer
	for c := range commits {
		fmt.Fprintf(&in, "commit refs/heads/main\ncommitter Ann <ann@example.com> %d +0000\ndata 1\nx\n", 1600000000+c*600)
		for i := range files {
			if c == 0 || i == c*7919%files {
				text := fmt.Sprintf("outs:\n- path: p%d\n  hash: md5\n  md5: %032x\n", i, i*100_000+c)
				fmt.Fprintf(&in, "M 100644 inline s%02d/p%d.dvc\ndata %d\n%s\n", i%5, i, len(text), text)
			}
		}
	}
	cmd := exec.Command("git", "-C", dir, "fast-import", "--quiet")
	cmd.Stdin = &in
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("git fast-import: %v\n%s", err, out)
	}
	repo, err := git.Open(t.Context(), dir, git.Options{Name: "many"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { repo.Close() })
	return repo
}

// TestMemoryDoesNotGrowWithFilesTimesCommits counts what a reader keeps after it read all
// commits. Without a limit it would be 300 times the files of a commit.
func TestMemoryDoesNotGrowWithFilesTimesCommits(t *testing.T) {
	const files, commits, limit = 300, 300, 600
	repo := manyFiles(t, files, commits)
	r := newReader(repo, &git.Report{})
	r.parsedLimit, r.projectLimit = limit*1024, limit
	all, err := repo.Commits(t.Context())
	if err != nil || len(all) != commits {
		t.Fatal(len(all), err)
	}
	names := map[registry.ID]bool{}
	for _, c := range all {
		p, isNew := r.project(c)
		if !isNew || len(p.tracked) != files {
			t.Fatalf("commit %s: new %v, %d files", c.SHA, isNew, len(p.tracked))
		}
		for _, tr := range p.tracked {
			names[registry.DatasetVersionID("x", tr.name+tr.digest)] = true
		}
	}
	if want := files + commits - 1; len(names) != want {
		t.Errorf("%d states, want %d", len(names), want)
	}
	if held := r.projects.Held(); held > 4*limit {
		t.Errorf("projects of %d files are kept", held)
	}
	if held := r.parsed.Held(); held > 4*limit*1100 {
		t.Errorf("%d bytes of parsed files are kept", held)
	}
	if held := r.finder.Held(); held > 2*(20_000+files) {
		t.Errorf("%d files of trees are kept", held)
	}
}

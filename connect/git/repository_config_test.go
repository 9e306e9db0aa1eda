package git

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"pedigree/registry"
)

// smallRepository returns the path of a repository with one commit, with text added to its
// .git/config.
func smallRepository(t *testing.T, settings string) string {
	t.Helper()
	dir := t.TempDir()
	for _, args := range [][]string{{"init", "-q", "-b", "main"}, {"-c", "user.name=Ann", "-c", "user.email=ann@example.test", "commit", "-q", "--allow-empty", "-m", "one"}} {
		cmd := exec.Command("git", args...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	f, err := os.OpenFile(filepath.Join(dir, ".git", "config"), os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(f, settings)
	f.Close()
	return dir
}

func TestSettingsThatGitTakesDoNotStopAnImport(t *testing.T) {
	const origin = "[remote \"origin\"]\n\turl = https://git.example.com/r.git\n\tfetch = +refs/heads/*:refs/remotes/origin/*\n"
	for name, settings := range map[string]string{
		"gh pr checkout":          origin + "[branch \"main\"]\n\tremote = origin\n\tmerge = refs/pull/12/head\n",
		"worktreeConfig":          "[extensions]\n\tworktreeConfig = true\n",
		"partial clone":           "[core]\n\trepositoryformatversion = 1\n[extensions]\n\tpartialClone = origin\n",
		"negative refspec":        origin + "\tfetch = ^refs/heads/dependabot/*\n",
		"refspec without a colon": origin + "\tfetch = main\n",
		"pull.rebase per branch":  "[branch \"main\"]\n\trebase = merges\n",
		"merge = main":            "[branch \"main\"]\n\tremote = origin\n\tmerge = main\n",
		"pack.window with a unit": "[pack]\n\twindow = 1k\n",
		"old section form":        "[branch.main]\n\tremote = origin\n",
		"objectFormat = sha1":     "[core]\n\trepositoryformatversion = 1\n[extensions]\n\tobjectFormat = sha1\n",
		"preciousObjects":         "[core]\n\trepositoryformatversion = 1\n[extensions]\n\tpreciousObjects = true\n",
	} {
		r, err := Open(t.Context(), smallRepository(t, settings), Options{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if commits, err := r.Commits(t.Context()); len(commits) != 1 || err != nil {
			t.Errorf("%s: %d commits, %v", name, len(commits), err)
		}
		if want := "https://git.example.com/r"; strings.Contains(settings, "url") && r.Key() != want {
			t.Errorf("%s: the key is %q", name, r.Key())
		}
	}
}

func TestSettingsThatChangeTheStorageAreRefused(t *testing.T) {
	const v1 = "[core]\n\trepositoryformatversion = 1\n[extensions]\n\t"
	for settings, want := range map[string]string{
		v1 + "objectFormat = sha256\n":                                      "SHA-256",
		v1 + "refStorage = reftable\n":                                      "reftable",
		v1 + "somethingNew = true\n":                                        "somethingNew",
		"[core]\n\trepositoryformatversion = 7\n":                           "format 7",
		"[remote \"origin\"]\n\turl = \"https://me:secret@host.example/x\n": "in line ",
	} {
		_, err := Open(t.Context(), smallRepository(t, settings), Options{})
		if registry.CodeOf(err) != registry.FailedPrecondition || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v, want %q", settings, err, want)
		}
	}
}

// TestNoKeyHoldsAPassword takes the forms of origins that git takes.
func TestNoKeyHoldsAPassword(t *testing.T) {
	for _, c := range []struct{ settings, want string }{
		{"[remote \"origin\"]\n\turl = https://deploy:p^ss{secret}@git.example.com/risk/churn.git\n", "https://git.example.com/risk/churn"},
		{"[remote \"origin\"]\n\turl = https://deploy:%73ecret@git.example.com/risk/churn.git\n", "https://git.example.com/risk/churn"},
		{"[remote \"origin\"]\n\turl = deploy:secret@git.example.com:risk/churn.git\n", "https://git.example.com/risk/churn"},
		{"[remote \"origin\"]\n\turl = ssh://deploy:secret@git.example.com:22/risk/churn.git\n\turl = https://a:secret@other.example/x\n", "https://git.example.com/risk/churn"},
		{"[remote \"origin\"]\n\turl = gh:churn.git\n[url \"https://deploy:secret@git.example.com/risk/\"]\n\tinsteadOf = gh:\n", "https://git.example.com/risk/churn"},
		{"[remote \"upstream\"]\n\turl = https://deploy:secret@git.example.com/risk/churn.git\n", ""},
		{"[remote \"origin\"]\n\turl = file://deploy:secret@localhost/srv/churn.git\n", ""},
		{"[remote \"origin\"]\n\turl = /srv/deploy:secret@churn.git\n", ""},
	} {
		r, err := Open(t.Context(), smallRepository(t, c.settings), Options{})
		if err != nil {
			t.Fatalf("%q: %v", c.settings, err)
		}
		if strings.Contains(r.Key(), "secret") || c.want != "" && r.Key() != c.want || c.want == "" && len(r.Key()) != 40 {
			t.Errorf("%q: the key is %q, want %q", c.settings, r.Key(), c.want)
		}
	}
	dir := smallRepository(t, "")
	for _, from := range []string{"_me:secret@host", "https://me:secret@-x/y", "me:secret@host.example:x", dir + "/me:secret@x", "ssh://me:secret@host/x"} {
		if _, err := Open(t.Context(), from, Options{}); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v", from, err)
		}
	}
	if _, err := Open(t.Context(), dir, Options{Name: "https://me:secret@host.example/x"}); registry.CodeOf(err) != registry.InvalidArgument || strings.Contains(err.Error(), "secret") {
		t.Errorf("a key with a password: %v", err)
	}
}

package remote_test

import (
	"os"
	"os/exec"
	"testing"
)

// repo is a git repository that a test changes with the git command.
type repo struct {
	*testing.T
	path string
}

func newRepo(t *testing.T) *repo {
	t.Helper()
	r := &repo{T: t, path: t.TempDir()}
	r.git("init", "-q", "-b", "main")
	return r
}

func (r *repo) git(args ...string) {
	r.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = r.path
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1", "GIT_AUTHOR_NAME=Ada", "GIT_AUTHOR_EMAIL=ada@example.test",
		"GIT_COMMITTER_NAME=Ada", "GIT_COMMITTER_EMAIL=ada@example.test")
	if out, err := cmd.CombinedOutput(); err != nil {
		r.Fatalf("git %v: %v\n%s", args, err, out)
	}
}

func (r *repo) commit(message string) { r.git("commit", "-q", "--allow-empty", "-m", message) }

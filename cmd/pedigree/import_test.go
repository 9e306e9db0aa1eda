package main

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// run executes the command and returns its exit code and output.
func run(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	code = Main(t.Context(), args, strings.NewReader(""), &out, &err)
	return code, out.String(), err.String()
}

func TestImportReportsWhatItAddedAndThenNothing(t *testing.T) {
	clone := filepath.Join(t.TempDir(), "clone")
	if out, err := exec.Command("git", "clone", "-q", "../../testdata/dvc-project/repo.bundle", clone).CombinedOutput(); err != nil {
		t.Fatalf("git clone: %v\n%s", err, out)
	}
	data := t.TempDir()
	code, stdout, stderr := run(t, "import", "dvc", clone, "--repo", "churn", "--data", data)
	if code != 0 {
		t.Fatalf("exit %d: %s", code, stderr)
	}
	for _, want := range []string{"repository churn\n", "5 commits\n", "12 tags\n", "3 model versions\n", "3 deployments\n", "4 transitions\n"} {
		if !strings.Contains(stdout, want) {
			t.Errorf("%q is not in the summary:\n%s", want, stdout)
		}
	}
	if !strings.Contains(stderr, "recording commits: 5\n") || strings.ContainsAny(stderr, "\r\x1b") {
		t.Errorf("without a terminal, progress must be plain lines: %q", stderr)
	}
	for _, what := range []string{"git", "dvc"} {
		if code, stdout, _ := run(t, "import", what, clone, "--repo", "churn", "--data", data); code != 0 || stdout != "repository churn\nnothing new\n" {
			t.Errorf("import %s again: exit %d, %q", what, code, stdout)
		}
	}
	code, stdout, stderr = run(t, "lineage", "churn-model@latest", "--data", data)
	if code != 0 || !strings.Contains(stdout, "churn-model 1.1.1 [PRODUCTION]") || !strings.Contains(stdout, "data/raw/churn.csv md5:5c58c678d04d") {
		t.Errorf("exit %d %s:\n%s", code, stderr, stdout)
	}
}

func TestImportRefusesWhatItCannotRead(t *testing.T) {
	data := t.TempDir()
	for _, c := range []struct{ from, want string }{
		{"ssh://git@host.example/x.git", "INVALID_ARGUMENT: source: the scheme ssh:// is not read"},
		{"ext::sh -c id", "INVALID_ARGUMENT: source: names a transport helper"},
		{t.TempDir(), "FAILED_PRECONDITION: "},
		{"../../testdata/dvc-project/repo.bundle", "make a repository of it with git clone"},
	} {
		if code, _, stderr := run(t, "import", "git", "--data", data, "--", c.from); code != 1 || !strings.Contains(stderr, c.want) {
			t.Errorf("%s: exit %d, %s", c.from, code, stderr)
		}
	}
	if code, _, stderr := run(t, "import", "git", "--data", data, "--", "-upload-pack=id"); code != 1 || !strings.Contains(stderr, "must not start with a dash") {
		t.Errorf("exit %d, %s", code, stderr)
	}
}

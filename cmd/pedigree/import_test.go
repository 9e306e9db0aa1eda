package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"os"
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

// plainProject clones the sample without its GTO tags.
func plainProject(t *testing.T) string {
	t.Helper()
	clone := filepath.Join(t.TempDir(), "clone")
	if out, err := exec.Command("git", "clone", "-q", "../../testdata/dvc-project/repo.bundle", clone).CombinedOutput(); err != nil {
		t.Fatalf("git clone: %v\n%s", err, out)
	}
	tags, err := exec.Command("git", "-C", clone, "tag").Output()
	if err != nil {
		t.Fatal(err)
	}
	for tag := range strings.FieldsSeq(string(tags)) {
		if strings.ContainsAny(tag, "@#") {
			if out, err := exec.Command("git", "-C", clone, "tag", "-d", tag).CombinedOutput(); err != nil {
				t.Fatalf("git tag -d: %v\n%s", err, out)
			}
		}
	}
	return clone
}

func TestTheCommandThatAnImportNamesRegistersItsModels(t *testing.T) {
	clone, data := plainProject(t), t.TempDir()
	code, stdout, stderr := run(t, "import", "dvc", clone, "--repo", "churn", "--data", data)
	lines := strings.Split(strings.TrimSpace(stdout), "\n")
	command := strings.TrimSpace(lines[len(lines)-1])
	want := "pedigree import dvc " + clone + " --data " + data + " --repo churn --model churn-model=models/model.json"
	if code != 0 || command != want || !strings.Contains(stdout, "models/model.json: an output of the stage train") {
		t.Fatalf("exit %d %s:\n%s\nwant %s", code, stderr, stdout, want)
	}
	args := strings.Fields(command)[1:]
	// What would be recorded, then that, then nothing.
	if code, stdout, stderr := run(t, append(args, "--dry-run")...); code != 0 || !strings.Contains(stdout, "nothing is recorded") || !strings.Contains(stdout, "  model versions: churn-model 1.0.0 (") ||
		!strings.Contains(stdout, "added:\n       3 model versions\n") || strings.Contains(stdout, "commits") {
		t.Errorf("dry run: exit %d %s:\n%s", code, stderr, stdout)
	}
	if code, stdout, stderr := run(t, args...); code != 0 || stdout != "repository churn\nadded:\n       3 model versions\n" {
		t.Errorf("exit %d %s:\n%s", code, stderr, stdout)
	}
	if code, stdout, stderr := run(t, args...); code != 0 || stdout != "repository churn\nnothing new\n" {
		t.Errorf("again: exit %d %s:\n%s", code, stderr, stdout)
	}
	if code, stdout, stderr := run(t, append(args, "--dry-run")...); code != 0 || !strings.HasSuffix(stdout, "would be added:\nrepository churn\nnothing new\n") {
		t.Errorf("dry run at the end: exit %d %s:\n%s", code, stderr, stdout)
	}
}

func TestADryRunCreatesNothing(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	config := filepath.Join(t.TempDir(), "pedigree.yaml")
	if err := os.WriteFile(config, []byte("model:\n- churn=models/model.json\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	code, stdout, stderr := run(t, "import", "dvc", plainProject(t), "--repo", "churn", "--data", data, "--dry-run", "--config", config)
	for _, want := range []string{"       5 commits\n", "      15 runs\n", "       3 model versions\n", "  runs: train#", "  dataset versions: data/raw/churn.csv md5:5c58c678d04d"} {
		if code != 0 || !strings.Contains(stdout, want) {
			t.Errorf("exit %d %s: %q is not in\n%s", code, stderr, want, stdout)
		}
	}
	if _, err := os.Stat(data); !os.IsNotExist(err) {
		t.Errorf("the dry run made %s: %v", data, err)
	}
}

func TestAnEmptyRegistrySaysWhatToDo(t *testing.T) {
	data := t.TempDir()
	if code, _, stderr := run(t, "lineage", "x@1.0.0", "--data", data); code != 1 || !strings.Contains(stderr, "NOT_FOUND") || !strings.Contains(stderr, "pedigree import dvc PATH") {
		t.Errorf("without a store: exit %d %s", code, stderr)
	}
	if code, _, stderr := run(t, "token", "create", "--subject", "ann", "--role", "admin", "--data", data); code != 0 {
		t.Fatal(stderr)
	}
	if code, _, stderr := run(t, "lineage", "x@1.0.0", "--data", data); code != 1 || !strings.Contains(stderr, "the registry is still empty") || !strings.Contains(stderr, "pedigree import dvc PATH") {
		t.Errorf("without facts: exit %d %s", code, stderr)
	}
	if code, _, stderr := run(t, "demo", "load", "--data", data); code != 0 {
		t.Fatal(stderr)
	}
	if code, _, stderr := run(t, "lineage", "x@1.0.0", "--data", data); code != 1 || strings.Contains(stderr, "empty") || !strings.Contains(stderr, "there is no version") {
		t.Errorf("with facts: exit %d %s", code, stderr)
	}
}

func TestADescriptionOfADatasetIsImportedOnce(t *testing.T) {
	file, data := filepath.Join("..", "..", "connect", "croissant", "testdata", "titanic.json"), t.TempDir()
	if code, stdout, stderr := run(t, "import", "croissant", file, "--data", data); code != 0 || stdout != "added:\n       4 datasets\n" {
		t.Errorf("exit %d %s:\n%s", code, stderr, stdout)
	}
	if code, stdout, stderr := run(t, "import", "croissant", file, "--data", data); code != 0 || stdout != "nothing new\n" {
		t.Errorf("again: exit %d %s:\n%s", code, stderr, stdout)
	}
	if code, _, stderr := run(t, "import", "croissant", "import.go", "--data", data); code != 1 || !strings.Contains(stderr, "import.go: is no JSON object") {
		t.Errorf("another file: exit %d %s", code, stderr)
	}
}

func TestACardIsFilledFromAFile(t *testing.T) {
	file, data := filepath.Join("..", "..", "connect", "modelcard", "testdata", "model-index.md"), t.TempDir()
	args := []string{"import", "modelcard", file, "--model", "flowers", "--version", "1.0.0", "--data", data}
	if code, _, stderr := run(t, args...); code != 1 || !strings.Contains(stderr, "there is no version 1.0.0 of flowers") {
		t.Errorf("without a version: exit %d %s", code, stderr)
	}
	if code, _, stderr := run(t, "version", "register", "flowers", "1.0.0", "--create-model", "--data", data); code != 0 {
		t.Fatal(stderr)
	}
	if code, stdout, stderr := run(t, args...); code != 0 || stdout != "added:\n       3 card fields\n       5 tags\n       1 causes\n" {
		t.Errorf("exit %d %s:\n%s", code, stderr, stdout)
	}
	if code, stdout, stderr := run(t, args...); code != 0 || stdout != "nothing new\n" {
		t.Errorf("again: exit %d %s:\n%s", code, stderr, stdout)
	}
	if code, stdout, stderr := run(t, "lineage", "flowers@1.0.0", "--data", data); code != 0 || !strings.Contains(stdout, "beans") {
		t.Errorf("exit %d %s:\n%s", code, stderr, stdout)
	}
}

// TestWatchImportsWhatComesUntilAnInterrupt watches a clone of the sample: it imports it, then a new
// commit, and ends with success when it is interrupted.
func TestWatchImportsWhatComesUntilAnInterrupt(t *testing.T) {
	clone, data := sample(t), t.TempDir()
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	out, in := io.Pipe()
	code := make(chan int, 1)
	go func() {
		code <- Main(ctx, []string{"watch", clone, "--repo", "churn", "--data", data, "--interval", "1s"}, strings.NewReader(""), in, in)
		in.Close()
	}()
	lines := bufio.NewScanner(out)
	until := func(want string) {
		t.Helper()
		for lines.Scan() {
			if strings.Contains(lines.Text(), want) {
				return
			}
		}
		t.Fatalf("the command ended without %q", want)
	}
	until("3 model versions")
	until("looking again every 1s")
	if out, err := exec.Command("git", "-C", clone, "-c", "user.name=Ann", "-c", "user.email=a@example.com", "commit", "-q", "--allow-empty", "-m", "news").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	until("1 commits")
	interrupt()
	go io.Copy(io.Discard, out)
	if got := <-code; got != 0 {
		t.Errorf("exit %d after an interrupt", got)
	}
	if code, stdout, stderr := run(t, "watch", clone, "--repo", "churn", "--data", data, "--once"); code != 0 || stdout != "repository churn\nnothing new\n" {
		t.Errorf("once more: exit %d %s:\n%s", code, stderr, stdout)
	}
	for args, want := range map[string]string{clone + " --interval 1ms": "interval: must be at least 1s", "/nothing/here": "NOT_FOUND"} {
		if code, _, stderr := run(t, append(append([]string{"watch"}, strings.Fields(args)...), "--data", data)...); code != 1 || !strings.Contains(stderr, want) {
			t.Errorf("%s: exit %d, %s", args, code, stderr)
		}
	}
}

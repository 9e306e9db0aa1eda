package main

import (
	"bufio"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"pedigree/lineage/export"
)

const adminToken = "pdg_command_bootstrap_token_0123"

// startServer runs the serve command in this process and returns the server's URL and data
// folder.
func startServer(t *testing.T, flags ...string) (url, data string) {
	t.Helper()
	data = t.TempDir()
	t.Setenv("PEDIGREE_BOOTSTRAP_TOKEN", adminToken)
	ctx, stop := context.WithCancel(t.Context())
	out, in := io.Pipe()
	done := make(chan int, 1)
	go func() {
		done <- Main(ctx, append([]string{"serve", "--listen", "127.0.0.1:0", "--data", data, "--log-level", "error"}, flags...), strings.NewReader(""), in, in)
		in.Close()
	}()
	t.Cleanup(func() {
		stop()
		if code := <-done; code != 0 {
			t.Errorf("serve ended with %d", code)
		}
	})
	lines := bufio.NewScanner(out)
	if !lines.Scan() || !strings.Contains(lines.Text(), "http://") {
		t.Fatalf("the server said %q", lines.Text())
	}
	url = lines.Text()[strings.Index(lines.Text(), "http://"):]
	go io.Copy(io.Discard, out)
	t.Setenv("PEDIGREE_TOKEN", adminToken)
	return url, data
}

func sample(t *testing.T) string {
	t.Helper()
	clone := filepath.Join(t.TempDir(), "clone")
	if out, err := exec.Command("git", "clone", "-q", "../../testdata/dvc-project/repo.bundle", clone).CombinedOutput(); err != nil {
		t.Fatalf("git clone: %v\n%s", err, out)
	}
	return clone
}

func TestCommandsPrintTheSameThroughAServerAsOverAStore(t *testing.T) {
	url, data := startServer(t)
	direct, clone := t.TempDir(), sample(t)
	for _, args := range [][]string{
		{"import", "git", clone, "--repo", "churn"},
		{"import", "dvc", clone, "--repo", "churn"},
		{"import", "dvc", clone, "--repo", "churn"},
		{"demo", "load"},
		{"demo", "load"},
		{"lineage", "churn-model@latest"},
		{"lineage", "credit-approval@champion", "--depth", "3"},
		{"lineage", "credit-approval@9.9.9"},
		{"lineage", "no-id"},
		{"import", "git", t.TempDir()},
	} {
		code, out, err := run(t, append(args, "--data", direct)...)
		code2, out2, err2 := run(t, append(args, "--server", url)...)
		if code != code2 || out != out2 || err != err2 {
			t.Errorf("%v: over the store exit %d\n%s%s\nthrough the server exit %d\n%s%s", args, code, out, err, code2, out2, err2)
		}
	}
	// The same store, opened directly, gives the same bytes.
	for _, f := range export.Formats() {
		_, want, _ := run(t, "lineage", "churn-model@latest", "--format", f.Name(), "--data", data)
		if _, got, err := run(t, "lineage", "churn-model@latest", "--format", f.Name(), "--server", url); got != want || len(got) < 300 {
			t.Errorf("%s: %s\n%s\n%s", f, err, want, got)
		}
	}
}

func TestAServerIsNamedByFlagEnvironmentOrFile(t *testing.T) {
	url, _ := startServer(t)
	if code, _, err := run(t, "demo", "load", "--server", url); code != 0 {
		t.Fatal(err)
	}
	empty, file := t.TempDir(), filepath.Join(t.TempDir(), "pedigree.yaml")
	if err := os.WriteFile(file, []byte("server: "+url+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, out, err := run(t, "lineage", "credit-approval@1.0.0", "--config", file); code != 0 || !strings.Contains(out, "credit-approval 1.0.0") {
		t.Errorf("by the file: exit %d %s", code, err)
	}
	t.Setenv("PEDIGREE_SERVER", url)
	if code, out, err := run(t, "lineage", "credit-approval@1.0.0"); code != 0 || !strings.Contains(out, "credit-approval 1.0.0") {
		t.Errorf("by the environment: exit %d %s", code, err)
	}
	// A store on the command line has precedence over a server in the environment.
	if code, _, err := run(t, "lineage", "credit-approval@1.0.0", "--data", empty); code != 1 || !strings.Contains(err, "NOT_FOUND") {
		t.Errorf("--data beside PEDIGREE_SERVER: exit %d %s", code, err)
	}
	if code, _, err := run(t, "lineage", "credit-approval@1.0.0", "--data", empty, "--server", url); code != 1 || !strings.Contains(err, "not both") {
		t.Errorf("--data and --server: exit %d %s", code, err)
	}
}

func TestStoreCommandsRefuseAServer(t *testing.T) {
	url, data := startServer(t)
	for _, c := range []struct {
		want string
		args []string
	}{
		{"not both", []string{"token", "create", "--subject", "ann", "--role", "viewer", "--data", data}},
		{"policy list prints that of a server", []string{"policy", "show"}},
		{"checked here", []string{"policy", "check", "../../policies/policy.csv"}},
		{"--listen", []string{"serve"}},
		{"--url", []string{"ready"}},
	} {
		code, out, err := run(t, append(c.args, "--server", url)...)
		if code != 1 || out != "" || !strings.Contains(err, "INVALID_ARGUMENT: server: ") || !strings.Contains(err, c.want) {
			t.Errorf("%v: exit %d %s%s", c.args, code, out, err)
		}
	}
	t.Setenv("PEDIGREE_SERVER", url)
	if code, _, err := run(t, "doctor"); code != 1 || !strings.Contains(err, "PEDIGREE_SERVER or the configuration file names one: unset it") {
		t.Errorf("another store is checked than that of the server: exit %d %s", code, err)
	}
	if code, _, err := run(t, "token", "create", "--subject", "ann", "--role", "viewer", "--data", data); code != 0 {
		t.Errorf("exit %d %s", code, err)
	}
	if code, out, err := run(t, "policy", "show"); code != 0 || !strings.Contains(out, "role:admin") {
		t.Errorf("exit %d %s", code, err)
	}
}

func TestServerErrorsArePrinted(t *testing.T) {
	url, data := startServer(t)
	clone := sample(t)
	_, out, _ := run(t, "token", "create", "--subject", "vic", "--role", "viewer", "--data", data)
	lines := strings.Fields(out)
	for _, c := range []struct{ token, url, want string }{
		{lines[len(lines)-1], url, "FORBIDDEN: this import needs the action dataset.record"},
		{"pdg_some_wrong_token", url, "UNAUTHENTICATED: the token is not valid"},
		{"", url, "UNAUTHENTICATED: a server wants a token: put it into PEDIGREE_TOKEN"},
		{adminToken, "http://127.0.0.1:1", "UNAVAILABLE: the server at http://127.0.0.1:1 does not answer"},
		{adminToken, url + "/elsewhere", "UNAVAILABLE: "},
		{adminToken, "postgres://host/db", "INVALID_ARGUMENT: server: is no URL of a server"},
	} {
		t.Setenv("PEDIGREE_TOKEN", c.token)
		code, out, err := run(t, "import", "dvc", clone, "--server", c.url)
		if code != 1 || !strings.Contains(err, c.want) || c.token != "" && strings.Contains(out+err, c.token) {
			t.Errorf("exit %d %s%s, want %s", code, out, err, c.want)
		}
	}
	t.Setenv("PEDIGREE_TOKEN", adminToken)
	if code, _, err := run(t, "lineage", "churn-model@latest", "--server", url); code != 1 || !strings.Contains(err, "NOT_FOUND") {
		t.Errorf("the refused imports left something behind: exit %d %s", code, err)
	}
}

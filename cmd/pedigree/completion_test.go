package main

import (
	"net/http"
	"net/http/httptest"
	"os/exec"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
)

// completed returns the words that a shell would offer for the last argument.
func completed(t *testing.T, args ...string) []string {
	t.Helper()
	code, out, _ := run(t, append([]string{"__complete"}, args...)...)
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if code != 0 || lines[len(lines)-1] != ":4" { // Only these words, and no files.
		t.Fatalf("%v: exit %d %q", args, code, out)
	}
	return lines[:len(lines)-1]
}

// TestNamesAreCompletedFromAStoreAndFromAServer completes models, versions, aliases, stages and ids.
func TestNamesAreCompletedFromAStoreAndFromAServer(t *testing.T) {
	url, data := startServer(t)
	for _, args := range [][]string{{"demo", "load"}, {"model", "register", "churn"}, {"version", "register", "churn", "1.0.0"}} {
		if code, _, stderr := run(t, append(args, "--server", url)...); code != 0 {
			t.Fatal(stderr)
		}
	}
	_, out, _ := run(t, "deploy", "list", "--live", "--environment", "staging", "--data", data)
	rows := strings.Split(out, "\n")
	staging := strings.Fields(rows[slices.IndexFunc(rows, func(row string) bool { return strings.Contains(row, "approval-staging") })])[0]
	_, out, _ = run(t, "request", "list", "--data", data)
	request := strings.Fields(strings.Split(out, "\n")[1])[0]
	const models = "card-fraud churn collections-priority credit-approval income-estimator merchant-risk"
	for _, where := range [][]string{{"--data", data}, {"--server", url}} {
		for _, c := range []struct {
			want string
			args []string
		}{
			{models, []string{"model", "get", ""}}, {"credit-approval", []string{"version", "list", "cr"}}, {models, []string{"lineage", ""}},
			{"", []string{"model", "get", "credit-approval", ""}},
			{"credit-approval@1.1.0 credit-approval@1.0.1 credit-approval@1.0.0", []string{"version", "get", "credit-approval@1"}},
			{"credit-approval@champion", []string{"version", "transition", "credit-approval@c"}}, {"", []string{"version", "get", "nothing@"}},
			{"champion", []string{"version", "alias", "set", "credit-approval@1.0.0", ""}}, {"champion", []string{"version", "alias", "delete", "credit-approval", "ch"}},
			{"staging", []string{"version", "transition", "churn@1.0.0", "--to", "st"}}, {"PRODUCTION", []string{"model", "list", "--stage", "P"}},
			{"churn", []string{"log", "--model", "ch"}}, {staging, []string{"deploy", "end", staging[:10]}}, {request, []string{"request", "approve", ""}},
		} {
			args := append(append([]string{c.args[0]}, where...), c.args[1:]...)
			if got := strings.Join(completed(t, args...), " "); got != c.want {
				t.Errorf("%v offers %q, want %q", args, got, c.want)
			}
		}
	}
}

// TestACompletionThatFailsIsSilentAndShort completes from registries that do not answer.
func TestACompletionThatFailsIsSilentAndShort(t *testing.T) {
	asked, release := atomic.Int64{}, make(chan struct{})
	silent := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1); <-release }))
	defer func() { close(release); silent.Close() }()
	t.Setenv("PEDIGREE_TOKEN", adminToken)
	for _, where := range [][]string{{"--server", silent.URL}, {"--server", "http://127.0.0.1:1"}, {"--server", "nonsense"},
		{"--data", t.TempDir()}, {"--store", "mysql://x"}, {"--config", "/missing"}} {
		args := append([]string{"model", "get"}, append(where, "")...)
		if got := completed(t, args...); len(got) != 0 {
			t.Errorf("%v offers %q", where, got)
		}
	}
	if n := asked.Load(); n != 1 { // The client alone would wait for its own limit and ask again.
		t.Errorf("the server that does not answer was asked %d times", n)
	}
}

// TestEveryShellHasACompletionScript makes the scripts.
func TestEveryShellHasACompletionScript(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish"} {
		if code, out, stderr := run(t, "completion", shell); code != 0 || !strings.Contains(out, "__complete") {
			t.Errorf("%s: exit %d %.200s%s", shell, code, out, stderr)
		}
	}
}

// TestBashKeepsAVersionWhole completes MODEL@VERSION in bash, which splits words at @.
func TestBashKeepsAVersionWhole(t *testing.T) {
	_, script, _ := run(t, "completion", "bash")
	_, plain, _ := run(t, "completion", "bash")
	plain = strings.ReplaceAll(plain, "=:@", "=:")
	const shell = `
COMP_WORDBREAKS=$' \t\n"\'@><=;|&(:'
_init_completion() { # What bash-completion does, with the characters that split no word.
	words=(pedigree version get); cword=3
	if [[ $2 == *@* ]]; then cur=credit@1; words+=(credit@1); else cur=1; words+=(credit @ 1); cword=5; fi
}
pedigree() { if [[ "$*" == *"get credit@1" ]]; then printf 'credit@1.0.0\ncredit@1.1.0\n:4\n'; fi; }
COMP_TYPE=9
complete() { :; }
compopt() { :; }
`
	for _, c := range []struct{ script, want string }{{script, "1.0.0 1.1.0\n"}, {plain, "\n"}} {
		cmd := exec.Command("bash", "--norc", "-c", shell+c.script+"\n__start_pedigree\necho \"${COMPREPLY[*]}\"")
		if out, err := cmd.CombinedOutput(); err != nil || string(out) != c.want {
			t.Errorf("bash offers %q, want %q: %v", out, c.want, err)
		}
	}
}

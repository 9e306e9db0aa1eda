package main

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestExitCodesAreThoseOfTheDocs runs a command for each exit code in the table of
// docs/commands.md, over a store and through a server.
func TestExitCodesAreThoseOfTheDocs(t *testing.T) {
	page, err := os.ReadFile("../../docs/commands.md")
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	for _, m := range regexp.MustCompile(`(?m)^\| (\d+) \|`).FindAllStringSubmatch(string(page), -1) {
		told = append(told, m[1])
	}
	url, data := startServer(t, "--approval-profile", "guarded")
	lines := filepath.Join(t.TempDir(), "facts.jsonl")
	if err := os.WriteFile(lines, []byte(`{"model":{"name":"a/b"}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"model", "register", "credit"}, {"version", "register", "credit", "1.0.0"}, {"version", "register", "credit", "2.0.0"},
		{"version", "transition", "credit@1.0.0", "--to", "staging"}, {"version", "transition", "credit@2.0.0", "--to", "staging"}} {
		if code, _, stderr := run(t, append(args, "--server", url)...); code != exitDone {
			t.Fatal(stderr)
		}
	}
	seen := map[string]bool{}
	for way, where := range map[string][]string{"1.0.0": {"--data", data}, "2.0.0": {"--server", url}} {
		for want, all := range map[int][][]string{
			exitDone:    {{"model", "list"}, {"model"}, {"model", "list", "--help"}},
			exitFailed:  {{"model", "get", "nothing"}, {"version", "transition", "credit@" + way, "--to", "nowhere"}},
			exitUsage:   {{"model", "get"}, {"model", "list", "--nothing"}, {"version", "transition", "credit", "--to", "staging"}, {"model", "list", "-o", "xml"}, {"model", "nothing"}, {"version", "transition", "credit@1.0.0"}, {"model", "update", "credit"}, {"deploy", "list", "--live", "--ended"}},
			exitRefused: {{"load", lines}},
			exitWaits:   {{"version", "transition", "credit@" + way, "--to", "production"}},
			// A version in STAGING cannot go to DEPRECATED.
			exitBlocked: {{"check", "credit@" + way, "--to", "deprecated"}},
		} {
			for _, args := range all {
				code, out, stderr := run(t, append(args, where...)...)
				if code != want {
					t.Errorf("%v: exit %d, want %d: %s%s", args, code, want, out, stderr)
				}
				if want == exitWaits && (!strings.Contains(out, "PENDING") || !strings.Contains(stderr, "nothing was moved")) {
					t.Errorf("%v: %s%s", args, out, stderr)
				}
			}
			seen[string(rune('0'+want))] = true
		}
	}
	if code, _, stderr := run(t, "nothing"); code != exitUsage || !strings.Contains(stderr, "unknown command") {
		t.Errorf("exit %d %s", code, stderr)
	}
	if all := slices.Sorted(maps.Keys(seen)); !slices.Equal(told, all) {
		t.Errorf("docs/commands.md tells the exit codes %v, and there are %v", told, all)
	}
}

package main

import (
	"encoding/json"
	"encoding/xml"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"pedigree/registry"
)

// TestTheStoryOfAGate imports the sample project, whose raw data has no licence: no version of it is
// promoted, and it says which data it is for. With the licence it goes, until the data is recalled. All of it prints the same
// through a server as over its store.
func TestTheStoryOfAGate(t *testing.T) {
	url, data := startServer(t)
	clone := filepath.Join(t.TempDir(), "churn")
	if out, err := exec.Command("git", "clone", "-q", "../../testdata/dvc-project/repo.bundle", clone).CombinedOutput(); err != nil {
		t.Fatalf("git clone: %v\n%s", err, out)
	}
	do := func(want int, saying string, args ...string) string {
		t.Helper()
		code, out, stderr := run(t, append(args, "--server", url)...)
		if code != want || !strings.Contains(out+stderr, saying) {
			t.Fatalf("%v: exit %d, want %d and %q in\n%s%s", args, code, want, saying, out, stderr)
		}
		return out
	}
	alike := func(want int, saying string, args ...string) string {
		t.Helper()
		there := do(want, saying, args...)
		if code, here, stderr := run(t, append(args, "--data", data)...); code != want || here != there {
			t.Errorf("%v: exit %d %s; through the server\n%s\nover the store\n%s", args, code, stderr, there, here)
		}
		return there
	}
	do(0, "3 model versions", "import", "dvc", clone, "--repo", "churn")
	do(0, "licences", "gate", "put", "licences", "--expression", `sources.all(s, s.licence != "")`, "--message", "give every raw source a licence tag")
	alike(0, "ENFORCE  PRODUCTION  all", "gate", "list")
	const version = "churn-model@1.1.0"
	report := alike(exitBlocked, "", "check", version, "--to", "production", "-o", "junit")
	var suites junitSuites
	if err := xml.Unmarshal([]byte(report), &suites); err != nil {
		t.Fatal(err)
	}
	if s := suites.Suite; s.Tests != 1 || s.Failures != 1 || s.Cases[0].Name != "licences" || !strings.Contains(s.Cases[0].Failure.Message, "sources.licence of data/raw/churn.csv is empty") {
		t.Errorf("%s", report)
	}
	var body struct {
		Allowed bool
		Checks  []checkLine
	}
	if err := json.Unmarshal([]byte(alike(exitBlocked, "", "check", version, "--to", "production", "-o", "json")), &body); err != nil || body.Allowed || len(body.Checks) != 1 || body.Checks[0].Gate.Saw[0].Path != "sources.licence" {
		t.Errorf("%v %+v", err, body)
	}
	do(exitFailed, "FAILED_PRECONDITION", "version", "transition", version, "--to", "production", "--force", "--reason", "now")
	alike(exitBlocked, "licences: 2 of 2 would have been refused", "gate", "test", "guarded")

	facts := filepath.Join(t.TempDir(), "licence.jsonl")
	lines, raw := "", []string{}
	for _, digest := range []string{"34d76ef886ba5e884268c093588ab584", "5c58c678d04dcb799d0626fdf4a8bb1d"} {
		lines += `{"datasetVersion":{"dataset":"data/raw/churn.csv","namespace":"churn","digest":"md5:` + digest + `","role":"RAW","tags":[{"key":"licence","value":"CC-BY-4.0"}]}}` + "\n"
		raw = append(raw, string(registry.DatasetVersionID(registry.DatasetID("churn", "data/raw/churn.csv"), "md5:"+digest)))
	}
	if err := os.WriteFile(facts, []byte(lines), 0o600); err != nil {
		t.Fatal(err)
	}
	do(0, "", "load", facts)
	alike(0, "licences  PASS", "check", version, "--to", "production")
	do(0, "PRODUCTION", "version", "transition", version, "--to", "production", "--reason", "back to the last good one")
	// The licence is there, and then the data turns out to be bad.
	alike(0, "licences  PASS", "check", "churn-model@1.1.1", "--to", "production")
	do(0, "number: 1", append([]string{"recall", "--reason", "customers of another country", "--severity", "high"}, raw...)...)
	alike(exitBlocked, "recall 1", "check", "churn-model@1.1.1", "--to", "production")
	do(exitFailed, "stands under recall 1", "version", "transition", "churn-model@1.1.1", "--to", "production", "--force", "--reason", "now")
	do(0, "withdrawn: licences", "gate", "withdraw", "licences")
	do(exitFailed, "NOT_FOUND", "gate", "withdraw", "licences")
}

// TestProfilesAndFilesOfGates applies every profile, and files that are none.
func TestProfilesAndFilesOfGates(t *testing.T) {
	_, data := startServer(t)
	for profile, gates := range map[string]int{"starter": 3, "guarded": 5, "regulated": 9} {
		code, out, stderr := run(t, "gate", "apply", profile, "--data", data)
		if code != 0 || strings.Count(out, "set: ") != gates {
			t.Errorf("%s: exit %d %s%s", profile, code, out, stderr)
		}
	}
	for text, saying := range map[string]string{"": "no gates", "gates: []": "no gates", "gates: [{name: a, expresion: 'true'}]": "expresion", "- 1": "cannot unmarshal",
		"gates: [{name: a, expression: 'true'}, {name: a, expression: 'false'}]": "twice", "gates: [{name: a, expression: 'version.ownr'}]": "undefined field"} {
		file := filepath.Join(t.TempDir(), "gates.yaml")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if code, _, stderr := run(t, "gate", "apply", file, "--data", data); code != exitFailed || !strings.Contains(stderr, saying) {
			t.Errorf("%q: exit %d %s", text, code, stderr)
		}
	}
	if code, _, stderr := run(t, "gate", "apply", "none", "--data", data); code != exitFailed || !strings.Contains(stderr, "starter guarded regulated") {
		t.Errorf("exit %d %s", code, stderr)
	}
}

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestLineageIsExported checks that the tree is the default format, --format selects
// another, and --output writes a file.
func TestLineageIsExported(t *testing.T) {
	data := t.TempDir()
	if code, _, stderr := run(t, "demo", "load", "--data", data); code != 0 {
		t.Fatal(stderr)
	}
	_, tree, _ := run(t, "lineage", "credit-approval@1.0.0", "--data", data)
	code, same, stderr := run(t, "lineage", "credit-approval@1.0.0", "--data", data, "--format", "tree")
	if code != 0 || tree != same || !strings.Contains(tree, "└── tag v1.0.0") {
		t.Errorf("exit %d %s: %s\n%s", code, stderr, tree, same)
	}
	for format, want := range map[string]string{"prov-json": `"wasGeneratedBy"`, "openlineage": `"eventType":"COMPLETE"`, "cyclonedx": `"machine-learning-model"`,
		"dot": "digraph lineage {", "mermaid": "flowchart TB"} {
		code, stdout, stderr := run(t, "lineage", "credit-approval@1.0.0", "--data", data, "--format", format)
		if code != 0 || !strings.Contains(stdout, want) {
			t.Errorf("%s: exit %d %s\n%s", format, code, stderr, stdout)
		}
		file := filepath.Join(t.TempDir(), "out")
		code, nothing, stderr := run(t, "lineage", "credit-approval@1.0.0", "--data", data, "--format", format, "--output", file)
		if b, err := os.ReadFile(file); code != 0 || nothing != "" || err != nil || string(b) != stdout {
			t.Errorf("%s into a file: exit %d %s %v\n%s", format, code, stderr, err, nothing)
		}
	}
	if code, stdout, stderr := run(t, "lineage", "credit-approval@1.0.0", "--data", data, "--format", "pdf"); code != 1 || stdout != "" ||
		!strings.Contains(stderr, "INVALID_ARGUMENT") || !strings.Contains(stderr, "prov-json, openlineage") {
		t.Errorf("exit %d %s %s", code, stdout, stderr)
	}
}

// TestLineageOfAModel asks for a model without a version, on a store and through a server: in
// PRODUCTION it is that version, else the latest release.
func TestLineageOfAModel(t *testing.T) {
	url, data := startServer(t)
	if code, _, stderr := run(t, "demo", "load", "--data", data); code != 0 {
		t.Fatal(stderr)
	}
	facts := filepath.Join(t.TempDir(), "facts.jsonl")
	if err := os.WriteFile(facts, []byte(`{"model":{"name":"new"}}
{"modelVersion":{"model":"new","version":"0.1.0"}}
{"modelVersion":{"model":"new","version":"0.2.0"}}
{"model":{"name":"bare"}}
`), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, stderr := run(t, "load", facts, "--data", data); code != 0 {
		t.Fatal(stderr)
	}
	for _, where := range [][]string{{"--data", data}, {"--server", url}} {
		for model, version := range map[string]string{"credit-approval": "1.0.1", "new": "0.2.0"} {
			_, want, _ := run(t, append([]string{"lineage", model + "@" + version}, where...)...)
			code, got, stderr := run(t, append([]string{"lineage", model}, where...)...)
			if code != 0 || got != want || !strings.Contains(got, version) {
				t.Errorf("%s: exit %d %s\n%s\n%s", model, code, stderr, got, want)
			}
		}
		for model, want := range map[string]string{"bare": "has no version in PRODUCTION and no release", "missing": "there is no model of this name"} {
			if code, _, stderr := run(t, append([]string{"lineage", model}, where...)...); code != 1 || !strings.Contains(stderr, "NOT_FOUND") || !strings.Contains(stderr, want) {
				t.Errorf("%s: exit %d %s", model, code, stderr)
			}
		}
	}
}

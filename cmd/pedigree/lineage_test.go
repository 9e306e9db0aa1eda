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

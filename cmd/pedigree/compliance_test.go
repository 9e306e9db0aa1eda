package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestACompliancePackIsWrittenAndVerified writes the pack of a version through a server and over its
// store, verifies it, and changes it.
func TestACompliancePackIsWrittenAndVerified(t *testing.T) {
	url, data := startServer(t, "--demo")
	folder := t.TempDir()
	do := func(want int, saying string, args ...string) string {
		t.Helper()
		code, out, stderr := run(t, args...)
		if code != want || !strings.Contains(out+stderr, saying) {
			t.Fatalf("%v: exit %d, want %d and %q in\n%s%s", args, code, want, saying, out, stderr)
		}
		return out
	}
	there, here := filepath.Join(folder, "new", "there.zip"), filepath.Join(folder, "here.zip")
	do(0, "checklist.html", "compliance", "credit-approval@1.0.0", "-f", there, "--server", url)
	var manifest struct {
		MadeFor   struct{ Subject string }
		PublicKey string
		Files     []struct{ Name string }
	}
	listing := do(0, "", "compliance", "credit-approval@1.0.0", "-f", there, "-o", "json", "--server", url)
	if err := json.Unmarshal([]byte(listing), &manifest); err != nil || manifest.MadeFor.Subject != "admin" || len(manifest.Files) < 18 {
		t.Fatalf("%v %+v", err, manifest)
	}
	do(0, "", "compliance", "credit-approval@1.0.0", "-f", here, "--data", data) // As the operator: another reader, and so another pack.
	for _, file := range []string{there, here} {
		do(0, "the pack holds", "compliance", "verify", file)
		do(0, "14 files follow from the facts", "compliance", "verify", file, "--key", manifest.PublicKey)
	}
	b, err := os.ReadFile(there)
	if err != nil {
		t.Fatal(err)
	}
	if code, out, _ := run(t, "compliance", "credit-approval@1.0.0", "-f", "-", "--server", url); code != 0 || out != string(b) {
		t.Errorf("exit %d; the pack on standard output is another one", code)
	}
	now := time.Now().UTC().Format(time.RFC3339Nano)
	then := filepath.Join(folder, "then.zip")
	do(0, "checklist.html", "compliance", "credit-approval@1.0.0", "-f", then, "--as-of", now, "--server", url)
	do(0, "it is of what was known at "+now[:19], "compliance", "verify", then, "--key", manifest.PublicKey)
	do(0, "not as of that time", "compliance", "verify", then)
	first, err := os.ReadFile(then)
	if err != nil {
		t.Fatal(err)
	}
	do(0, "", "version", "alias", "set", "credit-approval@1.0.0", "later", "--server", url)
	if code, out, _ := run(t, "compliance", "credit-approval@1.0.0", "-f", "-", "--as-of", now, "--server", url); code != 0 || out != string(first) {
		t.Errorf("exit %d; the pack of a time is another one later", code)
	}
	do(exitFailed, "INVALID_ARGUMENT", "compliance", "credit-approval@1.0.0", "--as-of", "yesterday", "--server", url)
	do(exitFailed, "NOT_FOUND", "compliance", "credit-approval@1.0.0", "--as-of", "2001-01-01", "--server", url)
	b = bytes.Replace(b, []byte("credit-approval"), []byte("credit-refusal!"), 1)
	if err := os.WriteFile(there, b, 0o600); err != nil {
		t.Fatal(err)
	}
	do(exitFailed, "FAILED_PRECONDITION", "compliance", "verify", there)
	do(exitFailed, "", "compliance", "verify", filepath.Join(folder, "none.zip"))
	do(exitFailed, "NOT_FOUND", "compliance", "credit-approval@9.9.9", "--server", url)
	do(exitFailed, "nothing but the file", "compliance", "verify", here, "--server", url)
	do(exitFailed, "INVALID_ARGUMENT", "compliance", "verify", here, "--key", "pedigree/log/0000000000000000+00000000+AAAA"+strings.Repeat("A", 40))
}

// TestADiffIsTheSameOverAStoreAndThroughAServer compares versions in every form.
func TestADiffIsTheSameOverAStoreAndThroughAServer(t *testing.T) {
	url, data := startServer(t, "--demo")
	for _, args := range [][]string{{"credit-approval@1.0.0", "credit-approval@1.1.0"}, {"credit-approval@1.1.0", "-o", "markdown"}, {"credit-approval@1.0.0", "credit-approval@1.1.0", "-o", "json"},
		{"credit-approval@1.0.0", "credit-approval@2.0.0", "-o", "yaml"}, {"card-fraud@2.1.0", "-o", "markdown"}} {
		code, there, stderr := run(t, append([]string{"diff"}, append(args, "--server", url)...)...)
		if code != 0 {
			t.Fatalf("%v: exit %d %s", args, code, stderr)
		}
		code, here, stderr := run(t, append([]string{"diff"}, append(args, "--data", data)...)...)
		if code != 0 || here != there {
			t.Errorf("%v: exit %d %s; through the server\n%s\nover the store\n%s", args, code, stderr, there, here)
		}
	}
	if code, out, _ := run(t, "diff", "card-fraud@2.1.0", "-o", "markdown", "--server", url); code != 0 || !strings.Contains(out, "no other version in PRODUCTION") {
		t.Errorf("exit %d: %s", code, out)
	}
	if code, _, stderr := run(t, "diff", "card-fraud@9.9.9", "--server", url); code != exitFailed || !strings.Contains(stderr, "NOT_FOUND") {
		t.Errorf("exit %d: %s", code, stderr)
	}
}

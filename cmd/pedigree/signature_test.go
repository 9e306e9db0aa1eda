package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestSignaturesByCommand pushes a signed folder, attaches the bundle and verifies it, by a trust file
// whose paths are relative to it.
func TestSignaturesByCommand(t *testing.T) {
	data, folder := t.TempDir(), filepath.Join("..", "..", "signing", "testdata")
	trust := filepath.Join(t.TempDir(), "trust.yaml")
	key, err := os.ReadFile(filepath.Join(folder, "prime256v1.pub"))
	if err != nil {
		t.Fatal(err)
	}
	for file, text := range map[string]string{trust: "keys:\n  - name: release\n    file: release.pub\n", filepath.Join(filepath.Dir(trust), "release.pub"): string(key)} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ok := func(want string, args ...string) {
		t.Helper()
		if code, out, stderr := run(t, append(args, "--data", data)...); code != 0 || !strings.Contains(out, want) {
			t.Errorf("%v: %d %s%s, want %q", args, code, out, stderr, want)
		}
	}
	refused := func(want string, args ...string) {
		t.Helper()
		if code, out, stderr := run(t, append(args, "--data", data)...); code == 0 || !strings.Contains(out+stderr, want) {
			t.Errorf("%v: %d %s%s, want %q", args, code, out, stderr, want)
		}
	}
	bundle := filepath.Join(folder, "key-prime256v1.sig")
	ok("", "model", "register", "m")
	ok("", "version", "register", "m", "1.0.0")
	ok("3 files moved", "push", "m@1.0.0", filepath.Join(folder, "model"))
	refused("it has 0", "signature", "verify", "m@1.0.0", "--trust", trust)
	ok("attached", "signature", "attach", "m@1.0.0", bundle)
	ok("was there", "signature", "attach", "m@1.0.0", bundle)
	ok("SIGNED by release", "signature", "verify", "m@1.0.0", "--trust", trust)
	ok("SIGNED", "signature", "list", "m@1.0.0", "--trust", trust)
	ok(`"status": "SIGNED"`, "signature", "list", "m@1.0.0", "--trust", trust, "-o", "json")
	ok("UNTRUSTED", "signature", "list", "m@1.0.0")
	refused("--trust FILE", "signature", "verify", "m@1.0.0")
	ok("", "version", "register", "m", "2.0.0")
	changed := t.TempDir()
	if err := os.CopyFS(changed, os.DirFS(filepath.Join(folder, "model"))); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(changed, "model.pkl"), []byte("changed"), 0o600); err != nil {
		t.Fatal(err)
	}
	ok("3 files moved", "push", "m@2.0.0", changed)
	ok("attached", "signature", "attach", "m@2.0.0", bundle)
	refused("MISMATCH model.pkl", "signature", "verify", "m@2.0.0", "--trust", trust)
	for text, want := range map[string]string{"keyz: []\n": "keyz", "keys:\n  - name: x\n    file: none.pub\n": "cannot be read", "keys:\n  - name: x\n    file: trust.yaml\n": "not one public key"} {
		if err := os.WriteFile(trust, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		refused(want, "signature", "list", "m@1.0.0", "--trust", trust)
	}
}

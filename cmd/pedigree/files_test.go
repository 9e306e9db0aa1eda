package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// tree writes files below a new folder.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, content := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// TestPushAndPull moves a folder into a version and out of it, over the store and through a server.
// A file that broke off goes on where it was; one whose beginning is wrong is refused, and whole
// the next time.
func TestPushAndPull(t *testing.T) {
	large := strings.Repeat("0123456789", 100_000)
	files := map[string]string{"MLmodel": "flavors: {}\n", "data/weights.bin": large, "data/empty": "", "a name/ünï": "x", "b": "b", "c": "c"}
	for _, through := range []string{"store", "server"} {
		t.Run(through, func(t *testing.T) {
			data := t.TempDir()
			to := []string{"--data", data}
			if through == "server" {
				url, _ := startServer(t)
				to = []string{"--server", url}
			}
			do := func(args ...string) (int, string, string) { return run(t, append(args, to...)...) }
			want := func(text string, args ...string) {
				t.Helper()
				if code, out, stderr := do(args...); code != 0 || strings.TrimSpace(out) != text {
					t.Fatalf("%v: %d %s%s", args, code, out, stderr)
				}
			}
			for _, args := range [][]string{{"model", "register", "m"}, {"version", "register", "m", "--bump", "minor"}} {
				if code, _, stderr := do(args...); code != 0 {
					t.Fatal(stderr)
				}
			}
			from := tree(t, files)
			want("6 files moved, 0 were there", "push", "m@0.1.0", from)
			want("0 files moved, 6 were there", "push", "m@0.1.0", from)
			into := t.TempDir()
			weights := filepath.Join(into, "data", "weights.bin")
			part := func(content string) {
				t.Helper()
				if err := os.MkdirAll(filepath.Dir(weights), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(weights+partSuffix, []byte(content), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			part("X" + large[1:1000])
			if code, _, stderr := do("pull", "m@0.1.0", into); code == 0 || !strings.Contains(stderr, "pull again") {
				t.Error(code, stderr)
			}
			part(large[:1000])
			if code, _, stderr := do("pull", "m@latest", into); code != 0 {
				t.Fatal(stderr)
			}
			want("0 files moved, 6 were there", "pull", "m@0.1.0", into)
			for name, content := range files {
				if got, err := os.ReadFile(filepath.Join(into, name)); err != nil || !bytes.Equal(got, []byte(content)) {
					t.Errorf("%s: %d bytes, %v", name, len(got), err)
				}
			}
			if err := os.Symlink("/etc/passwd", filepath.Join(from, "link")); err != nil {
				t.Fatal(err)
			}
			if code, _, stderr := do("push", "m@0.1.0", from); code == 0 || !strings.Contains(stderr, "link") {
				t.Error(code, stderr)
			}
			want("would remove 0 files and 0 unfinished uploads, 0 bytes", "artifacts", "sweep", "--dry-run")
		})
	}
}

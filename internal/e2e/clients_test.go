package e2e

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestGraphQLClientsWork runs a program with each of the usual clients against a real
// server: Relay with its compiler, Apollo Client, urql, and the reference clients of subscriptions. Each uses fragments, pages,
// refetches, null variables, a mutation and persisted queries.
func TestGraphQLClientsWork(t *testing.T) {
	t.Parallel()
	dir := installClients(t)
	p := start(t, append(stores["SQLite"](t), "--demo")...)
	for _, programs := range [][]string{{"compile-relay.mjs", "relay.mjs"}, {"apollo.mjs"}, {"urql.mjs"}, {"audits.mjs"}, {"subscriptions.mjs"}} {
		t.Run(strings.TrimSuffix(programs[len(programs)-1], ".mjs"), func(t *testing.T) {
			for _, program := range programs {
				cmd := exec.Command("node", program)
				cmd.Dir = dir
				cmd.Env = append(os.Environ(), "PEDIGREE_URL="+p.url, "PEDIGREE_TOKEN="+adminToken)
				out, err := cmd.CombinedOutput()
				if err != nil {
					t.Fatalf("%s: %v\n%s", program, err, out)
				}
				t.Logf("PROOF %s: %s", program, strings.TrimSpace(string(out)))
			}
		})
	}
}

// clientCache returns the folder in the user's cache for what a lock file lists. It need not exist.
func clientCache(t *testing.T, name, lock string) string {
	t.Helper()
	text, err := os.ReadFile(lock)
	if err != nil {
		t.Fatal(err)
	}
	base := os.Getenv("PEDIGREE_TEST_CACHE")
	if base == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			t.Fatal(err)
		}
		base = filepath.Join(cache, "pedigree-test")
	}
	sum := sha256.Sum256(text)
	return filepath.Join(base, name+"-"+hex.EncodeToString(sum[:8]))
}

// installClients returns a folder with the programs and the clients that they use. The
// clients are installed once into the user's cache, by the versions in the lock file.
func installClients(t *testing.T) string {
	t.Helper()
	source := filepath.Join("testdata", "clients")
	installed := clientCache(t, "clients", filepath.Join(source, "package-lock.json"))
	if _, err := os.Stat(installed); err != nil {
		npmInstall(t, filepath.Dir(installed), source, installed)
	}
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(source)); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(installed, "node_modules"), filepath.Join(dir, "node_modules")); err != nil {
		t.Fatal(err)
	}
	return dir
}

// npmInstall installs the packages of a lock file into a folder. One rename creates the
// folder, so that other test processes never see it incomplete.
func npmInstall(t *testing.T, base, source, to string) {
	t.Helper()
	if err := os.MkdirAll(base, 0o755); err != nil {
		t.Fatal(err)
	}
	tmp, err := os.MkdirTemp(base, "fetching-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(tmp)
	if err := os.CopyFS(tmp, os.DirFS(source)); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error")
	cmd.Dir = tmp
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("npm ci: %v\n%s\nthe tests run real GraphQL clients; install Node: apt-get install -y nodejs npm", err, out)
	}
	if err := os.Rename(tmp, to); err != nil {
		if _, statErr := os.Stat(to); statErr != nil { // Another process may have created it first.
			t.Fatal(err)
		}
	}
}

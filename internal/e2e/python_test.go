package e2e

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// pythonWith returns the Python of a virtual environment with the packages of a requirements file.
// It is installed once into the user's cache, under the name of the tool.
func pythonWith(t *testing.T, tool, requirements string) string {
	t.Helper()
	requirements, err := filepath.Abs(requirements)
	if err != nil {
		t.Fatal(err)
	}
	wanted, err := os.ReadFile(requirements)
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
	sum := sha256.Sum256(wanted)
	venv := filepath.Join(base, tool+"-"+hex.EncodeToString(sum[:8]))
	python := filepath.Join(venv, "bin", "python")
	if got, err := os.ReadFile(filepath.Join(venv, "installed.txt")); err == nil && bytes.Equal(got, wanted) {
		return python
	}
	for _, args := range [][]string{{"python3", "-m", "venv", "--clear", venv}, {python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", requirements}} {
		if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s\nthe tests run the client of %s itself; install Python: apt-get install -y python3 python3-venv", args, err, out, tool)
		}
	}
	if err := os.WriteFile(filepath.Join(venv, "installed.txt"), wanted, 0o644); err != nil {
		t.Fatal(err)
	}
	return python
}

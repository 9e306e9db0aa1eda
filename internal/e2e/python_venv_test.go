package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// installing is held while an environment is made: tests that run beside each other share them.
var installing sync.Mutex

// pythonWith returns the Python of a virtual environment with the packages of a requirements file.
func pythonWith(t *testing.T, name, requirements string) string {
	t.Helper()
	return filepath.Join(pythonVenv(t, name, requirements), "venv", "bin", "python")
}

// pythonVenv returns a folder with a virtual environment, venv, that has the packages of a
// requirements file. It is installed once into the user's cache. A file marks the folder as complete: a virtual
// environment cannot be moved.
func pythonVenv(t *testing.T, name, requirements string) string {
	t.Helper()
	installing.Lock()
	defer installing.Unlock()
	installed := clientCache(t, name, requirements)
	if _, err := os.Stat(filepath.Join(installed, "complete")); err == nil {
		return installed
	}
	python := filepath.Join(installed, "venv", "bin", "python")
	for _, command := range [][]string{{"python3", "-m", "venv", "--clear", filepath.Join(installed, "venv")},
		{python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", requirements}} {
		if out, err := exec.Command(command[0], command[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s\nthe tests run %s itself; install Python: apt-get install -y python3 python3-venv", command, err, out, name)
		}
	}
	if err := os.WriteFile(filepath.Join(installed, "complete"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	return installed
}

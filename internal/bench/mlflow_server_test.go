package bench

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestMLflowIsReadyWhenAllWorkersAre(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	for started, ready := range []bool{false, false, true} {
		if err := os.WriteFile(log, []byte(strings.Repeat("INFO: Application startup complete.\n", started)), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := checkMLflowWorkers(log, 2); (err == nil) != ready {
			t.Errorf("%d of 2 workers: %v", started, err)
		}
	}
}

// TestAnInstalledMLflowIsKept uses a folder in which the pinned version was installed,
// and then another pin, for which there is no such folder.
func TestAnInstalledMLflowIsKept(t *testing.T) {
	c := Config{Dir: t.TempDir(), MLflowDir: t.TempDir(), Progress: t.Output()}
	write := func(file, text string) {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write(filepath.Join(c.MLflowDir, "requirements.txt"), "mlflow==1\n")
	write(filepath.Join(c.Dir, "mlflow-venv", "installed.txt"), "mlflow==1\n")
	if command, err := c.installMLflow(t.Context()); err != nil || command != filepath.Join(c.Dir, "mlflow-venv", "bin", "mlflow") {
		t.Errorf("%s, %v", command, err)
	}
	write(filepath.Join(c.MLflowDir, "requirements.txt"), "mlflow==2\n")
	t.Setenv("PATH", "") // No Python, so an attempt to install fails.
	if _, err := c.installMLflow(t.Context()); err == nil || !strings.Contains(err.Error(), "cannot be installed") {
		t.Errorf("another version was not installed: %v", err)
	}
}

package e2e

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestImportMLflow imports one registry of MLflow from its server, its folder and its database.
// The three registries are equal, also when the import was killed twice, and a second import
// reads only what changed.
func TestImportMLflow(t *testing.T) {
	t.Parallel()
	python := mlflowPython(t)
	home := t.TempDir()
	folder, database, versions := filepath.Join(home, "mlruns"), filepath.Join(home, "mlflow.db"), 30*rounds(34)
	runPython(t, python, "fill.py", "MLFLOW_ALLOW_FILE_STORE=true", "FOLDER="+folder, "DATABASE="+database, fmt.Sprintf("VERSIONS=%d", versions))
	server := launchMLflow(t, python, home, "sqlite:///"+database, freePort(t))

	fromServer := importMLflow(t, server.url, versions, 0)
	if lines := strings.Count(fromServer.facts, "\n"); lines < versions+versions/2 {
		t.Fatalf("%d facts for %d versions:\n%s", lines, versions, fromServer.report)
	}
	for _, told := range []string{fmt.Sprintf("%d versions", versions+1), "1 copies", "model  blank ", "first is no semantic version", "2 versions are in Production", "metric bad"} {
		if !strings.Contains(fromServer.report, told) {
			t.Errorf("the report does not say %q:\n%s", told, fromServer.report)
		}
	}
	for name, other := range map[string]*imported{"the folder": importMLflow(t, folder, versions, 0), "the database": importMLflow(t, database, versions, 0),
		"the database, killed twice": importMLflow(t, database, versions, 2), "the server, killed twice": importMLflow(t, server.url, versions, 2)} {
		if other.facts != fromServer.facts {
			t.Errorf("%s gives another registry: %s", name, firstDifference(other.facts, fromServer.facts))
		}
		if other.kills > 0 {
			t.Logf("%s, the last time after %d of %d versions", name, other.atKill, versions)
		}
		other.changeAndImport(t)
	}
	t.Logf("PROOF %d versions from the server, the folder and the database, and killed twice: equal", versions)
}

// imported is a registry that was imported.
type imported struct {
	from, data, report, facts string
	kills, atKill             int
}

// importMLflow imports a source into an empty registry. It kills the command as often as it is
// told, before it lets it end.
func importMLflow(t *testing.T, from string, versions, kills int) *imported {
	t.Helper()
	i := &imported{from: from, data: t.TempDir(), kills: kills}
	for k := range kills {
		cmd := exec.Command(binary, "import", "mlflow", from, "--data", i.data)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline) && i.atKill <= k*versions/3; {
			out, _ := exec.Command(binary, "export", "--data", i.data).Output() // There is no store at first.
			i.atKill = strings.Count(string(out), `{"modelVersion"`)
		}
		cmd.Process.Kill()
		cmd.Wait()
	}
	i.report = printed(t, "import", "mlflow", from, "--data", i.data, "--verbose")
	i.facts = printed(t, "export", "--data", i.data)
	return i
}

// changeAndImport imports again: nothing is read or added, also when everything is read again.
func (i *imported) changeAndImport(t *testing.T) {
	t.Helper()
	for _, all := range []string{"--all=false", "--all"} {
		if again := printed(t, "import", "mlflow", i.from, "--data", i.data, all); !strings.HasPrefix(again, "nothing new") {
			t.Errorf("a second import of %s with %s: %s", i.from, all, again)
		}
	}
	if facts := printed(t, "export", "--data", i.data); facts != i.facts {
		t.Errorf("a second import of %s changed something: %s", i.from, firstDifference(facts, i.facts))
	}
}

// printed runs a command that must succeed and returns what it printed.
func printed(t *testing.T, args ...string) string {
	t.Helper()
	var stderr strings.Builder
	cmd := exec.Command(binary, args...)
	cmd.Stderr = &stderr
	cmd.Env = mlflowEnv()
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v\n%s%s", args, err, out, stderr.String())
	}
	return string(out)
}

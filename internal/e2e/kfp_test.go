package e2e

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

const kfpData = "../../connect/kfp/testdata/"

// TestPipelinesThatKFPCompilesAndRunsAreImported has the real kfp compile a loop, a condition in an
// exit handler and a graph in a graph, and run them. They are imported: alone as plans, with their
// runs as lineage; once more adds nothing; and an import that is killed and run again ends equal.
func TestPipelinesThatKFPCompilesAndRunsAreImported(t *testing.T) {
	t.Parallel()
	python := pythonWith(t, "kfp", filepath.Join("testdata", "kfp", "requirements.txt"))
	out := t.TempDir()
	file, err := filepath.Abs(kfpData + "pipelines.py")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(python, filepath.Join("testdata", "kfp", "run.py"), file, out)
	if text, err := cmd.CombinedOutput(); err != nil || strings.Count(string(text), "ran ") != 3 {
		t.Fatalf("%v\n%s", err, text)
	}
	data := t.TempDir()
	for name, want := range map[string]string{"sweep": "4 tasks, 1 loops", "promote": "7 tasks, 0 loops, 2 conditions", "nested": "1 graphs"} {
		if text := command(t, "import", "kfp", filepath.Join(out, name+".yaml"), "--data", data); !strings.Contains(text, want) || !strings.Contains(text, "nothing new") {
			t.Errorf("the plan of %s: %s", name, text)
		}
	}
	if text := command(t, "import", "kfp", out, "--data", data); !strings.Contains(text, "4 versions\n") || !strings.Contains(text, "22 runs\n") || !strings.Contains(text, "6 datasets\n") {
		t.Errorf("%s", text)
	}
	for version, want := range map[string][]string{"sweep.train@0.2.0": {"run train", "cleaned", "run clean", "raw/sweep.csv"}, "promote@1.0.0": {"run train", "cleaned", "run clean", "raw/promote.csv"},
		"nested.train@0.1.0": {"run train", "cleaned", "run clean", "raw/nested.csv"}} {
		rest := command(t, "lineage", version, "--data", data)
		for _, w := range want {
			_, after, ok := strings.Cut(rest, w)
			if !ok {
				t.Errorf("%s: %q is missing, or in another place", version, w)
			}
			rest = after
		}
	}
	whole := exported(t, data)
	if text := command(t, "import", "kfp", out, "--data", data); !strings.Contains(text, "nothing new") || exported(t, data) != whole {
		t.Errorf("once more: %s", text)
	}
	killed := 0
	for _, wait := range []time.Duration{5, 30, 60, 90, 120, 160, 220, 300} {
		again := t.TempDir()
		half := exec.Command(binary, "import", "kfp", out, "--data", again)
		if err := half.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(wait * time.Millisecond)
		_ = half.Process.Signal(syscall.SIGKILL) // It may have ended.
		if half.Wait() != nil {
			killed++
		}
		command(t, "import", "kfp", out, "--data", again)
		if got := exported(t, again); got != whole {
			t.Errorf("killed after %d ms, and again: another registry", wait)
		}
	}
	if killed == 0 {
		t.Error("no import was killed before its end")
	}
	t.Logf("PROOF 3 pipelines that kfp compiled and ran: 4 versions, 22 runs, 6 datasets; %d imports killed, and the same after another", killed)
}

var anyTime = regexp.MustCompile(`"\d{4}-\d\d-\d\dT[0-9:.]+Z"`)

// exported returns the facts of a registry without times, sorted: what no document dates has the
// time of its import.
func exported(t *testing.T, data string) string {
	t.Helper()
	cmd := exec.Command(binary, "export", "--data", data)
	cmd.Stderr = io.Discard
	text, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(anyTime.ReplaceAllString(string(text), `"T"`), "\n")
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// TestAPipelineRunIsImportedThroughAServer imports the sample run through a server, twice: the model
// comes from its raw data.
func TestAPipelineRunIsImportedThroughAServer(t *testing.T) { importThroughServer(t, "SQLite") }

// TestAPipelineRunIsImportedThroughAServerOnNeo4j does so on Neo4j.
func TestAPipelineRunIsImportedThroughAServerOnNeo4j(t *testing.T) { importThroughServer(t, "Neo4j") }

func importThroughServer(t *testing.T, store string) {
	t.Parallel()
	p := start(t, stores[store](t)...)
	run := func(args ...string) string {
		t.Helper()
		cmd := exec.Command(binary, append(args, "--server", p.url)...)
		cmd.Env = append(os.Environ(), "PEDIGREE_TOKEN="+adminToken)
		text, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %v\n%s\n%s", args, err, text, p.log)
		}
		return string(text)
	}
	if text := run("import", "kfp", kfpData+"sample"); !strings.Contains(text, "1 versions") || !strings.Contains(text, "5 runs") || !strings.Contains(text, "3 datasets") {
		t.Error(text)
	}
	if text := run("import", "kfp", kfpData+"sample"); !strings.Contains(text, "nothing new") {
		t.Error(text)
	}
	rest := run("lineage", "churn@1.0.0")
	for _, w := range []string{"churn 1.0.0", "run train", "features", "run feature-engineering", "cleaned", "run etl", "raw/churn.csv"} {
		_, after, ok := strings.Cut(rest, w)
		if !ok {
			t.Errorf("%q is missing, or in another place", w)
		}
		rest = after
	}
}

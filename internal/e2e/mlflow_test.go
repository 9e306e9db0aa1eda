package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// mlflowDifference is a difference between the answers of this registry and of MLflow's own
// server. A "*" at the end of op, or at the start of field, stands for any text.
type mlflowDifference struct{ op, field, reason string }

// mlflowDifferences are all differences there are. One that is not listed fails the test, and so
// does one that is listed and is not there.
var mlflowDifferences = []mlflowDifference{
	{"*", "*message", "the texts are this registry's own, but for those that clients look for; clients read the code"},
	{"*", "*user_id", "MLflow's server never knows who registered a version"},
	{"create_registered_model with a blank end", "*", "a name does not begin or end with a blank here"},
	{"delete_registered_model with a blank end", "*", "a name does not begin or end with a blank here"},
	{"the replaced", "tags", "DEPRECATED shows as Archived with the tag lifecycle"},
	{"get_latest_versions", "0.tags", "DEPRECATED shows as Archived with the tag lifecycle"},
	{"the latest versions", "latest_versions.0.tags", "DEPRECATED shows as Archived with the tag lifecycle"},
	{"search_registered_models, whole", "0.latest_versions.0.tags", "DEPRECATED shows as Archived with the tag lifecycle"},
	{"set_model_version_tag lifecycle", "*", "the tag lifecycle is read-only"},
	{"transition_model_version_stage past the lifecycle", "*", "the lifecycle has no move from DEVELOPMENT to PRODUCTION, unless the server is started with --mlflow-stage-transitions any"},
	{"transition_model_version_stage peers of no active stage", "error_code", "MLflow answers 500, which its client tries again for minutes"},
	{"search_registered_models by name, name", "error_code", "MLflow answers 500, which its client tries again for minutes"},
	{"create_webhook of what nobody has", "*", "there are no budgets here"},
}

func (d mlflowDifference) covers(op, field string) bool {
	prefix, any := strings.CutSuffix(d.op, "*")
	suffix, anyField := strings.CutPrefix(d.field, "*")
	return (op == d.op || any && strings.HasPrefix(op, prefix)) && (field == d.field || anyField && strings.HasSuffix(field, suffix))
}

// TestMLflowClient runs MLflow's own client against this registry: every call of its registry
// half, beside the same calls to MLflow's own server; and as the registry beside that server,
// which keeps the runs and the files.
func TestMLflowClient(t *testing.T) {
	t.Parallel()
	python := mlflowPython(t)
	theirs := startMLflow(t, python)
	ours := start(t, stores["SQLite"](t)...)
	t.Run("answers as MLflow's server does", func(t *testing.T) {
		compareRegistries(t, runRegistry(t, python, ours.url), runRegistry(t, python, theirs), mlflowDifferences)
	})
	t.Run("beside a tracking server", func(t *testing.T) {
		beside := start(t, stores["SQLite"](t)...)
		out := runPython(t, python, "beside.py", "MLFLOW_REGISTRY_URI="+beside.url, "MLFLOW_TRACKING_URI="+theirs)
		t.Logf("PROOF with the runs and files elsewhere: %s", strings.ReplaceAll(strings.TrimSpace(string(out)), "\n", "; "))
	})
}

// TestMLflowFiles runs MLflow's own client with the files in this registry and the runs in MLflow's
// server: models are logged, registered, copied and loaded from here.
func TestMLflowFiles(t *testing.T) {
	t.Parallel()
	python := mlflowPython(t)
	theirs := startMLflow(t, python)
	ours := start(t, stores["SQLite"](t)...)
	out := runPython(t, python, "files.py", "MLFLOW_REGISTRY_URI="+ours.url, "MLFLOW_TRACKING_URI="+theirs)
	packagingOfLoggedModel(t, ours)
	t.Logf("PROOF with the files here and the runs elsewhere: %s", strings.ReplaceAll(strings.TrimSpace(string(out)), "\n", "; "))
}

// packagingOfLoggedModel checks what the files of a model say that MLflow's client logged.
func packagingOfLoggedModel(t *testing.T, ours *process) {
	t.Helper()
	var got struct {
		Models struct {
			Edges []struct{ Node struct{ Name string } }
		}
		ModelVersion struct {
			Packaging []struct {
				Path, Format, MLflowVersion, PythonVersion, Note string
				Requirements                                     []string
				Flavors                                          []struct{ Name, Version string }
				Inputs                                           []struct{ Type string }
			}
		}
	}
	ours.must(`{ models { edges { node { name } } } modelVersion(model: "m", version: "0.2.0") { packaging { path format mlflowVersion pythonVersion note requirements flavors { name version } inputs { type } } } }`, nil, &got)
	said := map[string]string{}
	for _, f := range got.ModelVersion.Packaging {
		said[f.Path] = f.Note
		if f.Path == "MLmodel" && (f.MLflowVersion == "" || f.PythonVersion == "" || len(f.Flavors) != 2 || f.Flavors[0].Name != "sklearn" || f.Flavors[0].Version == "" || len(f.Inputs) != 1 || !strings.HasPrefix(f.Inputs[0].Type, "tensor(")) {
			t.Errorf("MLmodel says %+v", f)
		}
	}
	for _, path := range []string{"MLmodel", "conda.yaml", "python_env.yaml", "requirements.txt"} {
		if note, ok := said[path]; !ok || note != "" {
			t.Errorf("%s: %q; %+v", path, note, got.ModelVersion.Packaging)
		}
	}
}

// TestMLflowWebhooks lets MLflow's own client make webhooks here, and a receiver that was written for
// MLflow verify what they tell, on each store.
func TestMLflowWebhooks(t *testing.T) {
	t.Parallel()
	python := mlflowPython(t)
	for name, flags := range stores {
		t.Run(name, func(t *testing.T) {
			ours := start(t, append(flags(t), "--webhook-allow-private", "--webhook-pause", "50ms")...)
			out := runPython(t, python, "webhooks.py", "MLFLOW_REGISTRY_URI="+ours.url)
			t.Logf("PROOF a receiver of MLflow on %s: %s", name, strings.ReplaceAll(strings.TrimSpace(string(out)), "\n", "; "))
		})
	}
}

// TestMLflowClientOnNeo4j runs the calls against a server on Neo4j. It answers as one on SQLite.
func TestMLflowClientOnNeo4j(t *testing.T) {
	t.Parallel()
	python := mlflowPython(t)
	onNeo4j := start(t, stores["Neo4j"](t)...)
	onSQLite := start(t, stores["SQLite"](t)...)
	compareRegistries(t, runRegistry(t, python, onNeo4j.url), runRegistry(t, python, onSQLite.url), nil)
}

// registryAnswer is what one call of the client came back with.
type registryAnswer struct {
	Op     string
	Fields map[string]any
}

// compareRegistries compares the answers of two registries field by field.
func compareRegistries(t *testing.T, ours, theirs []registryAnswer, allowed []mlflowDifference) {
	t.Helper()
	if len(ours) != len(theirs) {
		t.Fatalf("%d answers, and %d", len(ours), len(theirs))
	}
	met, fields := map[mlflowDifference]int{}, 0
	var table strings.Builder
	for i, a := range ours {
		b, differs := theirs[i], 0
		names := maps.Clone(a.Fields)
		maps.Copy(names, b.Fields)
		for _, name := range slices.Sorted(maps.Keys(names)) {
			fields++
			if x, y := fmt.Sprint(a.Fields[name]), fmt.Sprint(b.Fields[name]); x != y {
				differs++
				k := slices.IndexFunc(allowed, func(d mlflowDifference) bool { return d.covers(a.Op, name) })
				if k < 0 {
					t.Errorf("%s: %s is %.300s, and %.300s", a.Op, name, x, y)
					continue
				}
				met[allowed[k]]++
			}
		}
		fmt.Fprintf(&table, "%-70.70s %3d fields, %d differ\n", a.Op, len(names), differs)
	}
	for _, d := range allowed {
		if met[d] == 0 {
			t.Errorf("%s: %s does not differ (%s): leave it out of the list", d.op, d.field, d.reason)
		}
	}
	t.Logf("PROOF %d calls, %d fields compared, %d listed differences\n%s", len(ours), fields, len(allowed), table.String())
}

// runRegistry runs all calls against a registry.
func runRegistry(t *testing.T, python, url string) (out []registryAnswer) {
	t.Helper()
	lines := bufio.NewScanner(bytes.NewReader(runPython(t, python, "registry.py", "MLFLOW_REGISTRY_URI="+url)))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var a registryAnswer
		if err := json.Unmarshal(lines.Bytes(), &a); err != nil {
			t.Fatalf("%v: %s", err, lines.Bytes())
		}
		out = append(out, a)
	}
	if len(out) < 150 {
		t.Fatalf("%d answers", len(out))
	}
	return out
}

// mlflowEnv is the environment of MLflow's programs: the admin's token, no telemetry, no jobs, and
// one more try after an answer that is worth one.
func mlflowEnv(more ...string) []string {
	return append(append(os.Environ(), "MLFLOW_TRACKING_TOKEN="+adminToken, "MLFLOW_DISABLE_TELEMETRY=true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false",
		"MLFLOW_HTTP_REQUEST_MAX_RETRIES=1", "GIT_PYTHON_REFRESH=quiet", "MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS=true"), more...)
}

// runPython runs a program of testdata/mlflow and returns what it printed.
func runPython(t *testing.T, python, program string, env ...string) []byte {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("testdata", "mlflow", program))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(python, path)
	cmd.Dir, cmd.Env = t.TempDir(), mlflowEnv(env...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s\n%s", program, err, out, stderr.Bytes())
	}
	return out
}

// startMLflow starts MLflow's own server on an empty SQLite file and returns its URL. Its workers
// end with it.
func startMLflow(t *testing.T, python string) string {
	t.Helper()
	home := t.TempDir()
	return launchMLflow(t, python, home, "sqlite:///"+filepath.Join(home, "mlflow.db"), freePort(t)).url
}

// freePort returns a port of this machine that nobody listens on.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

// mlflowServer is a running server of MLflow.
type mlflowServer struct {
	url string
	cmd *exec.Cmd
}

// kill ends the server and its workers.
func (m *mlflowServer) kill() {
	if m.cmd.ProcessState == nil {
		syscall.Kill(-m.cmd.Process.Pid, syscall.SIGKILL)
		m.cmd.Wait()
	}
}

// launchMLflow starts MLflow's server on a backend, with its files below a folder.
func launchMLflow(t *testing.T, python, home, backend, port string) *mlflowServer {
	t.Helper()
	cmd := exec.Command(python, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", port, "--workers", "1",
		"--backend-store-uri", backend, "--artifacts-destination", filepath.Join(home, "artifacts"))
	// An experiment may have its files in another artifact server.
	cmd.Dir, cmd.Env, cmd.SysProcAttr = home, mlflowEnv("MLFLOW_ALLOWED_HOST_ADDRESSED_ARTIFACT_SCHEMES=mlflow-artifacts"), &syscall.SysProcAttr{Setpgid: true}
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	m := &mlflowServer{"http://127.0.0.1:" + port, cmd}
	t.Cleanup(m.kill)
	for deadline := time.Now().Add(3 * time.Minute); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		if resp, err := http.Get(m.url + "/health"); err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return m
			}
		}
	}
	t.Fatalf("MLflow's server did not answer in 3 minutes: %s", log.String())
	return nil
}

// mlflowPython returns the Python of a virtual environment with MLflow, in the version that the
// benchmark pins too.
func mlflowPython(t *testing.T) string {
	return pythonWith(t, "mlflow", filepath.Join("..", "..", "bench", "mlflow", "requirements.txt"))
}

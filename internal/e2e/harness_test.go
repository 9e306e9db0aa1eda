package e2e

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"pedigree/internal/neo4jtest"
)

// binary is the path of the command, built once for all tests of the package.
var binary string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "pedigree-e2e-")
	if err != nil {
		panic(err)
	}
	binary = filepath.Join(dir, "pedigree")
	if out, err := exec.Command("go", "build", "-o", binary, "pedigree/cmd/pedigree").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "go build: %v\n%s", err, out)
		os.Exit(1)
	}
	// A test that runs beside others cannot set the environment of its servers.
	os.Setenv("PEDIGREE_OPENLINEAGE_OUT_API_KEY", eventKey)
	code := neo4jtest.Run(m)
	os.RemoveAll(dir)
	os.Exit(code)
}

// rounds returns the number of repetitions: PEDIGREE_ROUNDS, but no more than the
// given number; 3 by default.
func rounds(most int) int {
	if n, err := strconv.Atoi(os.Getenv("PEDIGREE_ROUNDS")); err == nil && n > 0 {
		return min(n, most)
	}
	return 3
}

// eventKey is the key of the receivers of OpenLineage events.
const eventKey = "a-key"

const adminToken = "pdg_e2e_bootstrap_token_0123456789"

// process is a running server.
type process struct {
	t       *testing.T
	cmd     *exec.Cmd
	url     string
	startup time.Duration // from exec to the first good /readyz
	log     *bytes.Buffer
}

// stores holds for each engine a function that returns the flags of an empty store.
var stores = map[string]func(t *testing.T) []string{
	"SQLite": func(t *testing.T) []string {
		return []string{"--store", "sqlite://" + filepath.Join(t.TempDir(), "p.db")}
	},
	"Neo4j": func(t *testing.T) []string {
		return []string{"--store", neo4jtest.URL(t), "--store-namespace", fmt.Sprintf("e2e%d", rand.Int64())}
	},
}

// start runs a server on a free port and waits until it is ready.
func start(t *testing.T, flags ...string) *process {
	t.Helper()
	p := &process{t: t, log: &bytes.Buffer{}}
	args := append([]string{"serve", "--listen", "127.0.0.1:0", "--data", t.TempDir(), "--log-level", "warn"}, flags...)
	p.cmd = exec.Command(binary, args...)
	p.cmd.Env = append(os.Environ(), "PEDIGREE_BOOTSTRAP_TOKEN="+adminToken)
	p.cmd.Stderr = p.log
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.kill() })
	lines := bufio.NewScanner(out)
	if !lines.Scan() {
		t.Fatalf("the server printed nothing: %s", p.log)
	}
	p.url = lines.Text()[strings.Index(lines.Text(), "http://"):]
	go io.Copy(io.Discard, out)
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(2 * time.Millisecond) {
		resp, err := http.Get(p.url + "/readyz")
		if err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				p.startup = time.Since(began)
				return p
			}
		}
	}
	t.Fatalf("the server was not ready in 30 s: %s", p.log)
	return nil
}

// kill ends the process with SIGKILL, as a crash would.
func (p *process) kill() {
	if p.cmd.ProcessState == nil {
		p.cmd.Process.Signal(syscall.SIGKILL)
		p.cmd.Wait()
	}
}

// stop ends the process with SIGTERM and returns its exit error.
func (p *process) stop() error {
	p.cmd.Process.Signal(syscall.SIGTERM)
	return p.cmd.Wait()
}

// answer is a GraphQL response.
type answer struct {
	Data   json.RawMessage
	Errors []struct {
		Message    string
		Path       []any
		Extensions struct{ Code string }
	}
}

func (a answer) code() string {
	if len(a.Errors) == 0 {
		return ""
	}
	return a.Errors[0].Extensions.Code
}

// ask sends one operation. A transport failure is an error, not a test failure,
// because these tests kill servers.
func (p *process) ask(ctx context.Context, query string, vars map[string]any) (answer, error) {
	body, _ := json.Marshal(map[string]any{"query": query, "variables": vars})
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url+"/graphql", bytes.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+adminToken)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	var a answer
	return a, json.NewDecoder(resp.Body).Decode(&a)
}

// must sends one operation and decodes its data into out. Errors fail the test.
func (p *process) must(query string, vars map[string]any, out any) {
	p.t.Helper()
	a, err := p.ask(context.Background(), query, vars)
	if err != nil {
		p.t.Fatalf("%v\n%s", err, p.log)
	}
	if len(a.Errors) > 0 {
		p.t.Fatalf("%s\n%+v\n%s", query, a.Errors, p.log)
	}
	if out != nil {
		if err := json.Unmarshal(a.Data, out); err != nil {
			p.t.Fatal(err)
		}
	}
}

// command runs the command to its end and returns what it printed.
func command(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command(binary, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("pedigree %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

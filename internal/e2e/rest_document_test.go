package e2e

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// oapiCodegen makes a Go client from an OpenAPI document.
const oapiCodegen = "github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen@v2.5.1"

// document writes the OpenAPI document of a server to a file.
func (p *process) document(t *testing.T) string {
	t.Helper()
	r, err := http.NewRequest(http.MethodGet, p.url+"/openapi.json", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+adminToken)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%d %s %v", resp.StatusCode, body, err)
	}
	file := filepath.Join(t.TempDir(), "openapi.json")
	if err := os.WriteFile(file, body, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// token makes a token for a subject with a role.
func (p *process) token(subject, role string) string {
	var out struct{ CreateAPIToken struct{ Token string } }
	p.must(fmt.Sprintf(`mutation { createApiToken(input: {subject: %q, roles: [%q], grantRoles: true}) { token } }`, subject, role), nil, &out)
	return out.CreateAPIToken.Token
}

// TestAGeneratedClientRunsTheStory makes a Go client from the OpenAPI document, and runs with it
// from the registration of a version to its impact, with an approval by a second person.
func TestAGeneratedClientRunsTheStory(t *testing.T) {
	t.Parallel()
	p := start(t, stores["SQLite"](t)...)
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("testdata", "restclient"))); err != nil {
		t.Fatal(err)
	}
	run := func(name string, args ...string) string {
		t.Helper()
		cmd := exec.Command(name, args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
		}
		return string(out)
	}
	run("go", "run", oapiCodegen, "-generate", "types,client", "-package", "main", "-o", "client.go", p.document(t))
	run("go", "build", "-o", "client", ".") // Apart, because it tells what it downloads.
	out := run("./client", p.url, adminToken, p.token("grace", "admin"))
	if steps := strings.Count(out, "\n"); steps != 12 {
		t.Errorf("%d steps:\n%s", steps, out)
	}
	t.Logf("PROOF a client made by oapi-codegen: %s", strings.ReplaceAll(strings.TrimSpace(out), "\n", ", "))
}

// TestAnswersAreAsTheDocumentSays sends requests that schemathesis makes from the OpenAPI
// document, good and bad ones. No answer may be a 5xx, or have a status, a media type or a body
// that the document does not tell of.
func TestAnswersAreAsTheDocumentSays(t *testing.T) {
	t.Parallel()
	dir := pythonVenv(t, "schemathesis", filepath.Join("testdata", "schemathesis", "requirements.txt"))
	p := start(t, append(stores["SQLite"](t), "--demo", "--rate-limit", "0", "--failed-logins", "0")...)
	few := fmt.Sprint(rounds(100))
	// The token that is sent can be revoked by that one operation, so it comes last.
	all := p.schemathesis(t, dir, "--phases", "coverage,fuzzing", "--max-examples", few, "--exclude-operation-id", "deleteTokensById")
	deep := p.schemathesis(t, dir, "--phases", "fuzzing", "--max-examples", few, "--include-method", "GET", "--config")
	p.document(t) // The token is still good, so the answers were not all 401.
	last := p.schemathesis(t, dir, "--phases", "coverage,fuzzing", "--max-examples", few, "--include-operation-id", "deleteTokensById")
	if all.operations < 80 || all.requests < 1000 || deep.operations < 40 || last.operations != 1 {
		t.Errorf("too little was sent: %+v %+v %+v", all, deep, last)
	}
	t.Logf("PROOF schemathesis: %d requests to %d operations, 0 answers of 5xx, 0 undocumented", all.requests+deep.requests+last.requests, all.operations+last.operations)
}

// sent says how much schemathesis sent.
type sent struct{ requests, operations int }

// schemathesis runs schemathesis over the document of a server. The flag --config, which comes
// last, makes it send names of the demo.
func (p *process) schemathesis(t *testing.T, dir string, flags ...string) (out sent) {
	t.Helper()
	source, err := filepath.Abs(filepath.Join("testdata", "schemathesis"))
	if err != nil {
		t.Fatal(err)
	}
	// One worker: of two threads that compile at once, Python 3.11 now and then fails one.
	args := []string{"run", p.document(t), "--url", p.url, "-H", "Authorization: Bearer " + adminToken, "--workers", "1", "--seed", "1", "--no-color", "--warnings", "off",
		"--checks", "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance", "--continue-on-failure"}
	if last := len(flags) - 1; flags[last] == "--config" {
		flags = flags[:last]
		args = append([]string{"--config-file", filepath.Join(source, "schemathesis.toml")}, args...)
	}
	cmd := exec.Command(filepath.Join(dir, "venv", "bin", "schemathesis"), append(args, flags...)...)
	cmd.Dir = t.TempDir()
	cmd.Env = append(os.Environ(), "SCHEMATHESIS_HOOKS="+filepath.Join(source, "hooks.py"), "PYTHONDONTWRITEBYTECODE=1")
	text, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	for pattern, n := range map[string]*int{`(\d+) generated`: &out.requests, `Tested: (\d+)`: &out.operations} {
		if found := regexp.MustCompile(pattern).FindSubmatch(text); found != nil {
			*n, _ = strconv.Atoi(string(found[1]))
		}
	}
	return out
}

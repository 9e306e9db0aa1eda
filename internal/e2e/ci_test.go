package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.yaml.in/yaml/v3"

	"pedigree/registry"
)

// forge is the part of GitHub and of GitLab that keeps comments.
type forge struct {
	mu       sync.Mutex
	comments []string
	writes   []string // the method and path of each change
	tokens   map[string]bool
}

// ServeHTTP implements http.Handler.
func (f *forge) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tokens[r.Header.Get("Authorization")+r.Header.Get("PRIVATE-TOKEN")] = true
	if r.Method == http.MethodGet {
		all := []map[string]any{{"id": 1, "body": "looks good"}}
		for i, c := range f.comments {
			all = append(all, map[string]any{"id": i + 2, "body": c})
		}
		json.NewEncoder(w).Encode(all)
		return
	}
	var in struct{ Body string }
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	f.writes = append(f.writes, r.Method+" "+r.URL.Path)
	if r.Method == http.MethodPost {
		f.comments = append(f.comments, in.Body)
	} else {
		f.comments[len(f.comments)-1] = in.Body
	}
	io.WriteString(w, "{}")
}

// hostileData is the name of a data set that would do harm in a comment and in a shell.
const hostileData = "raw`$(touch pwned)` @team |x| <img src=x onerror=alert(1)> [a](http:..e.example)"

// ciRun runs the script in a repository, with variables.
func ciRun(t *testing.T, repo string, want int, variables ...string) string {
	t.Helper()
	script, err := filepath.Abs("../../integrations/ci/pedigree-ci.sh")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("sh", script)
	cmd.Dir = repo
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "PEDIGREE_BINARY=" + binary, "PEDIGREE_TOKEN=" + adminToken}, variables...)
	out, err := cmd.CombinedOutput()
	if code := cmd.ProcessState.ExitCode(); code != want {
		t.Fatalf("exit %d, want %d (%v)\n%s", code, want, err, out)
	}
	return string(out)
}

// gitIn runs git in a folder.
func gitIn(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", append([]string{"-c", "user.name=Ada", "-c", "user.email=ada@example.com"}, args...)...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// trainOn commits a change, and writes the facts of a training run on it.
func trainOn(t *testing.T, repo, run, digest string, depth int, f1 float64) registry.ID {
	t.Helper()
	if err := os.WriteFile(filepath.Join(repo, "train.py"), fmt.Appendf(nil, "depth = %d\n", depth), 0o600); err != nil {
		t.Fatal(err)
	}
	gitIn(t, repo, "add", "train.py")
	gitIn(t, repo, "commit", "-q", "-m", fmt.Sprintf("tune: depth %d `@team`", depth))
	sha := gitIn(t, repo, "rev-parse", "HEAD")
	var lines []string
	for _, fact := range []map[string]any{
		{"ref": "data", "datasetVersion": map[string]any{"dataset": hostileData, "namespace": "lake", "digest": digest, "role": "RAW", "tags": []map[string]string{{"key": "licence", "value": "CC-BY"}}}},
		{"run": map[string]any{"producer": "ci", "runId": run, "name": "train", "runKind": "TRAINING", "parameters": map[string]any{"depth": depth}, "metrics": []map[string]any{{"name": "f1", "value": f1}},
			"inputs": []string{"@data"}, "commits": []string{sha}, "startedAt": "2026-01-02T03:04:05Z", "endedAt": "2026-01-02T04:04:05Z"}},
	} {
		b, err := json.Marshal(fact)
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, string(b))
	}
	if err := os.WriteFile(filepath.Join(repo, "facts.jsonl"), []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return registry.NewRunID("ci", run)
}

// TestACheckInCI runs the script of the action and of the template on a repository, with a real server
// and a forge that keeps comments: the first version has nothing to be compared with; a second one is
// compared with the first in PRODUCTION, a gate stops it, the comment is replaced, and no name gets out of
// its code span or into the shell.
func TestACheckInCI(t *testing.T) {
	t.Parallel()
	for _, tool := range []string{"sh", "curl", "jq", "git"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Fatalf("the script needs %s: %v", tool, err)
		}
	}
	server := start(t)
	pages := &forge{tokens: map[string]bool{}}
	site := httptest.NewServer(pages)
	defer site.Close()
	repo := t.TempDir()
	gitIn(t, repo, "init", "-q", "-b", "main")
	common := []string{"PEDIGREE_SERVER=" + server.url, "PEDIGREE_MODEL=churn", "PEDIGREE_IMPORT=git", "PEDIGREE_FACTS=facts.jsonl"}
	github := append(slices.Clone(common), "PEDIGREE_COMMENT=github", "GITHUB_API_URL="+site.URL, "GITHUB_REPOSITORY=acme/churn", "PEDIGREE_PULL_REQUEST=7", "GITHUB_TOKEN=secret-of-github")
	cli := func(args ...string) string {
		t.Helper()
		cmd := exec.Command(binary, append(args, "--server", server.url)...)
		cmd.Env = append(os.Environ(), "PEDIGREE_TOKEN="+adminToken)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
		return string(out)
	}

	run := trainOn(t, repo, "1", "sha256:"+strings.Repeat("a", 64), 4, 0.80)
	ciRun(t, repo, 5, append(slices.Clone(github), "PEDIGREE_VERSION=1.0.0", "PEDIGREE_RUN="+string(run))...) // DEVELOPMENT does not go to PRODUCTION at once.
	if len(pages.comments) != 1 || !strings.Contains(pages.comments[0], "no other version in PRODUCTION") {
		t.Fatalf("%q", pages.comments)
	}
	cli("version", "transition", "churn@1.0.0", "--to", "staging")
	cli("version", "transition", "churn@1.0.0", "--to", "production")

	run = trainOn(t, repo, "2", "sha256:"+strings.Repeat("b", 64), 6, 0.85)
	out := ciRun(t, repo, 0, append(slices.Clone(github), "PEDIGREE_RUN="+string(run), "PEDIGREE_TO=staging")...)
	if !strings.Contains(out, "churn@1.1.0") || len(pages.comments) != 1 {
		t.Fatalf("%s\n%q", out, pages.comments)
	}
	comment := pages.comments[0]
	for _, want := range []string{"`churn@1.0.0`", "| data | ", strings.Repeat("a", 20), strings.Repeat("b", 20), "| code | ", "| parameter | `depth` | `4` | `6` |", "| metric | `f1` | `0.8` | `0.85` |", "Nothing stands in the way"} {
		if !strings.Contains(comment, want) {
			t.Errorf("the comment has no %q:\n%s", want, comment)
		}
	}
	outside := comment
	for _, span := range codeSpans(comment) {
		outside = strings.Replace(outside, span, "", 1)
	}
	for _, bad := range []string{"@team", "<img", "](", "touch"} {
		if strings.Contains(outside, bad) {
			t.Errorf("%q stands outside of code:\n%s", bad, comment)
		}
	}
	if strings.Join(pages.writes, ", ") != "POST /repos/acme/churn/issues/7/comments, PATCH /repos/acme/churn/issues/comments/2" || len(pages.tokens) != 1 || !pages.tokens["Bearer secret-of-github"] {
		t.Errorf("%q %v", pages.writes, pages.tokens)
	}

	cli("gate", "put", "good", "--expression", `sources.all(s, s.licence == "MIT")`, "--to", "staging", "--message", "MIT alone")
	gitlab := append(slices.Clone(common), "PEDIGREE_COMMENT=gitlab", "CI_API_V4_URL="+site.URL, "CI_PROJECT_ID=3", "CI_MERGE_REQUEST_IID=9", "GITLAB_TOKEN=secret-of-gitlab", "PEDIGREE_REGISTER=no", "PEDIGREE_VERSION=1.1.0", "PEDIGREE_TO=staging")
	ciRun(t, repo, 5, gitlab...)
	if last := pages.writes[len(pages.writes)-1]; last != "PUT /projects/3/merge_requests/9/notes/2" || !strings.Contains(pages.comments[0], "stands in the way of its promotion;") {
		t.Errorf("%s %q", last, pages.comments)
	}
	report, err := os.ReadFile(filepath.Join(repo, "pedigree-out", "check.xml"))
	if err != nil || !strings.Contains(string(report), `failures="1"`) || !strings.Contains(string(report), "MIT alone") {
		t.Errorf("%v %s", err, report)
	}
	if _, err := os.Stat(filepath.Join(repo, "pwned")); err == nil {
		t.Error("a name was run by the shell")
	}
	ciRun(t, repo, 1, append(slices.Clone(gitlab), "PEDIGREE_TOKEN=wrong")...)
}

// codeSpans returns the code spans of a comment.
func codeSpans(text string) (out []string) {
	for i := 0; i < len(text); i++ {
		n := 0
		for i+n < len(text) && text[i+n] == '`' {
			n++
		}
		if n == 0 {
			continue
		}
		for k := i + n; k < len(text); k++ {
			m := 0
			for k+m < len(text) && text[k+m] == '`' {
				m++
			}
			if m == n {
				out, i = append(out, text[i:k+m]), k+m-1
				break
			}
			k += max(m-1, 0)
		}
	}
	return out
}

// TestTheFilesOfCI reads the action and the template: they are YAML, every variable of the script is one
// that it knows, and no text of others is part of a script.
func TestTheFilesOfCI(t *testing.T) {
	t.Parallel()
	script, err := os.ReadFile("../../integrations/ci/pedigree-ci.sh")
	if err != nil {
		t.Fatal(err)
	}
	var action struct {
		Inputs map[string]struct{ Description, Default string }
		Runs   struct {
			Using string
			Steps []struct {
				Shell, Run string
				Env        map[string]string
			}
		}
	}
	read := func(name string, into any) {
		t.Helper()
		b, err := os.ReadFile("../../integrations/ci/" + name)
		if err == nil {
			err = yaml.Unmarshal(b, into)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	read("action.yml", &action)
	if action.Runs.Using != "composite" || len(action.Runs.Steps) != 1 {
		t.Fatalf("%+v", action)
	}
	step := action.Runs.Steps[0]
	if strings.Contains(step.Run, "${{") {
		t.Error("the script of the action has an expression in its text: put it into env")
	}
	for name, value := range step.Env {
		if !strings.Contains(string(script), name) {
			t.Errorf("%s is set, and the script does not know it", name)
		}
		if input, ok := strings.CutPrefix(strings.Trim(value, "${} "), "inputs."); ok {
			if _, known := action.Inputs[input]; !known {
				t.Errorf("%s takes the input %q, which there is not", name, input)
			}
		}
	}
	var template map[string]struct {
		Variables map[string]string
		Script    []string
	}
	read("gitlab.yml", &template)
	for name := range template[".pedigree"].Variables {
		if !strings.Contains(string(script), name) && name != "PEDIGREE_CI_DIR" {
			t.Errorf("%s is set, and the script does not know it", name)
		}
	}
	if out, err := exec.Command("sh", "-n", "../../integrations/ci/pedigree-ci.sh").CombinedOutput(); err != nil {
		t.Errorf("%v %s", err, out)
	}
}

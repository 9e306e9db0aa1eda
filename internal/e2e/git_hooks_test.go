package e2e

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const hookSecret = "a-secret-of-the-git-host"

// TestHooksKeepARepositoryCurrent serves a DVC project over https as git's own server does. A server
// of the registry clones it at its start, and fetches it after each hook of GitHub, GitLab and Gitea;
// a hook that is not verified, and one that comes again, change nothing.
func TestHooksKeepARepositoryCurrent(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	git := func(args ...string) string {
		t.Helper()
		cmd := exec.Command("git", append([]string{"-C", root, "-c", "user.name=Ann", "-c", "user.email=ann@example.com"}, args...)...)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	bundle, err := filepath.Abs("../../testdata/dvc-project/repo.bundle")
	if err != nil {
		t.Fatal(err)
	}
	git("clone", "-q", "--bare", bundle, "churn.git")
	git("clone", "-q", "churn.git", "work")
	host := httptest.NewTLSServer(&cgi.Handler{Path: filepath.Join(git("--exec-path"), "git-http-backend"), Env: []string{"GIT_PROJECT_ROOT=" + root, "GIT_HTTP_EXPORT_ALL=1"}})
	t.Cleanup(host.Close)

	dir := t.TempDir()
	config := "token-env: PEDIGREE_BOOTSTRAP_TOKEN\ninterval: 1h\nrepositories:\n"
	for _, kind := range []string{"github", "gitlab", "gitea"} {
		config += fmt.Sprintf("- {name: churn-%s, host: %s, url: '%s/churn.git', secret-file: secret, ca-file: ca.pem, repo: churn}\n", kind, kind, host.URL)
	}
	for name, body := range map[string][]byte{"hooks.yaml": []byte(config), "secret": []byte(hookSecret + "\n"),
		"ca.pem": pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: host.Certificate().Raw})} {
		if err := os.WriteFile(filepath.Join(dir, name), body, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p := start(t, "--git-hooks", filepath.Join(dir, "hooks.yaml"))
	p.waitForCommit(git("-C", "work", "rev-parse", "HEAD"))
	p.waitForVersion("churn-model", "1.1.1")

	push := func(kind, name, delivery, secret string, body []byte) int {
		t.Helper()
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write(body)
		r, err := http.NewRequest(http.MethodPost, p.url+"/api/v1/hooks/"+kind+"/"+name, bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		for key, value := range map[string]map[string]string{
			"github": {"X-GitHub-Event": "push", "X-GitHub-Delivery": delivery, "X-Hub-Signature-256": "sha256=" + hex.EncodeToString(mac.Sum(nil))},
			"gitlab": {"X-Gitlab-Event": "Push Hook", "X-Gitlab-Event-UUID": delivery, "X-Gitlab-Token": secret},
			"gitea":  {"X-Gitea-Event": "push", "X-Gitea-Delivery": delivery, "X-Gitea-Signature": hex.EncodeToString(mac.Sum(nil))}}[kind] {
			r.Header.Set(key, value)
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp.StatusCode
	}
	for n, kind := range []string{"github", "gitlab", "gitea"} {
		git("-C", "work", "commit", "-q", "--allow-empty", "-m", "news for "+kind)
		git("-C", "work", "push", "-q", "origin", "HEAD")
		sha := git("-C", "work", "rev-parse", "HEAD")
		body := fmt.Appendf(nil, `{"after":%q,"repository":{"clone_url":"%s/churn.git"},"project":{"git_http_url":"%s/churn.git"}}`, sha, host.URL, host.URL)
		name, delivery := "churn-"+kind, fmt.Sprint("delivery-", n)
		if status := push(kind, name, delivery, "another secret of a host", body); status != http.StatusUnauthorized {
			t.Errorf("%s, a wrong secret: %d", kind, status)
		}
		if status := push(kind, name, delivery, hookSecret, body); status != http.StatusAccepted {
			t.Fatalf("%s: %d", kind, status)
		}
		p.waitForCommit(sha)
		if status := push(kind, name, delivery, hookSecret, body); status != http.StatusConflict {
			t.Errorf("%s, again: %d", kind, status)
		}
	}
	if err := p.stop(); err != nil {
		t.Errorf("the server did not end well: %v\n%s", err, p.log)
	}
}

// waitFor asks until a condition holds, for at most a minute.
func (p *process) waitFor(what string, holds func() bool) {
	p.t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if holds() {
			return
		}
	}
	p.t.Fatalf("%s did not come\n%s", what, p.log)
}

func (p *process) waitForCommit(sha string) {
	p.t.Helper()
	p.waitFor("the commit "+sha, func() bool {
		var out struct{ Commit *struct{ ID string } }
		p.must(`query($s: String!) { commit(sha: $s) { id } }`, map[string]any{"s": sha}, &out)
		return out.Commit != nil
	})
}

func (p *process) waitForVersion(model, version string) {
	p.t.Helper()
	p.waitFor(model+" "+version, func() bool {
		var out struct{ ModelVersion *struct{ ID string } }
		p.must(`query($m: String!, $v: String!) { modelVersion(model: $m, version: $v) { id } }`, map[string]any{"m": model, "v": version}, &out)
		return out.ModelVersion != nil
	})
}

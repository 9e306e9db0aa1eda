package git_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pedigree/connect/git"
	"pedigree/registry"
)

// serveGit serves the repositories of a folder over https with git-http-backend. It makes
// this process trust the server's certificate.
func serveGit(t *testing.T, root string, wrap func(http.Handler) http.Handler) string {
	t.Helper()
	exe, err := exec.Command("git", "--exec-path").Output()
	if err != nil {
		t.Fatal(err)
	}
	var h http.Handler = &cgi.Handler{Path: filepath.Join(strings.TrimSpace(string(exe)), "git-http-backend"),
		Env: []string{"GIT_PROJECT_ROOT=" + root, "GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=safe.directory", "GIT_CONFIG_VALUE_0=*"}}
	srv := httptest.NewUnstartedServer(wrap(h))
	srv.StartTLS()
	t.Cleanup(srv.Close)
	trust(t, srv.Certificate().Raw)
	return srv.URL
}

// trust adds a certificate to those that the default HTTP transport trusts, for one test.
func trust(t *testing.T, der []byte) {
	t.Helper()
	pool := systemPool(t)
	if !pool.AppendCertsFromPEM(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})) {
		t.Fatal("the certificate cannot be parsed")
	}
	transport := http.DefaultTransport.(*http.Transport)
	old := transport.TLSClientConfig
	transport.TLSClientConfig = &tls.Config{RootCAs: pool}
	transport.CloseIdleConnections()
	t.Cleanup(func() { transport.TLSClientConfig = old })
}

func noWrapper(h http.Handler) http.Handler { return h }

func TestAURLIsClonedAndCleanedUp(t *testing.T) {
	root := t.TempDir()
	full := newRepo(t)
	full.commit("feat: one", "a", "1")
	full.git("tag", "-a", "v1.0.0", "-m", "first")
	full.git("checkout", "-q", "-b", "side")
	full.commit("feat: two", "a", "2")
	full.git("clone", "-q", "--bare", full.path, filepath.Join(root, "churn.git"))
	base := serveGit(t, root, noWrapper)
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	s, ctx := newRegistry(t, registry.RoleAdmin)
	r := mustImport(t, ctx, s, strings.Replace(base, "https://", "https://user:secret@", 1)+"/churn.git", git.Options{})
	if r.Added("commits") != 2 || r.Added("tags") != 1 || len(r.Problems) != 0 {
		t.Errorf("report %+v", r)
	}
	if want := base + "/churn"; r.Repository != want {
		t.Errorf("key %s, want %s: without credentials and .git", r.Repository, want)
	}
	if left, err := os.ReadDir(temp); err != nil || len(left) != 0 {
		t.Errorf("the clone left %v behind, %v", left, err)
	}
}

func TestACloneIsBounded(t *testing.T) {
	root := t.TempDir()
	full := newRepo(t)
	full.commit("feat: one", "a", strings.Repeat("0123456789abcdef", 1000))
	full.git("clone", "-q", "--bare", full.path, filepath.Join(root, "churn.git"))
	s, ctx := newRegistry(t, registry.RoleAdmin)
	base := serveGit(t, root, noWrapper)
	_, err := git.Import(ctx, s, base+"/churn.git", git.Options{MaxBytes: 300})
	wantCode(t, err, registry.ResourceExhausted, "larger than 300 bytes")
	_, err = git.Import(ctx, s, base+"/none.git", git.Options{})
	wantCode(t, err, registry.NotFound, "no repository at /none.git")
	stop := make(chan struct{})
	defer close(stop)
	slow := serveGit(t, root, func(http.Handler) http.Handler {
		return http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			select {
			case <-stop:
			case <-r.Context().Done():
			}
		})
	})
	_, err = git.Import(ctx, s, slow+"/churn.git", git.Options{MaxTime: 200 * time.Millisecond})
	wantCode(t, err, registry.Unavailable, "did not arrive within")
}

func TestAFailedCloneHidesThePassword(t *testing.T) {
	s, ctx := newRegistry(t, registry.RoleAdmin)
	base := serveGit(t, t.TempDir(), func(http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	})
	_, err := git.Import(ctx, s, strings.Replace(base, "https://", "https://me:hunter2@", 1)+"/x.git", git.Options{})
	wantCode(t, err, registry.Unavailable, "could not be cloned")
	e := err.(*registry.Error)
	if all := e.Message + e.Err.Error(); strings.Contains(all, "hunter2") {
		t.Errorf("the error contains the password: %s", all)
	}
}

func systemPool(t *testing.T) *x509.CertPool {
	pool, err := x509.SystemCertPool()
	if err != nil {
		t.Fatal(err)
	}
	return pool
}

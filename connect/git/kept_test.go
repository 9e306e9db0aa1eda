package git

import (
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"pedigree/registry"
)

// gitServer serves the repositories of a folder over https, as git http-backend does.
type gitServer struct {
	*testing.T
	*httptest.Server
	root string
	// requests counts all requests, packs those for objects.
	requests, packs atomic.Int64
	password        string
}

func newGitServer(t *testing.T) *gitServer {
	t.Helper()
	path, err := exec.Command("git", "--exec-path").Output()
	if err != nil {
		t.Fatal("these tests need git:", err)
	}
	s := &gitServer{T: t, root: t.TempDir()}
	backend := &cgi.Handler{Path: filepath.Join(strings.TrimSpace(string(path)), "git-http-backend"), Env: []string{"GIT_PROJECT_ROOT=" + s.root, "GIT_HTTP_EXPORT_ALL=1"}}
	s.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.requests.Add(1)
		if _, sent, _ := r.BasicAuth(); s.password != sent {
			w.Header().Set("WWW-Authenticate", "Basic")
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		if strings.HasSuffix(r.URL.Path, "/git-upload-pack") {
			s.packs.Add(1)
		}
		backend.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	s.git("init", "-q", "--bare", "-b", "main", "origin.git")
	s.git("init", "-q", "-b", "main", "work")
	return s
}

// git runs git in the folder of the server.
func (s *gitServer) git(args ...string) string {
	s.Helper()
	cmd := exec.Command("git", append([]string{"-C", s.root, "-c", "user.name=Ann", "-c", "user.email=ann@example.com", "-c", "commit.gpgsign=false"}, args...)...)
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null")
	out, err := cmd.CombinedOutput()
	if err != nil {
		s.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// push commits a file and pushes all branches and tags, with those that are gone removed.
func (s *gitServer) push(name string, size int) string {
	s.Helper()
	s.write(name, size)
	s.git("-C", "work", "add", "-A")
	s.git("-C", "work", "commit", "-q", "-m", "add "+name)
	return s.mirror()
}

// write writes a file that packs badly.
func (s *gitServer) write(name string, size int) {
	s.Helper()
	body := make([]byte, size)
	if _, err := rand.Read(body); err != nil {
		s.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(s.root, "work", name), body, 0o600); err != nil {
		s.Fatal(err)
	}
}

func (s *gitServer) mirror() string {
	s.git("-C", "work", "push", "-q", "--force", "--prune", filepath.Join(s.root, "origin.git"), "refs/heads/*", "refs/tags/*")
	return s.git("-C", "work", "rev-parse", "HEAD")
}

func (s *gitServer) kept() *Kept {
	return &Kept{Dir: filepath.Join(s.TempDir(), "deep", "one.git"), URL: s.URL + "/origin.git", CA: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})}
}

// refs lists the references of a clone.
func (s *gitServer) refs(k *Kept) string {
	s.Helper()
	return s.git("-C", k.Dir, "for-each-ref", "--format=%(refname) %(objectname)")
}

// TestAKeptCloneFollowsItsOrigin pushes, moves, rewrites and deletes branches and tags: after a
// fetch the clone has those of the origin, and git finds no fault in it.
func TestAKeptCloneFollowsItsOrigin(t *testing.T) {
	s := newGitServer(t)
	k := s.kept()
	steps := []func(){
		func() { s.push("a", 10) },
		func() {
			s.git("-C", "work", "tag", "v1")
			s.git("-C", "work", "tag", "-a", "-m", "two", "v2")
			s.mirror()
		},
		func() { s.git("-C", "work", "checkout", "-q", "-b", "side"); s.push("b", 10) },
		func() { s.git("-C", "work", "checkout", "-q", "main"); s.push("c", 10) },
		func() { s.git("-C", "work", "tag", "-f", "v1"); s.mirror() },
		func() {
			s.git("-C", "work", "branch", "-D", "side")
			s.git("-C", "work", "tag", "-d", "v2")
			s.mirror()
		},
		func() { s.git("-C", "work", "commit", "-q", "--amend", "-m", "another"); s.mirror() },
	}
	state := ""
	for n, step := range steps {
		step()
		if err := k.Fetch(t.Context()); err != nil {
			t.Fatalf("step %d: %v", n, err)
		}
		want := s.git("-C", "origin.git", "for-each-ref", "--format=%(refname) %(objectname)")
		if got := s.refs(k); got != want {
			t.Errorf("step %d: the clone has\n%s\nthe origin has\n%s", n, got, want)
		}
		now, err := State(t.Context(), k.Dir)
		if err != nil || now == state {
			t.Errorf("step %d: the state %q is that before, %v", n, now, err)
		}
		state = now
		requests, packs := s.requests.Load(), s.packs.Load()
		if err := k.Fetch(t.Context()); err != nil || s.packs.Load() != packs || s.requests.Load() != requests+1 {
			t.Errorf("step %d: without news %d requests, %d of them for packs, %v", n, s.requests.Load()-requests, s.packs.Load()-packs, err)
		}
		if again, err := State(t.Context(), k.Dir); err != nil || again != state {
			t.Errorf("step %d: another state without news: %v", n, err)
		}
	}
	s.git("-C", k.Dir, "fsck", "--strict")
	r, err := Open(t.Context(), k.Dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if r.Key() != networkURL(k.URL) || r.defaultBranch() != "main" {
		t.Errorf("the clone is of %q, on %q", r.Key(), r.defaultBranch())
	}
}

// TestPullRequestsAreNotFetched: what strangers propose is no branch of the repository.
func TestPullRequestsAreNotFetched(t *testing.T) {
	s := newGitServer(t)
	k := s.kept()
	sha := s.push("a", 10)
	s.git("-C", "origin.git", "update-ref", "refs/pull/1/head", sha)
	if err := k.Fetch(t.Context()); err != nil || strings.Contains(s.refs(k), "pull") {
		t.Errorf("%v\n%s", err, s.refs(k))
	}
}

// TestAKeptCloneStaysBelowItsLimit: a repository that is too large leaves nothing behind; one whose
// rewritten branches left old objects is cloned anew.
func TestAKeptCloneStaysBelowItsLimit(t *testing.T) {
	s := newGitServer(t)
	k := s.kept()
	s.push("small", 1000)
	k.MaxBytes = 500_000
	if err := k.Fetch(t.Context()); err != nil {
		t.Fatal(err)
	}
	anew := 0
	for n := range 6 { // Each state fits, all together do not.
		s.write("big", 150_000)
		s.git("-C", "work", "add", "-A")
		s.git("-C", "work", "commit", "-q", "--amend", "-m", fmt.Sprint("state ", n))
		s.mirror()
		before, err := os.Stat(k.Dir)
		if err != nil {
			t.Fatal(err)
		}
		if err := k.Fetch(t.Context()); err != nil {
			t.Fatalf("rewrite %d: %v", n, err)
		}
		if size, err := sizeOf(k.Dir); err != nil || size > k.MaxBytes {
			t.Errorf("rewrite %d: the clone has %d bytes, %v", n, size, err)
		}
		if after, err := os.Stat(k.Dir); err != nil || !os.SameFile(before, after) {
			anew++
		}
	}
	if anew == 0 || anew == 6 {
		t.Errorf("the clone was made anew %d times of 6", anew)
	}
	k = s.kept()
	k.MaxBytes = 50_000
	if err := k.Fetch(t.Context()); registry.CodeOf(err) != registry.ResourceExhausted {
		t.Errorf("too large: %v", err)
	}
	if left, _ := os.ReadDir(filepath.Dir(k.Dir)); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestAKeptCloneLogsIn sends the password to a host that asks for one, keeps it in no file, and
// tells it in no error.
func TestAKeptCloneLogsIn(t *testing.T) {
	s := newGitServer(t)
	s.push("a", 10)
	s.password = "hunter2secret"
	k := s.kept()
	if err := k.Fetch(t.Context()); registry.CodeOf(err) != registry.Forbidden {
		t.Errorf("without a password: %v", err)
	}
	k.Password = s.password
	if err := k.Fetch(t.Context()); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("grep", "-r", s.password, k.Dir).CombinedOutput(); err == nil {
		t.Errorf("the password is in a file: %s", out)
	}
	s.Server.Close()
	if err := k.Fetch(t.Context()); err == nil || strings.Contains(err.Error()+registry.Cause(err), s.password) {
		t.Errorf("a host that is gone: %v", err)
	}
	if _, err := Open(t.Context(), k.Dir, Options{}); err != nil {
		t.Errorf("the clone after a fetch that failed: %v", err)
	}
}

// TestAPasswordDoesNotFollowARedirect: a host that sends a fetch elsewhere does not send the password
// along.
func TestAPasswordDoesNotFollowARedirect(t *testing.T) {
	s := newGitServer(t)
	s.push("a", 10)
	var asked atomic.Int64
	from := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, password, _ := r.BasicAuth(); password == "hunter2secret" {
			asked.Add(1)
		}
		http.Redirect(w, r, s.URL+r.URL.RequestURI(), http.StatusFound)
	}))
	defer from.Close()
	s.password = "" // The server refuses every password that is sent.
	k := s.kept()
	k.URL, k.Password = from.URL+"/origin.git", "hunter2secret"
	k.CA = append(k.CA, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: from.Certificate().Raw})...)
	if err := k.Fetch(t.Context()); err != nil || asked.Load() == 0 {
		t.Errorf("the redirect: %v, %d requests with the password", err, asked.Load())
	}
}

func TestOnlyHTTPSIsKept(t *testing.T) {
	for _, from := range []string{"http://127.0.0.1/x", "ssh://git@example.com/x", "file:///tmp", "/tmp", "ext::sh", "-u"} {
		if err := (&Kept{Dir: filepath.Join(t.TempDir(), "x.git"), URL: from}).Fetch(t.Context()); registry.CodeOf(err) != registry.InvalidArgument {
			t.Errorf("%s: %v", from, err)
		}
	}
}

package remote_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"pedigree/connect/remote"
	"pedigree/registry"
	"pedigree/service/catalog"
	"pedigree/service/facts"
)

const secret = "pdg_secret_that_nobody_prints"

// wantError checks that an error has a code, contains all of the words, and does not
// contain the token.
func wantError(t *testing.T, err error, code registry.Code, words ...string) {
	t.Helper()
	if registry.CodeOf(err) != code {
		t.Errorf("code %q, want %q: %v", registry.CodeOf(err), code, err)
		return
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%q does not say %q", err, w)
		}
	}
	for e := err; e != nil; e = errors.Unwrap(e) {
		if strings.Contains(e.Error(), secret) {
			t.Errorf("an error contains the token: %v", e)
		}
	}
}

// newTestClient returns a client of a server with the handler h, and the waits before its
// retries.
func newTestClient(t *testing.T, h http.HandlerFunc) (c *remote.Client, waits *[]time.Duration) {
	t.Helper()
	l := httptest.NewServer(h)
	t.Cleanup(l.Close)
	waits = &[]time.Duration{}
	c, err := remote.New(l.URL, secret, remote.Sleep(func(ctx context.Context, d time.Duration) error {
		*waits = append(*waits, d)
		return ctx.Err()
	}))
	if err != nil {
		t.Fatal(err)
	}
	return c, waits
}

func TestOnlyAURLAndATokenMakeAClient(t *testing.T) {
	for _, url := range []string{"", "pedigree.example.com", "ftp://pedigree.example.com", "http://", "https://ann:" + secret + "@pedigree.example.com",
		"https://pedigree.example.com?token=" + secret, "https://pedigree.example.com/#x", "http://[::1", "/tmp/p.db"} {
		_, err := remote.New(url, secret)
		wantError(t, err, registry.InvalidArgument, "server: ")
	}
	for _, token := range []string{"", "two words", secret + "\n", "tök"} {
		_, err := remote.New("http://127.0.0.1:8080", token)
		wantError(t, err, registry.Unauthenticated, "PEDIGREE_TOKEN")
	}
	for url, want := range map[string]string{"http://127.0.0.1:8080": "http://127.0.0.1:8080", "https://example.com/registry/": "https://example.com/registry",
		"https://example.com/registry/graphql": "https://example.com/registry", " https://example.com/graphql/ ": "https://example.com"} {
		c, err := remote.New(url, secret)
		if err != nil || c.Server() != want {
			t.Errorf("%s: %v %v", url, c, err)
		}
	}
}

func TestATokenIsNotSentAlongARedirect(t *testing.T) {
	var reached atomic.Int64
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { reached.Add(1) }))
	defer other.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		c, waits := newTestClient(t, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, other.URL+"/graphql?x="+secret, status)
		})
		_, err := c.Viewer(t.Context())
		wantError(t, err, registry.Unavailable, "sends on to "+other.URL, "--server")
		if reached.Load() != 0 || len(*waits) != 0 {
			t.Errorf("%d: %d requests reached the other server, after %v", status, reached.Load(), *waits)
		}
	}
	// The default client of Go follows the same redirect.
	front := httptest.NewServer(http.RedirectHandler(other.URL, http.StatusTemporaryRedirect))
	defer front.Close()
	if _, err := http.Post(front.URL, "application/json", strings.NewReader("{}")); err != nil || reached.Load() != 1 {
		t.Errorf("%v %d", err, reached.Load())
	}
}

func TestAnAnswerThatIsNotGraphQLIsExplained(t *testing.T) {
	for _, c := range []struct {
		status int
		body   string
		code   registry.Code
		waits  int
		words  string
	}{
		{200, "<html>welcome</html>", registry.Unavailable, 0, "is the URL of a pedigree server"},
		{200, "", registry.Unavailable, 0, "is the URL of a pedigree server"},
		{200, `{"hello":"world"}`, registry.Unavailable, 0, "no GraphQL"},
		{404, "not found", registry.Unavailable, 0, "404 Not Found"},
		{401, "login", registry.Unauthenticated, 0, "another identity"},
		{413, "too large", registry.ResourceExhausted, 0, "takes less at once"},
		{429, "slowly", registry.Unavailable, 3, "try again soon"},
		{502, "<html>bad gateway</html>", registry.Unavailable, 3, "502 Bad Gateway"},
		{503, `{"data":null,"errors":[{"message":"the store does not answer","extensions":{"code":"UNAVAILABLE"}}]}`, registry.Unavailable, 3, "the store does not answer"},
		{400, `{"errors":[{"message":"Cannot query field \"x\"","extensions":{"code":"INVALID_ARGUMENT"}}]}`, registry.Unavailable, 0, "use the pedigree of its version"},
		{200, `{"data":{"viewer":7}}`, registry.Internal, 0, "cannot be read"},
		{500, `{"data":null,"errors":[{"message":"internal error; the log has the cause under request 1","extensions":{"code":"INTERNAL"}}]}`, registry.Internal, 0, "under request 1"},
	} {
		client, waits := newTestClient(t, func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(c.status)
			w.Write([]byte(c.body))
		})
		_, err := client.Viewer(t.Context())
		wantError(t, err, c.code, c.words)
		if len(*waits) != c.waits {
			t.Errorf("%d %s: waited %v", c.status, c.body, *waits)
		}
	}
}

func TestRequestsAreRetriedWithBackoff(t *testing.T) {
	n := 0
	c, waits := newTestClient(t, func(w http.ResponseWriter, r *http.Request) {
		if n++; n < 4 {
			w.Header().Set("Retry-After", []string{"", "2", "3600", ""}[n-1])
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		w.Write([]byte(`{"data":{"viewer":{"subject":"ann"}}}`))
	})
	v, err := c.Viewer(t.Context())
	if err != nil || v.Subject != "ann" {
		t.Fatal(v, err)
	}
	if got := *waits; len(got) != 3 || got[0] != 250*time.Millisecond || got[1] != 2*time.Second || got[2] != 5*time.Second {
		t.Errorf("waited %v", got)
	}
}

func TestAServerThatIsDownIsUnavailable(t *testing.T) {
	l := httptest.NewServer(http.NotFoundHandler())
	l.Close()
	waits := 0
	c, err := remote.New(l.URL, secret, remote.Sleep(func(context.Context, time.Duration) error { waits++; return nil }))
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Viewer(t.Context())
	wantError(t, err, registry.Unavailable, l.URL, "connection refused", "repeat the command")
	if waits != 3 {
		t.Errorf("waited %d times", waits)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Viewer(ended); !errors.Is(err, context.Canceled) || waits != 3 {
		t.Errorf("%v after %d waits", err, waits)
	}
}

// TestWhatIsNotFoundIsNotAnOlderServer asks the REST API for what is not there, and at a path that the
// server does not know.
func TestWhatIsNotFoundIsNotAnOlderServer(t *testing.T) {
	s := newTestServer(t)
	c, _ := s.client(registry.RoleAdmin)
	_, err := c.VersionFiles(t.Context(), "none", "1.0.0")
	wantError(t, err, registry.NotFound, "none")
	old := func(next http.Handler) http.Handler { // One that does not know the path.
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r.URL.Path = strings.Replace(r.URL.Path, "/artifacts", "/none", 1)
			next.ServeHTTP(w, r)
		})
	}
	s.setMiddleware(old)
	_, err = c.VersionFiles(t.Context(), "none", "1.0.0")
	wantError(t, err, registry.Unavailable, "use the pedigree of its version")
}

func TestServiceErrorsAreDecodedUnchanged(t *testing.T) {
	s := newTestServer(t)
	c, waited := s.client(registry.RoleAdmin)
	_, err := c.RegisterModel(t.Context(), catalog.RegisterModelInput{Name: "a/b"})
	_, want := s.service.RegisterModel(s.admin(), catalog.RegisterModelInput{Name: "a/b"})
	var got, direct *registry.Error
	if !errors.As(err, &got) || !errors.As(want, &direct) || got.Code != direct.Code || got.Message != direct.Message || got.Field != "name" || direct.Field != "name" {
		t.Errorf("%+v, and the service says %+v", got, direct)
	}
	if _, err := c.RegisterModel(t.Context(), catalog.RegisterModelInput{Name: "churn"}); err != nil {
		t.Fatal(err)
	}
	v, err := c.RegisterModelVersion(t.Context(), catalog.RegisterModelVersionInput{Model: "churn", Version: ptr("1.0.0")})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.TransitionModelVersion(t.Context(), catalog.TransitionModelVersionInput{ID: &v.ModelVersion.ID, To: registry.Staging, IfRevision: ptr(7)})
	if !errors.As(err, &got) || got.Code != registry.Conflict || got.Details["revision"] != 1.0 {
		t.Errorf("%+v", got)
	}
	_, err = c.RegisterModelVersion(t.Context(), catalog.RegisterModelVersionInput{Model: "unknown", Version: ptr("1.0.0")})
	wantError(t, err, registry.NotFound, "unknown")
	_, err = c.RecordRun(t.Context(), facts.RecordRunInput{Producer: "p", RunID: "1", Name: "r", RunKind: "DANCING"})
	wantError(t, err, registry.InvalidArgument, "input.runKind: ")
	if n, err := c.Node(t.Context(), registry.ModelID("none", 1)); n != nil || err != nil {
		t.Errorf("%v %v", n, err)
	}
	if waited.Load() != 0 {
		t.Error("a refused request was retried")
	}
	wrong, err := remote.New(s.url, secret)
	if err != nil {
		t.Fatal(err)
	}
	before := len(s.log())
	_, err = wrong.RegisterModel(t.Context(), catalog.RegisterModelInput{Name: "stolen"})
	wantError(t, err, registry.Unauthenticated, "the token is not valid", "pedigree token create")
	if len(s.log()) != before {
		t.Error("a request with a wrong token changed the store")
	}
}

func TestARequestOverTheSizeLimitIsNotSent(t *testing.T) {
	s := newTestServer(t)
	c, _ := s.client(registry.RoleAdmin)
	asked := s.requests.Load()
	_, err := c.RegisterModel(t.Context(), catalog.RegisterModelInput{Name: "big", Description: strings.Repeat("x", 256<<10)})
	wantError(t, err, registry.ResourceExhausted, "262144 at once")
	if s.requests.Load() != asked {
		t.Error("the request was sent")
	}
}

func TestCreateModelMakesTheModelWithItsVersion(t *testing.T) {
	s := newTestServer(t)
	c, _ := s.client(registry.RoleDataScientist)
	in := catalog.RegisterModelVersionInput{Model: "fresh", Version: ptr("not a version"), CreateModel: true, Owner: "risk"}
	_, err := c.RegisterModelVersion(t.Context(), in)
	wantError(t, err, registry.InvalidArgument)
	if m, err := c.Model(t.Context(), "fresh"); m != nil || err != nil {
		t.Errorf("the version was refused and the model stands: %v %v", m, err)
	}
	in.Version = ptr("1.0.0")
	if _, err := c.RegisterModelVersion(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	if m, err := c.Model(t.Context(), "fresh"); err != nil || m.Owner != "risk" {
		t.Errorf("%+v %v", m, err)
	}
}

func ptr[T any](v T) *T { return &v }

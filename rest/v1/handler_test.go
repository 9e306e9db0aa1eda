package v1

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pedigree/graph/sqlite"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service"
)

// newTestHandler returns a handler of a route table over an empty registry.
func newTestHandler(t *testing.T, log io.Writer, table ...route) *Handler {
	t.Helper()
	store, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "p.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	policy, err := policies.Load("")
	if err != nil {
		t.Fatal(err)
	}
	gate, err := policies.NewGate(t.Context(), store, policy, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	return newHandler(service.New(gate), slog.New(slog.NewTextHandler(log, nil)), func(context.Context) string { return "request-1" }, table)
}

// respondWith returns a route function that writes a text and the size of the body or the
// path parameters.
func respondWith(text string) func(context.Context, *call) error {
	return func(_ context.Context, c *call) error {
		if c.body != nil {
			b, err := io.ReadAll(c.body)
			if err != nil {
				return err
			}
			text := fmt.Sprintf("%s %d", text, len(b))
			return c.write(http.StatusOK, "text/plain", []byte(text))
		}
		return c.write(http.StatusOK, "text/plain", fmt.Appendf(nil, "%s %q", text, c.path))
	}
}

func failWith(err error) func(context.Context, *call) error {
	return func(context.Context, *call) error { return err }
}

func TestPathsAreMatchedEscaped(t *testing.T) {
	d := newTestHandler(t, io.Discard,
		route{method: "GET", pattern: "things", serve: respondWith("list")},
		route{method: "POST", pattern: "things", serve: respondWith("new"), body: 4},
		route{method: "GET", pattern: "things/special", serve: respondWith("special")},
		route{method: "GET", pattern: "things/{id}", serve: respondWith("one")},
		route{method: "GET", pattern: "things/{id}/parts/{part}", serve: respondWith("part")},
		route{method: "DELETE", pattern: "things/{thing}", serve: respondWith("gone")})
	for _, c := range []struct {
		method, path string
		status       int
		body         string
	}{
		{"GET", "/api/v1/things", 200, "list"},
		{"GET", "/api/v1/things/special", 200, "special"},
		{"GET", "/api/v1/things/special/parts/1", 200, `part map["id":"special" "part":"1"]`},
		{"GET", "/api/v1/things/a%20b", 200, `one map["id":"a b"]`},
		{"GET", "/api/v1/things/a%2Fb", 200, `one map["id":"a/b"]`},
		{"GET", "/api/v1/things/a%252Fb", 200, `one map["id":"a%2Fb"]`},
		{"DELETE", "/api/v1/things/x", 200, `gone map["thing":"x"]`},
		{"GET", "/api/v1/things/x/parts", 404, ""},
		{"GET", "/api/v1/things/", 404, ""},
		{"GET", "/api/v1//things", 404, ""},
		{"GET", "/api/v1/things/..", 404, ""},
		{"GET", "/api/v1/things/%2e%2e", 404, ""},
		{"GET", "/api/v1/%74hings", 404, ""},
		{"GET", "/api/v1/THINGS", 404, ""},
		{"GET", "/api%2fv1/things", 404, ""},
		{"GET", "/api/v1/", 404, ""},
		{"PATCH", "/api/v1/things", 405, "GET, HEAD, POST"},
		{"POST", "/api/v1/things/special", 405, "DELETE, GET, HEAD"},
		{"DELETE", "/api/v1/things/special", 200, `gone map["thing":"special"]`},
		{"PUT", "/api/v1/things/x", 405, "DELETE, GET, HEAD"},
	} {
		w := httptest.NewRecorder()
		r := httptest.NewRequest(c.method, "/", nil)
		r.URL, _ = r.URL.Parse("http://x" + c.path)
		d.ServeHTTP(w, r)
		got := w.Body.String()
		if w.Code == http.StatusMethodNotAllowed {
			got = w.Header().Get("Allow")
		}
		if w.Code != c.status || c.status != 404 && !strings.HasPrefix(got, c.body) {
			t.Errorf("%s %s: %d %s", c.method, c.path, w.Code, got)
		}
		if w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s %s may be cached", c.method, c.path)
		}
	}
	if p := d.Pattern("/api/v1/things/a%2Fb/parts/c"); p != "/api/v1/things/{id}/parts/{part}" {
		t.Error(p)
	}
}

func TestDuplicateRoutesPanic(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("the table is accepted")
		}
	}()
	buildTree([]route{{method: "GET", pattern: "a/{b}"}, {method: "GET", pattern: "a/{c}"}})
}

func TestHEADIsGETWithoutABody(t *testing.T) {
	srv := httptest.NewServer(newTestHandler(t, io.Discard, route{method: "GET", pattern: "things", serve: respondWith("list")}))
	defer srv.Close()
	resp, err := http.Head(srv.URL + "/api/v1/things")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != 200 || resp.ContentLength != int64(len("list map[]")) || len(b) != 0 {
		t.Errorf("%d, length %d, %q", resp.StatusCode, resp.ContentLength, b)
	}
}

// problemOf decodes a problem and checks its form.
func problemOf(t *testing.T, w *httptest.ResponseRecorder) problem {
	t.Helper()
	var p problem
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
		t.Fatalf("%v: %s", err, w.Body)
	}
	if w.Header().Get("Content-Type") != "application/problem+json" || p.Status != w.Code || p.Instance != "request-1" || p.Title == "" || p.Detail == "" ||
		p.Type != "urn:pedigree:problem:"+strings.ToLower(strings.ReplaceAll(string(p.Code), "_", "-")) {
		t.Errorf("%q %d %+v", w.Header().Get("Content-Type"), w.Code, p)
	}
	return p
}

func TestErrorsAreProblems(t *testing.T) {
	secret := errors.New("dial neo4j://neo4j:hunter2@db:7687: refused")
	detailed := registry.Errorf(registry.Conflict, "changed")
	detailed.Details = map[string]any{"revision": 7, "status": 200}
	for name, c := range map[string]struct {
		err    error
		status int
		code   registry.Code
		holds  string
	}{
		"unauthenticated": {registry.Errorf(registry.Unauthenticated, "who"), 401, registry.Unauthenticated, ""},
		"forbidden":       {registry.Errorf(registry.Forbidden, "no"), 403, registry.Forbidden, ""},
		"not found":       {registry.Errorf(registry.NotFound, "none"), 404, registry.NotFound, ""},
		"invalid":         {registry.Invalid("depth", "too deep"), 400, registry.InvalidArgument, `"field":"depth"`},
		"exists":          {registry.Errorf(registry.AlreadyExists, "there"), 409, registry.AlreadyExists, ""},
		"conflict":        {detailed, 409, registry.Conflict, `"revision":7`},
		"precondition":    {registry.Errorf(registry.FailedPrecondition, "cycle"), 422, registry.FailedPrecondition, ""},
		"too much":        {registry.Errorf(registry.ResourceExhausted, "less"), 429, registry.ResourceExhausted, ""},
		"unavailable":     {&registry.Error{Code: registry.Unavailable, Message: "later", Err: secret}, 503, registry.Unavailable, ""},
		"internal":        {&registry.Error{Code: registry.Internal, Message: "secret sentence", Err: secret}, 500, registry.Internal, "request-1"},
		"unknown":         {secret, 500, registry.Internal, "request-1"},
		"wrapped":         {fmt.Errorf("while: %w", registry.Errorf(registry.NotFound, "none")), 404, registry.NotFound, ""},
		"time":            {context.DeadlineExceeded, 429, registry.ResourceExhausted, "10s"},
		"gone":            {context.Canceled, 503, registry.Unavailable, ""},
		"large":           {&http.MaxBytesError{Limit: 5}, 413, registry.ResourceExhausted, "5 bytes"},
	} {
		var log strings.Builder
		w := httptest.NewRecorder()
		newTestHandler(t, &log, route{method: "GET", pattern: "x", serve: failWith(c.err)}).ServeHTTP(w, httptest.NewRequest("GET", "/api/v1/x", nil))
		p := problemOf(t, w)
		if p.Status != c.status || p.Code != c.code || !strings.Contains(w.Body.String(), c.holds) {
			t.Errorf("%s: %s", name, w.Body)
		}
		if strings.Contains(w.Body.String(), "hunter2") || strings.Contains(w.Body.String(), "secret") || strings.Contains(log.String(), "hunter2") {
			t.Errorf("%s contains a secret: %s, log %s", name, w.Body, &log)
		}
		if c.status >= 500 && name != "gone" && !strings.Contains(log.String(), "request-1") {
			t.Errorf("%s is not in the log: %s", name, &log)
		}
	}
}

func TestEveryCodeHasItsStatus(t *testing.T) {
	for _, c := range []registry.Code{registry.Unauthenticated, registry.Forbidden, registry.NotFound, registry.InvalidArgument, registry.AlreadyExists,
		registry.Conflict, registry.FailedPrecondition, registry.ResourceExhausted, registry.Unavailable} {
		if statusOf(c).status >= 500 && c != registry.Unavailable || statusOf(c).title == statusOf(registry.Internal).title {
			t.Errorf("%s has the status %+v", c, statusOf(c))
		}
	}
}

func TestParametersAreStrict(t *testing.T) {
	d := newTestHandler(t, io.Discard, route{method: "GET", pattern: "x", serve: respondWith("x"), query: []string{"format", "maxDepth"}},
		route{method: "GET", pattern: "bare", serve: respondWith("x")})
	for target, field := range map[string]string{"x?format=a": "", "x?format=a&maxDepth=3": "", "x": "", "x?Format=a": "Format", "x?format=a&format=b": "format",
		"x?format=%ff": "format", "x?a=1": "a", "x?format=%zz": "-", "x?a;b": "-", "bare?x": "x"} {
		w := httptest.NewRecorder()
		r := httptest.NewRequest("GET", "/", nil)
		r.URL.Path, r.URL.RawQuery, _ = strings.Cut("/api/v1/"+target, "?")
		d.ServeHTTP(w, r)
		if field == "" {
			if w.Code != 200 {
				t.Errorf("%s: %d %s", target, w.Code, w.Body)
			}
			continue
		}
		if p := problemOf(t, w); p.Code != registry.InvalidArgument || p.Field != field && field != "-" {
			t.Errorf("%s: %+v", target, p)
		}
	}
}

func TestBodiesAreBounded(t *testing.T) {
	d := newTestHandler(t, io.Discard, route{method: "POST", pattern: "small", serve: respondWith("got"), body: 8},
		route{method: "POST", pattern: "large", serve: respondWith("got"), body: 1 << 40, media: "application/x-ndjson"},
		route{method: "POST", pattern: "plain", serve: respondWith("got")}, route{method: "GET", pattern: "none", serve: respondWith("got")})
	for name, c := range map[string]struct {
		method, target, media, coding, body string
		chunked                             bool
		status                              int
	}{
		"at the limit":          {"POST", "small", "application/json", "", "12345678", false, 200},
		"with a charset":        {"POST", "small", "application/json; charset=UTF-8", "", "1", false, 200},
		"above it":              {"POST", "small", "application/json", "", "123456789", false, 413},
		"above it, not told":    {"POST", "small", "application/json", "", "123456789", true, 413},
		"another type":          {"POST", "small", "text/plain", "", "1", false, 415},
		"another charset":       {"POST", "small", "application/json; charset=latin1", "", "1", false, 415},
		"no type":               {"POST", "small", "", "", "1", false, 415},
		"compressed":            {"POST", "small", "application/json", "gzip", "1", false, 415},
		"its own type":          {"POST", "large", "application/x-ndjson", "", strings.Repeat("x", 3<<20), false, 200},
		"the default":           {"POST", "plain", "application/json", "", strings.Repeat("x", 1<<20), false, 200},
		"above the default":     {"POST", "plain", "application/json", "", strings.Repeat("x", 1<<20+1), false, 413},
		"where none is taken":   {"GET", "none", "application/json", "", "1", false, 400},
		"chunked, none taken":   {"GET", "none", "application/json", "", "1", true, 400},
		"above 64 MiB, refused": {"POST", "large", "application/x-ndjson", "", strings.Repeat("x", 64<<20+1), false, 413},
	} {
		r := httptest.NewRequest(c.method, "/api/v1/"+c.target, strings.NewReader(c.body))
		if r.Header.Set("Content-Type", c.media); c.coding != "" {
			r.Header.Set("Content-Encoding", c.coding)
		}
		if c.chunked {
			r.ContentLength = -1
		}
		w := httptest.NewRecorder()
		d.ServeHTTP(w, r)
		if w.Code != c.status {
			t.Errorf("%s: %d %.200s", name, w.Code, w.Body)
		}
		if c.status != 200 {
			problemOf(t, w)
		}
	}
}

// TestARouteHasATimeLimit checks that the context of a route ends at its time limit.
func TestARouteHasATimeLimit(t *testing.T) {
	wait := func(ctx context.Context, c *call) error { <-ctx.Done(); return ctx.Err() }
	w := httptest.NewRecorder()
	newTestHandler(t, io.Discard, route{method: "GET", pattern: "x", serve: wait, time: time.Millisecond}).ServeHTTP(w, httptest.NewRequest("GET", "/api/v1/x", nil))
	if p := problemOf(t, w); p.Code != registry.ResourceExhausted || !strings.Contains(p.Detail, "1ms") {
		t.Errorf("%+v", p)
	}
}

// TestAStreamOutlastsTheReadTimeout checks that only the body of a stream may take longer
// than the server's read timeout.
func TestAStreamOutlastsTheReadTimeout(t *testing.T) {
	d := newTestHandler(t, io.Discard, route{method: "POST", pattern: "stream", serve: respondWith("got"), stream: true},
		route{method: "POST", pattern: "whole", serve: respondWith("got")})
	srv := httptest.NewUnstartedServer(d)
	srv.Config.ReadTimeout = 300 * time.Millisecond
	srv.Start()
	defer srv.Close()
	for path, want := range map[string]int{"stream": 200, "whole": 408} {
		conn, err := net.Dial("tcp", srv.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(conn, "POST /api/v1/%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: 5\r\n\r\n", path)
		for range 5 {
			time.Sleep(120 * time.Millisecond)
			fmt.Fprint(conn, "1")
		}
		b, _ := io.ReadAll(conn)
		conn.Close()
		if !strings.HasPrefix(string(b), fmt.Sprint("HTTP/1.1 ", want)) {
			t.Errorf("%s: %s", path, b)
		}
	}
}

// TestAStreamOutlastsTheWriteTimeout checks that a stream may answer within its own time
// limit after the server's write timeout, and that the timeout holds again for the next
// request of the connection.
func TestAStreamOutlastsTheWriteTimeout(t *testing.T) {
	late := func(_ context.Context, c *call) error {
		time.Sleep(400 * time.Millisecond)
		return c.write(http.StatusOK, "text/plain", []byte("late"))
	}
	d := newTestHandler(t, io.Discard, route{method: "POST", pattern: "stream", serve: late, stream: true}, route{method: "POST", pattern: "whole", serve: late})
	srv := httptest.NewUnstartedServer(d)
	srv.Config.WriteTimeout = 200 * time.Millisecond
	srv.Start()
	defer srv.Close()
	for range 2 {
		resp, err := srv.Client().Post(srv.URL+"/api/v1/stream", "application/json", strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		if b, err := io.ReadAll(resp.Body); string(b) != "late" || err != nil {
			t.Errorf("%q %v", b, err)
		}
		resp.Body.Close()
		if resp, err := srv.Client().Post(srv.URL+"/api/v1/whole", "application/json", strings.NewReader("{}")); err == nil {
			resp.Body.Close()
			t.Error("a route that is not a stream answers after the timeout too")
		}
	}
}

// TestRoutesAreComplete checks that every route has a function and an operation.
func TestRoutesAreComplete(t *testing.T) {
	for _, r := range routes() {
		if r.serve == nil || !slices.ContainsFunc(registry.Operations(), func(o registry.Operation) bool { return o.Name == r.operation }) {
			t.Errorf("%s %s has the operation %q", r.method, r.pattern, r.operation)
		}
	}
}

package web

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// exampleBuild has the structure of a build in dist.
func exampleBuild() fstest.MapFS {
	return fstest.MapFS{
		".gitkeep":                  {},
		"index.html":                {Data: []byte("<!doctype html><html><title>dashboard</title>")},
		"graphiql.html":             {Data: []byte("<!doctype html><title>graphiql</title>")},
		"assets/app-AAAA1111.js":    {Data: []byte(strings.Repeat("export const a = 1;\n", 200))},
		"assets/app-BBBB2222.css":   {Data: []byte("body{}")},
		"assets/icon-CCCC3333.svg":  {Data: []byte("<svg/>")},
		"assets/legal-DDDD4444.txt": {Data: []byte("MIT")},
	}
}

func get(t *testing.T, h http.Handler, method, target string, headers ...string) *http.Response {
	t.Helper()
	r := httptest.NewRequest(method, target, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func body(t *testing.T, r *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestPagesAndAssetsAreServedWithTheirTypes(t *testing.T) {
	s := newSite(exampleBuild())
	for _, c := range []struct{ path, kind, cache, has string }{
		{"/", "text/html; charset=utf-8", cacheRevalidate, "dashboard"},
		{"/graphiql", "text/html; charset=utf-8", cacheRevalidate, "graphiql"},
		{"/assets/app-AAAA1111.js", "text/javascript; charset=utf-8", cacheImmutable, "export"},
		{"/assets/app-BBBB2222.css", "text/css; charset=utf-8", cacheImmutable, "body"},
		{"/assets/icon-CCCC3333.svg", "image/svg+xml", cacheImmutable, "<svg"},
		{"/assets/legal-DDDD4444.txt", "text/plain; charset=utf-8", cacheImmutable, "MIT"},
	} {
		r := get(t, s, "GET", c.path)
		if r.StatusCode != 200 || r.Header.Get("Content-Type") != c.kind || r.Header.Get("Cache-Control") != c.cache {
			t.Errorf("%s: %d %q %q", c.path, r.StatusCode, r.Header.Get("Content-Type"), r.Header.Get("Cache-Control"))
		}
		if got := body(t, r); !strings.Contains(got, c.has) {
			t.Errorf("%s: %q", c.path, got)
		}
	}
}

func TestEveryAnswerHasTheSecurityHeaders(t *testing.T) {
	for name, s := range map[string]*site{"built": newSite(exampleBuild()), "unbuilt": newSite(fstest.MapFS{})} {
		for _, c := range []struct{ method, path string }{
			{"GET", "/"}, {"HEAD", "/graphiql"}, {"POST", "/"}, {"GET", "/nowhere"}, {"GET", "/assets/app-AAAA1111.js"},
		} {
			h := get(t, s, c.method, c.path).Header
			if got := h.Get("Content-Security-Policy"); got != contentSecurityPolicy {
				t.Errorf("%s %s %s: policy %q", name, c.method, c.path, got)
			}
			if h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Referrer-Policy") != "no-referrer" {
				t.Errorf("%s %s %s: %v", name, c.method, c.path, h)
			}
		}
	}
	if strings.Contains(contentSecurityPolicy, "unsafe") || !strings.HasPrefix(contentSecurityPolicy, "default-src 'none';") {
		t.Errorf("the policy allows too much: %s", contentSecurityPolicy)
	}
}

// TestTheDashboardIsServedAtTheAddressesOfItsPages checks that a link to a page loads, with
// names that need escapes, and that a path beside a page's is not found.
func TestTheDashboardIsServedAtTheAddressesOfItsPages(t *testing.T) {
	s := newSite(exampleBuild())
	below := s.with(Options{BasePath: "/ml"})
	for _, page := range pagePaths {
		for _, rest := range []string{"", "/x", "/a%20b/versions/1.0.0", "/50%25%20off", "/a%2Fb", "/%3Cimg%3E"} {
			r := get(t, s, "GET", page+rest)
			if r.StatusCode != 200 || r.Header.Get("Cache-Control") != cacheRevalidate || !strings.Contains(body(t, r), "dashboard") {
				t.Errorf("%s%s: %d", page, rest, r.StatusCode)
			}
			if r := get(t, below, "GET", page+rest); !strings.Contains(body(t, r), `data-base="/ml"`) {
				t.Errorf("%s%s lacks the base path", page, rest)
			}
		}
		for _, beside := range []string{page + "x", page + ";x", page + "%2fx", "/x" + page, strings.ToUpper(page), "/" + page} {
			if r := get(t, s, "GET", beside); r.StatusCode != 404 {
				t.Errorf("%s: %d", beside, r.StatusCode)
			}
		}
		if r := get(t, s, "POST", page); r.StatusCode != 405 {
			t.Errorf("POST %s: %d", page, r.StatusCode)
		}
		if got := Pattern(page + "/x"); got != page {
			t.Errorf("the pattern of %s/x is %q", page, got)
		}
	}
	for _, path := range []string{"/api/v1/models", "/graphql", "/nowhere"} {
		if got := Pattern(path); got != "" {
			t.Errorf("the pattern of %s is %q", path, got)
		}
	}
}

// TestThePagesOfTheRouterAreServed compares the addresses in the router with those that
// the server answers.
func TestThePagesOfTheRouterAreServed(t *testing.T) {
	routes, err := os.ReadFile(filepath.Join("src", "routes.tsx"))
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, m := range regexp.MustCompile(`(?m)^  \['(/[a-z]+)[^']*', lazy`).FindAllStringSubmatch(string(routes), -1) {
		if !slices.Contains(found, m[1]) {
			found = append(found, m[1])
		}
	}
	slices.Sort(found)
	if !slices.Equal(found, pagePaths) {
		t.Errorf("the router has %v, the server %v", found, pagePaths)
	}
}

func TestOtherPathsAreNotFound(t *testing.T) {
	s := newSite(exampleBuild())
	for _, target := range []string{
		"/x;/graphiql", "/graphiql/", "/graphiql;x", "//graphiql", "/Graphiql", "/%67raphiql", "/graphiql%2f", "/graphiql%00",
		"/index.html", "/graphiql.html", "/.gitkeep", "/dist/index.html",
		"/assets", "/assets/", "/assets/nope.js", "/assets/../index.html", "/assets/%2e%2e/index.html", "/assets/..%2findex.html",
		`/assets/..%5cindex.html`, "/assets/app-AAAA1111.js/", "/web.go", "/healthz",
	} {
		if r := get(t, s, "GET", target); r.StatusCode != 404 {
			t.Errorf("%s: %d", target, r.StatusCode)
		}
	}
}

func TestOnlyGetAndHead(t *testing.T) {
	s := newSite(exampleBuild())
	for _, method := range []string{"POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"} {
		r := get(t, s, method, "/graphiql")
		if r.StatusCode != 405 || r.Header.Get("Allow") != "GET, HEAD" {
			t.Errorf("%s: %d, Allow %q", method, r.StatusCode, r.Header.Get("Allow"))
		}
	}
	if r := get(t, s, "HEAD", "/assets/app-AAAA1111.js"); r.StatusCode != 200 || body(t, r) != "" || r.Header.Get("Content-Length") != "4000" {
		t.Errorf("HEAD: %d %v", r.StatusCode, r.Header)
	}
}

func TestAMatchingETagGets304(t *testing.T) {
	s := newSite(exampleBuild())
	for _, encoding := range []string{"", "gzip"} {
		tag := get(t, s, "GET", "/assets/app-AAAA1111.js", "Accept-Encoding", encoding).Header.Get("ETag")
		r := get(t, s, "GET", "/assets/app-AAAA1111.js", "Accept-Encoding", encoding, "If-None-Match", tag)
		if tag == "" || r.StatusCode != 304 {
			t.Errorf("%q: tag %s, %d", encoding, tag, r.StatusCode)
		}
	}
}

func TestGzipIsUsedWhenAccepted(t *testing.T) {
	s := newSite(exampleBuild())
	full := body(t, get(t, s, "GET", "/assets/app-AAAA1111.js"))
	for encoding, want := range map[string]bool{
		"": false, "gzip": true, "br, gzip;q=0.8": true, "GZIP": true, "gzip;q=0": false, "gzip; q=0.000": false, "identity": false, "xgzip": false,
	} {
		r := get(t, s, "GET", "/assets/app-AAAA1111.js", "Accept-Encoding", encoding)
		if got := r.Header.Get("Content-Encoding") == "gzip"; got != want || r.Header.Get("Vary") != "Accept-Encoding" {
			t.Errorf("%q: %v", encoding, r.Header)
			continue
		}
		if want {
			z, err := gzip.NewReader(r.Body)
			if err != nil {
				t.Fatal(err)
			}
			if b, err := io.ReadAll(z); err != nil || string(b) != full {
				t.Errorf("%q: the decompressed content differs; error %v", encoding, err)
			}
		}
	}
	r := get(t, s, "GET", "/assets/app-AAAA1111.js", "Accept-Encoding", "gzip", "Range", "bytes=0-5")
	if r.StatusCode != 206 || body(t, r) != "export" || r.Header.Get("Content-Encoding") != "" {
		t.Errorf("range: %d %v", r.StatusCode, r.Header)
	}
}

func TestWithoutABuildBothPagesSayHowToBuild(t *testing.T) {
	for name, files := range map[string]fstest.MapFS{
		"only .gitkeep": {".gitkeep": {}},
		"half a build":  {"index.html": {Data: []byte("x")}, "assets/a.js": {Data: []byte("x")}},
	} {
		s := newSite(files)
		if s.built || !slices.Equal(s.routes(), slices.Sorted(slices.Values(append([]string{"/", "/graphiql"}, pagePaths...)))) {
			t.Errorf("%s: built %v, routes %v", name, s.built, s.routes())
		}
		for _, path := range s.routes() {
			r := get(t, s, "GET", path)
			got := body(t, r)
			if r.StatusCode != 200 || !strings.Contains(got, "the pages were not built: run <code>make web</code> (needs Node 20 and npm), then build again") {
				t.Errorf("%s %s: %d %s", name, path, r.StatusCode, got)
			}
			if strings.Contains(got, "<script") || strings.Contains(got, "style") {
				t.Errorf("%s %s: the notice contains a script or a style, which the policy forbids", name, path)
			}
		}
	}
}

func TestRoutesAreExactlyWhatIsServed(t *testing.T) {
	h := Handler()
	routes := Routes()
	if !slices.Contains(routes, "/") || !slices.Contains(routes, "/graphiql") || !slices.IsSorted(routes) {
		t.Errorf("routes: %v", routes)
	}
	for _, route := range routes {
		if r := get(t, h, "GET", route); r.StatusCode != 200 {
			t.Errorf("%s: %d", route, r.StatusCode)
		}
	}
}

// TestTheBuiltPagesUseOnlyServedAssets reads the pages in this binary: each script
// and style sheet is one of the routes, and nothing is inline.
func TestTheBuiltPagesUseOnlyServedAssets(t *testing.T) {
	if !Built() {
		t.Fatal("the pages were not built; run: make web")
	}
	names := regexp.MustCompile(`\b(?:src|href|data-licenses)="([^"]*)"`)
	inline := regexp.MustCompile(`<style|<script[^>]*>[^<]|\sstyle=|\son[a-z]+=`)
	for _, page := range []string{"/", "/graphiql"} {
		html := body(t, get(t, Handler(), "GET", page))
		if found := inline.FindString(html); found != "" {
			t.Errorf("%s: the policy would block %q", page, found)
		}
		found := names.FindAllStringSubmatch(html, -1)
		if len(found) == 0 {
			t.Errorf("%s refers to no asset", page)
		}
		for _, m := range found {
			if !strings.HasPrefix(m[1], "#") && !slices.Contains(Routes(), m[1]) {
				t.Errorf("%s: %s is not served", page, m[1])
			}
		}
	}
}

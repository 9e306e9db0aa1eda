// Package web serves the embedded pages: the dashboard at / and at the addresses of its
// pages, and GraphiQL at /graphiql, with their assets. Node builds them from web/src into web/dist (make
// web); nothing in them comes from another host. They contain no data: they query
// /graphql in the user's session, so the routes of this package are public.
package web

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"io/fs"
	"maps"
	"mime"
	"net/http"
	"path"
	"slices"
	"strings"
	"sync"
	"time"
)

// dist holds the built pages, or only .gitkeep before make web. The prefix all:
// includes .gitkeep: an empty folder cannot be embedded.
//
//go:embed all:dist
var dist embed.FS

// contentSecurityPolicy is sent with every response. It has neither unsafe-inline nor
// unsafe-eval: a registered name cannot become a script or a style, even if a page
// fails to escape it.
const contentSecurityPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self' data:; " +
	"connect-src 'self'; worker-src 'self' blob:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

// pagePaths are the first parts of the addresses of the dashboard's pages; src/routes.tsx
// has the pages. The server answers them and everything below them with index.html, whose
// script then shows the page that the address names.
var pagePaths = []string{"/access", "/commits", "/compare", "/datasets", "/deployments", "/features", "/governance", "/help", "/impact", "/lineage", "/log", "/models", "/nodes", "/notifications", "/recalls", "/runs", "/search"}

// pagePath returns the first part of the address of a page of the dashboard, or "" when
// the path is none.
func pagePath(path string) string {
	for _, p := range pagePaths {
		if rest, ok := strings.CutPrefix(path, p); ok && (rest == "" || rest[0] == '/') {
			return p
		}
	}
	return ""
}

// Pattern returns the route of a path, for metrics, or "" when the path is not of this
// package.
func Pattern(path string) string {
	if embedded().files[path] != nil {
		return path
	}
	return pagePath(path)
}

// notBuiltPage replaces both pages in a binary that was built without Node.
const notBuiltPage = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Pedigree</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
</head>
<body>
<h1>Pedigree</h1>
<p>The server runs, but the pages were not built: run <code>make web</code> (needs Node 20 and npm), then build again.</p>
<p>The API does not need them: POST to <code>/graphql</code>.</p>
</body>
</html>
`

// The values of Cache-Control. The content of a page changes at the same address; the
// address of an asset contains a hash of its content.
const (
	cacheRevalidate = "no-cache"
	cacheImmutable  = "public, max-age=31536000, immutable"
)

// embedded returns the site in this binary.
var embedded = sync.OnceValue(func() *site {
	files, err := fs.Sub(dist, "dist")
	if err != nil {
		panic(err) // dist is a valid path
	}
	return newSite(files)
})

// Handler serves the embedded pages. It answers GET and HEAD on the paths that Routes
// lists and below those of the dashboard's pages, and 404 on all others.
func Handler() http.Handler { return embedded() }

// Options say what the pages find in front of them.
type Options struct {
	// BasePath is the path below which the server answers, such as /pedigree; "" is the root.
	// The handler gets its requests without it.
	BasePath string
	// Login means that the server offers a login at an identity provider.
	Login bool
}

// New serves the embedded pages like Handler, with the links and the data that the options need.
func New(o Options) http.Handler { return embedded().with(o) }

// with returns the site with pages for the options. Only the pages name addresses; scripts read
// the base path from the page.
func (s *site) with(o Options) *site {
	if o == (Options{}) {
		return s
	}
	out := &site{files: maps.Clone(s.files), built: s.built}
	for _, route := range []string{"/", "/graphiql"} {
		page := strings.ReplaceAll(string(s.files[route].content), `="/`, `="`+o.BasePath+`/`)
		data := ` data-base="` + o.BasePath + `"`
		if o.Login {
			data += ` data-login="yes"`
		}
		page = strings.Replace(page, "<html", "<html"+data, 1)
		out.files[route] = newFile("index.html", []byte(page), cacheRevalidate)
	}
	return out
}

// Routes lists the paths that Handler serves, sorted. All of them are public.
func Routes() []string { return embedded().routes() }

// Built reports whether the binary contains the pages; otherwise both pages are a
// notice that they were not built.
func Built() bool { return embedded().built }

// site is a fixed table of files by path. It never resolves a path in a file system,
// so that path traversal and listings are impossible.
type site struct {
	files map[string]*file
	built bool
}

// file is a response, uncompressed and compressed.
type file struct {
	content      []byte
	gzipped      func() []byte // nil for small files
	etag         string        // hash of the content, without quotes
	contentType  string
	cacheControl string
}

// newSite reads the pages of a build. When a page is missing, it serves the notice for
// both pages.
func newSite(files fs.FS) *site {
	s := &site{files: map[string]*file{}}
	for route, name := range map[string]string{"/": "index.html", "/graphiql": "graphiql.html"} {
		page, err := fs.ReadFile(files, name)
		if err != nil {
			notice := newFile("index.html", []byte(notBuiltPage), cacheRevalidate)
			return &site{files: map[string]*file{"/": notice, "/graphiql": notice}}
		}
		s.files[route] = newFile(name, page, cacheRevalidate)
	}
	assets, err := fs.Glob(files, "assets/*")
	if err != nil {
		panic(err) // the pattern is well-formed
	}
	for _, name := range assets {
		if content, err := fs.ReadFile(files, name); err == nil {
			s.files["/"+name] = newFile(name, content, cacheImmutable)
		}
	}
	s.built = true
	return s
}

func newFile(name string, content []byte, cache string) *file {
	sum := sha256.Sum256(content)
	f := &file{
		content:      content,
		etag:         base64.RawURLEncoding.EncodeToString(sum[:12]),
		contentType:  contentType(name),
		cacheControl: cache,
	}
	if len(content) > 1024 {
		// Compress at first use, so that commands that serve nothing do not pay for it.
		f.gzipped = sync.OnceValue(func() []byte { return gzipBytes(content) })
	}
	return f
}

// contentType returns the media type of a file by its extension. It does not use the
// tables of the machine for the known extensions, since they may map .js differently.
func contentType(name string) string {
	switch path.Ext(name) {
	case ".html":
		return "text/html; charset=utf-8"
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	case ".txt":
		return "text/plain; charset=utf-8"
	}
	if kind := mime.TypeByExtension(path.Ext(name)); kind != "" {
		return kind
	}
	return "application/octet-stream"
}

func gzipBytes(content []byte) []byte {
	var b bytes.Buffer
	w, _ := gzip.NewWriterLevel(&b, gzip.BestCompression) // the level is valid
	_, _ = w.Write(content)                               // a Buffer takes everything
	_ = w.Close()
	return b.Bytes()
}

func (s *site) routes() []string {
	routes := slices.Clone(pagePaths)
	for route := range s.files {
		routes = append(routes, route)
	}
	slices.Sort(routes)
	return routes
}

// ServeHTTP serves the file at exactly this path, or the dashboard at an address of one of
// its pages. Names in such an address may have escapes; elsewhere a path with unnecessary
// escapes is not found.
func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", contentSecurityPolicy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	f := s.files[r.URL.Path]
	page := pagePath(cmp.Or(r.URL.RawPath, r.URL.Path)) != ""
	if page {
		f = s.files["/"]
	}
	if f == nil || r.URL.RawPath != "" && !page {
		http.Error(w, "not found", http.StatusNotFound)
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		h.Set("Allow", "GET, HEAD")
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	h.Set("Content-Type", f.contentType)
	h.Set("Cache-Control", f.cacheControl)
	content, tag := f.content, f.etag
	if f.gzipped != nil {
		h.Set("Vary", "Accept-Encoding")
		// A range refers to the uncompressed file.
		if acceptsGzip(r) && r.Header.Get("Range") == "" {
			h.Set("Content-Encoding", "gzip")
			content, tag = f.gzipped(), tag+"-gz"
		}
	}
	h.Set("ETag", `"`+tag+`"`)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
}

// acceptsGzip reports whether the client accepts gzip. Any weight but zero accepts it.
func acceptsGzip(r *http.Request) bool {
	for coding := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		name, weight, _ := strings.Cut(coding, ";")
		if !strings.EqualFold(strings.TrimSpace(name), "gzip") {
			continue
		}
		zero := strings.TrimRight(strings.TrimPrefix(strings.ReplaceAll(weight, " ", ""), "q="), "0.")
		return weight == "" || zero != ""
	}
	return false
}

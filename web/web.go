// Package web serves the embedded pages: the dashboard at / and GraphiQL at
// /graphiql, with their assets. The pages are built by Node from web/src into
// web/dist (make web) and travel inside the binary; nothing in them comes from
// another host. They hold no data: what they show they ask of /graphql with
// the token of the person in front of them, so the routes here are public.
package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"slices"
	"strings"
	"sync"
	"time"
)

// dist holds the built pages, or only .gitkeep when nobody ran make web. The
// prefix all: is for .gitkeep, without which an empty folder would not embed.
//
//go:embed all:dist
var dist embed.FS

// policy is the content security policy of every answer. It has neither
// unsafe-inline nor unsafe-eval: a name that someone registered can become
// neither script nor style, even if a page should ever fail to quote it.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self' data:; " +
	"connect-src 'self'; worker-src 'self' blob:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

// unbuilt stands in for both pages in a binary that was built without Node.
const unbuilt = `<!doctype html>
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

// How long a browser may keep an answer: a page's address stays while its
// content changes, an asset's address has the hash of its content in it.
const (
	revalidate = "no-cache"
	forever    = "public, max-age=31536000, immutable"
)

// embedded is the site in this binary, read once.
var embedded = sync.OnceValue(func() *site {
	files, err := fs.Sub(dist, "dist")
	if err != nil {
		panic(err) // dist is a valid path
	}
	return newSite(files)
})

// Handler serves the embedded pages. It answers GET and HEAD on the exact
// paths that Routes lists, and 404 on all others.
func Handler() http.Handler { return embedded() }

// Routes lists the paths that Handler serves, sorted. All of them are public.
func Routes() []string { return embedded().routes() }

// Built reports whether the binary holds the pages rather than the notice
// that they were not built.
func Built() bool { return embedded().built }

// site is a fixed table from path to file: there is no path to resolve in a
// file system, so none that could lead elsewhere, and nothing to list.
type site struct {
	files map[string]*file
	built bool
}

// file is one answer, in full and compressed.
type file struct {
	content []byte
	zipped  func() []byte // nil where compressing saves nothing
	tag     string        // the hash in the entity tag
	kind    string        // Content-Type
	cache   string        // Cache-Control
}

// newSite reads the pages out of a build, or makes the notice for both pages
// when the files are not a build.
func newSite(files fs.FS) *site {
	s := &site{files: map[string]*file{}}
	for route, name := range map[string]string{"/": "index.html", "/graphiql": "graphiql.html"} {
		page, err := fs.ReadFile(files, name)
		if err != nil {
			notice := newFile("index.html", []byte(unbuilt), revalidate)
			return &site{files: map[string]*file{"/": notice, "/graphiql": notice}}
		}
		s.files[route] = newFile(name, page, revalidate)
	}
	assets, err := fs.Glob(files, "assets/*")
	if err != nil {
		panic(err) // the pattern is well-formed
	}
	for _, name := range assets {
		if content, err := fs.ReadFile(files, name); err == nil {
			s.files["/"+name] = newFile(name, content, forever)
		}
	}
	s.built = true
	return s
}

func newFile(name string, content []byte, cache string) *file {
	sum := sha256.Sum256(content)
	f := &file{
		content: content,
		tag:     base64.RawURLEncoding.EncodeToString(sum[:12]),
		kind:    contentType(name),
		cache:   cache,
	}
	if len(content) > 1024 {
		// at first use: commands that serve nothing should not pay for it
		f.zipped = sync.OnceValue(func() []byte { return zip(content) })
	}
	return f
}

// contentType is the type of a file by its name, not by the tables of the
// machine that runs the server, which may say other things of .js.
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

func zip(content []byte) []byte {
	var b bytes.Buffer
	w, _ := gzip.NewWriterLevel(&b, gzip.BestCompression) // the level is valid
	_, _ = w.Write(content)                               // a Buffer takes everything
	_ = w.Close()
	return b.Bytes()
}

func (s *site) routes() []string {
	routes := make([]string, 0, len(s.files))
	for route := range s.files {
		routes = append(routes, route)
	}
	slices.Sort(routes)
	return routes
}

// ServeHTTP answers with the file that stands at exactly this path. A path
// with escapes that need not be there is another path, and no file has it.
func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	f := s.files[r.URL.Path]
	if f == nil || r.URL.RawPath != "" {
		http.Error(w, "not found", http.StatusNotFound)
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		h.Set("Allow", "GET, HEAD")
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	h.Set("Content-Type", f.kind)
	h.Set("Cache-Control", f.cache)
	content, tag := f.content, f.tag
	if f.zipped != nil {
		h.Set("Vary", "Accept-Encoding")
		// a range is of the full file: half of a compressed one is of no use
		if takesGzip(r) && r.Header.Get("Range") == "" {
			h.Set("Content-Encoding", "gzip")
			content, tag = f.zipped(), tag+"-gz"
		}
	}
	h.Set("ETag", `"`+tag+`"`)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
}

// takesGzip reports whether the client accepts gzip. A weight of zero is the
// only one that means no; a client that writes it gets the full file.
func takesGzip(r *http.Request) bool {
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

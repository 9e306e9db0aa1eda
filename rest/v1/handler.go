// Package v1 is the REST API under /api/v1, and the log under /log. It decodes a request, calls the service, and
// encodes the result or an RFC 9457 problem. It has no business rules. A route is one line
// of the table in routes.go and one function.
package v1

import (
	"context"
	"log/slog"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"pedigree/registry"
	"pedigree/rest/stream"
	"pedigree/rest/wire"
	"pedigree/service"
)

// Prefix is the start of the paths of this API, logPrefix that of the paths of the log, which
// other tools expect below one root (https://c2sp.org/tlog-tiles).
const (
	Prefix    = "/api/v1/"
	logPrefix = "/log/"
)

// Handles reports whether a path is below one of the prefixes of this API.
func Handles(path string) bool {
	return strings.HasPrefix(path, Prefix) || strings.HasPrefix(path, logPrefix) || path == documentPath
}

// The limits of routes that set none of their own.
const (
	defaultBody = 1 << 20 // bytes
	maxBody     = 64 << 20
	defaultTime = 10 * time.Second
	defaultFile = 10 << 30
	// fileTime is the time limit of a whole file.
	fileTime = 12 * time.Hour
)

// Handler handles every request whose path Handles accepts. It needs an authenticated caller in the
// context.
type Handler struct {
	service   *service.Service
	log       *slog.Logger
	requestID func(context.Context) string
	codec     *wire.Codec
	routes    []route
	tree      *pathNode
	// documents describe the routes. They are made when the first one asks.
	documents func() *documents
}

// New returns the handler. requestID returns the id of the request, for errors whose cause
// is only logged.
func New(s *service.Service, log *slog.Logger, requestID func(context.Context) string, options ...Option) *Handler {
	d := newHandler(s, log, requestID, routes())
	for _, o := range options {
		o(d)
	}
	return d
}

// Option configures a Handler.
type Option func(*Handler)

// FactsBytes sets the size limit of a request of facts in bytes; 0 keeps the default.
func FactsBytes(n int64) Option {
	return func(d *Handler) {
		for i := range d.routes {
			if n > 0 && d.routes[i].operation == "recordFacts" {
				d.routes[i].body = n
			}
		}
	}
}

// FileBytes sets the size limit of a file in bytes; 0 keeps the default.
func FileBytes(n int64) Option {
	return func(d *Handler) {
		for i := range d.routes {
			if n > 0 && d.routes[i].file {
				d.routes[i].body = n
			}
		}
	}
}

func newHandler(s *service.Service, log *slog.Logger, requestID func(context.Context) string, table []route) *Handler {
	codec := newCodec(s)
	for i := range table {
		table[i].addParameters(codec)
	}
	d := &Handler{service: s, log: log, requestID: requestID, codec: codec, routes: table, tree: buildTree(table)}
	d.documents = sync.OnceValue(func() *documents { return newDocuments(codec, d.routes) })
	return d
}

// Route is a method and path of the API. Path has {name} for a path parameter. Operation is
// the corresponding root field in registry.Operations, which also determines the required
// action. Field is the field of a noun that the caller must see, as Noun.field; "" for none.
type Route struct{ Method, Path, Operation, Field string }

// Routes lists the routes. HEAD works where GET does.
func Routes() (out []Route) {
	for _, r := range routes() {
		out = append(out, Route{r.method, r.fullPath(), r.operation, r.field})
	}
	return out
}

// Pattern returns the path pattern of the route that matches an escaped path, or "" when
// there is none.
func (d *Handler) Pattern(escaped string) string {
	for _, found := range d.tree.find(escaped) {
		for _, r := range found.methods {
			return r.fullPath()
		}
	}
	return ""
}

// ServeHTTP finds the route, checks the request against its limits and runs it.
func (d *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store") // Responses depend on the caller.
	found := d.tree.find(r.URL.EscapedPath())
	if found == nil {
		d.Refuse(w, r, http.StatusNotFound, registry.NotFound, "there is no such path; docs/rest.md lists those there are")
		return
	}
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	matched, rt := match(found, method)
	if rt == nil {
		w.Header().Set("Allow", allowHeader(found))
		d.Refuse(w, r, http.StatusMethodNotAllowed, registry.InvalidArgument, "this path takes "+allowHeader(found))
		return
	}
	query, err := rt.checkQuery(r.URL.RawQuery)
	if err != nil {
		d.writeError(w, r, rt, err)
		return
	}
	if status, err := rt.checkBody(r); err != nil {
		d.Refuse(w, r, status, registry.CodeOf(err), err.Error())
		return
	}
	d.run(w, r, rt, &call{service: d.service, codec: d.codec, documents: d.documents, route: rt, w: w, r: r, path: matched.namedParams(rt), query: query})
}

// run runs a route with its time limit and body limit.
func (d *Handler) run(w http.ResponseWriter, r *http.Request, rt *route, c *call) {
	ctx, cancel := context.WithTimeout(d.service.WithLoaders(r.Context()), rt.time)
	defer cancel()
	if rt.body > 0 {
		c.body = http.MaxBytesReader(w, r.Body, rt.body)
	}
	if rt.stream {
		control := http.NewResponseController(w)
		c.body = &stream.Reader{Body: c.body, Control: control}
		defer extendWriteDeadline(control, r, rt.time)()
	}
	if rt.download {
		control := http.NewResponseController(w)
		c.w = &stream.Writer{ResponseWriter: w, Control: control}
		defer extendWriteDeadline(control, r, stream.IdleTimeout)()
	}
	err := rt.serve(ctx, c)
	switch {
	case err != nil && c.begun:
		d.log.ErrorContext(ctx, "an answer broke off", "request", d.requestID(ctx), "cause", registry.Cause(err))
		panic(http.ErrAbortHandler) // So that the reader sees that the answer is not whole.
	case err != nil:
		d.writeError(w, r, rt, err)
	}
}

// extendWriteDeadline moves the write deadline of the connection to the time limit of a
// route. It returns a function that restores the server's own deadline. It has no effect on
// a writer without a connection.
func extendWriteDeadline(control *http.ResponseController, r *http.Request, d time.Duration) (restore func()) {
	_ = control.SetWriteDeadline(time.Now().Add(d + stream.IdleTimeout))
	return func() {
		end := time.Time{}
		if s, ok := r.Context().Value(http.ServerContextKey).(*http.Server); ok && s.WriteTimeout > 0 {
			end = time.Now().Add(s.WriteTimeout)
		}
		_ = control.SetWriteDeadline(end)
	}
}

// checkQuery parses the query. It refuses parameters that the route does not have, and
// repeated ones.
func (rt *route) checkQuery(raw string) (url.Values, error) {
	q, err := url.ParseQuery(raw)
	if err != nil {
		return nil, registry.Errorf(registry.InvalidArgument, "the query of the URL cannot be read; escape its parameters")
	}
	for name, values := range q {
		switch {
		case !slices.Contains(rt.query, name) && !slices.Contains(rt.oldQuery, name):
			known := "this path takes none"
			if len(rt.query) > 0 {
				known = "this path takes " + strings.Join(rt.query, ", ")
			}
			return nil, registry.Invalid(registry.Shorten(strings.ToValidUTF8(name, "�"), 60), "no such parameter; %s", known)
		case len(values) != 1:
			return nil, registry.Invalid(name, "is given %d times", len(values))
		case !utf8.ValidString(values[0]):
			return nil, registry.Invalid(name, "is not valid UTF-8")
		}
	}
	return q, nil
}

// checkBody checks the headers of a body before the body is read.
func (rt *route) checkBody(r *http.Request) (status int, err error) {
	if rt.body == 0 {
		if r.ContentLength != 0 {
			return http.StatusBadRequest, registry.Errorf(registry.InvalidArgument, "this takes no body")
		}
		return 0, nil
	}
	if r.ContentLength == 0 && rt.in != nil {
		return 0, nil // It is read as an empty object.
	}
	media, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if charset := params["charset"]; rt.media != anyMedia && (err != nil || !slices.Contains(strings.Fields(rt.media), media) || charset != "" && !strings.EqualFold(charset, "utf-8")) {
		return http.StatusUnsupportedMediaType, registry.Errorf(registry.InvalidArgument, "send Content-Type: %s", strings.Join(strings.Fields(rt.media), " or "))
	}
	if e := r.Header.Get("Content-Encoding"); e != "" && e != "identity" {
		return http.StatusUnsupportedMediaType, registry.Errorf(registry.InvalidArgument, "send the body without Content-Encoding")
	}
	if r.ContentLength > rt.body {
		return http.StatusRequestEntityTooLarge, tooLarge(rt.body)
	}
	return 0, nil
}

func tooLarge(limit int64) *registry.Error {
	return registry.Errorf(registry.ResourceExhausted, "the body is larger than %d bytes; send less at once", limit)
}

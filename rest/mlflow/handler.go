// Package mlflow speaks the REST API of MLflow's model registry, so that its clients work with
// this registry unchanged. It decodes a request, calls the service, and encodes the result or
// MLflow's error envelope. It has no business rules. A route is one line of the table in
// routes.go and one function.
package mlflow

import (
	"context"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"pedigree/registry"
	"pedigree/service"
)

// The paths of the API: that of its clients, and that of MLflow's own pages.
const (
	Prefix     = "/api/2.0/mlflow/"
	pagePrefix = "/ajax-api/2.0/mlflow/"
)

// Handles reports whether a path is below one of the prefixes of this API.
func Handles(path string) bool {
	return strings.HasPrefix(path, Prefix) || strings.HasPrefix(path, pagePrefix) || isArtifact(path)
}

// The limits of a request.
const (
	maxBody = 1 << 20
	maxTime = 15 * time.Second
)

// Handler handles every request whose path Handles accepts. It needs an authenticated caller in
// the context.
type Handler struct {
	service   *service.Service
	log       *slog.Logger
	requestID func(context.Context) string
	routes    map[string]map[string]route // by path below the prefix, then by method
	// anyStage turns moves that the lifecycle does not have into forced transitions.
	anyStage bool
	// fileBytes is the size limit of a file; origin tells the origin of the server, if it is set.
	fileBytes int64
	origin    func(*http.Request) string
}

// Option configures a Handler.
type Option func(*Handler)

// AnyStage lets a version move from every stage to every other, as MLflow does. A move that the
// lifecycle does not have is then a forced transition, for those who may force one.
func AnyStage(on bool) Option { return func(d *Handler) { d.anyStage = on } }

// New returns the handler. requestID returns the id of the request, for errors whose cause is
// only logged.
func New(s *service.Service, log *slog.Logger, requestID func(context.Context) string, options ...Option) *Handler {
	d := &Handler{service: s, log: log, requestID: requestID, fileBytes: defaultFile, routes: map[string]map[string]route{}}
	for _, o := range options {
		o(d)
	}
	for _, r := range routes() {
		if d.routes[r.path] == nil {
			d.routes[r.path] = map[string]route{}
		}
		d.routes[r.path][r.method] = r
	}
	return d
}

// call is a request on its route.
type call struct {
	*service.Service
	fields   fields
	anyStage bool
	// id is the id of the webhook in the path.
	id string
	// origin is the origin of the server as the client sees it, "" when it is not known.
	origin string
}

// Pattern returns the path pattern of the route that matches an escaped path, or "" when there
// is none.
func (d *Handler) Pattern(escaped string) string {
	if p := artifactPattern(escaped); p != "" {
		return p
	}
	prefix, path, _ := split(escaped)
	if d.routes[path] == nil {
		return ""
	}
	return prefix + path
}

// split returns the prefix of an escaped path, the path in the table of routes, and the id of a
// webhook in it.
func split(escaped string) (prefix, path, id string) {
	for _, prefix := range []string{Prefix, pagePrefix} {
		if rest, ok := strings.CutPrefix(escaped, prefix); ok {
			path, id := pathOf(rest)
			return prefix, path, id
		}
	}
	return "", "", ""
}

// pathOf returns the path in the table of routes for one below the prefix, and the id of the webhook
// in it, if there is one.
func pathOf(rest string) (path, id string) {
	id, ok := strings.CutPrefix(rest, "webhooks/")
	if id, test := strings.CutSuffix(id, "/test"); ok && id != "" && !strings.Contains(id, "/") {
		if test {
			return "webhooks/{id}/test", id
		}
		return "webhooks/{id}", id
	}
	return rest, ""
}

// ServeHTTP finds the route, decodes the request within its limits and runs it.
func (d *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if isArtifact(r.URL.Path) {
		d.serveArtifact(w, r)
		return
	}
	_, path, id := split(r.URL.EscapedPath())
	methods := d.routes[path]
	if methods == nil {
		d.write(w, r, errorBody{status: http.StatusNotFound, Code: "ENDPOINT_NOT_FOUND", Message: "there is no such endpoint here; docs/mlflow.md lists those there are"})
		return
	}
	rt, ok := methods[r.Method]
	if head, isHead := methods[http.MethodGet]; !ok && r.Method == http.MethodHead {
		rt, ok = head, isHead
	}
	if !ok {
		allowed := allowedMethods(methods)
		w.Header().Set("Allow", allowed)
		d.write(w, r, errorBody{status: http.StatusMethodNotAllowed, Code: "BAD_REQUEST", Message: "this endpoint takes " + allowed})
		return
	}
	fields, err := d.decode(w, r)
	if err != nil {
		d.writeError(w, r, err)
		return
	}
	ctx, cancel := context.WithTimeout(d.service.WithLoaders(r.Context()), maxTime)
	defer cancel()
	c := &call{Service: d.service, fields: fields, anyStage: d.anyStage, id: id}
	if d.origin != nil {
		c.origin = d.origin(r)
	}
	out, err := rt.serve(ctx, c)
	if err != nil {
		d.writeError(w, r, err)
		return
	}
	d.answer(w, r, http.StatusOK, out)
}

func allowedMethods(methods map[string]route) string {
	var out []string
	for m := range methods {
		if out = append(out, m); m == http.MethodGet {
			out = append(out, http.MethodHead)
		}
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}

// decode reads the fields of a request: from the query of a GET, else from the body.
func (d *Handler) decode(w http.ResponseWriter, r *http.Request) (fields, error) {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		q, err := url.ParseQuery(r.URL.RawQuery)
		if err != nil {
			return nil, registry.Errorf(registry.InvalidArgument, "the query of the URL cannot be read; escape its parameters")
		}
		return fieldsOfQuery(q)
	}
	if r.Method == http.MethodDelete && r.ContentLength == 0 && r.Header.Get("Content-Type") == "" {
		return fields{}, nil // The client deletes a webhook without a body.
	}
	media, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if charset := params["charset"]; err != nil || media != "application/json" || charset != "" && !strings.EqualFold(charset, "utf-8") {
		return nil, registry.Errorf(registry.InvalidArgument, "Content-Type must be application/json")
	}
	if e := r.Header.Get("Content-Encoding"); e != "" && e != "identity" {
		return nil, registry.Errorf(registry.InvalidArgument, "send the body without Content-Encoding")
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		return nil, err
	}
	return fieldsOfBody(body)
}

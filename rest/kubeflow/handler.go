// Package kubeflow speaks the REST API of Kubeflow's model registry, so that its clients work with
// this registry unchanged. It decodes a request, calls the service, and encodes the object, the
// list or Kubeflow's error body. It has no business rules. A route is one line of the table in
// routes.go.
package kubeflow

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
	"unicode/utf8"

	"pedigree/registry"
	"pedigree/service"
)

// The paths of the API: its alpha, and the version that newer clients call. They answer alike, but
// for what each line of routes says.
const (
	Prefix      = "/api/model_registry/v1/"
	alphaPrefix = "/api/model_registry/v1alpha3/"
)

// Handles reports whether a path is below one of the prefixes of this API.
func Handles(path string) bool {
	return strings.HasPrefix(path, Prefix) || strings.HasPrefix(path, alphaPrefix)
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
}

// New returns the handler. requestID returns the id of the request, for errors whose cause is
// only logged.
func New(s *service.Service, log *slog.Logger, requestID func(context.Context) string) *Handler {
	return &Handler{s, log, requestID}
}

// call is a request on its route.
type call struct {
	*service.Service
	route
	// id is the id in the path, query the parameters of the URL and body the body of a POST or
	// PATCH.
	id    string
	query url.Values
	body  []byte
	// alpha is true below the prefix of the alpha.
	alpha bool
}

// split returns the prefix of an escaped path, and the rest of it.
func split(escaped string) (prefix, rest string) {
	for _, prefix := range []string{Prefix, alphaPrefix} {
		if rest, ok := strings.CutPrefix(escaped, prefix); ok {
			return prefix, rest
		}
	}
	return "", ""
}

// matching returns the routes of a path, and the id in it. A path that is written out goes before
// one with an id.
func matching(prefix, rest string) (found []route, id string) {
	for _, r := range routes() {
		if r.alphaOnly && prefix != alphaPrefix {
			continue
		}
		before, after, hasID := strings.Cut(r.path, "{id}")
		switch {
		case !hasID && r.path == rest:
			if id != "" {
				found, id = nil, ""
			}
			found = append(found, r)
		case hasID && strings.HasPrefix(rest, before) && strings.HasSuffix(rest, after) && len(rest) > len(before)+len(after) && (id != "" || len(found) == 0):
			if middle := rest[len(before) : len(rest)-len(after)]; !strings.Contains(middle, "/") {
				found, id = append(found, r), middle
			}
		}
	}
	return found, id
}

// Pattern returns the path pattern of the route that matches an escaped path, or "" when there
// is none.
func (d *Handler) Pattern(escaped string) string {
	prefix, rest := split(escaped)
	if found, _ := matching(prefix, rest); len(found) > 0 {
		return prefix + found[0].path
	}
	return ""
}

// ServeHTTP finds the route, decodes the request within its limits and runs it.
func (d *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	prefix, rest := split(r.URL.EscapedPath())
	found, id := matching(prefix, rest)
	if len(found) == 0 {
		d.write(w, r, http.StatusNotFound, "there is no such path here; docs/kubeflow.md lists those there are")
		return
	}
	i := slices.IndexFunc(found, func(x route) bool { return x.method == r.Method })
	if i < 0 {
		var allowed []string
		for _, x := range found {
			allowed = append(allowed, x.method)
		}
		slices.Sort(allowed)
		w.Header().Set("Allow", strings.Join(allowed, ", "))
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(http.StatusMethodNotAllowed) // With no body, as Kubeflow's server.
		return
	}
	c := &call{Service: d.service, route: found[i], alpha: prefix == alphaPrefix}
	var err error
	if c.id, err = url.PathUnescape(id); err == nil {
		err = c.decode(w, r)
	}
	if err != nil {
		d.writeError(w, r, c, err)
		return
	}
	ctx, cancel := context.WithTimeout(d.service.WithLoaders(r.Context()), maxTime)
	defer cancel()
	status, out, err := c.serve(ctx, c)
	if err != nil {
		d.writeError(w, r, c, err)
		return
	}
	d.answer(w, r, status, out)
}

// decode reads the parameters and the body of a request.
func (c *call) decode(w http.ResponseWriter, r *http.Request) (err error) {
	if c.query, err = url.ParseQuery(r.URL.RawQuery); err != nil {
		return registry.Errorf(registry.InvalidArgument, "the query of the URL cannot be read; escape its parameters")
	}
	for name, values := range c.query {
		for _, v := range append([]string{name}, values...) {
			if !utf8.ValidString(v) {
				return registry.Errorf(registry.InvalidArgument, "a parameter is not valid UTF-8")
			}
		}
	}
	if r.Method == http.MethodGet {
		return nil
	}
	media, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if charset := params["charset"]; err != nil || media != "application/json" || charset != "" && !strings.EqualFold(charset, "utf-8") {
		return registry.Errorf(registry.InvalidArgument, "Content-Type must be application/json")
	}
	if e := r.Header.Get("Content-Encoding"); e != "" && e != "identity" {
		return registry.Errorf(registry.InvalidArgument, "send the body without Content-Encoding")
	}
	c.body, err = io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	return err
}

// Package openlineage receives OpenLineage events over HTTP, and answers the graph that they tell, at
// the paths that its clients and those of Marquez use. It reads a body within its limits, calls the
// service, and answers what the clients expect. It has no business rules.
package openlineage

import (
	"context"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"pedigree/service"
)

// Prefix is the path for one event.
const Prefix = "/api/v1/lineage"

// maxTime is how long a request may take. Clients wait 5 s for one event.
const maxTime = 15 * time.Second

// Handler handles every request whose path and method Handles accepts. It needs an
// authenticated caller in the context.
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

// route is one method and path.
type route struct {
	method, path string
	// operation is the root field of registry.Operations that does the same.
	operation string
	// field is a field that callers must see for an answer, "" for none.
	field string
	serve func(*Handler, http.ResponseWriter, *http.Request) error
}

func routes() []route {
	return []route{
		{http.MethodPost, Prefix, "recordRun", "", (*Handler).postEvent},
		{http.MethodPost, Prefix + "/batch", "recordRun", "", (*Handler).postBatch},
		{http.MethodGet, Prefix, "lineage", "Dataset.namespace", (*Handler).getLineage},
	}
}

// Route is a method and path. Operation is the corresponding root field in registry.Operations,
// which also determines the required action. Callers who do not see Field, of the form Noun.field,
// are refused.
type Route struct{ Method, Path, Operation, Field string }

// Routes lists the routes.
func Routes() (out []Route) {
	for _, r := range routes() {
		out = append(out, Route{r.method, r.path, r.operation, r.field})
	}
	return out
}

// Handles reports whether a path is one of the events'. With another method than theirs, the
// path /batch can be that of another API.
func Handles(method, path string) bool {
	return path == Prefix || slices.ContainsFunc(routes(), func(r route) bool { return r.path == path && r.method == method })
}

// Pattern returns the route that matches an escaped path, "" when there is none.
func (d *Handler) Pattern(method, escaped string) string {
	if Handles(method, escaped) {
		return escaped
	}
	return ""
}

// ServeHTTP finds the route and serves it.
func (d *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	all := routes()
	i := slices.IndexFunc(all, func(x route) bool { return x.method == r.Method && x.path == r.URL.Path })
	if i < 0 {
		var allowed []string
		for _, x := range all {
			if x.path == r.URL.Path {
				allowed = append(allowed, x.method)
			}
		}
		w.Header().Set("Allow", strings.Join(allowed, ", "))
		d.write(w, r, failure{status: http.StatusMethodNotAllowed, Code: "INVALID_ARGUMENT", Message: "send events with POST; GET answers a graph"})
		return
	}
	ctx, cancel := context.WithTimeout(d.service.WithLoaders(r.Context()), maxTime)
	defer cancel()
	if err := all[i].serve(d, w, r.WithContext(ctx)); err != nil {
		d.writeError(w, r, err)
	}
}

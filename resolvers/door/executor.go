// Package door is the GraphQL API over HTTP. It checks and limits requests, runs them with
// gqlgen, and returns errors with the registry's codes. It has no business rules, and never
// returns the cause of an internal error.
package door

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/executor"
	"github.com/99designs/gqlgen/graphql/handler/extension"

	"pedigree/resolvers"
	"pedigree/service"
)

// operationTimeout is the time limit of one operation.
const operationTimeout = 10 * time.Second

// maxErrors is the most parse and validation errors in one response.
const maxErrors = 10

// requestID returns the id of a request from its context.
type requestID func(context.Context) string

// New returns the handler of /graphql. It needs an authenticated caller in the context. id
// returns the id of the request, for errors whose cause is only logged.
func New(s *service.Service, log *slog.Logger, id requestID, options ...Option) http.Handler {
	h := newHandler(s, log, id, &directAnswers{service: s})
	for _, o := range options {
		o(h)
	}
	return h
}

// Option changes how a handler answers.
type Option func(*httpHandler)

// AliveInterval is how often a connection that stays open is shown to be alive, and its caller is
// authenticated again. Zero keeps the default.
func AliveInterval(d time.Duration) Option {
	return func(h *httpHandler) { h.alive = cmp.Or(d, h.alive) }
}

// newHandler returns a handler whose executor has further extensions.
func newHandler(s *service.Service, log *slog.Logger, id requestID, extensions ...graphql.HandlerExtension) *httpHandler {
	schema := resolvers.Schema(s)
	exec := newExecutor(schema, s, log, id)
	for _, e := range extensions {
		exec.Use(e)
	}
	return &httpHandler{exec: exec, documents: newDocuments(schema.Schema()), service: s, alive: aliveInterval}
}

func newExecutor(schema graphql.ExecutableSchema, s *service.Service, log *slog.Logger, id requestID) *executor.Executor {
	exec := executor.New(schema)
	exec.SetQueryCache(preparedCache{})
	exec.Use(extension.Introspection{})
	exec.Use(operationLimits{schema: schema.Schema()})
	exec.Use(fieldMasks{})
	exec.Use(deprecatedVersions{s})
	p := presenter{log: log, id: id}
	exec.SetErrorPresenter(p.present)
	exec.SetRecoverFunc(func(_ context.Context, v any) error { return fmt.Errorf("panic: %v", v) })
	return exec
}

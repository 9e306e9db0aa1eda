// Package door is the GraphQL API over HTTP. It checks and limits requests, runs them with
// gqlgen, and returns errors with the registry's codes. It has no business rules, and never
// returns the cause of an internal error.
package door

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/99designs/gqlgen/graphql/executor"
	"github.com/99designs/gqlgen/graphql/handler/extension"
	"github.com/99designs/gqlgen/graphql/handler/lru"
	"github.com/vektah/gqlparser/v2/ast"

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
func New(s *service.Service, log *slog.Logger, id requestID) http.Handler {
	exec := newExecutor(s, log, id)
	exec.Use(lineageExtension{&lineagePlanCache{}})
	return &httpHandler{exec: exec, service: s}
}

func newExecutor(s *service.Service, log *slog.Logger, id requestID) *executor.Executor {
	schema := resolvers.Schema(s)
	exec := executor.New(schema)
	exec.SetQueryCache(lru.New[*ast.QueryDocument](1000))
	exec.SetParserTokenLimit(maxTokens)
	exec.SetDisableSuggestion(true)
	exec.Use(extension.Introspection{})
	exec.Use(operationLimits{schema: schema.Schema()})
	exec.Use(fieldMasks{})
	p := presenter{log: log, id: id}
	exec.SetErrorPresenter(p.present)
	exec.SetRecoverFunc(func(_ context.Context, v any) error { return fmt.Errorf("panic: %v", v) })
	return exec
}

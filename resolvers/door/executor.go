// Package door is the GraphQL door: what comes in over HTTP is checked and
// bounded, what goes out carries codes and no more than the caller may know.
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

// operationTimeout is how long one operation may take.
const operationTimeout = 10 * time.Second

// maxErrors is how many parse and validation errors are told.
const maxErrors = 10

// requestID reads the id of a request from its context.
type requestID func(context.Context) string

// New builds the handler of /graphql. The caller is identified before it is
// reached. id tells the request's id, for errors whose cause is only logged.
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

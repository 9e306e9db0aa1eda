// Package door is the GraphQL door: what comes in over HTTP is checked and
// bounded, what goes out carries codes and no more than the caller may know.
package door

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/errcode"
	"github.com/99designs/gqlgen/graphql/executor"
	"github.com/99designs/gqlgen/graphql/handler/extension"
	"github.com/99designs/gqlgen/graphql/handler/lru"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"pedigree/registry"
	"pedigree/resolvers"
	"pedigree/service"
)

// operationTime is how long one operation may take.
const operationTime = 10 * time.Second

// maxErrors is how many parse and validation errors are told.
const maxErrors = 10

// requestID reads the id of a request from its context.
type requestID func(context.Context) string

// New builds the handler of /graphql. The caller is identified before it is
// reached. id tells the request's id, for errors whose cause is only logged.
func New(s *service.Service, log *slog.Logger, id requestID) http.Handler {
	exec := newExecutor(s, log, id)
	exec.Use(direct{&plans{}})
	return &wire{exec: exec, service: s}
}

func newExecutor(s *service.Service, log *slog.Logger, id requestID) *executor.Executor {
	schema := resolvers.Schema(s)
	exec := executor.New(schema)
	exec.SetQueryCache(lru.New[*ast.QueryDocument](1000))
	exec.SetParserTokenLimit(maxTokens)
	exec.SetDisableSuggestion(true)
	exec.Use(extension.Introspection{})
	exec.Use(shape{schema: schema.Schema()})
	exec.Use(masks{})
	p := presenter{log: log, id: id}
	exec.SetErrorPresenter(p.present)
	exec.SetRecoverFunc(func(_ context.Context, v any) error { return fmt.Errorf("panic: %v", v) })
	return exec
}

// presenter turns errors into what a caller may see.
type presenter struct {
	log *slog.Logger
	id  requestID
}

// gqlCodes maps what gqlgen and gqlparser say to the registry's codes.
var gqlCodes = map[string]registry.Code{errcode.ParseFailed: registry.InvalidArgument, errcode.ValidationFailed: registry.InvalidArgument}

// suggestion is what a parser adds of the schema to a refusal.
var suggestion = regexp.MustCompile(`\s*Did you mean .*$`)

func (p presenter) present(ctx context.Context, err error) *gqlerror.Error {
	out := graphql.DefaultErrorPresenter(ctx, err)
	var known *registry.Error
	switch {
	case errors.As(err, &known):
		if known.Code == registry.Internal || known.Code == registry.Unavailable {
			p.log.ErrorContext(ctx, "operation failed", "request", p.id(ctx), "code", known.Code, "cause", registry.Cause(known))
		}
		out.Message = known.Message
		out.Extensions = map[string]any{"code": known.Code}
		if known.Field != "" {
			out.Extensions["field"] = known.Field
		}
		for k, v := range known.Details {
			out.Extensions[k] = v
		}
		if known.Code == registry.Internal {
			out.Message = internal(p.id(ctx))
		}
	case errors.Is(err, context.DeadlineExceeded):
		out.Message = fmt.Sprintf("the operation took longer than %s; ask for less at once", operationTime)
		out.Extensions = map[string]any{"code": registry.ResourceExhausted}
	case errors.Is(err, context.Canceled):
		out.Message, out.Extensions = "the request was cancelled", map[string]any{"code": registry.Unavailable}
	default:
		code, _ := out.Extensions["code"].(string)
		if gqlCodes[code] == "" && out.Rule == "" && !fromParser(err) {
			p.log.ErrorContext(ctx, "operation failed", "request", p.id(ctx), "cause", registry.Cause(err))
			out.Message, out.Extensions = internal(p.id(ctx)), map[string]any{"code": registry.Internal}
			break
		}
		out.Message = suggestion.ReplaceAllString(out.Message, "")
		out.Extensions = map[string]any{"code": registry.InvalidArgument}
	}
	out.Err = nil
	return out
}

// fromParser reports whether an error was made by gqlgen or gqlparser itself: it
// is about the operation's text or variables and wraps no other error.
func fromParser(err error) bool {
	var g *gqlerror.Error
	return errors.As(err, &g) && (g.Err == nil || g.Rule != "")
}

// internal is all that a caller learns of an unknown error.
func internal(id string) string {
	return strings.TrimSpace("internal error; the log has the cause under request " + id)
}

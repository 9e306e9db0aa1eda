package door

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/errcode"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"pedigree/registry"
)

// presenter converts errors to what a caller may see.
type presenter struct {
	log *slog.Logger
	id  requestID
}

// gqlCodes maps the error codes of gqlgen and gqlparser to the registry's codes.
var gqlCodes = map[string]registry.Code{errcode.ParseFailed: registry.InvalidArgument, errcode.ValidationFailed: registry.InvalidArgument}

// suggestion matches the names of the schema that a parser error suggests.
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
		out.Message = fmt.Sprintf("the operation took longer than %s; ask for less at once", operationTimeout)
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

// fromParser reports whether gqlgen or gqlparser made an error: it is about the operation's
// text or variables and wraps no other error.
func fromParser(err error) bool {
	var g *gqlerror.Error
	return errors.As(err, &g) && (g.Err == nil || g.Rule != "")
}

// internal returns the message of an error whose cause the caller may not see.
func internal(id string) string {
	return strings.TrimSpace("internal error; the log has the cause under request " + id)
}

package door

import (
	"context"
	"math"
	"time"

	"github.com/vektah/gqlparser/v2/gqlerror"

	"pedigree/registry"
)

type chargeKey struct{}

// WithCharge returns a context whose mutations count each root field but the first: one request
// with five mutations costs what five requests cost. charge counts n of them, or returns how long
// to wait when they are too many.
func WithCharge(ctx context.Context, charge func(n int) time.Duration) context.Context {
	return context.WithValue(ctx, chargeKey{}, charge)
}

// charge counts n root fields. When they are too many it returns RESOURCE_EXHAUSTED, with the
// seconds to wait in the extension retryAfter.
func charge(ctx context.Context, n int) *gqlerror.Error {
	count, ok := ctx.Value(chargeKey{}).(func(int) time.Duration)
	if !ok || n <= 0 {
		return nil
	}
	wait := count(n)
	if wait <= 0 {
		return nil
	}
	seconds := int(math.Ceil(wait.Seconds()))
	e := registry.Errorf(registry.ResourceExhausted, "you send more mutations than the server allows; try again in %d s", seconds)
	e.Details = map[string]any{"retryAfter": seconds}
	return &gqlerror.Error{Message: e.Message, Err: e, Extensions: map[string]any{"code": e.Code, "retryAfter": seconds}}
}

// retryAfter returns the seconds to wait of an operation that charge refused, 0 for another one.
func retryAfter(errs gqlerror.List) int {
	for _, e := range errs {
		if seconds, ok := e.Extensions["retryAfter"].(int); ok {
			return seconds
		}
	}
	return 0
}

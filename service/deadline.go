package service

import (
	"context"
	"time"
)

// spare is the most time that is kept back from a walk, to decode and write what
// it found before the operation's own deadline.
const spare = time.Second

// hurry is ctx with a deadline somewhat before its own: a walk that reaches it
// answers with what it found, and reason TIME.
func hurry(ctx context.Context) (context.Context, context.CancelFunc) {
	end, ok := ctx.Deadline()
	if !ok {
		return ctx, func() {}
	}
	return context.WithDeadline(ctx, end.Add(-min(spare, time.Until(end)/5)))
}

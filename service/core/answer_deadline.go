package core

import (
	"context"
	"time"
)

// answerReserve is the most time that is kept back from a walk, to decode and write what
// it found before the operation's own deadline.
const answerReserve = time.Second

// WithAnswerReserve is ctx with a deadline somewhat before its own: a walk that reaches it
// answers with what it found, and reason TIME.
func WithAnswerReserve(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return ctx, func() {}
	}
	return context.WithDeadline(ctx, deadline.Add(-min(answerReserve, time.Until(deadline)/5)))
}

package core

import (
	"context"
	"time"
)

// answerReserve is the longest time that WithAnswerReserve takes from an operation, so that
// its result can be decoded and written before the operation's deadline.
const answerReserve = time.Second

// WithAnswerReserve returns ctx with a deadline that is earlier by one second, or by a fifth
// of the time left if that is shorter. A walk that reaches this deadline returns what it
// found so far, with the reason TIME. Without a deadline ctx is returned unchanged.
func WithAnswerReserve(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return ctx, func() {}
	}
	return context.WithDeadline(ctx, deadline.Add(-min(answerReserve, time.Until(deadline)/5)))
}

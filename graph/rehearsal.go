package graph

import "context"

type rehearsalKey struct{}

// MayRehearse returns a context for an Update whose closure the store may run before its
// transaction, to find out what it will read. In a rehearsal reads may be out of date or find
// nothing, and writes and the error of the closure are dropped. Closures of several Updates may
// be rehearsed at the same time.
func MayRehearse(ctx context.Context) context.Context {
	return context.WithValue(ctx, rehearsalKey{}, true)
}

// Rehearsable reports whether the context was made by MayRehearse.
func Rehearsable(ctx context.Context) bool {
	may, _ := ctx.Value(rehearsalKey{}).(bool)
	return may
}

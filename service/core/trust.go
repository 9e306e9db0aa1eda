package core

import (
	"context"

	"pedigree/signing"
)

// WithTrust makes the service verify signatures by whom the server trusts. Without it nobody is
// trusted.
func WithTrust(t *signing.Trust) Option { return func(c *Core) { c.Trust = t } }

type trustKey struct{}

// KnowTrust returns a context by which the rules of a transaction know whom the server trusts. A
// transaction without it trusts nobody.
func (c *Core) KnowTrust(ctx context.Context) context.Context {
	if c.Trust == nil {
		return ctx
	}
	return context.WithValue(ctx, trustKey{}, c.Trust)
}

// TrustOf returns whom the server trusts, nil when it trusts nobody.
func TrustOf(ctx context.Context) *signing.Trust {
	t, _ := ctx.Value(trustKey{}).(*signing.Trust)
	return t
}

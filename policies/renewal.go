package policies

import (
	"context"

	"pedigree/registry"
)

// Renewal authenticates a caller again: it returns the actor as of now, or UNAUTHENTICATED when
// the credential was revoked or has expired.
type Renewal func(context.Context) (registry.Actor, error)

type renewalKey struct{}

// WithRenewal adds to a context how its caller is authenticated again. An answer that goes on for
// long, such as a subscription, asks for that before each of its parts.
func WithRenewal(ctx context.Context, renew Renewal) context.Context {
	return context.WithValue(ctx, renewalKey{}, renew)
}

// Renew makes the identity of a context that of now: the caller is authenticated again, when the
// context says how, and what was known of grants and sight is forgotten. It returns UNAUTHENTICATED
// for a credential that does not hold any more.
func Renew(ctx context.Context) error {
	id, ok := ctx.Value(identityKey{}).(*identity)
	if !ok {
		return registry.Errorf(registry.Unauthenticated, "this needs a token: send the header Authorization: Bearer TOKEN")
	}
	renew, ok := ctx.Value(renewalKey{}).(Renewal)
	if !ok {
		resetScope(ctx)
		return nil
	}
	actor, err := renew(ctx)
	if err != nil {
		return err
	}
	id.mu.Lock()
	defer id.mu.Unlock()
	if actor.Subject != id.actor.Subject {
		return registry.Errorf(registry.Unauthenticated, "the credential belongs to somebody else now; connect again")
	}
	id.actor, id.scope, id.err = actor, nil, nil
	return nil
}

// subject returns who it is.
func (id *identity) subject() string {
	id.mu.Lock()
	defer id.mu.Unlock()
	return id.actor.Subject
}

// Subject returns the subject of a context, "" when it has none.
func Subject(ctx context.Context) string {
	if id, ok := ctx.Value(identityKey{}).(*identity); ok {
		return id.subject()
	}
	return ""
}

// Apart returns a context with an identity of its own, which Renew changes without touching that of
// other operations of the same connection.
func Apart(ctx context.Context) context.Context {
	id, ok := ctx.Value(identityKey{}).(*identity)
	if !ok {
		return ctx
	}
	id.mu.Lock()
	defer id.mu.Unlock()
	return As(ctx, id.actor, id.requestID)
}

package access

import (
	"context"

	"pedigree/registry"
)

// Ready answers UNAVAILABLE while the store does not answer. It is open to all.
func (a *Access) Ready(ctx context.Context) error { return a.core.Gate.Ping(ctx) }

// Authenticate returns the actor that a bearer token names. It is open to all.
func (a *Access) Authenticate(ctx context.Context, token string) (registry.Actor, error) {
	return a.core.Gate.Authenticate(ctx, token)
}

// MayReadMetrics answers FORBIDDEN for who may not read the server's metrics.
func (a *Access) MayReadMetrics(ctx context.Context) error {
	_, err := a.core.Gate.Read(ctx, registry.MetricsRead)
	return err
}

// PolicyVersion is the version of the policy in force. It is open to all within
// the house.
func (a *Access) PolicyVersion() string { return a.core.Gate.Policy().Version }

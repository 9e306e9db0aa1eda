package access

import (
	"context"

	"pedigree/registry"
)

// Ready answers UNAVAILABLE while the store does not respond. Every caller may call it.
func (a *Access) Ready(ctx context.Context) error { return a.core.Gate.Ping(ctx) }

// Authenticate returns the actor of a bearer token. Every caller may call it.
func (a *Access) Authenticate(ctx context.Context, token string) (registry.Actor, error) {
	return a.core.Gate.Authenticate(ctx, token)
}

// MayReadMetrics answers FORBIDDEN for callers without permission to read the server's
// metrics.
func (a *Access) MayReadMetrics(ctx context.Context) error {
	_, err := a.core.Gate.Read(ctx, registry.MetricsRead)
	return err
}

// PolicyVersion returns the version of the current policy. It checks no permission.
func (a *Access) PolicyVersion() string { return a.core.Gate.Policy().Version }

// FlushTokenUses writes when tokens were last used. The server calls it each minute and when it
// ends; it checks no permission.
func (a *Access) FlushTokenUses(ctx context.Context) error { return a.core.Gate.FlushTokenUses(ctx) }

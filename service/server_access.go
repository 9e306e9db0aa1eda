package service

import (
	"context"
	"pedigree/registry"
)

// Ready answers UNAVAILABLE while the store does not answer. It is open to all.
func (s *Service) Ready(ctx context.Context) error { return s.gate.Ping(ctx) }

// Authenticate returns the actor that a bearer token names. It is open to all.
func (s *Service) Authenticate(ctx context.Context, token string) (registry.Actor, error) {
	return s.gate.Authenticate(ctx, token)
}

// MayReadMetrics answers FORBIDDEN for who may not read the server's metrics.
func (s *Service) MayReadMetrics(ctx context.Context) error {
	_, err := s.gate.Read(ctx, registry.MetricsRead)
	return err
}

// PolicyVersion is the version of the policy in force. It is open to all within
// the house.
func (s *Service) PolicyVersion() string { return s.gate.Policy().Version }

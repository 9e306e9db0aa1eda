// Package service is the one API that every door calls: the use cases of the
// registry. The use cases are in its parts, one package for what changes together:
//
//	core        what every use case needs: the gate, idempotent writes, loading, encoding, pages, as-of
//	catalog     models, versions, cards, aliases, artifacts, transitions, search
//	facts       what happened: datasets, runs, commits, tags, features, deployments, links
//	provenance  questions about lineage: lineage, counts, paths, impact, diff, provenance, export
//	bulk        batches of facts, and all facts of a registry
//	access      who calls, tokens, the log
//
// The parts read and write through a policies.Gate and never hold a store.
package service

import (
	"context"
	"time"

	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service/access"
	"pedigree/service/bulk"
	"pedigree/service/catalog"
	"pedigree/service/core"
	"pedigree/service/facts"
	"pedigree/service/provenance"
)

// Service is the registry as its doors see it: the use cases of all parts.
type Service struct {
	*access.Access
	*bulk.Bulk
	*catalog.Catalog
	*facts.Recorder
	*provenance.Explorer
	core *core.Core
}

// Option changes how a Service is built.
type Option = core.Option

// BatchWait sets how long a loader waits for the sibling fields of an answer
// before it asks the store for all of them at once.
func BatchWait(d time.Duration) Option { return core.BatchWait(d) }

// New builds the service behind a gate.
func New(gate *policies.Gate, options ...Option) *Service {
	c := core.New(gate, options...)
	return &Service{access.New(c), bulk.New(c), catalog.New(c), facts.New(c), provenance.New(c), c}
}

// Now returns the clock of the registry.
func (s *Service) Now() time.Time { return s.core.Now() }

// WithLoaders returns a context whose reads are batched within one request.
// Without it every read goes to the store by itself.
func (s *Service) WithLoaders(ctx context.Context) context.Context { return s.core.WithLoaders(ctx) }

// As puts an actor into the context; everything under it acts as that subject.
func As(ctx context.Context, actor registry.Actor, requestID string) context.Context {
	return policies.As(ctx, actor, requestID)
}

// RequestID returns the id of the request of a context, "" outside of one.
func RequestID(ctx context.Context) string { return policies.RequestID(ctx) }

// Package service is the API of the registry's use cases, which GraphQL, REST and the command
// call. The use cases are in its subpackages:
//
//	core        shared by all: the gate, idempotent writes, loading, encoding, pages, instants
//	catalog     models, versions, cards, aliases, artifacts, signatures, transitions, search
//	artifacts   files of versions: upload, download, removal, the sweep
//	facts       dataset versions, runs, commits, tags, features, deployments, lineage edges
//	feed        what happens, as streams that follow the log
//	events      facts that arrive as OpenLineage events, in any order
//	lineageout  what is recorded as OpenLineage events that go out
//	gates       conditions on transitions: set, withdrawn, listed, tested on the past
//	governance  transition requests, the guards that ask for them, reviews, deprecations
//	provenance  lineage, counts, paths, impact, diff, provenance, export
//	bulk        recording batches of facts, and exporting all facts of a registry
//	kubeflow    the objects of Kubeflow's model registry: which are nouns, and what is kept of them
//	webhooks    webhooks and personal settings of notifications, and what their deliverer needs
//	access      the viewer, tokens, sessions, roles of subjects, the policy, permissions of the server, the audit log
//	compliance  what a compliance pack of a version is made from
//	audit       proofs, checkpoints and exports of the audit log
//
// They read and write through a policies.Gate and never hold a store.
package service

import (
	"context"
	"time"

	"pedigree/blobs"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service/access"
	"pedigree/service/artifacts"
	"pedigree/service/audit"
	"pedigree/service/bulk"
	"pedigree/service/catalog"
	"pedigree/service/compliance"
	"pedigree/service/core"
	"pedigree/service/events"
	"pedigree/service/facts"
	"pedigree/service/feed"
	"pedigree/service/gates"
	"pedigree/service/governance"
	"pedigree/service/kubeflow"
	"pedigree/service/lineageout"
	"pedigree/service/provenance"
	"pedigree/service/webhooks"
	"pedigree/signing"
)

// Service has the use cases of all parts. It is safe for concurrent use.
type Service struct {
	*access.Access
	*artifacts.Keeper
	*audit.Auditor
	*bulk.Bulk
	*catalog.Catalog
	*facts.Recorder
	*feed.Feed
	*events.EventRecorder
	*gates.Gatekeeper
	*governance.Governance
	*kubeflow.Kubeflow
	*provenance.Explorer
	*webhooks.Hooks
	*lineageout.Teller
	*compliance.Reporter
	core *core.Core
}

// Option changes how a Service is built.
type Option = core.Option

// Unbatched makes each object of an answer read its fields by itself; it is for tests.
func Unbatched() Option { return core.Unbatched() }

// ReadRuns makes versions that name a run of a tracking system be registered with what it knows
// of that run.
func ReadRuns(r core.RunReader) Option { return core.ReadRuns(r) }

// WithBlobs makes the service keep files of at most so many bytes in a store of blobs. Without
// it there are no files.
func WithBlobs(store *blobs.Store, fileBytes int64) Option { return core.WithBlobs(store, fileBytes) }

// WithReferences makes the service open files that lie elsewhere, to verify them. Without it none are
// opened.
func WithReferences(r core.Elsewhere) Option { return core.WithReferences(r) }

// RunTimeout makes runs without an end UNKNOWN after a time, by default 7 days; zero for never.
func RunTimeout(d time.Duration) Option { return core.RunTimeout(d) }

// WithTrust makes the service verify signatures by whom the server trusts.
func WithTrust(t *signing.Trust) Option { return core.WithTrust(t) }

// New returns a service that reads and writes through a gate.
func New(gate *policies.Gate, options ...Option) *Service {
	c := core.New(gate, options...)
	models, decisions, told, log := catalog.New(c), governance.New(c), feed.New(c), audit.New(c)
	records, conditions, explorer := facts.New(c), gates.New(c), provenance.New(c)
	reporter := compliance.New(c, compliance.Parts{Auditor: log, Catalog: models, Facts: records, Gates: conditions, Governance: decisions, Explorer: explorer})
	batches := bulk.New(c)
	return &Service{access.New(c), artifacts.New(c), log, batches, models, records, told, events.New(c, batches), conditions, decisions, kubeflow.New(c, models), explorer, webhooks.New(c, told), lineageout.New(c), reporter, c}
}

// Now returns the current time of the registry's clock.
func (s *Service) Now() time.Time { return s.core.Now() }

// WithLoaders returns a context for one request, in which a field of the objects of a list is
// read for all of them in one store call. Without it each object is read by itself.
func (s *Service) WithLoaders(ctx context.Context) context.Context { return s.core.WithLoaders(ctx) }

// As returns a context that acts as an actor.
func As(ctx context.Context, actor registry.Actor, requestID string) context.Context {
	return policies.As(ctx, actor, requestID)
}

// RequestID returns the request id of a context, "" when it has none.
func RequestID(ctx context.Context) string { return policies.RequestID(ctx) }

// WithRenewal adds to the context of an answer that goes on for long how its caller is authenticated
// again.
func WithRenewal(ctx context.Context, renew func(context.Context) (registry.Actor, error)) context.Context {
	return policies.WithRenewal(ctx, renew)
}

// Renew authenticates the caller of a context again: UNAUTHENTICATED for a credential that does not
// hold any more.
func Renew(ctx context.Context) error { return policies.Renew(ctx) }

// Apart returns a context for one of several operations of a connection, with an identity of its
// own.
func Apart(ctx context.Context) context.Context { return policies.Apart(ctx) }

// Subject returns the subject of a context, "" when it has none.
func Subject(ctx context.Context) string { return policies.Subject(ctx) }

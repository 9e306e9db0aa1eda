package demo

import (
	"context"

	"pedigree/registry"
	"pedigree/service/access"
	"pedigree/service/bulk"
	"pedigree/service/catalog"
	"pedigree/service/core"
	"pedigree/service/facts"
	"pedigree/service/gates"
	"pedigree/service/governance"
)

// Registry holds the registry methods that Load calls. The service implements it, and so
// does the client of a server.
type Registry interface {
	Viewer(ctx context.Context) (*access.Viewer, error)
	Model(ctx context.Context, name string, past ...core.PointInTime) (*registry.Model, error)
	RecordCommits(ctx context.Context, in facts.RecordCommitsInput) (*facts.RecordCommitsPayload, error)
	RecordTag(ctx context.Context, in facts.RecordTagInput) (*facts.RecordTagPayload, error)
	RecordDatasetVersion(ctx context.Context, in facts.RecordDatasetVersionInput) (*facts.RecordDatasetVersionPayload, error)
	RecordRun(ctx context.Context, in facts.RecordRunInput) (*facts.RecordRunPayload, error)
	RecordFeature(ctx context.Context, in facts.RecordFeatureInput) (*facts.RecordFeaturePayload, error)
	RegisterModel(ctx context.Context, in catalog.RegisterModelInput) (*catalog.ModelPayload, error)
	RegisterModelVersion(ctx context.Context, in catalog.RegisterModelVersionInput) (*catalog.RegisterModelVersionPayload, error)
	TransitionModelVersion(ctx context.Context, in catalog.TransitionModelVersionInput) (*catalog.TransitionModelVersionPayload, error)
	RecordDeployment(ctx context.Context, in facts.RecordDeploymentInput) (*facts.RecordDeploymentPayload, error)
	SetAlias(ctx context.Context, in catalog.SetAliasInput) (*catalog.SetAliasPayload, error)
}

// Grower holds the registry methods that Grow calls.
type Grower interface {
	Registry
	RecordFacts(ctx context.Context, in bulk.RecordFactsInput) (*bulk.RecordFactsPayload, error)
	PutTransitionGuard(ctx context.Context, in governance.PutTransitionGuardInput) (*governance.GuardPayload, error)
	PlanDeprecation(ctx context.Context, in governance.PlanDeprecationInput) (*governance.DeprecationsPayload, error)
	AnnounceDeprecation(ctx context.Context, in governance.AnnounceDeprecationInput) (*governance.DeprecationsPayload, error)
	SetReviewPlan(ctx context.Context, in governance.SetReviewPlanInput) (*catalog.ModelPayload, error)
	Recall(ctx context.Context, in governance.RecallInput) (*governance.RecallPayload, error)
	PutGate(ctx context.Context, in gates.PutGateInput) (*gates.GatePayload, error)
	RecordReview(ctx context.Context, in governance.RecordReviewInput) (*governance.RecordReviewPayload, error)
}

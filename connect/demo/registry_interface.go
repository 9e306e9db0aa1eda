package demo

import (
	"context"

	"pedigree/registry"
	"pedigree/service/access"
	"pedigree/service/catalog"
	"pedigree/service/core"
	"pedigree/service/facts"
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

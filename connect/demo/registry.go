package demo

import (
	"context"

	"pedigree/registry"
	"pedigree/service"
)

// Registry is what telling the story asks of a registry: the service over an open
// store, or a server spoken to from afar.
type Registry interface {
	Viewer(ctx context.Context) (*service.Viewer, error)
	Model(ctx context.Context, name string, past ...service.PointInTime) (*registry.Model, error)
	RecordCommits(ctx context.Context, in service.RecordCommitsInput) (*service.RecordCommitsPayload, error)
	RecordTag(ctx context.Context, in service.RecordTagInput) (*service.RecordTagPayload, error)
	RecordDatasetVersion(ctx context.Context, in service.RecordDatasetVersionInput) (*service.RecordDatasetVersionPayload, error)
	RecordRun(ctx context.Context, in service.RecordRunInput) (*service.RecordRunPayload, error)
	RecordFeature(ctx context.Context, in service.RecordFeatureInput) (*service.RecordFeaturePayload, error)
	RegisterModel(ctx context.Context, in service.RegisterModelInput) (*service.ModelPayload, error)
	RegisterModelVersion(ctx context.Context, in service.RegisterModelVersionInput) (*service.RegisterModelVersionPayload, error)
	TransitionModelVersion(ctx context.Context, in service.TransitionModelVersionInput) (*service.TransitionModelVersionPayload, error)
	RecordDeployment(ctx context.Context, in service.RecordDeploymentInput) (*service.RecordDeploymentPayload, error)
	SetAlias(ctx context.Context, in service.SetAliasInput) (*service.SetAliasPayload, error)
}

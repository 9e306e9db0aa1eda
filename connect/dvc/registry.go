package dvc

import (
	"context"

	"pedigree/connect/git"
	"pedigree/registry"
	"pedigree/service"
)

// Registry is what an import of DVC and GTO asks of a registry, beyond what one of
// git does.
type Registry interface {
	git.Registry
	Run(ctx context.Context, id *registry.ID, producer, runID *string, past ...service.PointInTime) (*registry.Run, error)
	ModelVersion(ctx context.Context, model, version string, past ...service.PointInTime) (*registry.ModelVersion, error)
	ModelOf(ctx context.Context, v *registry.ModelVersion) (*registry.Model, error)
	ProductionVersion(ctx context.Context, m *registry.Model) (*registry.ModelVersion, error)
	TransitionsOf(ctx context.Context, v *registry.ModelVersion, p service.Paging) (*service.TransitionConnection, error)
	Deployments(ctx context.Context, p service.Paging, f *service.DeploymentFilter, o *service.DeploymentOrder) (*service.DeploymentConnection, error)
	RecordDatasetVersion(ctx context.Context, in service.RecordDatasetVersionInput) (*service.RecordDatasetVersionPayload, error)
	RecordRun(ctx context.Context, in service.RecordRunInput) (*service.RecordRunPayload, error)
	LinkLineage(ctx context.Context, in service.LinkLineageInput) (*service.LinkLineagePayload, error)
	RegisterModelVersion(ctx context.Context, in service.RegisterModelVersionInput) (*service.RegisterModelVersionPayload, error)
	TransitionModelVersion(ctx context.Context, in service.TransitionModelVersionInput) (*service.TransitionModelVersionPayload, error)
	RecordDeployment(ctx context.Context, in service.RecordDeploymentInput) (*service.RecordDeploymentPayload, error)
	EndDeployment(ctx context.Context, in service.EndDeploymentInput) (*service.EndDeploymentPayload, error)
}

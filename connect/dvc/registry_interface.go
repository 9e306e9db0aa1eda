package dvc

import (
	"context"

	"pedigree/connect/git"
	"pedigree/registry"
	"pedigree/service/catalog"
	"pedigree/service/core"
	"pedigree/service/facts"
	"pedigree/service/provenance"
)

// Registry holds the registry methods that an import of DVC and GTO calls, in addition to
// those of git.Registry.
type Registry interface {
	git.Registry
	Run(ctx context.Context, id *registry.ID, producer, runID *string, past ...core.PointInTime) (*registry.Run, error)
	Model(ctx context.Context, name string, past ...core.PointInTime) (*registry.Model, error)
	VersionsOf(ctx context.Context, m *registry.Model, p core.Paging, f *catalog.ModelVersionFilter, o *core.ModelVersionOrder) (*catalog.ModelVersionConnection, error)
	Upstream(ctx context.Context, n registry.Node, p core.Paging) (*provenance.ProvenanceNodeConnection, error)
	ModelVersion(ctx context.Context, model, version string, past ...core.PointInTime) (*registry.ModelVersion, error)
	ModelOf(ctx context.Context, v *registry.ModelVersion) (*registry.Model, error)
	ProductionVersion(ctx context.Context, m *registry.Model) (*registry.ModelVersion, error)
	TransitionsOf(ctx context.Context, v *registry.ModelVersion, p core.Paging) (*catalog.TransitionConnection, error)
	Deployments(ctx context.Context, p core.Paging, f *facts.DeploymentFilter, o *core.DeploymentOrder) (*facts.DeploymentConnection, error)
	RecordDatasetVersion(ctx context.Context, in facts.RecordDatasetVersionInput) (*facts.RecordDatasetVersionPayload, error)
	RecordRun(ctx context.Context, in facts.RecordRunInput) (*facts.RecordRunPayload, error)
	LinkLineage(ctx context.Context, in facts.LinkLineageInput) (*facts.LinkLineagePayload, error)
	RegisterModelVersion(ctx context.Context, in catalog.RegisterModelVersionInput) (*catalog.RegisterModelVersionPayload, error)
	TransitionModelVersion(ctx context.Context, in catalog.TransitionModelVersionInput) (*catalog.TransitionModelVersionPayload, error)
	RecordDeployment(ctx context.Context, in facts.RecordDeploymentInput) (*facts.RecordDeploymentPayload, error)
	EndDeployment(ctx context.Context, in facts.EndDeploymentInput) (*facts.EndDeploymentPayload, error)
}

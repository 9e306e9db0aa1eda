package git

import (
	"context"

	"pedigree/registry"
	"pedigree/service"
)

// Registry is what an import of git asks of a registry: the service over an open
// store, or a server spoken to from afar.
type Registry interface {
	Viewer(ctx context.Context) (*service.Viewer, error)
	Node(ctx context.Context, id registry.ID, past ...service.PointInTime) (registry.Node, error)
	Nodes(ctx context.Context, ids []registry.ID, past ...service.PointInTime) ([]registry.Node, error)
	TagsOf(ctx context.Context, r *registry.Repository, p service.Paging) (*service.TagConnection, error)
	RecordCommits(ctx context.Context, in service.RecordCommitsInput) (*service.RecordCommitsPayload, error)
	RecordTag(ctx context.Context, in service.RecordTagInput) (*service.RecordTagPayload, error)
}

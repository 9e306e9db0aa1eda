package git

import (
	"context"

	"pedigree/registry"
	"pedigree/service/access"
	"pedigree/service/core"
	"pedigree/service/facts"
)

// Registry is what an import of git asks of a registry: the service over an open
// store, or a server spoken to from afar.
type Registry interface {
	Viewer(ctx context.Context) (*access.Viewer, error)
	Node(ctx context.Context, id registry.ID, past ...core.PointInTime) (registry.Node, error)
	Nodes(ctx context.Context, ids []registry.ID, past ...core.PointInTime) ([]registry.Node, error)
	TagsOf(ctx context.Context, r *registry.Repository, p core.Paging) (*facts.TagConnection, error)
	RecordCommits(ctx context.Context, in facts.RecordCommitsInput) (*facts.RecordCommitsPayload, error)
	RecordTag(ctx context.Context, in facts.RecordTagInput) (*facts.RecordTagPayload, error)
}

package git

import (
	"context"

	"pedigree/registry"
	"pedigree/service/access"
	"pedigree/service/core"
	"pedigree/service/facts"
)

// Registry holds the registry methods that an import of git calls. The service implements
// it, and so does the client of a server.
type Registry interface {
	Viewer(ctx context.Context) (*access.Viewer, error)
	Node(ctx context.Context, id registry.ID, past ...core.PointInTime) (registry.Node, error)
	Nodes(ctx context.Context, ids []registry.ID, past ...core.PointInTime) ([]registry.Node, error)
	TagsOf(ctx context.Context, r *registry.Repository, p core.Paging) (*facts.TagConnection, error)
	RecordCommits(ctx context.Context, in facts.RecordCommitsInput) (*facts.RecordCommitsPayload, error)
	RecordTag(ctx context.Context, in facts.RecordTagInput) (*facts.RecordTagPayload, error)
}

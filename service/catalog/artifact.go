package catalog

import (
	"context"
	"slices"

	"pedigree/graph"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service/core"
)

// ArtifactInput describes a file of a version. URI is a label: it is stored unchanged and
// never opened.
type ArtifactInput struct {
	Name               string `json:"name,omitzero"`
	URI                string `json:"uri,omitzero"`
	Digest             string `json:"digest,omitzero"`
	SizeBytes          *int64 `json:"sizeBytes,omitzero"`
	Format             string `json:"format,omitzero"`
	StorageKey         string `json:"storageKey,omitzero"`
	ServiceAccountName string `json:"serviceAccountName,omitzero"`
}

func (in *ArtifactInput) check() error {
	if err := core.FirstError(core.CheckKey("artifacts.name", &in.Name), core.CheckLabel("uri", in.URI), core.CheckDigest("artifacts.digest", in.Digest),
		core.CheckKey("artifacts.format", &in.Format), core.CheckKey("artifacts.storageKey", &in.StorageKey), core.CheckKey("artifacts.serviceAccountName", &in.ServiceAccountName),
		core.CheckNotNegative("artifacts.sizeBytes", in.SizeBytes)); err != nil {
		return err
	}
	if in.Name == "" {
		return registry.Invalid("artifacts.name", "must not be empty")
	}
	return nil
}

// ArtifactEdge is an artifact in a page.
type ArtifactEdge struct {
	Cursor string
	Node   *registry.Artifact
}

// ArtifactConnection is a page of artifacts.
type ArtifactConnection struct{ core.Connection[*ArtifactEdge] }

// ArtifactsOf returns one page of the files of a version, by name.
func (c *Catalog) ArtifactsOf(ctx context.Context, v *registry.ModelVersion, p core.Paging) (*ArtifactConnection, error) {
	conn, err := core.ListChildren(ctx, c.core, v, core.ChildQuery{Kind: registry.KindArtifact, Order: registry.IndexName, At: v.ReadAt}, p,
		func(cursor string, a *registry.Artifact) *ArtifactEdge { return &ArtifactEdge{cursor, a} })
	if err != nil {
		return nil, err
	}
	return &ArtifactConnection{*conn}, nil
}

// ReferenceOf returns the first artifact of a version by name or, where that is a stored file, the
// reference of a name; nil when the version has neither. Those of sibling versions are read with it.
func (c *Catalog) ReferenceOf(ctx context.Context, v *registry.ModelVersion, name string) (*registry.Artifact, error) {
	one := 1
	page, err := c.ArtifactsOf(ctx, v, core.Paging{First: &one})
	if err != nil || len(page.Edges) == 0 || page.Edges[0].Node == nil {
		return nil, err
	}
	if first := page.Edges[0].Node; !first.Stored {
		return first, nil
	}
	a, err := core.Related[*registry.Artifact](ctx, c.core, v, "reference", func(v *registry.ModelVersion) core.NodeRef {
		return core.NodeRef{ID: registry.ArtifactID(v.ID, name), At: v.ReadAt}
	})
	if err != nil || a == nil || a.Stored {
		return nil, err
	}
	return a, nil
}

// createArtifacts writes the files of a new version.
func createArtifacts(ctx context.Context, tx *policies.Tx, v *registry.ModelVersion, ins []ArtifactInput) error {
	seen := map[string]bool{}
	var nodes []*graph.Node
	for _, in := range ins {
		if err := in.check(); err != nil {
			return err
		}
		if seen[in.Name] {
			return registry.Invalid("artifacts", "the name %q is given twice", in.Name)
		}
		seen[in.Name] = true
		a := &registry.Artifact{Name: in.Name, URI: in.URI, Digest: in.Digest, SizeBytes: in.SizeBytes, Format: in.Format,
			StorageKey: in.StorageKey, ServiceAccountName: in.ServiceAccountName, RecordedAt: tx.Now()}
		a.ID, a.Parent, a.ValidFrom = registry.ArtifactID(v.ID, in.Name), v.ID, v.CreatedDate
		n, err := core.EncodeNode(a, a.Name, v.CreatedDate)
		if err != nil {
			return err
		}
		nodes = append(nodes, n)
	}
	if len(nodes) == 0 {
		return nil
	}
	return tx.Put(ctx, nodes...)
}

// RemoveArtifact replaces an artifact record by a tombstone.
func RemoveArtifact(ctx context.Context, tx *policies.Tx, n *graph.Node) error {
	return tombstone(ctx, tx, n)
}

// RemoveArtifacts replaces the artifact records of a version by tombstones, and returns how many
// there were.
func RemoveArtifacts(ctx context.Context, tx *policies.Tx, version registry.ID) (int, error) {
	all, err := tx.ChildrenUnfiltered(ctx, registry.KindArtifact, registry.IndexName, version)
	if err != nil {
		return 0, err
	}
	all = slices.DeleteFunc(all, func(n *graph.Node) bool { return n.Deleted })
	return len(all), tombstone(ctx, tx, all...)
}

package catalog

import (
	"context"
	"reflect"
	"slices"
	"time"

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
	scope, err := c.core.Gate.Read(ctx, registry.CatalogRead)
	if err != nil {
		return nil, err
	}
	first, err := core.LoadChildren[*registry.Artifact](ctx, c.core, scope, v, core.ChildQuery{Kind: registry.KindArtifact, Order: registry.IndexName, Limit: 1, At: v.ReadAt})
	if err != nil || len(first) == 0 {
		return nil, err
	}
	if !first[0].Stored {
		return first[0], nil
	}
	a, err := core.Related[*registry.Artifact](ctx, c.core, v, "reference", func(v *registry.ModelVersion) core.NodeRef {
		return core.NodeRef{ID: registry.ArtifactID(v.ID, name), At: v.ReadAt}
	})
	if err != nil || a == nil || a.Stored {
		return nil, err
	}
	return a, nil
}

// newArtifacts makes the files of a new version.
func newArtifacts(v *registry.ModelVersion, ins []ArtifactInput, now time.Time) (nodes []*graph.Node, err error) {
	seen := map[string]bool{}
	for _, in := range ins {
		if err := in.check(); err != nil {
			return nil, err
		}
		if seen[in.Name] {
			return nil, registry.Invalid("artifacts", "the name %q is given twice", in.Name)
		}
		seen[in.Name] = true
		a := in.artifact(v, now)
		a.ValidFrom = v.CreatedDate
		n, err := core.EncodeNode(a, a.Name, v.CreatedDate)
		if err != nil {
			return nil, err
		}
		nodes = append(nodes, n)
	}
	return nodes, nil
}

// artifact returns the record of a file of a version.
func (in *ArtifactInput) artifact(v *registry.ModelVersion, now time.Time) *registry.Artifact {
	a := &registry.Artifact{Name: in.Name, URI: in.URI, Digest: in.Digest, SizeBytes: in.SizeBytes, Format: in.Format,
		StorageKey: in.StorageKey, ServiceAccountName: in.ServiceAccountName, RecordedAt: now}
	a.ID, a.Parent, a.ValidFrom = registry.ArtifactID(v.ID, in.Name), v.ID, now
	return a
}

// SetArtifact records a reference to a file of a version that stands, or changes it, inside a
// transaction of registry.ArtifactWrite. A stored file is FAILED_PRECONDITION: its record says
// what its bytes are. Nothing is written where that changes nothing.
func SetArtifact(ctx context.Context, tx *policies.Tx, v *registry.ModelVersion, in ArtifactInput) (core.WriteResult, error) {
	if err := in.check(); err != nil {
		return core.WriteResult{}, err
	}
	a := in.artifact(v, tx.Now())
	since := tx.Now()
	found, err := tx.NodesUnfiltered(ctx, a.ID)
	if err != nil {
		return core.WriteResult{}, err
	}
	unchanged := core.WriteResult{IDs: []registry.ID{a.ID}}
	if old := found[0]; old != nil {
		if old.Deleted {
			return unchanged, registry.Errorf(registry.FailedPrecondition, "the artifact %q was removed; choose another name", registry.Shorten(in.Name, 100))
		}
		was, err := core.DecodeWhole(old, &registry.Artifact{})
		if err != nil {
			return unchanged, err
		}
		a.ValidFrom, a.RecordedAt, a.Meta = was.ValidFrom, was.RecordedAt, was.Meta
		if a.URI == was.URI && a.Digest == was.Digest { // What was found of it holds for it still.
			a.Matches, a.VerifiedAt, a.VerifiedBy = was.Matches, was.VerifiedAt, was.VerifiedBy
		}
		switch {
		case reflect.DeepEqual(a, was):
			return unchanged, nil
		case was.Stored:
			return unchanged, registry.Errorf(registry.FailedPrecondition, "%q is a stored file; what it is cannot be changed", registry.Shorten(in.Name, 100))
		}
		since = core.LaterTime(since, old.Since)
	}
	n, err := core.EncodeNode(a, a.Name, since)
	if err != nil {
		return unchanged, err
	}
	if err := tx.Put(ctx, n); err != nil {
		return unchanged, err
	}
	return core.WriteResult{IDs: unchanged.IDs, Created: found[0] == nil, Changed: true}, tx.Log(ctx, registry.LogEntry{Action: registry.LogVersionUpdated,
		Objects: []registry.ID{v.ID, a.ID}, Model: v.Parent, Detail: core.LogDetail("version", v.Version, "changed", []string{"artifacts"}, "artifact", a.Name)})
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

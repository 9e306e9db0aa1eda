package artifacts

import (
	"context"
	"errors"
	"path"

	"pedigree/blobs"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service/catalog"
	"pedigree/service/core"
)

// File is a stored file that the caller may read. Close it.
type File struct {
	*blobs.Reader
	Artifact *registry.Artifact
}

// Name returns the name of the file without its folders.
func (f *File) Name() string { return path.Base(f.Artifact.Name) }

// Artifact returns an artifact of a version by its name; nil when there is none that the caller
// may see.
func (k *Keeper) Artifact(ctx context.Context, model, version, name string) (*registry.Artifact, error) {
	scope, err := k.core.Gate.Read(ctx, registry.ArtifactRead)
	if err != nil {
		return nil, err
	}
	v, err := catalog.New(k.core).ModelVersion(ctx, model, version)
	if err != nil || v == nil {
		return nil, err
	}
	core.ToNFC(&name)
	a, _, err := k.readable(ctx, scope, registry.ArtifactID(v.ID, name))
	return a, err
}

// OpenFile opens a stored file by the id of its artifact. The download counts as a use of the
// version. NOT_FOUND when there is no such file that the caller may see.
func (k *Keeper) OpenFile(ctx context.Context, id registry.ID) (*File, error) {
	scope, err := k.core.Gate.Read(ctx, registry.ArtifactRead)
	if err != nil {
		return nil, err
	}
	a, v, err := k.readable(ctx, scope, id)
	if err != nil {
		return nil, err
	}
	if a == nil || !a.Stored || a.SizeBytes == nil {
		return nil, noFile("with this id")
	}
	store, err := k.blobs()
	if err != nil {
		return nil, err
	}
	r, err := store.Open(ctx, a.Digest, *a.SizeBytes)
	if errors.Is(err, blobs.ErrNotFound) {
		err = blobs.ErrCorrupt // The record says that it is there.
	}
	if err != nil {
		return nil, blobError(err)
	}
	if v.DeprecationStep().Open() {
		k.core.Gate.CountUse(ctx, v.ID, registry.UseDownload)
	}
	return &File{r, a}, nil
}

// OpenVersionFile opens a stored file by its version and path, as OpenFile does.
func (k *Keeper) OpenVersionFile(ctx context.Context, model, version, path string) (*File, error) {
	a, err := k.Artifact(ctx, model, version, path)
	if err != nil {
		return nil, err
	}
	if a == nil {
		return nil, noFile(path)
	}
	return k.OpenFile(ctx, a.ID)
}

// readable returns an artifact and its version when the caller sees both, and where the version
// has its files, and may read files in its model; else nil.
func (k *Keeper) readable(ctx context.Context, scope *policies.Scope, id registry.ID) (*registry.Artifact, *registry.ModelVersion, error) {
	a, err := core.NounAs[*registry.Artifact](k.core.NodeAt(ctx, registry.Instant{}, id))
	if err != nil || a == nil || core.IsTombstone(a) {
		return nil, nil, err
	}
	v, err := core.NounAs[*registry.ModelVersion](k.core.NodeAt(ctx, registry.Instant{}, a.Parent))
	if err != nil || v == nil || core.IsTombstone(v) {
		return nil, nil, err
	}
	if !scope.MayIn(registry.ArtifactRead, v.Parent) || !v.Mask.Has(registry.Bit("ModelVersion", "artifacts")) {
		return nil, nil, errNotReadable
	}
	return a, v, nil
}

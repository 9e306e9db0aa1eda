package artifacts

import (
	"context"

	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service/catalog"
	"pedigree/service/core"
)

// DeleteArtifactInput names a file of a version, by Model and Version or by ID, and its Path.
type DeleteArtifactInput struct {
	Model   *string
	Version *string
	ID      *registry.ID
	Path    string
	// IdempotencyKey makes a retry safe.
	IdempotencyKey *string `json:"-"`
}

// DeleteArtifact removes a stored file from a version whose files may change. Its bytes stay
// until a sweep finds that no version names them.
func (k *Keeper) DeleteArtifact(ctx context.Context, in DeleteArtifactInput) (*core.DeletePayload, error) {
	if err := checkPath(&in.Path); err != nil {
		return nil, err
	}
	result, err := k.core.Write(ctx, registry.ArtifactWrite, core.Idempotent("deleteArtifact", in.IdempotencyKey, in), func(ctx context.Context, tx *policies.Tx) (core.WriteResult, error) {
		v, err := findWritable(ctx, tx, in.Model, in.Version, in.ID)
		if err != nil {
			return core.WriteResult{}, err
		}
		id := registry.ArtifactID(v.ID, in.Path)
		found, err := tx.NodesUnfiltered(ctx, id)
		if err != nil {
			return core.WriteResult{}, err
		}
		if found[0] == nil || found[0].Deleted {
			return core.WriteResult{}, noFile(in.Path)
		}
		a, err := core.DecodeWhole(found[0], &registry.Artifact{})
		if err != nil {
			return core.WriteResult{}, err
		}
		if !a.Stored {
			return core.WriteResult{}, registry.Errorf(registry.FailedPrecondition, "%s is a reference and not a stored file", in.Path)
		}
		if err := catalog.RemoveArtifact(ctx, tx, found[0]); err != nil {
			return core.WriteResult{}, err
		}
		if err := dropPackaging(ctx, tx, v, in.Path); err != nil {
			return core.WriteResult{}, err
		}
		if err := catalog.VoidRequests(ctx, tx, v.ID, "the files of the version changed"); err != nil {
			return core.WriteResult{}, err
		}
		return core.WriteResult{IDs: []registry.ID{id}, Created: true}, tx.Log(ctx, registry.LogEntry{Action: registry.LogFileRemoved,
			Objects: []registry.ID{v.ID, id}, Model: v.Parent, Detail: core.LogDetail("version", v.Version, "path", in.Path, "digest", a.Digest)})
	})
	return core.NewDeletePayload(ctx, result, err)
}

func noFile(path string) error {
	return registry.Errorf(registry.NotFound, "there is no file %s that you may see", registry.Shorten(path, 100))
}

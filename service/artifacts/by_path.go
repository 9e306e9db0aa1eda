package artifacts

import (
	"context"
	"io"

	"pedigree/registry"
	"pedigree/service/core"
)

// The methods by path are for MLflow's artifact server, whose paths are those of a version's files,
// by its id, or of staged files, with the id "".

// ListFiles lists a folder, one level deep.
func (k *Keeper) ListFiles(ctx context.Context, version registry.ID, folder string) ([]ListedFile, error) {
	if version == "" {
		return k.ListStaged(ctx, folder)
	}
	if _, err := k.core.Gate.Read(ctx, registry.ArtifactRead); err != nil {
		return nil, err
	}
	v, err := core.NounAs[*registry.ModelVersion](k.core.NodeAt(ctx, registry.Instant{}, version))
	if err != nil {
		return nil, err
	}
	if v == nil || core.IsTombstone(v) {
		return nil, noFile(folder)
	}
	return k.ListFolder(ctx, v, folder)
}

// OpenPath opens a file.
func (k *Keeper) OpenPath(ctx context.Context, version registry.ID, path string) (*File, error) {
	if version == "" {
		return k.OpenStaged(ctx, path)
	}
	core.ToNFC(&path)
	return k.OpenFile(ctx, registry.ArtifactID(version, path))
}

// StorePath stores what body reads as a file.
func (k *Keeper) StorePath(ctx context.Context, version registry.ID, path string, body io.Reader) error {
	if version == "" {
		return k.StageFile(ctx, path, body)
	}
	_, err := k.UploadFile(ctx, UploadFileInput{ID: &version, Path: path}, body)
	return err
}

// DeletePath removes a file, or a folder of staged files.
func (k *Keeper) DeletePath(ctx context.Context, version registry.ID, path string) error {
	if version == "" {
		return k.DeleteStaged(ctx, path)
	}
	_, err := k.DeleteArtifact(ctx, DeleteArtifactInput{ID: &version, Path: path})
	return err
}

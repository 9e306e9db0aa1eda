package artifacts

import (
	"context"
	"io"
	"strings"

	"pedigree/graph"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service/catalog"
	"pedigree/service/core"
)

// VersionFile is a stored file of a version.
type VersionFile struct {
	Path   string
	Digest string
	Size   int64
}

// maxFiles is the most files of a version that one call reads.
const maxFiles = 10_000

// Files lists the stored files of a version by path, as far as the caller may read them. It answers
// RESOURCE_EXHAUSTED for more than 10,000.
func (k *Keeper) Files(ctx context.Context, v *registry.ModelVersion) ([]VersionFile, error) {
	scope, err := k.core.Gate.Read(ctx, registry.ArtifactRead)
	if err != nil {
		return nil, err
	}
	if err := k.mayList(scope, v); err != nil {
		return nil, err
	}
	var out []VersionFile
	q := graph.Query{Kinds: []registry.Kind{registry.KindArtifact}, Parents: []registry.ID{v.ID}, Order: registry.IndexName, Limit: 1000}
	for {
		page, err := scope.Find(ctx, q)
		if err != nil {
			return nil, err
		}
		for _, n := range page.Nodes {
			var a registry.Artifact
			if err := core.DecodeDoc(n, &a); err != nil {
				return nil, err
			}
			if a.Stored && a.SizeBytes != nil {
				out = append(out, VersionFile{a.Name, a.Digest, *a.SizeBytes})
			}
		}
		if len(out) > maxFiles {
			return nil, registry.Errorf(registry.ResourceExhausted, "the version has more than %d files", maxFiles)
		}
		if !page.More || len(page.Nodes) == 0 {
			return out, nil
		}
		q.After = policies.KeyOf(page.Nodes[len(page.Nodes)-1], q.Order)
	}
}

func (k *Keeper) mayList(scope *policies.Scope, v *registry.ModelVersion) error {
	if scope.MayIn(registry.ArtifactRead, v.Parent) && v.Mask.Has(registry.Bit("ModelVersion", "artifacts")) {
		return nil
	}
	return errNotReadable
}

var errNotReadable = registry.Errorf(registry.Forbidden, "you may not read the files of this version; ask an administrator")

// ListFolder lists a folder of a version, one level deep; "" is its root.
func (k *Keeper) ListFolder(ctx context.Context, v *registry.ModelVersion, folder string) (out []ListedFile, err error) {
	files, err := k.Files(ctx, v)
	if err != nil {
		return nil, err
	}
	if folder != "" {
		folder += "/"
	}
	for _, f := range files {
		rest, ok := strings.CutPrefix(f.Path, folder)
		if !ok {
			continue
		}
		name, _, below := strings.Cut(rest, "/")
		if below && len(out) > 0 && out[len(out)-1].Path == name {
			continue // Files of one folder follow each other.
		}
		e := ListedFile{Path: name, Folder: below}
		if !below {
			e.Size = f.Size
		}
		out = append(out, e)
	}
	return out, nil
}

// HasFiles reports whether a version has stored files that the caller may read.
func (k *Keeper) HasFiles(ctx context.Context, v *registry.ModelVersion) (bool, error) {
	scope, err := k.core.Gate.Read(ctx, registry.CatalogRead)
	if err != nil || k.mayList(scope, v) != nil {
		return false, err
	}
	files, err := k.Files(ctx, v)
	return len(files) > 0, err
}

// VersionFiles lists the stored files of a version by its name, as Files does.
func (k *Keeper) VersionFiles(ctx context.Context, model, version string) ([]VersionFile, error) {
	if _, err := k.core.Gate.Read(ctx, registry.ArtifactRead); err != nil {
		return nil, err
	}
	v, err := catalog.New(k.core).ModelVersion(ctx, model, version)
	if err != nil {
		return nil, err
	}
	if v == nil {
		return nil, registry.Errorf(registry.NotFound, "there is no version %q of a model %q that you may see", registry.Shorten(version, 100), registry.Shorten(model, 100))
	}
	return k.Files(ctx, v)
}

// ReadFile opens a stored file of a version from an offset.
func (k *Keeper) ReadFile(ctx context.Context, model, version, path string, from int64) (io.ReadCloser, error) {
	f, err := k.OpenVersionFile(ctx, model, version, path)
	if err != nil {
		return nil, err
	}
	if _, err := f.Seek(from, io.SeekStart); err != nil {
		f.Close()
		return nil, registry.Invalid("from", "must be 0 or more")
	}
	return f, nil
}

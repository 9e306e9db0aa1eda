package artifacts

import (
	"cmp"
	"context"
	"io"
	"slices"

	"pedigree/blobs"
	"pedigree/packaging"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service/catalog"
	"pedigree/service/core"
)

// packagingOf returns what a file that was stored says of how a model is run, nil when it is no such
// file. A file that cannot be read says so in its note, and is stored all the same.
func packagingOf(ctx context.Context, store *blobs.Store, path string, o blobs.Object) *registry.PackagingFile {
	if packaging.FormatOf(path) == "" {
		return nil
	}
	if o.Size > packaging.MaxBytes {
		return packaging.TooLarge(path, o.Digest)
	}
	unread := &registry.PackagingFile{Path: path, Format: packaging.FormatOf(path), Digest: o.Digest, Note: "the file could not be read"}
	r, err := store.Open(ctx, o.Digest, o.Size)
	if err != nil {
		return unread
	}
	defer r.Close()
	content, err := io.ReadAll(r)
	if err != nil {
		return unread
	}
	return packaging.Read(path, o.Digest, content)
}

// changePackaging changes what the files of a version say, in the transaction that changes the files.
func changePackaging(ctx context.Context, tx *policies.Tx, version registry.ID, change func([]registry.PackagingFile) []registry.PackagingFile) error {
	found, err := tx.NodesUnfiltered(ctx, version)
	if err != nil {
		return err
	}
	v, err := core.DecodeWhole(found[0], &registry.ModelVersion{})
	if err != nil {
		return err
	}
	v.Packaging = change(v.Packaging)
	slices.SortFunc(v.Packaging, func(a, b registry.PackagingFile) int { return cmp.Compare(a.Path, b.Path) })
	// Since the version is as it is, and not since now: a move of it may still be told of the past.
	return catalog.PutVersion(ctx, tx, v, found[0].Since)
}

// addPackaging notes what new files of a version say. Beyond the bound the files are stored, and
// nothing is said of them.
func addPackaging(ctx context.Context, tx *policies.Tx, version registry.ID, files ...registry.PackagingFile) error {
	if len(files) == 0 {
		return nil
	}
	return changePackaging(ctx, tx, version, func(old []registry.PackagingFile) []registry.PackagingFile {
		for _, f := range files {
			old = append(withoutPackaging(old, f.Path), f)
		}
		return old[:min(len(old), registry.MaxPackagingFiles)]
	})
}

// dropPackaging forgets what a file said that is removed from a version.
func dropPackaging(ctx context.Context, tx *policies.Tx, v *registry.ModelVersion, path string) error {
	if !slices.ContainsFunc(v.Packaging, func(f registry.PackagingFile) bool { return f.Path == path }) {
		return nil
	}
	return changePackaging(ctx, tx, v.ID, func(old []registry.PackagingFile) []registry.PackagingFile { return withoutPackaging(old, path) })
}

func withoutPackaging(files []registry.PackagingFile, path string) []registry.PackagingFile {
	return slices.DeleteFunc(slices.Clone(files), func(f registry.PackagingFile) bool { return f.Path == path })
}

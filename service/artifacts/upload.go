package artifacts

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"

	"pedigree/blobs"
	"pedigree/graph"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service/catalog"
	"pedigree/service/core"
)

// UploadFileInput names a file of a version, by Model and Version or by ID, and its Path in it.
type UploadFileInput struct {
	Model   *string
	Version *string
	ID      *registry.ID
	Path    string
	// Digest, when it is given, is what the content must have: sha256:HEX.
	Digest string
}

// FilePayload has a stored file. Created is false when it was there before.
type FilePayload struct {
	Artifact *registry.Artifact
	Created  bool
}

func (in *UploadFileInput) check() error {
	if err := checkPath(&in.Path); err != nil {
		return err
	}
	if in.Digest = strings.ToLower(in.Digest); in.Digest != "" && (!strings.HasPrefix(in.Digest, "sha256:") || len(in.Digest) != len("sha256:")+64) {
		return registry.Invalid("digest", "must be sha256: and 64 hex digits")
	}
	return core.CheckDigest("digest", in.Digest)
}

// UploadFile stores what body reads as a file of a version. Whether the caller may is checked
// before the first byte is read, and again when the file is recorded. The same content at the
// same path is no error; another content is CONFLICT. What breaks off leaves no file.
func (k *Keeper) UploadFile(ctx context.Context, in UploadFileInput, body io.Reader) (*FilePayload, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	return k.store(ctx, in, func(store *blobs.Store, check func(blobs.Object) error) (blobs.Object, error) {
		return store.Put(ctx, &limitedReader{r: body, left: k.core.FileBytes, limit: k.core.FileBytes}, check)
	})
}

// store checks that the file may be written, has put store its bytes, and records it.
func (k *Keeper) store(ctx context.Context, in UploadFileInput, put func(*blobs.Store, func(blobs.Object) error) (blobs.Object, error)) (*FilePayload, error) {
	err := k.core.Gate.Write(ctx, registry.ArtifactWrite, func(ctx context.Context, tx *policies.Tx) error {
		v, err := findWritable(ctx, tx, in.Model, in.Version, in.ID)
		if err != nil {
			return err
		}
		_, err = freePath(ctx, tx, v, in.Path)
		return err
	})
	if err != nil {
		return nil, err
	}
	store, err := k.blobs()
	if err != nil {
		return nil, err
	}
	object, err := put(store, func(o blobs.Object) error {
		if in.Digest != "" && in.Digest != o.Digest {
			return registry.Invalid("digest", "is %s, and what was sent has %s; send it again", in.Digest, o.Digest)
		}
		return nil
	})
	if err != nil {
		return nil, blobError(err)
	}
	says := packagingOf(ctx, store, in.Path, object)
	var id registry.ID
	result, err := k.core.Write(ctx, registry.ArtifactWrite, core.NotIdempotent, func(ctx context.Context, tx *policies.Tx) (core.WriteResult, error) {
		v, err := findWritable(ctx, tx, in.Model, in.Version, in.ID)
		if err != nil {
			return core.WriteResult{}, err
		}
		id = registry.ArtifactID(v.ID, in.Path)
		created, err := recordFile(ctx, tx, v, in.Path, object)
		if err == nil && created && says != nil {
			err = addPackaging(ctx, tx, v.ID, *says)
		}
		return core.WriteResult{IDs: []registry.ID{id}, Created: created}, err
	})
	if err != nil {
		return nil, err
	}
	if err := k.keepOrWithdraw(ctx, store, in, object, result.Created); err != nil {
		return nil, err
	}
	a, err := core.NounAs[*registry.Artifact](k.core.ReadBack(ctx, result, id))
	return &FilePayload{a, result.Created}, err
}

// keepOrWithdraw withdraws a record whose bytes a sweep took between the upload and the record.
// A sweep that comes later finds the record.
func (k *Keeper) keepOrWithdraw(ctx context.Context, store *blobs.Store, in UploadFileInput, o blobs.Object, created bool) error {
	_, err := store.Stat(ctx, o.Digest)
	if err == nil || !errors.Is(err, blobs.ErrNotFound) || !created {
		return blobError(err)
	}
	_, err = k.DeleteArtifact(ctx, DeleteArtifactInput{Model: in.Model, Version: in.Version, ID: in.ID, Path: in.Path})
	if err == nil {
		err = registry.Errorf(registry.Unavailable, "the file was removed while it was stored; send it again")
	}
	return err
}

// findWritable finds a version whose files the caller may change. The files of a version that is
// or was at work stay what its approvers saw.
func findWritable(ctx context.Context, tx *policies.Tx, model, version *string, id *registry.ID) (*registry.ModelVersion, error) {
	v, _, err := catalog.FindVersion(ctx, tx, model, version, id)
	if err != nil {
		return nil, err
	}
	if err := tx.CheckTarget(policies.Target{Model: v.Parent}); err != nil {
		return nil, err
	}
	if slices.Contains([]registry.Stage{registry.Canary, registry.Production, registry.Deprecated}, v.Stage) {
		return nil, registry.Errorf(registry.FailedPrecondition, "%s %s is in %s, where its files stay as they are; register a new version", v.ModelName, v.Version, v.Stage)
	}
	return v, nil
}

// freePath returns the live artifact at a path, nil when there is none. It answers CONFLICT when
// a folder of the path is a file, when the path is a folder, or when a reference has that name.
func freePath(ctx context.Context, tx *policies.Tx, v *registry.ModelVersion, path string) (*registry.Artifact, error) {
	ids := []registry.ID{registry.ArtifactID(v.ID, path)}
	for _, folder := range foldersOf(path) {
		ids = append(ids, registry.ArtifactID(v.ID, folder))
	}
	found, err := tx.NodesUnfiltered(ctx, ids...)
	if err != nil {
		return nil, err
	}
	var old *registry.Artifact
	for i, n := range found {
		if n == nil || n.Deleted && i > 0 {
			continue
		}
		if n.Deleted { // The record stays for the past.
			return nil, registry.Errorf(registry.Conflict, "a file %s was removed from this version, and its path is not used again; choose another path, or register a new version", path)
		}
		a, err := core.DecodeWhole(n, &registry.Artifact{})
		switch {
		case err != nil:
			return nil, err
		case i > 0 && a.Stored:
			return nil, registry.Errorf(registry.Conflict, "%s is a file of the version, so that nothing can lie below it", a.Name)
		case i == 0 && !a.Stored:
			return nil, registry.Errorf(registry.Conflict, "the version has a reference with the name %s; choose another path", a.Name)
		case i == 0:
			old = a
		}
	}
	below, err := tx.NextChild(ctx, registry.KindArtifact, v.ID, path+"/")
	if err != nil {
		return nil, err
	}
	if below != nil && strings.HasPrefix(below.Name, path+"/") {
		return nil, registry.Errorf(registry.Conflict, "%s is a folder of the version", path)
	}
	return old, nil
}

// recordFile writes the record of a stored file, with its log entry. It reports whether the file
// is new.
func recordFile(ctx context.Context, tx *policies.Tx, v *registry.ModelVersion, path string, o blobs.Object) (created bool, err error) {
	old, err := freePath(ctx, tx, v, path)
	if err != nil {
		return false, err
	}
	if old != nil {
		if old.Digest != o.Digest {
			return false, otherContent(path, old.Digest)
		}
		return false, nil
	}
	n, err := fileNode(tx, v, path, o)
	if err != nil {
		return false, err
	}
	if err := tx.Put(ctx, n); err != nil {
		return false, err
	}
	if err := catalog.VoidRequests(ctx, tx, v.ID, "the files of the version changed"); err != nil {
		return false, err
	}
	return true, tx.Log(ctx, registry.LogEntry{Action: registry.LogFileStored, Objects: []registry.ID{v.ID, n.ID}, Model: v.Parent,
		Detail: core.LogDetail("version", v.Version, "path", path, "digest", o.Digest, "sizeBytes", o.Size)})
}

// otherContent is the refusal of another content at the path of a file.
func otherContent(path, digest string) error {
	return registry.Errorf(registry.Conflict, "%s is there with another content (%s); choose another path, or register a new version", path, digest)
}

// fileNode encodes a stored file of a version.
func fileNode(tx *policies.Tx, v *registry.ModelVersion, path string, o blobs.Object) (*graph.Node, error) {
	a := &registry.Artifact{Name: path, URI: registry.StoredURI(o.Digest), Digest: o.Digest, SizeBytes: &o.Size, RecordedAt: tx.Now(), Stored: true}
	a.ID, a.Parent, a.ValidFrom = registry.ArtifactID(v.ID, path), v.ID, v.CreatedDate
	return core.EncodeNode(a, a.Name, tx.Now())
}

// limitedReader fails with RESOURCE_EXHAUSTED beyond a limit.
type limitedReader struct {
	r           io.Reader
	left, limit int64
}

// Read reads up to one byte more than the limit.
func (l *limitedReader) Read(b []byte) (int, error) {
	n, err := l.r.Read(b[:min(int64(len(b)), l.left+1)])
	if l.left -= int64(n); l.left < 0 {
		return 0, registry.Errorf(registry.ResourceExhausted, "the file is larger than %d bytes, the most that this server takes", l.limit)
	}
	return n, err
}

// blobError gives the errors of the store of bytes a code. Errors of the body pass.
func blobError(err error) error {
	var failed *blobs.Error
	switch {
	case errors.Is(err, blobs.ErrCorrupt):
		return &registry.Error{Code: registry.Internal, Message: "the stored bytes do not match their digest", Err: err}
	case errors.As(err, &failed):
		return &registry.Error{Code: registry.Unavailable, Message: "the place of the files does not answer; try again", Err: failed.Unwrap()}
	}
	return err
}

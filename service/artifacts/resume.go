package artifacts

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"strconv"

	"pedigree/blobs"
	"pedigree/policies"
	"pedigree/registry"
)

// ResumeFileInput names a file of a version and says which part of it is sent. The digest is needed:
// only the same content goes on.
type ResumeFileInput struct {
	UploadFileInput
	// Size is that of the whole file in bytes.
	Size int64
	// Offset is where the part begins; nil asks only where the upload stands.
	Offset *int64
}

// ResumedFile says where an upload stands. File is set once it is whole.
type ResumedFile struct {
	Offset int64
	File   *FilePayload
}

func (in *ResumeFileInput) check(most int64) error {
	if err := in.UploadFileInput.check(); err != nil {
		return err
	}
	switch {
	case in.Digest == "":
		return registry.Invalid("digest", "is needed for a file that is sent in parts: sha256: and 64 hex digits")
	case in.Size < 1:
		return registry.Invalid("size", "must be at least 1; send an empty file whole")
	case in.Size > most:
		return registry.Errorf(registry.ResourceExhausted, "the file is larger than %d bytes, the most that this server takes", most)
	case in.Offset != nil && (*in.Offset < 0 || *in.Offset > in.Size):
		return registry.Invalid("offset", "must be 0 to %d", in.Size)
	}
	return nil
}

// ResumeFile goes on with the upload of a file, as its sender began it: what arrived before it broke
// off is kept until a sweep, also when the server was killed. When the file is whole, its digest is
// verified and it is stored as by UploadFile. A part that begins elsewhere than the upload stands is
// CONFLICT; the payload then says where that is.
func (k *Keeper) ResumeFile(ctx context.Context, in ResumeFileInput, body io.Reader) (*ResumedFile, error) {
	if _, err := k.core.Gate.Read(ctx, registry.ArtifactWrite); err != nil {
		return nil, err
	}
	if err := in.check(k.core.FileBytes); err != nil {
		return nil, err
	}
	var name string
	var old *registry.Artifact
	err := k.core.Gate.Write(ctx, registry.ArtifactWrite, func(ctx context.Context, tx *policies.Tx) error {
		v, err := findWritable(ctx, tx, in.Model, in.Version, in.ID)
		if err != nil {
			return err
		}
		name = partialName(tx.Subject(), v.ID, in)
		old, err = freePath(ctx, tx, v, in.Path)
		return err
	})
	if err != nil {
		return nil, err
	}
	if old != nil && old.Digest != in.Digest {
		return nil, otherContent(in.Path, old.Digest)
	}
	store, err := k.blobs()
	if err != nil {
		return nil, err
	}
	at := in.Size
	if old == nil { // Else it is there: storing it again says so.
		if at, err = k.appendTo(ctx, store, name, in, body); err != nil || at < in.Size {
			return &ResumedFile{Offset: at}, err
		}
	}
	out, err := k.store(ctx, in.UploadFileInput, func(store *blobs.Store, check func(blobs.Object) error) (blobs.Object, error) {
		if old != nil {
			return store.Stat(ctx, old.Digest)
		}
		o, err := store.Finish(ctx, name, check)
		if errors.Is(err, blobs.ErrOffset) {
			err = registry.Errorf(registry.Unavailable, "what came of the file is gone; send it again")
		}
		return o, err
	})
	return &ResumedFile{Offset: at, File: out}, err
}

// appendTo appends the part to the upload, and returns where it stands.
func (k *Keeper) appendTo(ctx context.Context, store *blobs.Store, name string, in ResumeFileInput, body io.Reader) (int64, error) {
	if in.Offset == nil {
		at, err := store.Partial(ctx, name)
		return at, blobError(err)
	}
	left := in.Size - *in.Offset
	at, err := store.Append(ctx, name, *in.Offset, &limitedReader{r: body, left: left, limit: in.Size})
	if errors.Is(err, blobs.ErrOffset) {
		err = registry.Errorf(registry.Conflict, "the upload stands at %d, and the part begins at %d", at, *in.Offset)
	}
	return at, blobError(err)
}

// partialName names an upload: the same content at the same place by the same subject goes on.
func partialName(subject string, version registry.ID, in ResumeFileInput) string {
	hash := sha256.New()
	for _, part := range []string{subject, string(version), in.Path, in.Digest, strconv.FormatInt(in.Size, 10)} {
		hash.Write([]byte(strconv.Itoa(len(part)) + ":" + part))
	}
	return hex.EncodeToString(hash.Sum(nil))
}

package artifacts

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"strings"

	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service/core"
)

// VerifyArtifactInput names a reference to verify.
type VerifyArtifactInput struct {
	ID             registry.ID `json:"id"`
	IdempotencyKey *string     `json:"-"`
}

// VerifyArtifactPayload has the artifact with what was found.
type VerifyArtifactPayload struct{ Artifact *registry.Artifact }

// VerifyArtifact reads a file that lies elsewhere, and records whether it has the digest that its
// record says. FAILED_PRECONDITION for what this server does not open. Nothing is kept of the bytes.
func (k *Keeper) VerifyArtifact(ctx context.Context, in VerifyArtifactInput) (*VerifyArtifactPayload, error) {
	a, err := k.verifiable(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	select {
	case k.verifying <- struct{}{}:
		defer func() { <-k.verifying }()
	default:
		return nil, registry.Errorf(registry.ResourceExhausted, "%d artifacts are being verified; try again", cap(k.verifying))
	}
	found, size, err := k.digestElsewhere(ctx, a.URI)
	if err != nil {
		return nil, err
	}
	result, err := k.core.Write(ctx, registry.ArtifactVerify, core.Idempotent("verifyArtifact", in.IdempotencyKey, in), func(ctx context.Context, tx *policies.Tx) (core.WriteResult, error) {
		return recordVerification(ctx, tx, a, found, size)
	})
	if err != nil {
		return nil, err
	}
	out, err := core.NounAs[*registry.Artifact](k.core.ReadBack(ctx, result, in.ID))
	return &VerifyArtifactPayload{out}, err
}

// verifiable returns a reference that the caller may have verified.
func (k *Keeper) verifiable(ctx context.Context, id registry.ID) (a *registry.Artifact, err error) {
	scope, err := k.core.Gate.Read(ctx, registry.ArtifactVerify)
	if err != nil {
		return nil, err
	}
	a, v, err := k.readable(ctx, scope, id)
	switch {
	case err != nil:
		return nil, err
	case a == nil:
		return nil, noFile("with this id")
	case a.Stored:
		return nil, registry.Errorf(registry.FailedPrecondition, "the bytes of %s are stored here, and verified whenever they are read", registry.Shorten(a.Name, 100))
	case a.URI == "" || !strings.HasPrefix(a.Digest, "sha256:"):
		return nil, registry.Errorf(registry.FailedPrecondition, "%s has no URI and digest sha256:… that could be compared", registry.Shorten(a.Name, 100))
	case k.core.References == nil:
		return nil, registry.Errorf(registry.FailedPrecondition, "this server opens no artifacts that lie elsewhere; allow schemes with --artifact-verify-schemes")
	}
	return a, k.core.Gate.Write(ctx, registry.ArtifactVerify, func(_ context.Context, tx *policies.Tx) error {
		return tx.CheckTarget(policies.Target{Model: v.Parent})
	})
}

// defaultVerified is the most bytes that are read where no limit of files is set.
const defaultVerified = 10 << 30

// digestElsewhere reads a file that lies elsewhere.
func (k *Keeper) digestElsewhere(ctx context.Context, uri string) (digest string, size int64, err error) {
	body, err := k.core.References.Open(ctx, uri)
	if err != nil {
		return "", 0, err
	}
	defer body.Close()
	limit := k.core.FileBytes
	if limit == 0 {
		limit = defaultVerified
	}
	hash := sha256.New()
	size, err = io.Copy(hash, &limitedReader{r: body, left: limit, limit: limit})
	return "sha256:" + hex.EncodeToString(hash.Sum(nil)), size, err
}

// recordVerification records what was found of a reference, unless it was changed meanwhile.
func recordVerification(ctx context.Context, tx *policies.Tx, was *registry.Artifact, found string, size int64) (core.WriteResult, error) {
	nodes, err := tx.NodesUnfiltered(ctx, was.ID, was.Parent)
	if err != nil {
		return core.WriteResult{}, err
	}
	if nodes[0] == nil || nodes[0].Deleted || nodes[1] == nil || nodes[1].Deleted {
		return core.WriteResult{}, noFile(was.Name)
	}
	a, err := core.DecodeWhole(nodes[0], &registry.Artifact{})
	if err != nil {
		return core.WriteResult{}, err
	}
	if err := tx.CheckTarget(policies.Target{Model: nodes[1].Parent}); err != nil {
		return core.WriteResult{}, err
	}
	if a.URI != was.URI || a.Digest != was.Digest {
		return core.WriteResult{}, registry.Errorf(registry.Conflict, "the artifact was changed while it was verified; verify it again")
	}
	a.Matches, a.VerifiedAt, a.VerifiedBy = new(found == a.Digest && (a.SizeBytes == nil || *a.SizeBytes == size)), tx.Now(), tx.Subject()
	n, err := core.EncodeNode(a, a.Name, core.LaterTime(tx.Now(), nodes[0].Since))
	if err != nil {
		return core.WriteResult{}, err
	}
	if err := tx.Put(ctx, n); err != nil {
		return core.WriteResult{}, err
	}
	return core.WriteResult{IDs: []registry.ID{a.ID}, Created: true, Changed: true}, tx.Log(ctx, registry.LogEntry{Action: registry.LogArtifactVerified, Objects: []registry.ID{a.Parent, a.ID},
		Model: nodes[1].Parent, Detail: core.LogDetail("artifact", a.Name, "matches", *a.Matches, "digest", a.Digest, "found", found, "sizeBytes", size)})
}

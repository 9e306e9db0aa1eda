package catalog

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"strings"

	"pedigree/graph"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service/core"
	"pedigree/signing"
)

// AttachSignatureInput selects a version, by Model and Version or by ID, and a bundle for it: its
// JSON, or that in base64.
type AttachSignatureInput struct {
	Model          *string      `json:"model,omitzero"`
	Version        *string      `json:"version,omitzero"`
	ID             *registry.ID `json:"id,omitzero"`
	Bundle         string       `json:"bundle"`
	IdempotencyKey *string      `json:"-"`
}

// AttachSignaturePayload has the attached signature. Created is false when the version had it.
type AttachSignaturePayload struct {
	Signature *registry.Signature
	Created   bool
}

// bundle returns the bytes of the bundle and what it is about.
func (in *AttachSignatureInput) bundle() ([]byte, registry.SignatureKind, error) {
	text := strings.TrimSpace(in.Bundle)
	if len(text) > 2*registry.MaxSignatureBytes {
		return nil, "", bundleTooLarge()
	}
	raw := []byte(text)
	if !strings.HasPrefix(text, "{") {
		var err error
		if raw, err = base64.StdEncoding.DecodeString(text); err != nil {
			return nil, "", registry.Invalid("bundle", "must be the JSON of a Sigstore bundle, or that in base64")
		}
	}
	if len(raw) > registry.MaxSignatureBytes {
		return nil, "", bundleTooLarge()
	}
	kind, err := signing.KindOf(raw)
	var refusal *signing.Refusal
	switch {
	case errors.As(err, &refusal):
		return nil, "", registry.Invalid("bundle", "%s", registry.Shorten(refusal.Message, 300))
	case err != nil:
		return nil, "", err
	case kind == signing.BuildProvenance:
		return raw, registry.SignatureOfBuild, nil
	}
	return raw, registry.SignatureOfModel, nil
}

func bundleTooLarge() error {
	return registry.Invalid("bundle", "has more than %d bytes", registry.MaxSignatureBytes)
}

// AttachSignature keeps a bundle beside a version. It is kept whether it holds or not: that is
// computed when it is read. The same bundle again changes nothing.
func (c *Catalog) AttachSignature(ctx context.Context, in AttachSignatureInput) (*AttachSignaturePayload, error) {
	if _, err := c.core.Gate.Read(ctx, registry.SignatureAttach); err != nil {
		return nil, err
	}
	raw, kind, err := in.bundle()
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(raw)
	digest := "sha256:" + hex.EncodeToString(sum[:])
	result, err := c.core.Write(ctx, registry.SignatureAttach, core.Idempotent("attachSignature", in.IdempotencyKey, in), func(ctx context.Context, tx *policies.Tx) (core.WriteResult, error) {
		v, _, err := FindVersion(ctx, tx, in.Model, in.Version, in.ID)
		if err != nil {
			return core.WriteResult{}, err
		}
		if err := tx.CheckTarget(policies.Target{Model: v.Parent}); err != nil {
			return core.WriteResult{}, err
		}
		s := &registry.Signature{Digest: digest, BundleKind: kind, SizeBytes: int64(len(raw)), AttachedBy: tx.Subject(), AttachedAt: tx.Now()}
		s.ID, s.Parent, s.ValidFrom = registry.SignatureID(v.ID, digest), v.ID, s.AttachedAt
		created, err := putSignature(ctx, tx, v, s, raw)
		return core.WriteResult{IDs: []registry.ID{s.ID}, Created: created}, err
	})
	if err != nil {
		return nil, err
	}
	s, err := core.NounAs[*registry.Signature](c.core.ReadBack(ctx, result, result.IDs[0]))
	return &AttachSignaturePayload{s, result.Created}, err
}

// putSignature writes a new signature and its bundle. It reports false when the version has it.
func putSignature(ctx context.Context, tx *policies.Tx, v *registry.ModelVersion, s *registry.Signature, raw []byte) (bool, error) {
	all, err := tx.ChildrenUnfiltered(ctx, registry.KindSignature, registry.IndexName, v.ID)
	if err != nil {
		return false, err
	}
	for _, n := range all {
		if n.ID == s.ID && !n.Deleted {
			return false, nil
		}
	}
	if len(all) >= registry.MaxSignatures {
		return false, registry.Errorf(registry.ResourceExhausted, "%s %s has %d signatures, the most that a version may have", v.ModelName, v.Version, len(all))
	}
	n, err := core.EncodeNode(s, s.Digest, s.AttachedAt)
	if err != nil {
		return false, err
	}
	doc, err := registry.Canonical(registry.SignatureBundle{Bundle: raw})
	if err != nil {
		return false, err
	}
	bundle := &graph.Node{ID: registry.SignatureBundleID(s.ID), Kind: registry.KindSignatureBundle, Parent: v.ID, Name: s.Digest, ValidFrom: s.AttachedAt, Since: s.AttachedAt, Doc: doc}
	if err := tx.Put(ctx, n, bundle); err != nil {
		return false, err
	}
	return true, tx.Log(ctx, registry.LogEntry{Action: registry.LogSignatureAttached, Objects: []registry.ID{v.ID, s.ID}, Model: v.Parent,
		Detail: core.LogDetail("version", v.Version, "digest", s.Digest, "bundleKind", s.BundleKind)})
}

// SignatureEdge is a signature in a page.
type SignatureEdge struct {
	Cursor string
	Node   *registry.Signature
}

// SignatureConnection is a page of signatures.
type SignatureConnection struct {
	core.Connection[*SignatureEdge]
}

// SignaturesOf returns one page of the signatures of a version, by digest.
func (c *Catalog) SignaturesOf(ctx context.Context, v *registry.ModelVersion, p core.Paging) (*SignatureConnection, error) {
	conn, err := core.ListChildren(ctx, c.core, v, core.ChildQuery{Kind: registry.KindSignature, Order: registry.IndexName, At: v.ReadAt}, p,
		func(cursor string, s *registry.Signature) *SignatureEdge { return &SignatureEdge{cursor, s} })
	if err != nil {
		return nil, err
	}
	return &SignatureConnection{*conn}, nil
}

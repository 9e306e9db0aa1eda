package catalog

import (
	"context"
	"slices"

	"pedigree/graph"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service/core"
)

// DetachSignatureInput selects a version, by Model and Version or by ID, and a signature of it by the
// digest of its bundle.
type DetachSignatureInput struct {
	Model          *string      `json:"model,omitzero"`
	Version        *string      `json:"version,omitzero"`
	ID             *registry.ID `json:"id,omitzero"`
	Digest         string       `json:"digest"`
	IdempotencyKey *string      `json:"-"`
}

// DetachSignature removes a signature and its bundle from a version; it is no error if there is none.
// The signatures of a version that is or was at work stay: somebody relied on them.
func (c *Catalog) DetachSignature(ctx context.Context, in DetachSignatureInput) (*core.DeletePayload, error) {
	result, err := c.core.Write(ctx, registry.SignatureDetach, core.Idempotent("detachSignature", in.IdempotencyKey, in), func(ctx context.Context, tx *policies.Tx) (core.WriteResult, error) {
		v, _, err := FindVersion(ctx, tx, in.Model, in.Version, in.ID)
		if err != nil {
			return core.WriteResult{}, err
		}
		if err := tx.CheckTarget(policies.Target{Model: v.Parent}); err != nil {
			return core.WriteResult{}, err
		}
		if slices.Contains([]registry.Stage{registry.Canary, registry.Production, registry.Deprecated}, v.Stage) {
			return core.WriteResult{}, registry.Errorf(registry.FailedPrecondition, "%s %s is in %s, where its signatures stay as they are", v.ModelName, v.Version, v.Stage)
		}
		id := registry.SignatureID(v.ID, in.Digest)
		nodes, err := tx.NodesUnfiltered(ctx, id, registry.SignatureBundleID(id))
		if err != nil || nodes[0] == nil || nodes[0].Deleted {
			return core.WriteResult{}, err
		}
		nodes = slices.DeleteFunc(nodes, func(n *graph.Node) bool { return n == nil || n.Deleted })
		if err := tombstone(ctx, tx, nodes...); err != nil {
			return core.WriteResult{}, err
		}
		return core.WriteResult{IDs: []registry.ID{id}, Created: true}, tx.Log(ctx, registry.LogEntry{Action: registry.LogSignatureDetached, Objects: []registry.ID{v.ID, id}, Model: v.Parent,
			Detail: core.LogDetail("version", v.Version, "digest", in.Digest)})
	})
	return core.NewDeletePayload(ctx, result, err)
}

// BundleOf returns the bytes of the bundle of a signature of a version that the caller sees.
func (c *Catalog) BundleOf(ctx context.Context, v *registry.ModelVersion, digest string) ([]byte, error) {
	if _, err := c.core.Gate.Read(ctx, registry.CatalogRead); err != nil {
		return nil, err
	}
	none := registry.Errorf(registry.NotFound, "there is no signature %s that you may see", registry.Shorten(digest, 100))
	if v == nil || !v.Mask.Has(registry.Bit("ModelVersion", "signatures")) {
		return nil, none
	}
	s, err := core.NounAs[*registry.Signature](c.core.NodeAt(ctx, registry.Instant{}, registry.SignatureID(v.ID, digest)))
	if err != nil {
		return nil, err
	}
	if s == nil || core.IsTombstone(s) {
		return nil, none
	}
	var out []byte
	err = c.core.Gate.Inspect(ctx, registry.CatalogRead, func(ctx context.Context, tx *policies.Tx) error {
		bundles, err := bundlesOf(ctx, tx, []*registry.Signature{s})
		if err == nil {
			out = bundles[0]
		}
		return err
	})
	if err == nil && out == nil {
		err = none
	}
	return out, err
}

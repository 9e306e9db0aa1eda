package remote

import (
	"context"
	"io"
	"net/http"
	"net/url"

	"pedigree/registry"
	"pedigree/service/catalog"
	"pedigree/service/core"
)

// signatureFields are the fields that signatures are read with.
var signatureFields = fieldsOf(registry.KindSignature)

// The operations on signatures.
var (
	opAttachSignature = `mutation AttachSignature($input: AttachSignatureInput!) { attachSignature(input: $input) { signature { ` + signatureFields + ` } created } }`

	opDetachSignature = `mutation DetachSignature($input: DetachSignatureInput!) { detachSignature(input: $input) { deletedId } }`

	opSignatures = `query Signatures($id: ID!, $first: Int, $after: String) { node(id: $id) { ... on ModelVersion { signatures(first: $first, after: $after) {
		edges { cursor node { ` + signatureFields + ` } } ` + pageFields + ` } } } }`

	opVerification = `query Verification($id: ID!) { node(id: $id) { ... on Signature { verification { status reason by { kind name keyId subject issuer at }
		files { path state } matching differing builder buildType invocation startedAt finishedAt materials { name uri digests { key value } } } } } }`
)

// signatureOperations lists the texts of the operations on signatures.
func signatureOperations() map[string]string {
	return map[string]string{"attachSignature": opAttachSignature, "detachSignature": opDetachSignature, "signatures": opSignatures, "verification": opVerification}
}

// AttachSignature keeps a bundle beside a version.
func (c *Client) AttachSignature(ctx context.Context, in catalog.AttachSignatureInput) (*catalog.AttachSignaturePayload, error) {
	type payload struct {
		Signature of[*registry.Signature]
		Created   bool
	}
	p, err := mutate[payload](ctx, c, opAttachSignature, "attachSignature", in)
	return &catalog.AttachSignaturePayload{Signature: p.Signature.Noun, Created: p.Created}, err
}

// DetachSignature removes a signature and its bundle from a version.
func (c *Client) DetachSignature(ctx context.Context, in catalog.DetachSignatureInput) (*core.DeletePayload, error) {
	return mutate[*core.DeletePayload](ctx, c, opDetachSignature, "detachSignature", in)
}

// BundleOf returns the bytes of the bundle of a signature of a version.
func (c *Client) BundleOf(ctx context.Context, v *registry.ModelVersion, digest string) ([]byte, error) {
	path := "/api/v1/models/" + url.PathEscape(v.ModelName) + "/" + url.PathEscape(v.Version) + "/signatures/" + url.PathEscape(digest)
	resp, err := c.file(ctx, http.MethodGet, path, nil, 0)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, registry.MaxSignatureBytes+1))
	if err != nil {
		err = c.unreachable(ctx, err)
	}
	return b, err
}

// SignaturesOf returns one page of the signatures of a version, by digest.
func (c *Client) SignaturesOf(ctx context.Context, v *registry.ModelVersion, p core.Paging) (*catalog.SignatureConnection, error) {
	var out struct {
		Node struct{ Signatures *list[*registry.Signature] }
	}
	if err := c.execute(ctx, opSignatures, addPaging(map[string]any{"id": v.ID}, p), &out); err != nil {
		return nil, err
	}
	page, err := connection(out.Node.Signatures, func(cursor string, s *registry.Signature) *catalog.SignatureEdge {
		return &catalog.SignatureEdge{Cursor: cursor, Node: s}
	})
	return &catalog.SignatureConnection{Connection: page}, err
}

// VerificationOf tells what a signature proves, by whom the server trusts.
func (c *Client) VerificationOf(ctx context.Context, s *registry.Signature) (*catalog.SignatureVerification, error) {
	var out struct {
		Node struct {
			Verification *catalog.SignatureVerification
		}
	}
	if err := c.execute(ctx, opVerification, map[string]any{"id": s.ID}, &out); err != nil {
		return nil, err
	}
	if out.Node.Verification == nil {
		return nil, registry.Errorf(registry.NotFound, "the signature is not there any more, or you may not read it")
	}
	return out.Node.Verification, nil
}

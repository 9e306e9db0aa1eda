package v1

import (
	"context"
	"net/http"

	"pedigree/registry"
	"pedigree/service"
	"pedigree/service/catalog"
	"pedigree/service/core"
)

// signatureRoutes are the routes of the signatures of versions.
func signatureRoutes() []route {
	const all = "models/{name}/{version}/signatures"
	put := write(http.MethodPut, all, "attachSignature", "Keeps a signed bundle beside a version; the same bundle again changes nothing", (*service.Service).AttachSignature,
		requires("bundle"), statuses(http.StatusOK, http.StatusCreated))
	put.body = 3 * registry.MaxSignatureBytes // The bundle is a text in JSON, or base64.
	return []route{put,
		write(http.MethodDelete, all+"/{digest}", "detachSignature", "Removes a signed bundle from a version", (*service.Service).DetachSignature),
		{method: http.MethodGet, pattern: all + "/{digest}", operation: "modelVersion", field: "Signature.digest", serve: getBundle, answerMedia: bundleMedia, summary: "The bytes of a signed bundle"},
		ofVersion(all, "signatures", "signatures", "The signed bundles of a version and what they prove, by digest", func(ctx context.Context, c *call, v *registry.ModelVersion, p core.Paging) (page[registry.Signature], error) {
			return nodes[registry.Signature](c.service.SignaturesOf(ctx, v, p))
		}),
	}
}

// bundleMedia is the media type of a Sigstore bundle.
const bundleMedia = "application/vnd.dev.sigstore.bundle+json"

// getBundle sends a bundle as a file.
func getBundle(ctx context.Context, c *call) error {
	v, err := c.version(ctx)
	if err != nil {
		return err
	}
	bundle, err := c.service.BundleOf(ctx, v, c.path["digest"])
	if err != nil {
		return err
	}
	c.tellDeprecation(ctx)
	c.w.Header().Set("Content-Disposition", `attachment; filename="signature.sigstore.json"`)
	c.w.Header().Set("X-Content-Type-Options", "nosniff")
	return c.write(http.StatusOK, bundleMedia, bundle)
}

// readVerification reads what a signature proves.
func readVerification(s *service.Service) func(context.Context, *registry.Signature) (*catalog.SignatureVerification, error) {
	return func(ctx context.Context, one *registry.Signature) (*catalog.SignatureVerification, error) {
		return s.VerificationOf(ctx, one)
	}
}

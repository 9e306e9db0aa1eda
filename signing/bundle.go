package signing

import (
	"bytes"
	"crypto/x509"

	protobundle "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	protocommon "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
	"github.com/sigstore/sigstore-go/pkg/bundle"
	"google.golang.org/protobuf/encoding/protojson"
)

// payloadType is the media type of an in-toto statement.
const payloadType = "application/vnd.in-toto+json"

// openBundle reads a bundle and checks its form, not yet its signature.
func openBundle(raw []byte) (*bundle.Bundle, error) {
	if len(raw) > MaxBundle {
		return nil, refuse(TooLarge, "the bundle has more than %d bytes", MaxBundle)
	}
	read := new(protobundle.Bundle)
	if err := (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(raw, read); err != nil {
		return nil, refuse(Malformed, "this is not a Sigstore bundle")
	}
	var options []bundle.Option
	if chain := read.GetVerificationMaterial().GetX509CertificateChain(); chain != nil {
		if len(chain.GetCertificates()) > maxCertificates {
			return nil, refuse(TooLarge, "the bundle has more than %d certificates", maxCertificates)
		}
		chain.Certificates = withoutRoots(chain.GetCertificates())
		if read.GetMediaType() == "application/vnd.dev.sigstore.bundle.v0.3+json" {
			options = append(options, bundle.AllowCertificateChain()) // As model signing writes it.
		}
	}
	b, err := bundle.NewBundle(read, options...)
	if err != nil {
		return nil, refuse(Malformed, "the Sigstore bundle is not valid: %v", err)
	}
	return b, nil
}

// withoutRoots returns a chain without certificates that sign themselves. Model signing writes the
// whole chain that it was given; a root counts only when it is configured.
func withoutRoots(chain []*protocommon.X509Certificate) (out []*protocommon.X509Certificate) {
	for i, c := range chain {
		if parsed, err := x509.ParseCertificate(c.GetRawBytes()); i > 0 && err == nil && bytes.Equal(parsed.RawIssuer, parsed.RawSubject) {
			continue
		}
		out = append(out, c)
	}
	return out
}

// payloadOf returns the in-toto statement that a bundle is about.
func payloadOf(b *bundle.Bundle) ([]byte, error) {
	if b.GetDsseEnvelope() == nil {
		return nil, refuse(Unsupported, "the bundle signs a file and not a statement about files")
	}
	envelope := b.GetDsseEnvelope()
	if envelope.GetPayloadType() != payloadType {
		return nil, refuse(Unsupported, "the bundle holds no in-toto statement")
	}
	if len(envelope.GetSignatures()) != 1 {
		return nil, refuse(Malformed, "the bundle has %d signatures, not one", len(envelope.GetSignatures()))
	}
	return envelope.GetPayload(), nil
}

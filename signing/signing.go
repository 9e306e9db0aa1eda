// Package signing verifies signatures of models: OpenSSF Model Signing v1 bundles, which are Sigstore
// bundles over an in-toto statement with a manifest of every file, and attestations of provenance
// (SLSA v1 and v0.2). It asks no network: who is trusted is configured, and the time is given.
package signing

import (
	"fmt"
	"time"
)

// Limits of what is read.
const (
	// MaxBundle is the largest bundle in bytes.
	MaxBundle = 16 << 20
	// MaxFiles is the most files of a manifest, and of a model.
	MaxFiles = 50_000
	// maxCertificates is the most certificates of a bundle.
	maxCertificates = 10
	// maxMaterials is the most materials of a provenance.
	maxMaterials = 10_000
)

// Reason says why a bundle is refused.
type Reason string

// The reasons.
const (
	// Malformed is a bundle that cannot be read, or whose parts contradict each other.
	Malformed Reason = "MALFORMED"
	// TooLarge is a bundle beyond a limit.
	TooLarge Reason = "TOO_LARGE"
	// Unsupported is a bundle of another type, or of a hash or serialization that is not known.
	Unsupported Reason = "UNSUPPORTED"
	// Tampered is a bundle whose signature does not fit its payload.
	Tampered Reason = "TAMPERED"
	// UnknownKey is a bundle by a key that is not trusted.
	UnknownKey Reason = "UNKNOWN_KEY"
	// UnknownIdentity is a bundle by an identity, or a subject of a certificate, that is not trusted.
	UnknownIdentity Reason = "UNKNOWN_IDENTITY"
	// UntrustedCertificate is a bundle by a certificate that no trusted root stands for.
	UntrustedCertificate Reason = "UNTRUSTED_CERTIFICATE"
	// ExpiredCertificate is a bundle by a certificate that is not valid at the time.
	ExpiredCertificate Reason = "EXPIRED_CERTIFICATE"
	// OtherModel is a bundle none of whose files is one of the model.
	OtherModel Reason = "OTHER_MODEL"
)

// Refusal is the error of a bundle that does not prove what it is to prove.
type Refusal struct {
	Reason  Reason
	Message string
}

// Error returns the message.
func (r *Refusal) Error() string { return r.Message }

func refuse(reason Reason, format string, args ...any) error {
	return &Refusal{reason, fmt.Sprintf(format, args...)}
}

// SignerKind is how a signer is known.
type SignerKind string

// The kinds.
const (
	ByKey         SignerKind = "KEY"
	ByCertificate SignerKind = "CERTIFICATE"
	ByIdentity    SignerKind = "IDENTITY"
)

// Signer is who signed.
type Signer struct {
	Kind SignerKind
	// Name is what the configuration calls the key, certificate or identity.
	Name string
	// KeyID is the id of the key: the SHA-256 of its PEM form, in hex.
	KeyID string
	// Subject is that of the certificate, or the name of the identity.
	Subject string
	// Issuer is who issued the certificate, or proved the identity.
	Issuer string
	// At is when the signature was made, where a log proves it; else zero.
	At time.Time
}

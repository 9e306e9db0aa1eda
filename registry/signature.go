package registry

import "time"

// SignatureKind says what a bundle is about.
type SignatureKind string

// The kinds of signatures.
const (
	// SignatureOfModel is a bundle of OpenSSF Model Signing: who stands for the files.
	SignatureOfModel SignatureKind = "MODEL_SIGNATURE"
	// SignatureOfBuild is an attestation of provenance (SLSA): who built the files, and of what.
	SignatureOfBuild SignatureKind = "PROVENANCE"
)

// The bounds of signatures: the bytes of one bundle, and how many a version has.
const (
	MaxSignatureBytes = 1 << 20
	MaxSignatures     = 32
)

// Signature is a bundle that somebody attached to a model version. Whether it holds is not stored:
// that depends on the files and on whom the server trusts.
type Signature struct {
	Meta
	// Digest is the SHA-256 of the bundle, sha256:HEX.
	Digest     string        `json:"digest,omitempty"`
	BundleKind SignatureKind `json:"bundleKind,omitempty"`
	SizeBytes  int64         `json:"sizeBytes,omitempty"`
	AttachedBy string        `json:"attachedBy,omitempty"`
	// AttachedAt is also the time at which the certificate of the bundle must have been valid.
	AttachedAt time.Time `json:"attachedAt,omitzero"`
}

// SignatureID is the id of a signature by its version and the digest of its bundle.
func SignatureID(version ID, digest string) ID {
	return NewID(KindSignature, string(version), digest)
}

// SignatureBundle holds the bytes of the bundle of a signature. It is a document of its own, so that
// lists of signatures do not read them.
type SignatureBundle struct {
	Bundle []byte `json:"bundle"`
}

// SignatureBundleID is the id of the bundle of a signature.
func SignatureBundleID(signature ID) ID { return NewID(KindSignatureBundle, string(signature)) }

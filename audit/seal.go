package audit

import (
	"encoding/base64"
	"encoding/hex"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"pedigree/registry"
)

// A seal is a signed note over the digest of something that a registry made. Its second line is no
// number, so that no seal is a checkpoint.

// sealText returns the text that is signed: what is sealed, the log's name and the digest.
func sealText(what, origin string, digest Hash) string {
	return "pedigree seal: " + what + "\n" + origin + "\nsha256:" + hex.EncodeToString(digest[:]) + "\n"
}

// Seal signs the digest of something that the registry made; what says what it is.
func (k *Key) Seal(what string, digest Hash) (string, error) {
	out, err := note.Sign(&note.Note{Text: sealText(what, k.Origin(), digest)}, k.signer)
	return string(out), err
}

// OpenSeal checks that one of the public keys sealed a digest, and that nothing else stands in the
// seal. It returns the name of the log. FAILED_PRECONDITION when it does not hold.
func OpenSeal(signed, what string, digest Hash, publicKeys ...string) (origin string, err error) {
	verifiers, err := verifiersOf(publicKeys)
	if err != nil {
		return "", err
	}
	n, err := note.Open([]byte(signed), note.VerifierList(verifiers...))
	if err != nil {
		return "", registry.Errorf(registry.FailedPrecondition, "the seal is not signed by this log's key: %v", err)
	}
	if len(n.Sigs) != 1 || len(n.UnverifiedSigs) > 0 {
		return "", registry.Errorf(registry.FailedPrecondition, "the seal has %d signatures, and one is wanted", len(n.Sigs)+len(n.UnverifiedSigs))
	}
	sig := n.Sigs[0]
	if _, err := base64.StdEncoding.Strict().DecodeString(sig.Base64); err != nil {
		return "", registry.Errorf(registry.FailedPrecondition, "the signature of the seal is damaged")
	}
	if n.Text != sealText(what, sig.Name, digest) {
		return "", registry.Errorf(registry.FailedPrecondition, "the seal is of something else")
	}
	return sig.Name, nil
}

// verifiersOf parses public keys. INVALID_ARGUMENT for a text that is none.
func verifiersOf(publicKeys []string) (out []note.Verifier, err error) {
	for _, p := range publicKeys {
		v, err := note.NewVerifier(strings.TrimSpace(p))
		if err != nil {
			return nil, registry.Errorf(registry.InvalidArgument, "%q is no public key of a log: it must be NAME+HASH+KEY", registry.Shorten(p, 100))
		}
		out = append(out, v)
	}
	return out, nil
}

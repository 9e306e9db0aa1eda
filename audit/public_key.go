package audit

import (
	"crypto/ed25519"
	"encoding/base64"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"pedigree/registry"
)

// publicOf returns the public key of a private one that note.NewSigner has accepted.
func publicOf(private string) (string, error) {
	bad := registry.Errorf(registry.InvalidArgument, "the log's key cannot be read")
	parts := strings.SplitN(private, "+", 5)
	if len(parts) != 5 {
		return "", bad
	}
	raw, err := base64.StdEncoding.DecodeString(parts[4])
	if err != nil || len(raw) != 1+ed25519.SeedSize {
		return "", bad
	}
	return note.NewEd25519VerifierKey(parts[2], ed25519.NewKeyFromSeed(raw[1:]).Public().(ed25519.PublicKey))
}

package access

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"maps"
	"slices"
	"strings"

	"pedigree/signing"
)

// seedKey signs the bundles of the seed; seedTrust trusts it. The tests share one seed.
var seedKey, seedTrust = newSeedKey()

// newSignedBundle is a bundle that the seed does not have, in base64.
var newSignedBundle = base64.StdEncoding.EncodeToString([]byte(signedBundle(modelPayload(map[string]string{"new": strings.Repeat("0", 64)}))))

func newSeedKey() (*ecdsa.PrivateKey, *signing.Trust) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		panic(err)
	}
	trust, err := signing.NewTrust(signing.Config{Keys: []signing.KeyConfig{{Name: "seed", PEM: string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}))}}})
	if err != nil {
		panic(err)
	}
	return key, trust
}

func jsonText(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// signedBundle signs an in-toto statement.
func signedBundle(payload string) string {
	const media = "application/vnd.in-toto+json"
	sum := sha256.Sum256([]byte(fmt.Sprintf("DSSEv1 %d %s %d %s", len(media), media, len(payload), payload)))
	sig, err := ecdsa.SignASN1(rand.Reader, seedKey, sum[:])
	if err != nil {
		panic(err)
	}
	return jsonText(map[string]any{"mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json", "verificationMaterial": map[string]any{"publicKey": map[string]any{}},
		"dsseEnvelope": map[string]any{"payload": base64.StdEncoding.EncodeToString([]byte(payload)), "payloadType": media, "signatures": []any{map[string]any{"sig": base64.StdEncoding.EncodeToString(sig)}}}})
}

// modelPayload is the statement of a model signature over files by their SHA-256.
func modelPayload(files map[string]string) string {
	root := sha256.New()
	var resources []any
	for _, name := range slices.Sorted(maps.Keys(files)) {
		digest, err := hex.DecodeString(files[name])
		if err != nil {
			panic(err)
		}
		root.Write(digest)
		resources = append(resources, map[string]any{"name": name, "digest": files[name], "algorithm": "sha256"})
	}
	return jsonText(map[string]any{"_type": "https://in-toto.io/Statement/v1", "subject": []any{map[string]any{"name": "model", "digest": map[string]any{"sha256": hex.EncodeToString(root.Sum(nil))}}},
		"predicateType": "https://model_signing/signature/v1.0", "predicate": map[string]any{"serialization": map[string]any{"method": "files", "hash_type": "sha256", "allow_symlinks": false, "ignore_paths": []any{}}, "resources": resources}})
}

// buildPayload is the statement of an attestation about a file: its builder and a material.
func buildPayload(digest, builder, material string) string {
	return jsonText(map[string]any{"_type": "https://in-toto.io/Statement/v1", "subject": []any{map[string]any{"name": "f", "digest": map[string]any{"sha256": digest}}},
		"predicateType": "https://slsa.dev/provenance/v1", "predicate": map[string]any{
			"buildDefinition": map[string]any{"buildType": "https://example.com/train", "resolvedDependencies": []any{map[string]any{"name": material, "uri": "s3://" + material, "digest": map[string]any{"sha256": "ab"}}}},
			"runDetails":      map[string]any{"builder": map[string]any{"id": builder}, "metadata": map[string]any{"invocationId": "7", "startedOn": "1987-02-01T10:00:00Z", "finishedOn": "1987-02-01T10:30:00Z"}}}})
}

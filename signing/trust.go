package signing

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore/pkg/signature"
)

// KeyConfig is a public key that is trusted, in PEM.
type KeyConfig struct {
	Name string
	PEM  string
}

// CertificateConfig is a certificate authority that is trusted: its root, and intermediates that a
// bundle may lack, in PEM. Subjects, when there are any, are the only ones that are trusted: a common
// name, an email or a URI of the signer's certificate.
type CertificateConfig struct {
	Name          string
	Root          string
	Intermediates string
	Subjects      []string
}

// IdentityConfig is an identity that is trusted: what the issuer calls it, exactly.
type IdentityConfig struct {
	Name    string
	Issuer  string
	Subject string
}

// Config is whom to trust. Identities need TrustedRoot: the trusted root of a Sigstore instance, in
// JSON.
type Config struct {
	Keys         []KeyConfig
	Certificates []CertificateConfig
	Identities   []IdentityConfig
	TrustedRoot  []byte
}

// Trust is a checked Config.
type Trust struct {
	keys        []trustedKey
	authorities []authority
	identities  []IdentityConfig
	instance    root.TrustedMaterial
	// withoutSCT asks for no proof of certificate transparency. Tests set it.
	withoutSCT bool
}

// trustedKey is a key and the ids by which bundles name it.
type trustedKey struct {
	name     string
	id       string
	hints    []string
	verifier signature.Verifier
}

type authority struct {
	CertificateConfig
	root          *x509.Certificate
	intermediates []*x509.Certificate
}

// NewTrust checks whom to trust. Names are told where something cannot be used.
func NewTrust(c Config) (*Trust, error) {
	t := &Trust{identities: c.Identities}
	for _, k := range c.Keys {
		key, err := newKey(k)
		if err != nil {
			return nil, fmt.Errorf("the key %q: %w", k.Name, err)
		}
		t.keys = append(t.keys, key)
	}
	for _, a := range c.Certificates {
		roots, err := certificates(a.Root)
		if err == nil && len(roots) != 1 {
			err = fmt.Errorf("%d roots, not one", len(roots))
		}
		var intermediates []*x509.Certificate
		if err == nil {
			intermediates, err = certificates(a.Intermediates)
		}
		if err != nil {
			return nil, fmt.Errorf("the certificates %q: %w", a.Name, err)
		}
		t.authorities = append(t.authorities, authority{a, roots[0], intermediates})
	}
	for _, i := range c.Identities {
		if i.Issuer == "" || i.Subject == "" {
			return nil, fmt.Errorf("the identity %q needs an issuer and a subject", i.Name)
		}
	}
	if len(c.Identities) > 0 {
		material, err := root.NewTrustedRootFromJSON(c.TrustedRoot)
		if err != nil {
			return nil, fmt.Errorf("identities need the trusted root of a Sigstore instance: %w", err)
		}
		t.instance, t.withoutSCT = material, len(material.CTLogs()) == 0
	}
	return t, nil
}

// newKey reads an ECDSA key on one of the curves that model signing uses.
func newKey(c KeyConfig) (trustedKey, error) {
	block, rest := pem.Decode([]byte(c.PEM))
	if block == nil || block.Type != "PUBLIC KEY" || strings.TrimSpace(string(rest)) != "" {
		return trustedKey{}, errors.New("is not one public key in PEM")
	}
	parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return trustedKey{}, err
	}
	key, ok := parsed.(*ecdsa.PublicKey)
	if !ok || key.Curve != elliptic.P256() && key.Curve != elliptic.P384() && key.Curve != elliptic.P521() {
		return trustedKey{}, errors.New("is not an ECDSA key on P-256, P-384 or P-521")
	}
	verifier, err := signature.LoadDefaultVerifier(key)
	if err != nil {
		return trustedKey{}, err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: block.Bytes})
	ofText, ofKey := sha256.Sum256(text), sha256.Sum256(block.Bytes)
	id := hex.EncodeToString(ofText[:])
	return trustedKey{c.Name, id, []string{id, base64.StdEncoding.EncodeToString(ofKey[:]), hex.EncodeToString(ofKey[:])}, verifier}, nil
}

// certificates reads certificates in PEM.
func certificates(text string) (out []*x509.Certificate, err error) {
	for rest := []byte(text); strings.TrimSpace(string(rest)) != ""; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil || block.Type != "CERTIFICATE" {
			return nil, errors.New("are not certificates in PEM")
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, nil
}

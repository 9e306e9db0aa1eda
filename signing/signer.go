package signing

import (
	"crypto/x509"
	"errors"
	"slices"
	"time"

	"github.com/sigstore/sigstore-go/pkg/bundle"
	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/verify"
)

// signerOf verifies the signature of a bundle and returns who made it.
func (t *Trust) signerOf(b *bundle.Bundle, now time.Time) (Signer, error) {
	content, err := b.VerificationContent()
	if err != nil {
		return Signer{}, refuse(Malformed, "the bundle does not say who signed it")
	}
	if content.Certificate() == nil {
		return t.keyOf(b, content)
	}
	if len(b.GetVerificationMaterial().GetTlogEntries()) > 0 {
		return t.identityOf(b, content)
	}
	return t.certificateOf(b, content, now)
}

// signedBy reports whether the signature fits the payload, by a key or by the certificate of the
// bundle.
func signedBy(entity verify.SignedEntity, content verify.VerificationContent, key *trustedKey) bool {
	signature, err := entity.SignatureContent()
	if err != nil {
		return false
	}
	material := root.NewTrustedPublicKeyMaterial(func(string) (root.TimeConstrainedVerifier, error) {
		if key == nil {
			return nil, errors.New("no key")
		}
		return root.NewExpiringKey(key.verifier, time.Time{}, time.Time{}), nil
	})
	return verify.VerifySignature(signature, content, material) == nil
}

// keyOf finds the trusted key that signed. A bundle names its key by an id, which only narrows the
// search: the signature decides.
func (t *Trust) keyOf(b *bundle.Bundle, content verify.VerificationContent) (Signer, error) {
	hint := b.GetVerificationMaterial().GetPublicKey().GetHint()
	for i := range t.keys {
		k := &t.keys[i]
		if signedBy(b, content, k) {
			return Signer{Kind: ByKey, Name: k.name, KeyID: k.id}, nil
		}
		if hint != "" && slices.Contains(k.hints, hint) {
			return Signer{}, refuse(Tampered, "the signature by the key %q does not fit what is signed", k.name)
		}
	}
	return Signer{}, refuse(UnknownKey, "no trusted key has signed this")
}

// certificateOf checks the certificate that signed against the trusted authorities at a time.
func (t *Trust) certificateOf(b *bundle.Bundle, content verify.VerificationContent, now time.Time) (Signer, error) {
	leaf := content.Certificate()
	if leaf.KeyUsage != 0 && leaf.KeyUsage&x509.KeyUsageDigitalSignature == 0 {
		return Signer{}, refuse(UntrustedCertificate, "the certificate is not one to sign with")
	}
	expired := false
	for _, a := range t.authorities {
		ca := root.FulcioCertificateAuthority{Root: a.root, Intermediates: slices.Concat(a.intermediates, content.Intermediates())}
		if _, err := ca.Verify(leaf, now); err != nil {
			_, err = ca.Verify(leaf, leaf.NotBefore)
			expired = expired || err == nil
			continue
		}
		if !signedBy(b, content, nil) {
			return Signer{}, refuse(Tampered, "the signature by the certificate of %s does not fit what is signed", leaf.Subject)
		}
		if len(a.Subjects) > 0 && !slices.ContainsFunc(a.Subjects, func(s string) bool { return slices.Contains(subjectsOf(leaf), s) }) {
			return Signer{}, refuse(UnknownIdentity, "the certificate of %s is not one of those that are trusted", leaf.Subject)
		}
		return Signer{Kind: ByCertificate, Name: a.Name, Subject: leaf.Subject.String(), Issuer: leaf.Issuer.String()}, nil
	}
	if expired {
		return Signer{}, refuse(ExpiredCertificate, "the certificate of %s was valid from %s to %s", leaf.Subject, leaf.NotBefore.UTC().Format(time.RFC3339), leaf.NotAfter.UTC().Format(time.RFC3339))
	}
	return Signer{}, refuse(UntrustedCertificate, "no trusted authority stands for the certificate of %s", leaf.Subject)
}

// subjectsOf returns the names of a certificate that can be trusted.
func subjectsOf(c *x509.Certificate) []string {
	out := slices.Concat([]string{c.Subject.CommonName}, c.EmailAddresses)
	for _, u := range c.URIs {
		out = append(out, u.String())
	}
	return out
}

// identityOf checks a short-lived certificate of a Sigstore instance: the transparency log proves
// when it was used, so that it does not matter that it has expired since.
func (t *Trust) identityOf(entity verify.SignedEntity, content verify.VerificationContent) (Signer, error) {
	if t.instance == nil {
		return Signer{}, refuse(UnknownIdentity, "no identities are trusted")
	}
	if !signedBy(entity, content, nil) {
		return Signer{}, refuse(Tampered, "the signature does not fit what is signed")
	}
	options := []verify.VerifierOption{verify.WithTransparencyLog(1), verify.WithObserverTimestamps(1), verify.WithoutStatementPredicate()}
	if !t.withoutSCT {
		options = append(options, verify.WithSignedCertificateTimestamps(1))
	}
	verifier, err := verify.NewVerifier(t.instance, options...)
	if err != nil {
		return Signer{}, err
	}
	result, err := verifier.Verify(entity, verify.NewPolicy(verify.WithoutArtifactUnsafe(), verify.WithoutIdentitiesUnsafe()))
	if err != nil {
		return Signer{}, refuse(UntrustedCertificate, "the trusted Sigstore instance does not stand for this certificate: %v", err)
	}
	who := result.Signature.Certificate
	signer := Signer{Kind: ByIdentity, Subject: who.SubjectAlternativeName, Issuer: who.Issuer}
	if len(result.VerifiedTimestamps) > 0 {
		signer.At = result.VerifiedTimestamps[0].Timestamp.UTC()
	}
	for _, i := range t.identities {
		if i.Subject == signer.Subject && i.Issuer == signer.Issuer {
			signer.Name = i.Name
			return signer, nil
		}
	}
	return Signer{}, refuse(UnknownIdentity, "%s of %s is not trusted", signer.Subject, signer.Issuer)
}

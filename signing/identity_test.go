package signing

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/sigstore/sigstore-go/pkg/testing/ca"
	"github.com/sigstore/sigstore-go/pkg/verify"
)

// TestIdentities verifies an attestation of a Sigstore instance in memory: a certificate that lives
// for minutes, and a log that proves when it was used.
func TestIdentities(t *testing.T) {
	const issuer, subject = "https://accounts.example.com", "release@example.com"
	instance, err := ca.NewVirtualSigstore()
	if err != nil {
		t.Fatal(err)
	}
	other, err := ca.NewVirtualSigstore()
	if err != nil {
		t.Fatal(err)
	}
	signed, err := json.Marshal(map[string]any{"_type": statementType, "subject": []any{}, "predicateType": "test", "predicate": map[string]any{}})
	if err != nil {
		t.Fatal(err)
	}
	entity, err := instance.AttestAtTime(subject, issuer, signed, time.Now().Add(5*time.Minute), true)
	if err != nil {
		t.Fatal(err)
	}
	content, err := entity.VerificationContent()
	if err != nil {
		t.Fatal(err)
	}
	who := func(t *Trust) (Signer, error) { return t.identityOf(entity, content) }
	release := IdentityConfig{"release", issuer, subject}
	trust := &Trust{instance: instance, identities: []IdentityConfig{{"x", "https://other.example.com", subject}, release}, withoutSCT: true}
	got, err := who(trust)
	if err != nil || got.Kind != ByIdentity || got.Name != "release" || got.Subject != subject || got.Issuer != issuer || got.At.IsZero() {
		t.Errorf("%+v %v", got, err)
	}
	_, err = who(&Trust{instance: instance, identities: []IdentityConfig{{"a", issuer, "Release@example.com"}, {"b", issuer + "/", subject}, {"c", issuer, "release@example.com.evil.org"}}, withoutSCT: true})
	wantRefusal(t, UnknownIdentity, subject, err)
	_, err = who(&Trust{instance: other, identities: []IdentityConfig{release}, withoutSCT: true})
	wantRefusal(t, UntrustedCertificate, "", err)
	_, err = who(&Trust{instance: instance, identities: []IdentityConfig{release}}) // This one keeps no log of certificates.
	wantRefusal(t, UntrustedCertificate, "", err)
	_, err = who(&Trust{})
	wantRefusal(t, UnknownIdentity, "no identities", err)
	_, err = trust.identityOf(tampered{entity, mustContent(t, instance, issuer, subject)}, content)
	wantRefusal(t, Tampered, "", err)
}

// tampered is an entity with the signed content of another one.
type tampered struct {
	verify.SignedEntity
	other verify.SignatureContent
}

func (e tampered) SignatureContent() (verify.SignatureContent, error) { return e.other, nil }

func mustContent(t *testing.T, instance *ca.VirtualSigstore, issuer, subject string) verify.SignatureContent {
	t.Helper()
	other, err := instance.Attest(subject, issuer, []byte(`{"_type":"`+statementType+`"}`))
	if err != nil {
		t.Fatal(err)
	}
	content, err := other.SignatureContent()
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func TestIdentitiesNeedAnInstance(t *testing.T) {
	for name, c := range map[string]Config{
		"no trusted root":   {Identities: []IdentityConfig{{"a", "i", "s"}}},
		"no issuer":         {Identities: []IdentityConfig{{"a", "", "s"}}},
		"no key":            {Keys: []KeyConfig{{"a", "text"}}},
		"a certificate":     {Keys: []KeyConfig{{"a", string(testdata(t, "root.crt"))}}},
		"two keys":          {Keys: []KeyConfig{{"a", string(testdata(t, "prime256v1.pub")) + string(testdata(t, "secp384r1.pub"))}}},
		"no root":           {Certificates: []CertificateConfig{{Name: "a"}}},
		"two roots":         {Certificates: []CertificateConfig{{Name: "a", Root: string(testdata(t, "root.crt")) + string(testdata(t, "other-root.crt"))}}},
		"bad intermediates": {Certificates: []CertificateConfig{{Name: "a", Root: string(testdata(t, "root.crt")), Intermediates: "text"}}},
	} {
		if _, err := NewTrust(c); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}

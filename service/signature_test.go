package service_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pedigree/blobs"
	"pedigree/graph"
	"pedigree/graph/neo4j"
	"pedigree/internal/neo4jtest"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service"
	"pedigree/service/access"
	"pedigree/service/artifacts"
	"pedigree/service/catalog"
	"pedigree/service/core"
	"pedigree/service/governance"
	"pedigree/signing"
)

// signedFiles are the files of the model that the bundles in signing/testdata are of.
var signedFiles = []string{"MLmodel", "config/labels.txt", "model.pkl"}

func signingData(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "signing", "testdata", filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// trustOf trusts keys of the test data; none of them means a server without trust.
func trustOf(t *testing.T, keys ...string) *signing.Trust {
	t.Helper()
	if len(keys) == 0 {
		return nil
	}
	var c signing.Config
	for _, name := range keys {
		c.Keys = append(c.Keys, signing.KeyConfig{Name: name, PEM: signingData(t, name+".pub")})
	}
	trust, err := signing.NewTrust(c)
	if err != nil {
		t.Fatal(err)
	}
	return trust
}

// signKit is a fileKit whose server can be started again with another trust.
type signKit struct {
	*fileKit
	policy string
}

func newSignKit(t *testing.T, store graph.Store, trust *signing.Trust) *signKit {
	t.Helper()
	k := &signKit{fileKit: fileKitOn(t, store)}
	k.restart(trust)
	k.model("m")
	return k
}

func (k *signKit) restart(trust *signing.Trust) {
	k.Helper()
	files, err := blobs.New("file://" + k.folder)
	if err != nil {
		k.Fatal(err)
	}
	table, err := policies.Load(k.policy)
	if err != nil {
		k.Fatal(err)
	}
	gate, err := policies.NewGate(k.Context(), k.store, table, func() time.Time { return k.now })
	if err != nil {
		k.Fatal(err)
	}
	k.Service = service.New(gate, service.WithBlobs(files, 1000), service.WithTrust(trust))
}

// signable registers a version with the files that were signed; a changed one has another content.
func (k *signKit) signable(version, changed string) {
	k.Helper()
	k.version("m", version)
	for _, path := range signedFiles {
		content := signingData(k.T, "model/"+path)
		if path == changed {
			content += "x"
		}
		must[*artifacts.FilePayload](k.kit)(k.upload(version, path, content))
	}
}

func (k *signKit) attach(version, bundle string) (*catalog.AttachSignaturePayload, error) {
	return k.AttachSignature(k.as("ann", registry.RoleDataScientist), catalog.AttachSignatureInput{Model: ptr("m"), Version: &version, Bundle: bundle})
}

func (k *signKit) attached(version, bundle string) *catalog.SignatureVerification {
	k.Helper()
	s := must[*catalog.AttachSignaturePayload](k.kit)(k.attach(version, signingData(k.T, bundle))).Signature
	return must[*catalog.SignatureVerification](k.kit)(k.VerificationOf(k.admin, s))
}

func TestSignaturesOfAVersion(t *testing.T) { attachAndVerify(t, sqliteStore(t)) }

func TestSignaturesOfAVersionOnNeo4j(t *testing.T) {
	store, err := neo4j.Open(t.Context(), neo4jtest.URL(t), neo4j.WithNamespace(neo4jtest.Namespace()))
	if err != nil {
		t.Fatal(err)
	}
	attachAndVerify(t, store)
}

func attachAndVerify(t *testing.T, store graph.Store) {
	k := newSignKit(t, store, trustOf(t, "prime256v1"))
	k.signable("1.0.0", "")
	k.signable("2.0.0", "model.pkl")
	bundle := signingData(t, "key-prime256v1.sig")
	first := must[*catalog.AttachSignaturePayload](k.kit)(k.attach("1.0.0", bundle))
	sum := sha256.Sum256([]byte(strings.TrimSpace(bundle)))
	s := first.Signature
	if !first.Created || s.Digest != "sha256:"+hex.EncodeToString(sum[:]) || s.BundleKind != registry.SignatureOfModel || s.AttachedBy != "ann" || s.AttachedAt.Sub(k.now).Abs() > time.Second {
		t.Errorf("%+v", s)
	}
	head := k.head()
	again := must[*catalog.AttachSignaturePayload](k.kit)(k.attach("1.0.0", base64.StdEncoding.EncodeToString([]byte(strings.TrimSpace(bundle)))))
	if again.Created || again.Signature.ID != s.ID || k.head() != head {
		t.Errorf("the same bundle again: %+v", again)
	}
	v := must[*catalog.SignatureVerification](k.kit)(k.VerificationOf(k.admin, s))
	if v.Status != catalog.Signed || v.By.Name != "prime256v1" || v.By.Kind != "KEY" || len(v.Files) != 0 || *v.Matching != 3 || *v.Differing != 0 {
		t.Errorf("%+v", v)
	}
	if v := k.attached("2.0.0", "key-prime256v1.sig"); v.Status != catalog.SignatureMismatch || len(v.Files) != 1 || *v.Files[0] != (catalog.SignedFile{Path: "model.pkl", State: "MISMATCH"}) || *v.Matching != 2 {
		t.Errorf("%+v", v)
	}
	if v := k.attached("1.0.0", "other-model.sig"); v.Status != catalog.SignatureInvalid || !strings.Contains(v.Reason, "other-model") || v.By != nil {
		t.Errorf("%+v", v)
	}
	if v := k.attached("1.0.0", "key-secp384r1.sig"); v.Status != catalog.SignatureUntrusted || v.By != nil {
		t.Errorf("%+v", v)
	}
	list := must[*catalog.SignatureConnection](k.kit)(k.SignaturesOf(k.admin, must[*registry.ModelVersion](k.kit)(k.ModelVersion(k.admin, "m", "1.0.0")), core.Paging{}))
	if len(list.Edges) != 3 {
		t.Errorf("%d signatures, not 3", len(list.Edges))
	}
	log := must[*access.LogEntryConnection](k.kit)(k.AuditLog(k.admin, core.Paging{First: ptr(1)}, nil)).Edges[0].Node
	if log.Action != registry.LogSignatureAttached || log.Actor != "ann" {
		t.Errorf("%+v", log)
	}
	k.restart(nil)
	if v := must[*catalog.SignatureVerification](k.kit)(k.VerificationOf(k.admin, s)); v.Status != catalog.SignatureUntrusted || !strings.Contains(v.Reason, "--trust") {
		t.Errorf("a server without trust: %+v", v)
	}
	must[*core.DeletePayload](k.kit)(k.DeleteModelVersion(k.admin, catalog.DeleteModelVersionInput{Model: ptr("m"), Version: ptr("1.0.0")}))
	for _, id := range []registry.ID{s.ID, registry.SignatureBundleID(s.ID)} {
		nodes, err := k.store.Nodes(t.Context(), graph.Instant{}, id)
		if err != nil || !nodes[0].Deleted || len(nodes[0].Doc) > 200 {
			t.Errorf("%s is left: %v", id, err)
		}
	}
}

// TestACertificateCountsWhenItWasAttached attaches a bundle while its certificate is valid and after.
func TestACertificateCountsWhenItWasAttached(t *testing.T) {
	trust, err := signing.NewTrust(signing.Config{Certificates: []signing.CertificateConfig{{Name: "release", Root: signingData(t, "root.crt")}}})
	if err != nil {
		t.Fatal(err)
	}
	k := newSignKit(t, sqliteStore(t), trust)
	k.now = time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
	k.signable("1.0.0", "")
	k.signable("2.0.0", "")
	s := must[*catalog.AttachSignaturePayload](k.kit)(k.attach("1.0.0", signingData(t, "certificate.sig"))).Signature
	k.now = k.now.AddDate(20, 0, 0)
	if v := must[*catalog.SignatureVerification](k.kit)(k.VerificationOf(k.admin, s)); v.Status != catalog.Signed || v.By.Subject == "" {
		t.Errorf("attached in time: %+v", v)
	}
	if v := k.attached("2.0.0", "certificate.sig"); v.Status != catalog.SignatureUntrusted || !strings.Contains(v.Reason, "valid") {
		t.Errorf("attached too late: %+v", v)
	}
}

func TestBundlesThatAreNoneAreRefused(t *testing.T) {
	k := newSignKit(t, sqliteStore(t), nil)
	k.version("m", "1.0.0")
	for _, bundle := range []string{"", "{}", "[]", "!", "e30=", strings.Repeat("x", 3<<20), "{" + strings.Repeat(" ", registry.MaxSignatureBytes) + "}"} {
		_, err := k.attach("1.0.0", bundle)
		k.wantCode(registry.InvalidArgument, err)
	}
	bundle := signingData(t, "key-prime256v1.sig")
	_, err := k.AttachSignature(k.as("eve", registry.RoleViewer), catalog.AttachSignatureInput{Model: ptr("m"), Version: ptr("1.0.0"), Bundle: bundle})
	k.wantCode(registry.Forbidden, err)
	_, err = k.attach("9.0.0", bundle)
	k.wantCode(registry.NotFound, err)
	for i := range registry.MaxSignatures { // White space after the JSON's brace makes another bundle.
		must[*catalog.AttachSignaturePayload](k.kit)(k.attach("1.0.0", "{"+strings.Repeat(" ", i)+strings.TrimPrefix(bundle, "{")))
	}
	_, err = k.attach("1.0.0", "{\n"+strings.TrimPrefix(bundle, "{"))
	k.wantCode(registry.ResourceExhausted, err)
}

// TestAGuardAsksForASignature promotes a version without a signature, with those that do not hold,
// and with one that does. With the switch off, all of them go.
func TestAGuardAsksForASignature(t *testing.T) {
	for _, on := range []bool{true, false} {
		k := newSignKit(t, sqliteStore(t), trustOf(t, "prime256v1"))
		k.signable("1.0.0", "model.pkl")
		k.signable("2.0.0", "")
		k.move("m", "1.0.0", registry.Staging)
		k.move("m", "2.0.0", registry.Staging)
		must[*governance.GuardPayload](k.kit)(k.PutTransitionGuard(k.admin, governance.PutTransitionGuardInput{Profile: registry.ProfileOpen, RequireSignature: on}))
		promote := func(version, saying string, force bool) {
			t.Helper()
			check := must[*governance.TransitionCheck](k.kit)(k.CheckTransition(k.admin, governance.CheckTransitionInput{Model: ptr("m"), Version: &version, To: registry.Production}))
			in := catalog.TransitionModelVersionInput{Model: ptr("m"), Version: &version, To: registry.Production, Force: force, Reason: "go"}
			_, err := k.TransitionModelVersion(k.admin, in)
			if !on || saying == "" {
				if err != nil || !check.Allowed {
					t.Errorf("%s is refused: %v, %+v", version, err, check.Blockers)
				}
				return
			}
			k.wantCode(registry.FailedPrecondition, err)
			if err == nil || !strings.Contains(err.Error(), saying) {
				t.Errorf("%v does not say %q", err, saying)
			}
			if len(check.Blockers) != 1 || check.Blockers[0].Kind != governance.BlockedBySignature || !strings.Contains(check.Blockers[0].Text, saying) {
				t.Errorf("%+v", check.Blockers)
			}
		}
		promote("1.0.0", "attachSignature", false)
		if !on {
			continue
		}
		promote("1.0.0", "attachSignature", true)
		k.attached("1.0.0", "key-prime256v1.sig")
		promote("1.0.0", "MISMATCH", true)
		k.attached("2.0.0", "key-secp384r1.sig")
		promote("2.0.0", "UNTRUSTED", false)
		k.attached("2.0.0", "key-prime256v1.sig")
		k.restart(nil)
		promote("2.0.0", "--trust", false)
		k.restart(trustOf(t, "prime256v1"))
		promote("2.0.0", "", false)
	}
}

// attestation makes a bundle that attests how a file with a digest was built, and the trust in its key.
func attestation(t *testing.T, digest string) (string, *signing.Trust) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	trust, err := signing.NewTrust(signing.Config{Keys: []signing.KeyConfig{{Name: "ci", PEM: string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}))}}})
	if err != nil {
		t.Fatal(err)
	}
	const media = "application/vnd.in-toto+json"
	payload := `{"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"f","digest":{"sha256":"` + digest + `"}}],"predicateType":"https://slsa.dev/provenance/v1","predicate":{
"buildDefinition":{"buildType":"train","resolvedDependencies":[{"uri":"s3://raw.csv","digest":{"sha256":"cd","gitCommit":"ab"}}]},"runDetails":{"builder":{"id":"https://ci.example.com"}}}}`
	sum := sha256.Sum256([]byte(fmt.Sprintf("DSSEv1 %d %s %d %s", len(media), media, len(payload), payload)))
	sig, err := ecdsa.SignASN1(rand.Reader, key, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf(`{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","verificationMaterial":{"publicKey":{}},"dsseEnvelope":{"payload":%q,"payloadType":%q,"signatures":[{"sig":%q}]}}`,
		base64.StdEncoding.EncodeToString([]byte(payload)), media, base64.StdEncoding.EncodeToString(sig)), trust
}

// TestAnAttestationTellsOfTheBuild attests one file of a version, and one that it does not have. Neither
// is a signature that a guard asks for.
func TestAnAttestationTellsOfTheBuild(t *testing.T) {
	k := newSignKit(t, sqliteStore(t), nil)
	k.signable("1.0.0", "")
	k.move("m", "1.0.0", registry.Staging)
	must[*governance.GuardPayload](k.kit)(k.PutTransitionGuard(k.admin, governance.PutTransitionGuardInput{Profile: registry.ProfileOpen, RequireSignature: true}))
	sum := sha256.Sum256([]byte(signingData(t, "model/model.pkl")))
	for digest, want := range map[string]catalog.SignatureStatus{hex.EncodeToString(sum[:]): catalog.Signed, strings.Repeat("0", 64): catalog.SignatureMismatch} {
		bundle, trust := attestation(t, digest)
		k.restart(trust)
		s := must[*catalog.AttachSignaturePayload](k.kit)(k.attach("1.0.0", bundle)).Signature
		v := must[*catalog.SignatureVerification](k.kit)(k.VerificationOf(k.admin, s))
		if s.BundleKind != registry.SignatureOfBuild || v.Status != want || v.By.Name != "ci" || v.Builder != "https://ci.example.com" || len(v.Materials) != 1 || v.Materials[0].URI != "s3://raw.csv" ||
			!slices.Equal(v.Materials[0].Digests, []registry.KeyValue{{Key: "gitCommit", Value: "ab"}, {Key: "sha256", Value: "cd"}}) {
			t.Errorf("%s: %+v", want, v)
		}
		_, err := k.TransitionModelVersion(k.admin, catalog.TransitionModelVersionInput{Model: ptr("m"), Version: ptr("1.0.0"), To: registry.Production})
		k.wantCode(registry.FailedPrecondition, err)
	}
}

// TestAnApprovedRequestStillNeedsItsSignature approves a request when nobody is trusted any more, and
// when the signer is.
func TestAnApprovedRequestStillNeedsItsSignature(t *testing.T) {
	k := newSignKit(t, sqliteStore(t), trustOf(t, "prime256v1"))
	k.signable("1.0.0", "")
	k.move("m", "1.0.0", registry.Staging)
	must[*governance.GuardPayload](k.kit)(k.PutTransitionGuard(k.admin, governance.PutTransitionGuardInput{Profile: registry.ProfileGuarded, RequireSignature: true}))
	in := catalog.TransitionModelVersionInput{Model: ptr("m"), Version: ptr("1.0.0"), To: registry.Production}
	_, err := k.TransitionModelVersion(k.as("ann", registry.RoleDataScientist), in)
	k.wantCode(registry.FailedPrecondition, err)
	k.attached("1.0.0", "key-prime256v1.sig")
	request := must[*catalog.TransitionModelVersionPayload](k.kit)(k.TransitionModelVersion(k.as("ann", registry.RoleDataScientist), in)).Request
	k.restart(nil)
	_, err = k.ApproveTransition(k.as("boss", registry.RoleAdmin), governance.DecideInput{ID: request.ID})
	k.wantCode(registry.FailedPrecondition, err)
	k.restart(trustOf(t, "prime256v1"))
	if p := must[*governance.RequestPayload](k.kit)(k.ApproveTransition(k.as("boss", registry.RoleAdmin), governance.DecideInput{ID: request.ID})); p.Version == nil || p.Version.Stage != registry.Production {
		t.Errorf("%+v", p.Request)
	}
}

// TestNamesOfFilesThatAreHiddenAreNotTold hides the names of files from data scientists: they learn
// that files differ, and not which.
func TestNamesOfFilesThatAreHiddenAreNotTold(t *testing.T) {
	k := newSignKit(t, sqliteStore(t), trustOf(t, "prime256v1"))
	k.signable("1.0.0", "model.pkl")
	s := must[*catalog.AttachSignaturePayload](k.kit)(k.attach("1.0.0", signingData(t, "key-prime256v1.sig"))).Signature
	builtIn, err := os.ReadFile(filepath.Join("..", "policies", "policy.csv"))
	if err != nil {
		t.Fatal(err)
	}
	k.policy = filepath.Join(t.TempDir(), "policy.csv")
	if err := os.WriteFile(k.policy, append(builtIn, "\np, role:data_scientist, Artifact.name, read, all, deny\n"...), 0o600); err != nil {
		t.Fatal(err)
	}
	k.restart(trustOf(t, "prime256v1"))
	for role, told := range map[string]int{registry.RoleDataScientist: 0, registry.RoleAdmin: 1} {
		v := must[*catalog.SignatureVerification](k.kit)(k.VerificationOf(k.as("bob", role), s))
		if v.Status != catalog.SignatureMismatch || len(v.Files) != told || (v.Matching == nil) != (told == 0) {
			t.Errorf("%s: %+v", role, v)
		}
	}
}

package signing

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
	"reflect"
	"strings"
	"testing"
	"time"
)

// signed makes a bundle over a payload by a new key, and the trust in that key.
func signed(t testing.TB, payload string) ([]byte, *Trust) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(fmt.Sprintf("DSSEv1 %d %s %d %s", len(payloadType), payloadType, len(payload), payload)))
	sig, err := ecdsa.SignASN1(rand.Reader, key, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	bundle, err := json.Marshal(map[string]any{"mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json", "verificationMaterial": map[string]any{"publicKey": map[string]any{}},
		"dsseEnvelope": map[string]any{"payload": base64.StdEncoding.EncodeToString([]byte(payload)), "payloadType": payloadType, "signatures": []any{map[string]any{"sig": base64.StdEncoding.EncodeToString(sig)}}}})
	if err != nil {
		t.Fatal(err)
	}
	return bundle, newTrust(t, Config{Keys: []KeyConfig{{"ci", string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}))}}})
}

const (
	buildV1 = `{"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"model.pkl","digest":{"sha256":"ab"}}],"predicateType":"https://slsa.dev/provenance/v1","predicate":{
"buildDefinition":{"buildType":"https://example.com/train@v1","externalParameters":{"epochs":3},"resolvedDependencies":[
{"uri":"git+https://example.com/churn@refs/heads/main","digest":{"gitCommit":"c0ffee"}},{"name":"raw.csv","uri":"s3://data/raw.csv","digest":{"sha256":"cd"}}]},
"runDetails":{"builder":{"id":"https://ci.example.com/runner"},"metadata":{"invocationId":"https://ci.example.com/runs/7","startedOn":"2027-02-01T10:00:00+01:00","finishedOn":"2027-02-01T10:30:00Z"}}}}`
	buildV02 = `{"_type":"https://in-toto.io/Statement/v0.1","subject":[{"name":"model.pkl","digest":{"sha256":"ab"}}],"predicateType":"https://slsa.dev/provenance/v0.2","predicate":{
"builder":{"id":"https://ci.example.com/runner"},"buildType":"https://example.com/train@v1","metadata":{"buildInvocationId":"https://ci.example.com/runs/7","buildStartedOn":"2027-02-01T09:00:00Z","buildFinishedOn":"2027-02-01T10:30:00Z"},
"materials":[{"uri":"git+https://example.com/churn@refs/heads/main","digest":{"gitCommit":"c0ffee"}},{"name":"raw.csv","uri":"s3://data/raw.csv","digest":{"sha256":"cd"}}]}}`
)

func TestProvenanceIsRead(t *testing.T) {
	want := Provenance{Subjects: []Subject{{"model.pkl", map[string]string{"sha256": "ab"}}}, Builder: "https://ci.example.com/runner", BuildType: "https://example.com/train@v1",
		Invocation: "https://ci.example.com/runs/7", Started: time.Date(2027, 2, 1, 9, 0, 0, 0, time.UTC), Finished: time.Date(2027, 2, 1, 10, 30, 0, 0, time.UTC),
		Materials: []Material{{URI: "git+https://example.com/churn@refs/heads/main", Digest: map[string]string{"gitCommit": "c0ffee"}}, {"raw.csv", "s3://data/raw.csv", map[string]string{"sha256": "cd"}}}}
	for _, payload := range []string{buildV1, buildV02} {
		bundle, trust := signed(t, payload)
		got, err := trust.VerifyProvenance(bundle, signedAt)
		if err != nil {
			t.Fatal(err)
		}
		if want.Signer = got.Signer; got.Signer.Name != "ci" || !reflect.DeepEqual(*got, want) {
			t.Errorf("%+v", got)
		}
		_, others := signed(t, payload)
		_, err = others.VerifyProvenance(bundle, signedAt)
		wantRefusal(t, UnknownKey, "", err)
		_, err = trust.VerifyModel(bundle, nil, signedAt)
		if err == nil {
			t.Error("a provenance is taken for a signature of a model")
		}
	}
}

func TestProvenanceThatCannotBeRead(t *testing.T) {
	for _, c := range []struct {
		old, new string
		want     Reason
	}{
		{`"https://slsa.dev/provenance/v1"`, `"https://slsa.dev/provenance/v9"`, Unsupported},
		{`"id":"https://ci.example.com/runner"`, `"id":""`, Malformed},
		{`"id":"https://ci.example.com/runner"`, `"Id":"https://ci.example.com/runner"`, Malformed}, // Members are named exactly.
		{`"id":"https://ci.example.com/runner"`, `"id":7`, Malformed},
		{`"builder":{`, `"builder":"x","b":{`, Malformed},
		{`2027-02-01T10:30:00Z`, `yesterday`, Malformed},
		{`"resolvedDependencies":[`, `"resolvedDependencies":[7,`, Malformed},
		{`"resolvedDependencies":[`, `"resolvedDependencies":[` + strings.Repeat("{},", maxMaterials), TooLarge},
		{`"gitCommit":"c0ffee"`, `"gitCommit":7`, Malformed},
		{`Statement/v1`, `Statement/v2`, Malformed},
		{`"predicate":{`, `"predicate":7,"p":{`, Malformed},
	} {
		changed := strings.Replace(buildV1, c.old, c.new, 1)
		if changed == buildV1 {
			t.Fatalf("%s is not there", c.old)
		}
		_, err := parseProvenance([]byte(changed))
		wantRefusal(t, c.want, "", err)
	}
}

// manifestOf makes the statement of a model signature. Empty arguments are as model signing has them.
func manifestOf(method, hash, algorithm string, names ...string) string {
	all := sha256.New()
	var files []string
	for _, n := range names {
		sum := sha256.Sum256([]byte(n))
		all.Write(sum[:])
		files = append(files, fmt.Sprintf(`{"name":%q,"algorithm":%q,"digest":"%x"}`, n, algorithm, sum))
	}
	return fmt.Sprintf(`{"_type":%q,"subject":[{"name":"m","digest":{"sha256":"%x"}}],"predicateType":%q,"predicate":{"serialization":{"method":%q,"hash_type":%q,"ignore_paths":["a/"]},"resources":[%s]}}`,
		statementType, all.Sum(nil), modelPredicate, method, hash, strings.Join(files, ","))
}

func TestManifests(t *testing.T) {
	good := manifestOf("files", "sha256", "sha256", "f", "d/g", "ü")
	m, err := parseManifest([]byte(good))
	if err != nil || len(m.files) != 3 || !m.ignores("a/b") || !m.ignores("a") || m.ignores("ab") {
		t.Fatalf("%+v %v", m, err)
	}
	for _, c := range []struct {
		payload string
		want    Reason
	}{
		{manifestOf("shards", "sha256", "sha256", "f"), Unsupported},
		{manifestOf("files", "blake2b", "sha256", "f"), Unsupported},
		{manifestOf("files", "sha256", "blake3", "f"), Unsupported},
		{manifestOf("files", "sha256", "sha256", "../f"), Malformed},
		{manifestOf("files", "sha256", "sha256", "/f"), Malformed},
		{manifestOf("files", "sha256", "sha256", "d/../f"), Malformed},
		{manifestOf("files", "sha256", "sha256", `d\f`), Malformed},
		{manifestOf("files", "sha256", "sha256", "f", "f"), Malformed},
		{manifestOf("files", "sha256", "sha256", ""), Malformed},
		{strings.Replace(good, `"digest":{"sha256":"`, `"digest":{"sha256":"00`, 1), Malformed},
		{strings.Replace(good, `"name":"d/g"`, `"name":"f2","name":"f"`, 1), Malformed}, // The last one of a name counts, as for the signer.
		{strings.Replace(good, `"digest":"`, `"digest":"zz`, 1), Malformed},
		{strings.Replace(good, modelPredicate, "https://model_signing/Digests/v0.1", 1), Unsupported},
		{strings.Replace(good, `"serialization"`, `"Serialization"`, 1), Malformed},
		{strings.Replace(good, `"subject":[`, `"subject":[{},`, 1), Malformed},
		{strings.Replace(good, `"resources":[`, `"resources":[`+strings.Repeat("{},", MaxFiles), 1), TooLarge},
	} {
		_, err := parseManifest([]byte(c.payload))
		wantRefusal(t, c.want, "", err)
	}
}

func TestASingleFile(t *testing.T) {
	bundle, trust := signed(t, manifestOf("files", "sha256", "sha256", "."))
	sum := sha256.Sum256([]byte("."))
	one := File{"m.bin", hex.EncodeToString(sum[:])}
	v, err := trust.VerifyModel(bundle, []File{one}, signedAt)
	if err != nil || !v.Whole() || v.Files[0].Path != "m.bin" {
		t.Errorf("%+v %v", v, err)
	}
	_, err = trust.VerifyModel(bundle, []File{one, {"n.bin", one.SHA256}}, signedAt)
	wantRefusal(t, OtherModel, "", err) // It is not said which of the two it is.
}

// FuzzBundle opens changed bundles: whatever they are, a refusal or a verification comes back, and only
// what was signed is believed.
func FuzzBundle(f *testing.F) {
	trust := newTrust(f, func() Config {
		c := keys(f, "prime256v1", "secp384r1")
		c.Certificates = authorityOf(f, "root").Certificates
		return c
	}())
	for _, name := range []string{"key-prime256v1.sig", "key-secp384r1.sig", "certificate.sig", "certificate-with-root.sig", "other-model.sig"} {
		f.Add(testdata(f, name))
	}
	f.Add([]byte(`{}`))
	want := storedFiles(f)
	f.Fuzz(func(t *testing.T, bundle []byte) {
		v, err := trust.VerifyModel(bundle, want, signedAt)
		if err == nil && !v.Whole() {
			t.Errorf("a signature that nobody made: %+v", v)
		}
		_, _ = trust.VerifyProvenance(bundle, signedAt)
	})
}

// FuzzStatement reads changed statements, as somebody with a trusted key may sign anything.
func FuzzStatement(f *testing.F) {
	for _, s := range []string{buildV1, buildV02, manifestOf("files", "sha256", "sha256", "f", "d/g")} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		if m, err := parseManifest(payload); err == nil {
			for name, digest := range m.files {
				if !isPath(name) || len(digest) != 2*sha256.Size {
					t.Errorf("%q %q", name, digest)
				}
			}
			m.compare([]File{{"f", ""}, {"g", "x"}})
		}
		if p, err := parseProvenance(payload); err == nil && (p.Builder == "" || len(p.Materials) > maxMaterials) {
			t.Errorf("%+v", p)
		}
	})
}

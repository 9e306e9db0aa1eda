package signing

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// signedAt is a time at which the certificates of the tests are valid. Their bundles have no proof of
// time.
var signedAt = time.Date(2027, 3, 1, 0, 0, 0, 0, time.UTC)

func testdata(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func newTrust(t testing.TB, c Config) *Trust {
	t.Helper()
	trust, err := NewTrust(c)
	if err != nil {
		t.Fatal(err)
	}
	return trust
}

func keys(t testing.TB, names ...string) (c Config) {
	for _, n := range names {
		c.Keys = append(c.Keys, KeyConfig{n, string(testdata(t, n+".pub"))})
	}
	return c
}

func authorityOf(t testing.TB, root string, subjects ...string) Config {
	return Config{Certificates: []CertificateConfig{{Name: "release", Root: string(testdata(t, root+".crt")), Subjects: subjects}}}
}

// storedFiles are the files of the model in testdata.
func storedFiles(t testing.TB) (files []File) {
	t.Helper()
	root := os.DirFS(filepath.Join("testdata", "model"))
	err := fs.WalkDir(root, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := fs.ReadFile(root, path)
		sum := sha256.Sum256(b)
		files = append(files, File{path, hex.EncodeToString(sum[:])})
		return err
	})
	if err != nil || len(files) != 3 {
		t.Fatal(files, err)
	}
	return files
}

func wantRefusal(t *testing.T, want Reason, text string, err error) {
	t.Helper()
	var r *Refusal
	if !errors.As(err, &r) || r.Reason != want || !strings.Contains(r.Message, text) {
		t.Errorf("%+v, want %s with %q", err, want, text)
	}
}

func TestBundlesOfTheRealTool(t *testing.T) {
	signer := Signer{Kind: ByCertificate, Name: "release", Subject: "CN=signer,O=Pedigree tests", Issuer: "CN=intermediate,O=Pedigree tests"}
	withIntermediate := authorityOf(t, "root")
	withIntermediate.Certificates[0].Intermediates = string(testdata(t, "intermediate.crt"))
	for _, c := range []struct {
		bundle string
		trust  Config
		want   Signer
	}{
		{"key-prime256v1.sig", keys(t, "secp384r1", "prime256v1"), Signer{Kind: ByKey, Name: "prime256v1"}},
		{"key-secp384r1.sig", keys(t, "prime256v1", "secp384r1"), Signer{Kind: ByKey, Name: "secp384r1"}},
		{"certificate.sig", authorityOf(t, "root"), signer},
		{"certificate-with-root.sig", authorityOf(t, "root"), signer},
		{"certificate-alone.sig", withIntermediate, signer},
		{"certificate.sig", authorityOf(t, "root", "other", "release@example.com"), signer},
		{"certificate.sig", authorityOf(t, "root", "signer"), signer},
	} {
		v, err := newTrust(t, c.trust).VerifyModel(testdata(t, c.bundle), storedFiles(t), signedAt)
		if err != nil {
			t.Errorf("%s: %v", c.bundle, err)
			continue
		}
		if c.want.Kind == ByKey {
			c.want.KeyID = v.Signer.KeyID
			if len(v.Signer.KeyID) != 64 {
				t.Errorf("the id of the key is %q", v.Signer.KeyID)
			}
		}
		if v.Signer != c.want || !v.Whole() || v.Model != "model" || len(v.Files) != 3 || len(v.Digest) != 64 {
			t.Errorf("%s: %+v", c.bundle, v)
		}
	}
}

func TestFilesAreNamed(t *testing.T) {
	trust, bundle := newTrust(t, keys(t, "prime256v1")), testdata(t, "key-prime256v1.sig")
	files := storedFiles(t)
	other := strings.Repeat("0", 64)
	for _, c := range []struct {
		name  string
		files []File
		want  map[string]FileStatus
		whole bool
	}{
		{"as signed", files, map[string]FileStatus{"MLmodel": Match, "config/labels.txt": Match, "model.pkl": Match}, true},
		{"upper case", []File{{"MLmodel", strings.ToUpper(files[0].SHA256)}, files[1], files[2]}, map[string]FileStatus{"MLmodel": Match, "config/labels.txt": Match, "model.pkl": Match}, true},
		{"one byte changed", []File{files[0], files[1], {"model.pkl", other}}, map[string]FileStatus{"MLmodel": Match, "config/labels.txt": Match, "model.pkl": Mismatch}, false},
		{"one missing", files[:2], map[string]FileStatus{"MLmodel": Match, "config/labels.txt": Match, "model.pkl": Missing}, false},
		{"one more", append(slices.Clone(files), File{"config/run.py", other}), map[string]FileStatus{"MLmodel": Match, "config/labels.txt": Match, "config/run.py": Extra, "model.pkl": Match}, false},
		{"ignored ones", append(slices.Clone(files), File{".git/config", other}, File{".gitignore", other}), map[string]FileStatus{".git/config": Ignored, ".gitignore": Ignored, "MLmodel": Match, "config/labels.txt": Match, "model.pkl": Match}, true},
		{"like an ignored one", append(slices.Clone(files), File{".gitx", other}), map[string]FileStatus{".gitx": Extra, "MLmodel": Match, "config/labels.txt": Match, "model.pkl": Match}, false},
		{"no digest", []File{files[0], files[1], {"model.pkl", ""}}, map[string]FileStatus{"MLmodel": Match, "config/labels.txt": Match, "model.pkl": Unknown}, false},
		{"one path twice", append(slices.Clone(files), File{"model.pkl", other}), map[string]FileStatus{"MLmodel": Match, "config/labels.txt": Match, "model.pkl": Mismatch}, false},
		{"one path twice, the other way", append([]File{{"model.pkl", other}}, files...), map[string]FileStatus{"MLmodel": Match, "config/labels.txt": Match, "model.pkl": Mismatch}, false},
	} {
		v, err := trust.VerifyModel(bundle, c.files, signedAt)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		got := map[string]FileStatus{}
		for _, f := range v.Files {
			got[f.Path] = f.Status
		}
		if !maps.Equal(got, c.want) || v.Whole() != c.whole {
			t.Errorf("%s: %v, whole %v", c.name, got, v.Whole())
		}
	}
}

func TestRefusals(t *testing.T) {
	key, files := keys(t, "prime256v1"), storedFiles(t)
	key.Certificates = authorityOf(t, "root").Certificates
	verify := func(c Config, bundle []byte, at time.Time) error {
		_, err := newTrust(t, c).VerifyModel(bundle, files, at)
		return err
	}
	wantRefusal(t, OtherModel, `"other-model"`, verify(key, testdata(t, "other-model.sig"), signedAt))
	wantRefusal(t, UnknownKey, "", verify(keys(t, "secp384r1"), testdata(t, "key-prime256v1.sig"), signedAt))
	wantRefusal(t, UnknownKey, "", verify(Config{}, testdata(t, "key-prime256v1.sig"), signedAt))
	wantRefusal(t, ExpiredCertificate, "CN=signer", verify(key, testdata(t, "certificate.sig"), signedAt.AddDate(1, 0, 0)))
	wantRefusal(t, ExpiredCertificate, "CN=signer", verify(key, testdata(t, "certificate.sig"), signedAt.AddDate(-1, 0, 0)))
	wantRefusal(t, UntrustedCertificate, "CN=signer", verify(authorityOf(t, "other-root"), testdata(t, "certificate.sig"), signedAt))
	wantRefusal(t, UntrustedCertificate, "CN=signer", verify(authorityOf(t, "other-root"), testdata(t, "certificate-with-root.sig"), signedAt))
	wantRefusal(t, UntrustedCertificate, "CN=signer", verify(key, testdata(t, "certificate-alone.sig"), signedAt)) // The intermediate is unknown.
	wantRefusal(t, UntrustedCertificate, "CN=server", verify(key, testdata(t, "certificate-of-server.sig"), signedAt))
	wantRefusal(t, UntrustedCertificate, "not one to sign with", verify(key, testdata(t, "certificate-of-agreement.sig"), signedAt))
	wantRefusal(t, UnknownIdentity, "CN=signer", verify(authorityOf(t, "root", "other@example.com"), testdata(t, "certificate.sig"), signedAt))
	wantRefusal(t, TooLarge, "", verify(key, make([]byte, MaxBundle+1), signedAt))
	for _, junk := range []string{"", "{}", "[]", `{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json"}`} {
		wantRefusal(t, Malformed, "", verify(key, []byte(junk), signedAt))
	}
	for _, name := range []string{"key-prime256v1.sig", "certificate.sig"} {
		changed := edit(t, name, func(b, _ map[string]any) { // The payload as somebody else would have it.
			e := b["dsseEnvelope"].(map[string]any)
			payload, _ := base64.StdEncoding.DecodeString(e["payload"].(string))
			e["payload"] = base64.StdEncoding.EncodeToString([]byte(strings.Replace(string(payload), files[2].SHA256, strings.Repeat("0", 64), 1)))
		})
		wantRefusal(t, Tampered, "does not fit", verify(key, changed, signedAt))
	}
	for _, hint := range []string{"0000", ""} { // A wrong id does not keep a trusted key from being found.
		renamed := edit(t, "key-prime256v1.sig", func(_, material map[string]any) { material["publicKey"] = map[string]any{"hint": hint} })
		if err := verify(key, renamed, signedAt); err != nil {
			t.Errorf("hint %q: %v", hint, err)
		}
	}
}

// edit changes the JSON of a bundle.
func edit(t testing.TB, name string, change func(bundle, material map[string]any)) []byte {
	t.Helper()
	var b map[string]any
	if err := json.Unmarshal(testdata(t, name), &b); err != nil {
		t.Fatal(err)
	}
	change(b, b["verificationMaterial"].(map[string]any))
	out, err := json.Marshal(b)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

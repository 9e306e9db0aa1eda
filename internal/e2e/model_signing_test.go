package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pedigree/signing"
)

// TestModelSigning signs a folder with the real model_signing, and verifies that. One changed byte is
// found and named; the tool itself refuses the same.
func TestModelSigning(t *testing.T) {
	t.Parallel()
	tool := filepath.Join(pythonVenv(t, "model-signing", filepath.Join("testdata", "modelsigning", "requirements.txt")), "venv", "bin", "model_signing")
	dir := t.TempDir()
	private, public := writeKey(t, dir, "release"), filepath.Join(dir, "release.pub")
	model, bundle := filepath.Join(dir, "churn"), filepath.Join(dir, "churn.sig")
	if err := os.MkdirAll(filepath.Join(model, "data"), 0o700); err != nil {
		t.Fatal(err)
	}
	var files []signing.File
	for _, name := range []string{"MLmodel", "data/model.pkl", "data/ünïcode name.txt"} {
		write(t, filepath.Join(model, name), "the file "+name)
		files = append(files, signing.File{Path: name, SHA256: digestOf(t, filepath.Join(model, name))})
	}
	run := func(args ...string) (string, error) {
		out, err := exec.Command(tool, args...).CombinedOutput()
		return string(out), err
	}
	if out, err := run("sign", "key", "--private_key", private, "--signature", bundle, model); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	verifyThere := func() (string, error) {
		return run("verify", "key", "--public_key", public, "--signature", bundle, model)
	}
	if out, err := verifyThere(); err != nil {
		t.Fatalf("the tool refuses its own signature: %v\n%s", err, out)
	}
	trust, err := signing.NewTrust(signing.Config{Keys: []signing.KeyConfig{{Name: "release", PEM: read(t, public)}}})
	if err != nil {
		t.Fatal(err)
	}
	v, err := trust.VerifyModel([]byte(read(t, bundle)), files, time.Now())
	if err != nil || !v.Whole() || v.Signer.Name != "release" || v.Model != "churn" || len(v.Files) != 3 {
		t.Fatalf("%+v %v", v, err)
	}
	write(t, filepath.Join(model, "data/model.pkl"), "the file data/model.pkL")
	files[1].SHA256 = digestOf(t, filepath.Join(model, "data/model.pkl"))
	if out, err := verifyThere(); err == nil {
		t.Fatalf("the tool takes a changed file: %s", out)
	}
	v, err = trust.VerifyModel([]byte(read(t, bundle)), files, time.Now())
	if err != nil || v.Whole() {
		t.Fatalf("%+v %v", v, err)
	}
	for _, f := range v.Files {
		if (f.Status == signing.Mismatch) != (f.Path == "data/model.pkl") {
			t.Errorf("%s: %s", f.Path, f.Status)
		}
	}
	writeKey(t, dir, "other")
	others, err := signing.NewTrust(signing.Config{Keys: []signing.KeyConfig{{Name: "other", PEM: read(t, filepath.Join(dir, "other.pub"))}}})
	if err != nil {
		t.Fatal(err)
	}
	var refusal *signing.Refusal
	if _, err := others.VerifyModel([]byte(read(t, bundle)), files, time.Now()); !errors.As(err, &refusal) || refusal.Reason != signing.UnknownKey {
		t.Errorf("%v", err)
	}
}

// writeKey writes a new key as NAME.pem and NAME.pub, and returns the file of the private one.
func writeKey(t *testing.T, dir, name string) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, name+".pem")
	write(t, file, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})))
	write(t, strings.TrimSuffix(file, ".pem")+".pub", string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})))
	return file
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func digestOf(t *testing.T, file string) string {
	t.Helper()
	sum := sha256.Sum256([]byte(read(t, file)))
	return hex.EncodeToString(sum[:])
}

// TestSignedVersions signs a folder with the real model_signing, stores it as a version, and asks a
// server that trusts the key. One changed byte, the bundle of another model and another key are told.
func TestSignedVersions(t *testing.T) {
	t.Parallel()
	tool := filepath.Join(pythonVenv(t, "model-signing", filepath.Join("testdata", "modelsigning", "requirements.txt")), "venv", "bin", "model_signing")
	dir := t.TempDir()
	sign := func(key, folder string) string {
		t.Helper()
		bundle := filepath.Join(dir, key+"-"+filepath.Base(folder)+".sig")
		if out, err := exec.Command(tool, "sign", "key", "--private_key", filepath.Join(dir, key+".pem"), "--signature", bundle, folder).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return bundle
	}
	writeKey(t, dir, "release")
	writeKey(t, dir, "unknown")
	write(t, filepath.Join(dir, "trust.yaml"), "keys:\n  - name: release\n    file: release.pub\n")
	model, other := filepath.Join(dir, "churn"), filepath.Join(dir, "other")
	for _, folder := range []string{model, other} {
		if err := os.MkdirAll(filepath.Join(folder, "data"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	write(t, filepath.Join(model, "MLmodel"), "flavors")
	write(t, filepath.Join(model, "data", "model.pkl"), "weights")
	write(t, filepath.Join(other, "data", "weights.bin"), "others")
	bundle := sign("release", model)
	p := start(t, append(stores["SQLite"](t), "--trust", filepath.Join(dir, "trust.yaml"))...)
	do := func(args ...string) (string, error) {
		cmd := exec.Command(binary, append(args, "--server", p.url)...)
		cmd.Env = append(os.Environ(), "PEDIGREE_TOKEN="+adminToken)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	must := func(args ...string) string {
		t.Helper()
		out, err := do(args...)
		if err != nil {
			t.Fatalf("%v: %s", args, out)
		}
		return out
	}
	must("model", "register", "churn")
	for _, version := range []string{"1.0.0", "2.0.0"} {
		must("version", "register", "churn", version)
		must("push", "churn@"+version, model)
		must("signature", "attach", "churn@"+version, bundle)
		write(t, filepath.Join(model, "data", "model.pkl"), "weightS") // The next version has one byte changed.
	}
	if out := must("signature", "verify", "churn@1.0.0"); out != "SIGNED by release\n" {
		t.Error(out)
	}
	if out, err := do("signature", "verify", "churn@2.0.0"); err == nil || !strings.Contains(out, "MISMATCH data/model.pkl") || strings.Contains(out, "MLmodel") {
		t.Errorf("%v %s", err, out)
	}
	must("signature", "attach", "churn@2.0.0", sign("unknown", model))
	must("signature", "attach", "churn@2.0.0", sign("release", other))
	if out, err := do("signature", "verify", "churn@2.0.0"); err == nil || !strings.Contains(out, "UNTRUSTED") || !strings.Contains(out, "INVALID") {
		t.Errorf("%v %s", err, out)
	}
}

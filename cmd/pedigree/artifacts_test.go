package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestArtifactsByCommand lists the files of a version, has a server verify one that lies elsewhere, and
// reads a bundle and removes it, over the store and through a server.
func TestArtifactsByCommand(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "the bytes") }))
	defer elsewhere.Close()
	bundle := filepath.Join("..", "..", "signing", "testdata", "key-prime256v1.sig")
	text, err := os.ReadFile(bundle)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(strings.TrimSpace(string(text))))
	digest := "sha256:" + hex.EncodeToString(sum[:])
	for _, through := range []string{"store", "server"} {
		t.Run(through, func(t *testing.T) {
			to := []string{"--data", t.TempDir()}
			if through == "server" {
				url, _ := startServer(t, "--artifact-verify-schemes", "http", "--artifact-verify-allow-private")
				to = []string{"--server", url}
			}
			do := func(args ...string) (int, string) {
				code, out, stderr := run(t, append(args, to...)...)
				return code, out + stderr
			}
			ok := func(want string, args ...string) {
				t.Helper()
				if code, out := do(args...); code != 0 || !strings.Contains(out, want) {
					t.Errorf("%v: %d %s, want %q", args, code, out, want)
				}
			}
			refused := func(want string, args ...string) {
				t.Helper()
				if code, out := do(args...); code == 0 || !strings.Contains(out, want) {
					t.Errorf("%v: %d %s, want %q", args, code, out, want)
				}
			}
			facts := filepath.Join(t.TempDir(), "facts.jsonl")
			lines := `{"model":{"name":"m"}}` + "\n" + `{"modelVersion":{"model":"m","version":"1.0.0","artifacts":[{"name":"right","uri":"` + elsewhere.URL + `/f","digest":"sha256:` + hexOf("the bytes") +
				`","sizeBytes":9},{"name":"wrong","uri":"` + elsewhere.URL + `/f","digest":"sha256:` + hexOf("others") + `"}]}}` + "\n"
			if err := os.WriteFile(facts, []byte(lines), 0o600); err != nil {
				t.Fatal(err)
			}
			ok("", "load", facts)
			ok("1 files moved", "push", "m@1.0.0", tree(t, map[string]string{"weights.bin": "w"}))
			ok("stored", "artifacts", "list", "m@1.0.0")
			ok("elsewhere", "artifacts", "list", "m@latest")
			ids := artifactIDs(t, do)
			refused("stored here", "artifacts", "verify", ids["weights.bin"])
			if through == "server" {
				ok("has the digest", "artifacts", "verify", ids["right"])
				refused("not the file of its record", "artifacts", "verify", ids["wrong"])
				ok("DIFFERS", "artifacts", "list", "m@1.0.0")
				ok("verified", "artifacts", "list", "m@1.0.0")
			} else {
				refused("--artifact-verify-schemes", "artifacts", "verify", ids["right"])
			}
			ok("attached", "signature", "attach", "m@1.0.0", bundle)
			refused("NOT_FOUND", "signature", "get", "m@1.0.0", "sha256:"+hexOf("none"))
			if _, out := do("signature", "get", "m@1.0.0", digest); out != strings.TrimSpace(string(text)) {
				t.Errorf("the bundle came as %.100s", out)
			}
			ok("removed", "signature", "detach", "m@1.0.0", digest)
			ok("was not there", "signature", "detach", "m@1.0.0", digest)
			refused("NOT_FOUND", "signature", "get", "m@1.0.0", digest)
		})
	}
}

func hexOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// artifactIDs returns the ids of the artifacts of m 1.0.0 by their names.
func artifactIDs(t *testing.T, do func(...string) (int, string)) map[string]string {
	t.Helper()
	var all []struct{ ID, Name string }
	if code, out := do("artifacts", "list", "m@1.0.0", "-o", "json"); code != 0 || json.Unmarshal([]byte(out), &all) != nil || len(all) != 3 {
		t.Fatalf("%d %s", code, out)
	}
	ids := map[string]string{}
	for _, a := range all {
		ids[a.Name] = a.ID
	}
	return ids
}

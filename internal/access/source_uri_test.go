package access

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

func sha256Of(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

// TestSourceURIs checks that the URI of a source is only stored, never opened. A URI
// with a step to a parent directory, in any encoding, is refused everywhere; any
// other URI comes back byte for byte.
func TestSourceURIs(t *testing.T) {
	s := open(t, "")
	bad := []string{
		"../etc/passwd", "/a/../../etc/passwd", "file:///tmp/../etc/passwd", "s3://bucket/..", "..", "..\\windows", "a\\..\\..\\b", "a/%2e%2e/b", "a/%2E%2E/b", "a/.%2e/b",
		"a/%2e./b", "%2e%2e%2fetc%2fpasswd", "a%2f..%2fb", "a%5c..%5cb", "a%5C%2e%2e%5Cb", "%252e%252e%252fetc", "a/%252e%252e/b", "a%255c..%255cb", "%25252e%25252e%25252f",
		"a/%25252525252e%25252525252e/b", "models:/m/1#../../x", "s3://b/x?y=/../z", "s3://b/x#/../z", "a/%2e%2e;x/../b", "a/b\x00c", "a%00b", "a\nb", "a%0ab", "\u2028",
	}
	good := []string{
		"file:///etc/passwd", "//proc/self/root", "http://169.254.169.254/latest/meta-data", "s3://bucket/a b/%20/ü.onnx", "a...b", "...", "s3://b/a..b/c", "C:\\models\\m.bin",
		"gopher://x", "javascript:alert(1)", "models:/credit/1", "dbfs:/x;y=1?z=%41#f", "https://user@host/p", "100%", "%zz", "a/./b", "~root", "$(id)", "`id`", "' OR 1=1 --",
		"s3://b/" + strings.Repeat("x", 900),
	}
	n := 0
	record := func(field, uri string) *answer {
		n++
		raw, _ := json.Marshal(uri)
		model := s.seed.name["alpha"]
		mutation := map[string]string{
			"artifact uri":        fmt.Sprintf(`registerModelVersion(input: {model: %q, version: "5.%d.0", artifacts: [{name: "m", uri: $l}]}) { modelVersion { artifacts(first: 1) { edges { node { out: uri } } } } }`, model, n),
			"dataset uri":         fmt.Sprintf(`recordDatasetVersion(input: {dataset: "d%d", uri: $l}) { datasetVersion { out: uri } }`, n),
			"deployment endpoint": fmt.Sprintf(`recordDeployment(input: {id: %q, environment: "e%d", endpoint: $l}) { deployment { out: endpoint } }`, s.seed.id["a2"], n),
		}[field]
		return s.send(s.jsonRequest("mutation($l: String!) { "+mutation+" }", `{"l":`+string(raw)+`}`))
	}
	for _, field := range []string{"artifact uri", "dataset uri", "deployment endpoint"} {
		before := s.logHead()
		for _, uri := range bad {
			if a := record(field, uri); a.code() != "INVALID_ARGUMENT" {
				t.Errorf("%s %q: %.200s", field, uri, a.raw)
			}
		}
		if s.logHead() != before {
			t.Errorf("%s: something was written", field)
		}
		for _, uri := range good {
			a := record(field, uri)
			var found string
			var look func(v any)
			look = func(v any) {
				for _, o := range objectsOf(v) {
					if out, ok := o["out"].(string); ok {
						found = out
					}
					for _, x := range o {
						look(x)
					}
				}
			}
			if look(map[string]any(a.Data)); a.code() != "" || found != uri {
				t.Errorf("%s %q came back as %q: %.200s", field, uri, found, a.raw)
			}
		}
	}
	for _, url := range bad[:4] {
		raw, _ := json.Marshal(url)
		if a := s.send(s.jsonRequest(`mutation($l: String!) { recordCommits(input: {repository: {name: "r", url: $l}, commits: [{sha: "`+strings.Repeat("cd", 20)+`"}]}) { created } }`,
			`{"l":`+string(raw)+`}`)); a.code() != "INVALID_ARGUMENT" {
			t.Errorf("repository url %q: %.200s", url, a.raw)
		}
	}
	t.Logf("%d URIs in 3 fields", len(bad)+len(good))
}

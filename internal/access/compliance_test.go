package access

import (
	"archive/zip"
	"bytes"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"pedigree/compliance"
	"pedigree/registry"
)

// packs asks for the compliance pack of every version, visible or not, and scans every file.
func (c *crawler) packs() {
	for _, n := range c.s.seed.nodes {
		if n.Kind != registry.KindModelVersion {
			continue
		}
		for _, target := range c.packTargets(n.ID) {
			a := c.get(restRequest{target: target})
			if a.status != http.StatusOK {
				c.scan("GET "+target, a)
				continue
			}
			c.readPack(target, a)
		}
	}
}

// packTargets returns the paths under which the pack of a version is asked for. The name of the model
// is asked for as an administrator.
func (c *crawler) packTargets(id registry.ID) []string {
	a := c.s.query(admin, `{ node(id: "`+string(id)+`") { ... on ModelVersion { version model { name } } } }`)
	node, _ := a.Data["node"].(map[string]any)
	model, _ := node["model"].(map[string]any)
	name, _ := model["name"].(string)
	version, _ := node["version"].(string)
	if name == "" || version == "" {
		return nil
	}
	path := "models/" + url.PathEscape(name) + "/" + url.PathEscape(version) + "/compliance"
	return []string{path, path + "?as_of=1987-08-01T00:02:38Z"}
}

// logHashes matches the leaf hash and the hashes of a proof, which any reader of the log may see.
var logHashes = regexp.MustCompile(`"leaf":"[0-9a-f]{64}","proof":\[[^\]]*\]`)

// readPack verifies a pack and scans its files.
func (c *crawler) readPack(target string, a *answer) {
	if _, err := compliance.Verify(a.raw, nil); err != nil {
		c.s.t.Errorf("as %s: %s: %v", c.who, target, err)
		return
	}
	z, err := zip.NewReader(bytes.NewReader(a.raw), int64(len(a.raw)))
	if err != nil {
		c.s.t.Fatal(err)
	}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			c.s.t.Fatal(err)
		}
		body, err := io.ReadAll(r)
		if err != nil {
			c.s.t.Fatal(err)
		}
		file := *a
		file.raw = logHashes.ReplaceAll(body, nil)
		if strings.HasSuffix(f.Name, ".md") { // Markdown escapes what canaries have.
			file.raw = []byte(strings.NewReplacer(`\`, "", "&#8288;", "").Replace(string(file.raw)))
		}
		c.scanText("GET "+target, &file)
	}
}

// TestPacksOfEachRole reads the packs of all versions as each role: every one verifies, has nothing that
// the reader may not see, and says for whom it was made and what is hidden.
func TestPacksOfEachRole(t *testing.T) {
	s := open(t, "")
	for _, who := range []string{viewer, developer, dataScientist, scopedDeveloper, scopedScientist, admin} {
		c := newCrawler(t, s, who)
		c.packs()
		for _, token := range sortedKeys(c.leaks)[:min(20, len(c.leaks))] {
			t.Errorf("as %s: %s leaks: %s", who, token, c.leaks[token])
		}
		if c.canariesFound() == 0 {
			t.Errorf("as %s: no canary was found: no pack was read", who)
		}
		t.Logf("%s: %d files read, %d bytes, %d canaries found, %d hidden, %d leaks", who, c.requests, c.bytes, c.canariesFound(), len(c.hidden), len(c.leaks))
	}
}

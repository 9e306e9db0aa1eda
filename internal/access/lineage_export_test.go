package access

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"pedigree/lineage/export"
	"pedigree/registry"
)

// lineageExports exports the lineage of every node, visible or not, in every format,
// over GraphQL and REST.
func (c *crawler) lineageExports() {
	for _, n := range c.s.seed.nodes {
		if !n.Kind.Walked() {
			continue
		}
		for _, f := range export.Formats() {
			for _, args := range []string{"", ", asOf: \"1987-01-01T01:30:00Z\", maxDepth: 2", ", knownAt: \"1987-08-01T00:01:00Z\", history: 0"} {
				q := fmt.Sprintf("{ lineageExport(of: %q, format: %s, direction: BOTH%s) { %s } }", n.ID, f, args, c.finder.scalars("LineageExport"))
				a := c.ask(q)
				c.scanText(q, a)
			}
			q := restRequest{target: fmt.Sprintf("lineage/%s/export?format=%s&direction=both", n.ID, f.Name())}
			a := c.s.sendREST(c.who, http.MethodGet, q)
			c.scan("GET "+q.target, a)
			c.scanText("GET "+q.target, a)
			if a.status != 200 && a.status != 404 {
				c.s.t.Errorf("as %s: %s: %d %s", c.who, q.target, a.status, a.raw)
			}
		}
	}
}

// scanText scans an answer without its escaped line ends, because the n of \n can
// hide where a word begins.
func (c *crawler) scanText(query string, a *answer) {
	text := *a
	text.raw = bytes.ReplaceAll(a.raw, []byte(`\n`), []byte(" "))
	c.scan(query, &text)
}

// TestExportsOfHiddenNodes checks that a hidden root gets the same answer as one that
// does not exist, and that a hidden node is exported as a stub without a name, under
// an id that differs from caller to caller.
func TestExportsOfHiddenNodes(t *testing.T) {
	s := open(t, "")
	hiddenID, missingID := string(s.seed.id["a3"]), string(registry.NewID(registry.KindModelVersion, "none"))
	for _, who := range []string{viewer, developer} {
		hidden := s.sendREST(who, http.MethodGet, restRequest{target: "lineage/" + hiddenID + "/export?format=dot"})
		missing := s.sendREST(who, http.MethodGet, restRequest{target: "lineage/" + missingID + "/export?format=dot"})
		masked := func(a *answer, id string) string {
			return strings.NewReplacer(id, "ID", a.header.Get("X-Request-Id"), "REQUEST").Replace(string(a.raw))
		}
		if hidden.status != 404 || missing.status != 404 || masked(hidden, hiddenID) != masked(missing, missingID) {
			t.Errorf("as %s: %d %s; %d %s", who, hidden.status, hidden.raw, missing.status, missing.raw)
		}
	}
	texts := map[string]map[export.Format]string{}
	for _, who := range []string{viewer, developer, admin} {
		texts[who] = map[export.Format]string{}
		for _, f := range export.Formats() {
			q := restRequest{target: "lineage/" + string(s.seed.id["raw"]) + "/export?direction=both&format=" + f.Name()}
			a := s.sendREST(who, http.MethodGet, q)
			again := s.sendREST(who, http.MethodGet, q)
			if a.status != 200 || !bytes.Equal(a.raw, again.raw) || a.header.Get("ETag") == "" || a.header.Get("ETag") != again.header.Get("ETag") {
				t.Errorf("as %s: %s is not the same twice: %d", who, f, a.status)
			}
			texts[who][f] = string(a.raw)
			truncated := strings.Contains(a.header.Get("Pedigree-Truncated"), "ACCESS")
			if inside := strings.Contains(string(a.raw), "ACCESS"); truncated != (who != admin) || inside != truncated {
				t.Errorf("as %s: %s says truncated %v in its header and %v inside", who, f, truncated, inside)
			}
			if opaque := strings.Contains(string(a.raw), "restricted"); opaque != (who != admin) {
				t.Errorf("as %s: %s has restricted nodes: %v", who, f, opaque)
			}
		}
	}
	for _, f := range []export.Format{export.ProvJSON, export.OpenLineage, export.CycloneDX, export.DOT, export.Mermaid} {
		for _, id := range restrictedIDPattern.FindAllString(texts[viewer][f], -1) {
			if strings.Contains(texts[developer][f], id) {
				t.Errorf("%s: two callers get the same id %s of a hidden node", f, id)
			}
		}
		if !slices.ContainsFunc(restrictedIDPattern.FindAllString(texts[viewer][f], -1), func(id string) bool { return id != "" }) {
			t.Errorf("%s has no restricted node", f)
		}
	}
}

// TestExportOverREST checks the headers and the parameters of the REST route.
func TestExportOverREST(t *testing.T) {
	s := open(t, "")
	path := "lineage/" + string(s.seed.id["a2"]) + "/export"
	for f, media := range map[export.Format]string{export.ProvJSON: "application/json", export.OpenLineage: "application/x-ndjson",
		export.CycloneDX: "application/vnd.cyclonedx+json; version=1.6", export.DOT: "text/vnd.graphviz; charset=utf-8",
		export.Mermaid: "text/vnd.mermaid; charset=utf-8", export.Tree: "text/plain; charset=utf-8"} {
		a := s.sendREST(admin, http.MethodGet, restRequest{target: path + "?format=" + f.Name()})
		if a.status != 200 || a.header.Get("Content-Type") != media || a.header.Get("X-Content-Type-Options") != "nosniff" ||
			!strings.HasPrefix(a.header.Get("Content-Disposition"), `attachment; filename="lineage-`+string(s.seed.id["a2"])+".") || a.header.Get("Pedigree-As-Of") == "" {
			t.Errorf("%s: %d %v", f, a.status, a.header)
		}
		head := s.sendREST(admin, http.MethodHead, restRequest{target: path + "?format=" + f.Name()})
		if head.status != 200 || len(head.raw) != 0 || head.header.Get("ETag") != a.header.Get("ETag") || head.header.Get("Content-Length") != fmt.Sprint(len(a.raw)) {
			t.Errorf("%s by HEAD: %d %v", f, head.status, head.header)
		}
		graphql := s.query(admin, fmt.Sprintf("{ lineageExport(of: %q, format: %s) { body mediaType } }", s.seed.id["a2"], f))
		if x, ok := graphql.Data["lineageExport"].(map[string]any); !ok || x["body"] != string(a.raw) || x["mediaType"] != media {
			t.Errorf("%s differs over GraphQL: %.200s", f, graphql.raw)
		}
	}
	r, err := http.NewRequest(http.MethodGet, s.url+"/api/v1/"+path+"?format=dot", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+s.seed.tokens[admin])
	r.Header.Set("If-None-Match", `"other", `+s.sendREST(admin, http.MethodGet, restRequest{target: path + "?format=dot"}).header.Get("ETag"))
	if a := s.send(r); a.status != http.StatusNotModified || len(a.raw) != 0 {
		t.Errorf("with If-None-Match: %d %s", a.status, a.raw)
	}
	for query, field := range map[string]string{"": "format", "?format=pdf": "format", "?format=DOT": "format", "?format=dot&direction=sideways": "direction", "?format=dot&maxDepth=51": "maxDepth",
		"?format=dot&maxDepth=-1": "maxDepth", "?format=dot&maxDepth=1.5": "maxDepth", "?format=dot&history=": "history", "?format=dot&asOf=yesterday": "asOf",
		"?format=dot&asOf=0001-01-02T00:00:00Z": "asOf", "?format=dot&knownAt=2024-13-01T00:00:00Z": "knownAt", "?format=dot&depth=3": "depth", "?format=dot&format=dot": "format"} {
		a := s.sendREST(admin, http.MethodGet, restRequest{target: path + query})
		if a.status != 400 || !strings.Contains(string(a.raw), `"field":"`+field+`"`) || a.header.Get("ETag") != "" {
			t.Errorf("%s: %d %s", query, a.status, a.raw)
		}
	}
	if a := s.sendREST(admin, http.MethodPost, restRequest{target: path, media: "application/json", body: "{}"}); a.status != 405 || a.header.Get("Allow") != "GET, HEAD" {
		t.Errorf("POST: %d %s", a.status, a.raw)
	}
}

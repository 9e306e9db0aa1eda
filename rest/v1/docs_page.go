package v1

import (
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"html/template"
	"net/http"
	"slices"
	"strings"

	"pedigree/rest/wire"
)

// The page is written by the server and has no script, so that it works offline and its policy
// can forbid everything but its own style.

//go:embed docs_page.html
var pageTemplate string

//go:embed docs_page.css
var pageStyle string

// pageSecurity allows the one style by its hash.
var pageSecurity = func() string {
	sum := sha256.Sum256([]byte(pageStyle))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}()

// docsPage handles GET docs: the description as a page.
func docsPage(_ context.Context, c *call) error {
	h := c.w.Header()
	h.Set("Content-Security-Policy", pageSecurity)
	h.Set("X-Content-Type-Options", "nosniff")
	return c.write(http.StatusOK, "text/html; charset=utf-8", c.documents().page)
}

// pageOperation is an operation on the page.
type pageOperation struct {
	operation
	Method, Path, Body, Answers string
}

// newPage writes the page of a document.
func newPage(paths map[string]map[string]operation, schemas map[string]wire.Schema) []byte {
	var all []pageOperation
	for path, methods := range paths {
		for method, op := range methods {
			p := pageOperation{operation: op, Method: strings.ToUpper(method), Path: path}
			if op.Body != nil {
				p.Body = indented(op.Body["content"])
			}
			success := map[string]any{}
			for status, r := range op.Responses {
				if status < "300" {
					success[status] = r.(map[string]any)["content"]
				}
			}
			p.Answers = indented(success)
			all = append(all, p)
		}
	}
	slices.SortFunc(all, func(a, b pageOperation) int { return strings.Compare(a.Path+a.Method, b.Path+b.Method) })
	texts := map[string]string{}
	for name, s := range schemas {
		texts[name] = indented(s)
	}
	var out bytes.Buffer
	page := template.Must(template.New("docs").Parse(pageTemplate))
	if err := page.Execute(&out, map[string]any{"Style": template.CSS(pageStyle), "Operations": all, "Schemas": texts}); err != nil {
		panic("rest: the page cannot be written: " + err.Error()) // The template and its data are ours.
	}
	return out.Bytes()
}

func indented(v any) string {
	b, _ := json.MarshalIndent(v, "", "  ") // Maps and texts can always be marshalled.
	return string(b)
}

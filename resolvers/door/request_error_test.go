package door

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"pedigree/registry"
)

// TestAnOperationThatDoesNotRunHasNoData checks what GraphQL over HTTP wants of refused operations,
// by both methods and in both media types.
func TestAnOperationThatDoesNotRunHasNoData(t *testing.T) {
	h := emptyHandler(t)
	for name, c := range map[string]struct {
		query, variables string
		runs             bool
	}{
		"unparsable":       {"{", "", false},
		"invalid":          {"{ nothing }", "", false},
		"a wrong variable": {"query($id: ID!) { node(id: $id) { id } }", `{"id": {}}`, false},
		"valid":            {"{ viewer { subject } }", "", true},
		"null":             {`{ model(name: "nobody") { name } }`, "", true},
	} {
		for _, accept := range []string{"application/json", "application/graphql-response+json"} {
			for _, method := range []string{http.MethodGet, http.MethodPost} {
				want := http.StatusOK
				if !c.runs && accept != "application/json" {
					want = http.StatusBadRequest
				}
				w := httptest.NewRecorder()
				h.ServeHTTP(w, requestOf(as(t, registry.RoleAdmin), method, accept, c.query, c.variables))
				var members map[string]json.RawMessage
				if err := json.Unmarshal(w.Body.Bytes(), &members); err != nil {
					t.Fatalf("%s: %v %s", name, err, w.Body)
				}
				if _, data := members["data"]; data != c.runs || (members["errors"] == nil) != c.runs || w.Code != want {
					t.Errorf("%s by %s as %s: %d, want %d: %s", name, method, accept, w.Code, want, w.Body)
				}
			}
		}
	}
}

func requestOf(ctx context.Context, method, accept, query, variables string) *http.Request {
	var r *http.Request
	if method == http.MethodGet {
		r = httptest.NewRequest(method, "/graphql?"+url.Values{"query": {query}, "variables": {variables}}.Encode(), nil)
	} else {
		body, _ := json.Marshal(map[string]any{"query": query, "variables": json.RawMessage(cmp.Or(variables, "null"))})
		r = httptest.NewRequest(method, "/graphql", strings.NewReader(string(body)))
		r.Header.Set("Content-Type", "application/json")
	}
	r.Header.Set("Accept", accept)
	return r.WithContext(ctx)
}

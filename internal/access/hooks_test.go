package access

import (
	"net/http"
	"strings"
	"testing"

	"pedigree/rest/githost"
)

// TestNoTokenOpensTheHooks sends hooks as every role: only the secret of a repository verifies a hook,
// so that each is answered as a stranger's is, and the store is not asked.
func TestNoTokenOpensTheHooks(t *testing.T) {
	t.Parallel()
	s := open(t, "")
	first := ""
	for _, column := range columns {
		for _, path := range []string{"github/churn", "gitlab/churn", "gitea/churn", "github/", "x"} {
			r, err := http.NewRequest(http.MethodPost, s.url+githost.Prefix+path, strings.NewReader(`{"repository":{"clone_url":"https://example.com/x"}}`))
			if err != nil {
				t.Fatal(err)
			}
			if token := s.seed.tokens[column]; token != "" {
				r.Header.Set("Authorization", "Bearer "+token)
			}
			r.Header.Set("X-GitHub-Event", "push")
			r.Header.Set("X-Hub-Signature-256", "sha256=00")
			calls := s.store.calls()
			a := s.send(r)
			if first == "" {
				first = string(a.raw)
			}
			if a.status != http.StatusUnauthorized || string(a.raw) != first || s.store.calls() != calls {
				t.Errorf("%s as %s: %d %s, another answer than %s, or %d calls of the store", path, column, a.status, a.raw, first, s.store.calls()-calls)
			}
		}
	}
}

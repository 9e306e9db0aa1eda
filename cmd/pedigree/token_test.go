package main

import (
	"encoding/json"
	"strings"
	"testing"
)

// TestTokensOfAStoreAndOfAServerAreManagedAlike makes, lists and revokes a token in both ways,
// and uses it.
func TestTokensOfAStoreAndOfAServerAreManagedAlike(t *testing.T) {
	url, data := startServer(t)
	for way, where := range map[string][]string{"store": {"--data", data}, "server": {"--server", url}} {
		t.Run(way, func(t *testing.T) {
			do := func(want int, args ...string) string {
				t.Helper()
				code, out, stderr := run(t, append(args, where...)...)
				if code != want {
					t.Fatalf("%v: exit %d %s", args, code, stderr)
				}
				return out + stderr
			}
			code, out, stderr := run(t, append([]string{"token", "create", "--subject", way, "--role", "viewer", "--model", "churn", "--name", "ci", "--days", "3"}, where...)...)
			lines := strings.Split(strings.TrimSpace(out), "\n")
			text := lines[len(lines)-1]
			if code != 0 || !strings.HasPrefix(text, "pdg_") {
				t.Fatalf("exit %d %s%s", code, out, stderr)
			}
			var rows []tokenRow
			if err := json.Unmarshal([]byte(do(0, "token", "list", "--subject", way, "-o", "json")), &rows); err != nil || len(rows) != 1 {
				t.Fatalf("%+v %v", rows, err)
			}
			r := rows[0]
			if r.Subject != way || r.Name != "ci" || strings.Join(r.Roles, ",") != "viewer" || strings.Join(r.Models, ",") != "churn" || r.ExpiresAt.IsZero() || r.CreatedBy == "" || !r.RevokedAt.IsZero() {
				t.Errorf("%+v", r)
			}
			if out := do(0, "token", "list", "--subject", way); !strings.Contains(out, "LAST USED") || !strings.Contains(out, string(r.ID)) || strings.Contains(out, text) {
				t.Error(out)
			}
			if out := do(0, "token", "list", "--subject", way, "-o", "yaml"); !strings.Contains(out, "subject: "+way) {
				t.Error(out)
			}
			if out := do(2, "token", "list", "-o", "xml"); !strings.Contains(out, "use table, json or yaml") {
				t.Error(out)
			}
			use := func(want string) {
				t.Run(want, func(t *testing.T) {
					t.Setenv("PEDIGREE_TOKEN", text)
					if code, _, stderr := run(t, "lineage", "nothing@1.0.0", "--server", url); code != 1 || !strings.Contains(stderr, want) {
						t.Errorf("exit %d %s", code, stderr)
					}
				})
			}
			use("NOT_FOUND")
			if out := do(0, "token", "revoke", string(r.ID), "-o", "json"); !strings.Contains(out, `"revokedAt"`) {
				t.Error(out)
			}
			if way == "server" { // Another process takes up to a second to notice.
				use("UNAUTHENTICATED")
			}
			if out := do(1, "token", "revoke", "token_00000000000000000000000000"); !strings.Contains(out, "NOT_FOUND") {
				t.Error(out)
			}
		})
	}
	if code, out, stderr := run(t, "token", "create", "--server", url); code != 0 || !strings.HasPrefix(out, "pdg_") {
		t.Errorf("a token of one's own without a name: exit %d %s", code, stderr)
	}
	if code, out, stderr := run(t, "token", "list", "--server", url); code != 0 || strings.Count(out, "\n") < 4 {
		t.Errorf("exit %d %s%s", code, out, stderr)
	}
	if code, _, stderr := run(t, "token", "create", "--data", data, "--role", "viewer"); code != 2 || !strings.Contains(stderr, "--subject") {
		t.Errorf("exit %d %s", code, stderr)
	}
}

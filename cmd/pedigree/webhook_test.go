package main

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"
)

// TestWebhooksOfAStoreAndOfAServerAreManagedAlike makes, lists, tests, replays and deletes a webhook
// in both ways.
func TestWebhooksOfAStoreAndOfAServerAreManagedAlike(t *testing.T) {
	url, data := startServer(t)
	for way, where := range map[string][]string{"store": {"--data", data}, "server": {"--server", url}} {
		t.Run(way, func(t *testing.T) {
			do := func(want int, args ...string) (string, string) {
				t.Helper()
				code, out, stderr := run(t, append(args, where...)...)
				if code != want {
					t.Fatalf("%v: exit %d %s", args, code, stderr)
				}
				return out, stderr
			}
			secret, _ := do(0, "webhook", "create", "ci "+way, "https://127.0.0.1:1/hook", "--event", "transitions", "--event", "log-entries", "--subject", "admin", "--after", "0")
			if !strings.HasPrefix(secret, "whsec_") || strings.Count(secret, "\n") != 1 {
				t.Errorf("the secret is %q", secret)
			}
			find := func() (found webhookRow, ok bool) {
				t.Helper()
				out, _ := do(0, "webhook", "list", "--subject", "admin", "-o", "json")
				var rows []webhookRow
				if err := json.Unmarshal([]byte(out), &rows); err != nil {
					t.Fatalf("%v: %s", err, out)
				}
				for _, r := range rows {
					if r.Name == "ci "+way {
						return r, true
					}
				}
				return found, false
			}
			row, ok := find()
			if !ok || row.Format != "STANDARD" || row.Address != "https://127.0.0.1:1/hook" || len(row.Events) != 2 || row.Subject != "admin" || row.State == "" || row.Position != 0 {
				t.Fatalf("%+v", row)
			}
			number := strconv.Itoa(row.Number)
			if out, _ := do(0, "webhook", "list"); !strings.Contains(out, "POSITION") || !strings.Contains(out, "ci "+way) {
				t.Error(out)
			}
			if again, _ := do(0, "webhook", "rotate", number, "--overlap", "0"); !strings.HasPrefix(again, "whsec_") || again == secret {
				t.Errorf("the new secret is %q", again)
			}
			do(0, "webhook", "test", number)
			do(0, "webhook", "replay", number, "--after", "0")
			if _, stderr := do(1, "webhook", "replay", number, "--dead-letter", "7"); !strings.Contains(stderr, "NOT_FOUND") {
				t.Error(stderr)
			}
			do(1, "webhook", "replay", number)
			do(1, "webhook", "create", "x", "ftp://nowhere", "--event", "transitions", "--subject", "admin")
			do(0, "webhook", "delete", string(row.ID))
			if _, stderr := do(0, "webhook", "delete", number); !strings.Contains(stderr, "no such webhook") {
				t.Error(stderr)
			}
			if _, ok := find(); ok {
				t.Error("it is there after it was deleted")
			}
		})
	}
	if code, _, stderr := run(t, "webhook", "create", "x", "https://example.com", "--event", "transitions", "--data", data); code != 2 || !strings.Contains(stderr, "--subject") {
		t.Errorf("exit %d %s", code, stderr)
	}
}

// TestServeRefusesWrongAddressesOfOwners starts a server with addresses that are none. One with good ones
// goes on to its own address, which nobody has.
func TestServeRefusesWrongAddressesOfOwners(t *testing.T) {
	for want, args := range map[string][]string{
		`owner-addresses: "ann" must be OWNER=ADDRESS`: {"--owner-addresses", "ann"},
		`"Ann <ann@example.com>" is no plain mail`:     {"--owner-addresses", "ann=Ann <ann@example.com>"},
		"cannot listen on 256.0.0.1:0":                 {"--owner-addresses", "ann=ann@example.com,a=b=team@example.com", "--smtp-url", "smtp://mail.example.com", "--smtp-from", "p@example.com"},
	} {
		code, out, stderr := run(t, append([]string{"serve", "--listen", "256.0.0.1:0", "--data", t.TempDir()}, args...)...)
		if code != 1 || !strings.Contains(stderr, want) {
			t.Errorf("%v: exit %d %s%s, want %q", args, code, out, stderr, want)
		}
	}
}

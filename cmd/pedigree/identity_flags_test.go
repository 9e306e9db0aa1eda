package main

import (
	"strings"
	"testing"
)

// TestServeRefusesWrongIdentityFlags starts a server with flags that must not hold. A server that
// started would wait for its end, so the address is one that nobody has.
func TestServeRefusesWrongIdentityFlags(t *testing.T) {
	issuer := []string{"--oidc-issuer", "https://login.example.com", "--oidc-audience", "a"}
	for want, args := range map[string][]string{
		"oidc-audience: must not be empty":            {"--oidc-issuer", "https://login.example.com"},
		"oidc-issuer: must be an https URL":           {"--oidc-issuer", "http://login.example.com", "--oidc-audience", "a"},
		"oidc-audience: means nothing without":        {"--oidc-audience", "a"},
		"oidc-client-id: means nothing without":       {"--oidc-client-id", "a"},
		`oidc-roles: "data_scientist" must be`:        append([]string{"--oidc-roles", "data_scientist"}, issuer...),
		`oidc-roles: "x=" must be`:                    append([]string{"--oidc-roles", "x="}, issuer...),
		`base-path: "pedigree" is no path`:            {"--base-path", "pedigree"},
		`base-path: "/a\"b" is no path`:               {"--base-path", `/a"b`},
		`base-path: "/a/../b" is no path`:             {"--base-path", "/a/../b"},
		`trusted-proxies: "everybody" is no network`:  {"--trusted-proxies", "10.0.0.0/8,everybody"},
		"rate-limit: and failed-logins must not be n": {"--rate-limit", "-1"},
		"rate-burst must be at least 5":               {"--rate-burst", "1"},
		"session-idle: and session-lifetime must be":  {"--session-idle", "0s"},
		// These hold, so the address is what is refused.
		"cannot listen on 256.0.0.1:0": append([]string{"--base-path", "/a/b/", "--trusted-proxies", "10.0.0.0/8, 192.0.2.1,2001:db8::/32", "--oidc-roles", "cn=ml,dc=x=viewer",
			"--rate-limit", "0", "--rate-burst", "0", "--failed-logins", "0"}, issuer...),
	} {
		code, out, stderr := run(t, append([]string{"serve", "--listen", "256.0.0.1:0", "--data", t.TempDir()}, args...)...)
		if code != 1 || !strings.Contains(stderr, want) {
			t.Errorf("%v: exit %d %s%s, want %q", args, code, out, stderr, want)
		}
	}
	t.Setenv("PEDIGREE_BASE_PATH", "nothing")
	if code, _, stderr := run(t, "serve", "--listen", "256.0.0.1:0", "--data", t.TempDir()); code != 1 || !strings.Contains(stderr, "base-path") {
		t.Errorf("by the environment: exit %d %s", code, stderr)
	}
}

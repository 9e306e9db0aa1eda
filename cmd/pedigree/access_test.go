package main

import (
	"encoding/json"
	"strings"
	"testing"

	"pedigree/registry"
)

// TestAccessAndPolicyOverStoreAndServer runs the same commands on a store and on a server, and
// compares what they print.
func TestAccessAndPolicyOverStoreAndServer(t *testing.T) {
	url, _ := startServer(t)
	local := t.TempDir()
	if code, _, stderr := run(t, "demo", "load", "--data", local); code != 0 {
		t.Fatal(stderr)
	}
	withdrawn := string(registry.HashID("rule", "p, role:viewer, lineage.read, do, all, allow"))
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"access", "assign", "--subject", "ada", "--role", "data_scientist", "--scope", "tag:team=risk", "--reason", "joined"}, 0, "ada      data_scientist  tag:team=risk"},
		{[]string{"access", "assign", "--subject", "ada", "--role", "viewer", "-o", "json"}, 0, `"role": "viewer"`},
		{[]string{"access", "list", "--subject", "ada", "-o", "yaml"}, 0, "- role: data_scientist\n  scope: tag:team=risk\n  subject: ada\n"},
		{[]string{"access", "assign", "--subject", "ada", "--role", "nobody"}, 1, "INVALID_ARGUMENT: role: "},
		{[]string{"access", "revoke", "--subject", "ada", "--role", "viewer"}, 0, "ada      data_scientist  tag:team=risk"},
		{[]string{"access", "list", "--role", "viewer", "--subject", "ada"}, 0, "SUBJECT  ROLE  SCOPE\n"},
		{[]string{"access", "list", "-o", "xml"}, 2, "use table, json or yaml"},
		{[]string{"policy", "put", "--role", "release", "transition", "--where", "to=STAGING|CANARY", "--if-version", "0"}, 0, "API     p, role:release, transition, do, all, allow, to=CANARY|STAGING"},
		{[]string{"policy", "put", "--role", "release", "class:catalog", "--if-version", "0"}, 1, "CONFLICT: the policy was changed meanwhile"},
		{[]string{"policy", "explain", "--role", "release", "transition", "--to", "STAGING"}, 0, "yes: the rule allows it on rows all where to=CANARY|STAGING\nrule: p, role:release, transition, do, all, allow, to=CANARY|STAGING (API)\npolicy: version 1, hash "},
		{[]string{"policy", "explain", "--role", "release", "transition", "--to", "PRODUCTION"}, 0, "no: it is allowed only where to=CANARY|STAGING\n"},
		{[]string{"policy", "explain", "--role", "viewer", "Model.owner", "-o", "json"}, 0, `"origin": "FILE"`},
		{[]string{"policy", "withdraw", withdrawn, "--reason", "no need"}, 0, "ORIGIN"},
		{[]string{"policy", "list", "--versions"}, 0, "WITHDRAWN  p, role:viewer, lineage.read, do, all, allow"},
		{[]string{"policy", "list", "-o", "json"}, 0, `"version": 2`},
		{[]string{"policy", "revert", "0"}, 0, withdrawn},
		{[]string{"policy", "revert", "9"}, 1, "INVALID_ARGUMENT: to: "},
		{[]string{"policy", "withdraw", "rule_none"}, 1, "NOT_FOUND: the policy has no rule"},
	} {
		var texts []string
		for _, where := range [][]string{{"--data", local}, {"--server", url}} {
			code, stdout, stderr := run(t, append(c.args, where...)...)
			if code != c.code || !strings.Contains(stdout+stderr, c.want) {
				t.Errorf("%v %v: exit %d\n%s%s, want %s", c.args, where, code, stdout, stderr, c.want)
			}
			if c.code != 0 && stdout != "" {
				t.Errorf("%v %v prints %s", c.args, where, stdout)
			}
			if strings.Contains(strings.Join(c.args, " "), "-o json") && !json.Valid([]byte(stdout)) {
				t.Errorf("%v: %s is no JSON", c.args, stdout)
			}
			if c.args[len(c.args)-1] != "--versions" { // These have times and subjects.
				texts = append(texts, stdout)
			}
		}
		if len(texts) == 2 && texts[0] != texts[1] {
			t.Errorf("%v: the store says\n%sand the server\n%s", c.args, texts[0], texts[1])
		}
	}
}

// TestExplainWithoutAStoreAsksTheFile checks that explain needs no store, unless one is named.
func TestExplainWithoutAStoreAsksTheFile(t *testing.T) {
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	t.Setenv("HOME", t.TempDir())
	if code, stdout, stderr := run(t, "policy", "explain", "--role", "viewer", "Artifact.uri"); code != 0 || !strings.HasPrefix(stdout, "no: no rule lets viewer read Artifact.uri\n") {
		t.Errorf("exit %d %s%s", code, stdout, stderr)
	}
	if code, _, stderr := run(t, "policy", "explain", "--role", "viewer", "Artifact.uri", "--data", t.TempDir()); code != 1 || !strings.Contains(stderr, "NOT_FOUND") {
		t.Errorf("exit %d %s", code, stderr)
	}
}

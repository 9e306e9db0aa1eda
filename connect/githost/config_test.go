package githost

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const goodFile = `
token-env: REGISTRY_TOKEN
interval: 15m
repositories:
- name: churn
  host: github
  url: https://github.com/acme/churn.git
  web: [https://git.acme.example/churn]
  secret-file: churn.secret
  user: bot
  password-env: CHURN_PASSWORD
  max-bytes: 1000000
  model: [churn=models/churn.pkl]
- name: docs
  url: repos/docs
  only: git
  repo: docs
`

func read(t *testing.T, text string) (*Config, error) {
	t.Helper()
	dir := t.TempDir()
	for name, body := range map[string]string{"hooks.yaml": text, "churn.secret": secret + "\n", "empty": "\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(body), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	env := map[string]string{"REGISTRY_TOKEN": "pdg_token", "CHURN_PASSWORD": "hunter2", "SHORT": "short"}
	return ReadConfig(filepath.Join(dir, "hooks.yaml"), func(name string) string { return env[name] })
}

func TestAConfigurationIsReadWithItsSecrets(t *testing.T) {
	c, err := read(t, goodFile)
	if err != nil {
		t.Fatal(err)
	}
	a, b := c.Repositories[0], c.Repositories[1]
	if c.Token != "pdg_token" || c.Interval != 15*time.Minute || a.Secret != secret || a.Password != "hunter2" || a.User != "bot" || a.Host != GitHub || a.MaxBytes != 1000000 || a.OnlyGit || len(a.Models) != 1 || a.Web[0] != "https://git.acme.example/churn" {
		t.Errorf("%+v", c)
	}
	if !b.OnlyGit || b.Host != "" || b.Key != "docs" || !strings.HasSuffix(b.URL, "/repos/docs") || !filepath.IsAbs(b.URL) {
		t.Errorf("%+v", b)
	}
	if c, err := read(t, "token-env: REGISTRY_TOKEN\nrepositories: [{name: a, url: /x}]"); err != nil || c.Interval != defaultInterval {
		t.Errorf("%+v %v", c, err)
	}
}

func TestAConfigurationThatIsWrongIsRefusedWithItsPlace(t *testing.T) {
	one := func(fields string) string {
		return "token-env: REGISTRY_TOKEN\nrepositories:\n- {name: a, url: 'https://x.example/r', " + fields + "}\n"
	}
	for text, want := range map[string]string{
		"":                                       "token-env: name the variable",
		"token-env: REGISTRY_TOKEN":              "repositories: must list",
		"token-env: NOTHING\nrepositories: [{}]": "token-env: the variable NOTHING is empty",
		"token-env: A\ntoken-file: B\nrepositories: [{}]":                  "not both",
		"token-file: empty\nrepositories: [{}]":                            "token-file: the file empty cannot be read",
		"token-env: REGISTRY_TOKEN\nsecret: x":                             "field secret not found",
		"interval: 1s\ntoken-env: REGISTRY_TOKEN":                          "interval: must be a time",
		"token-env: REGISTRY_TOKEN\nrepositories: [{}]":                    "repositories[0]: name: must be",
		one("host: bitbucket"):                                             `host: "bitbucket" is not`,
		one("host: github"):                                                "secret-env: name the variable",
		one("host: github, secret-env: SHORT"):                             "of at least 16 characters",
		one("only: dvc"):                                                   "only:",
		one("max-bytes: -1"):                                               "max-bytes:",
		one("secret: abc"):                                                 "field secret not found",
		strings.Replace(one(""), "https://x", "http://x", 1):               "not encrypted",
		strings.Replace(one(""), "https://x", "https://u:hunter2@x", 1):    "must not hold a password",
		strings.Replace(one(""), "https://x", "ssh://x", 1):                "ssh://",
		one("") + "- {name: a, url: /x}\n":                                 "repositories[1]: name: is given twice",
		"token-env: REGISTRY_TOKEN\nrepositories: [{name: ../a, url: /x}]": "name: must be",
		"- a": "the file of git hooks: yaml",
	} {
		_, err := read(t, text)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s\n%v, want %s", text, err, want)
		}
	}
	if _, err := ReadConfig("nothing.yaml", os.Getenv); err == nil {
		t.Error("no file")
	}
}

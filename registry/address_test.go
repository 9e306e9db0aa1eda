package registry_test

import (
	"strings"
	"testing"

	"pedigree/registry"
)

// TestNoAddressKeepsItsPassword takes every form in which git and DVC take an address.
func TestNoAddressKeepsItsPassword(t *testing.T) {
	for raw, want := range map[string]string{
		"https://deploy:p^ss{1}@git.example.com/risk/churn.git":    "https git.example.com risk/churn.git",
		"https://me:pass%2Fword@git.example.com:8443/a%20b":        "https git.example.com:8443 a b",
		"https://me:p%%ssword@git.example.com/100%.csv":            "https git.example.com 100%.csv",
		"https://me:pass@word@git.example.com/x":                   "https git.example.com x",
		"https://me:pass/word@git.example.com/x@v1":                "https v1 ",
		"https://me:pass word@git.example.com/x":                   "https git.example.com x",
		"https://password@git.example.com/x":                       "https git.example.com x",
		"ssh://git:password@[2001:db8::1]:2222/x":                  "ssh [2001:db8::1]:2222 x",
		"ssh://git@git.example.com/x":                              "ssh git.example.com x",
		"git@git.example.com:team/x@v1.git":                        "ssh git.example.com team/x@v1.git",
		"git:password@git.example.com:team/x.git":                  "ssh git.example.com team/x.git",
		"git:pass/word@git.example.com:team/x.git":                 "ssh git.example.com team/x.git",
		"git:pass@word@git.example.com:team/x.git":                 "ssh git.example.com team/x.git",
		"s3://key:password@bucket/dir/a.csv":                       "s3 bucket dir/a.csv",
		"https://data.example.org/x@v1":                            "https data.example.org x@v1",
		"https://data.example.org:443/get?id=1&access_token=passw": "https data.example.org:443 get?id=1&access_token=passw",
	} {
		a, ok := registry.ParseAddress(raw)
		got := a.Scheme + " " + a.Host + " " + a.Path
		if a.Query != "" {
			got += "?" + a.Query
		}
		if !ok || got != want {
			t.Errorf("%q: %q, %v; want %q", raw, got, ok, want)
		}
		if q := registry.PublicQuery(a.Query); strings.Contains(a.Host+a.Path+q, "passw") || strings.Contains(a.Host+a.Path, "word") {
			t.Errorf("%q keeps its password: %q", raw, got+" "+q)
		}
	}
	for _, raw := range []string{"", ".", "../churn", "/srv/churn", `C:\churn`, "c:/churn", "file:///srv/churn", "https://", "https://-x y/z", "me@example.com"} {
		if a, ok := registry.ParseAddress(raw); ok {
			t.Errorf("%q is the address %+v", raw, a)
		}
	}
}

func TestTextsLoseTheCredentialsOfTheirURLs(t *testing.T) {
	for text, want := range map[string]string{
		"curl https://me:p^w@host.example/x -o x":        "curl https://…@host.example/x -o x",
		"get 'https://token@host.example/x'":             "get 'https://…@host.example/x'",
		"git clone ssh://git@host.example/x":             "git clone ssh://git@host.example/x",
		"psql postgresql://me:p/w@host.example:5432/db":  "psql postgresql://…@host.example:5432/db",
		"https://h.example/x?id=1&X-Amz-Signature=ab&a=": "https://h.example/x?id=1&X-Amz-Signature=…&a=",
		"docker run python:3.11@sha256:ab me@host.test":  "docker run python:3.11@sha256:ab me@host.test",
		"https://host.example/x@v1":                      "https://host.example/x@v1",
	} {
		if got := registry.WithoutCredentials(text); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
}

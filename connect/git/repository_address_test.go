package git

import (
	"net/url"
	"strings"
	"testing"

	"pedigree/registry"
)

func TestOnlyPathsAndHTTPSAreSources(t *testing.T) {
	for _, bad := range []string{"", "-upload-pack=touch", "--all", "ssh://git@host/x.git", "git://host/x.git", "http://host/x.git", "ext::sh -c touch% x",
		"fd::17", "git@host:team/x.git", "host:team/x.git", "file://host/x.git", "ftp://host/x", "https://", "https://-oProxyCommand=x/y", "a\nb", "HTTP://host/x"} {
		if _, err := parseSource(bad); registry.CodeOf(err) != registry.InvalidArgument {
			t.Errorf("%q: %v, want INVALID_ARGUMENT", bad, err)
		}
	}
	for _, good := range []string{".", "some/folder", "/abs/folder", "https://host/x.git", "HTTPS://host:8443/x", "file:///abs/folder", t.TempDir()} {
		if _, err := parseSource(good); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
}

func TestOnlyNetworkOriginsNameARepository(t *testing.T) {
	for raw, want := range map[string]string{
		"git@host.example:team/churn.git":            "https://host.example/team/churn",
		"ssh://git@host.example:22/team/churn.git":   "https://host.example/team/churn",
		"https://me:secret@host.example/team/churn/": "https://host.example/team/churn",
		"build:team/churn.git":                       "https://build/team/churn",
		"/srv/churn/repo.bundle":                     "",
		"../churn":                                   "",
		"file:///srv/churn":                          "",
		"ext::sh -c x":                               "",
		`C:\churn`:                                   "",
		"https://host.example/../churn":              "",
		".":                                          "",
	} {
		if got := networkURL(raw); got != want {
			t.Errorf("%q is %q, want %q", raw, got, want)
		}
	}
}

func TestTheFirstLineOfASignatureNamesItsKind(t *testing.T) {
	for block, want := range map[string]string{"": "", "-----BEGIN PGP SIGNATURE-----\nx": "openpgp", "-----BEGIN SSH SIGNATURE-----\nx": "ssh",
		"-----BEGIN SIGNED MESSAGE-----\nx": "x509", "hello": "unknown"} {
		if got := signatureKind(block); got != want {
			t.Errorf("%q is %q, want %q", block, got, want)
		}
	}
}

func TestPasswordsAreRemovedFromMessages(t *testing.T) {
	u, err := url.Parse("https://me:hunt%2Fer2@host.example/x")
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"Get " + u.String(), "user me password hunt/er2", "hunt%2Fer2"} {
		if got := withoutCredentials(text, u); strings.Contains(got, "er2") {
			t.Errorf("%q becomes %q, which contains the password", text, got)
		}
	}
}

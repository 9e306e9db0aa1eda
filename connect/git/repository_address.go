// Package git reads a git repository, on this machine or over https, and records its
// commits and tags in the registry. It does not read other transports and never runs a
// program.
package git

import (
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"pedigree/registry"
	"pedigree/service/facts"
)

// scpForm matches git's short form of an ssh address: user@host:path or host:path. A single
// letter before the colon is a drive letter.
var scpForm = regexp.MustCompile(`^(?:[^/:@\s]+@)?[A-Za-z0-9][A-Za-z0-9.-]+:[^/\\:]?`)

// source is where a repository is read from: the path of a folder, or a URL to clone.
type source struct {
	path string
	url  *url.URL
}

// parseSource accepts a path or an https URL. It refuses every other way to name a
// repository: git has transports that run programs (ext::), and a leading dash starts an
// option.
func parseSource(arg string) (source, error) {
	bad := func(why string) (source, error) {
		return source{}, registry.Invalid("source", "%s; give the path of a repository on this machine or an https:// URL", why)
	}
	switch {
	case arg == "":
		return bad("is empty")
	case strings.HasPrefix(arg, "-"):
		return bad("must not start with a dash")
	case strings.ContainsAny(arg, "\x00\n\r"):
		return bad("must not contain control characters")
	case strings.Contains(arg, "::"):
		return bad("names a transport helper of git, and those run programs")
	}
	if _, err := os.Lstat(arg); err == nil {
		return source{path: arg}, nil
	}
	scheme, rest, isURL := strings.Cut(arg, "://")
	if !isURL {
		if scpForm.MatchString(arg) {
			return bad("is an ssh address, and ssh is not read directly: clone it with git first and give the path")
		}
		return source{path: arg}, nil
	}
	switch strings.ToLower(scheme) {
	case "https":
		u, err := url.Parse(arg)
		if err != nil || u.Hostname() == "" || strings.HasPrefix(u.Hostname(), "-") {
			return bad("is no URL that can be read")
		}
		return source{url: u}, nil
	case "file":
		if !strings.HasPrefix(rest, "/") {
			return bad("a file:// URL must not name a host")
		}
		return source{path: rest}, nil
	case "http":
		return bad("http:// is not encrypted, so what arrives may not be what was sent")
	}
	return bad("the scheme " + registry.Shorten(scheme, 20) + ":// is not read: clone it with git first and give the path")
}

// networkURL returns the normalized form of a remote's URL. It returns "" for a path on one
// machine, which identifies nothing on other machines.
func networkURL(raw string) string {
	raw = strings.TrimSpace(raw)
	if scheme, _, ok := strings.Cut(raw, "://"); ok {
		switch strings.ToLower(scheme) {
		case "https", "http", "ssh", "git", "git+ssh", "git+https":
			return asLabel(facts.NormaliseURL(raw))
		}
		return ""
	}
	if _, err := os.Lstat(raw); err == nil || filepath.IsAbs(raw) || !scpForm.MatchString(raw) || strings.Contains(raw, "::") {
		return ""
	}
	if host, path, _ := strings.Cut(raw, ":"); !strings.Contains(host, "@") {
		raw = "ssh://" + host + "/" + path // A host alias of the user's ssh configuration.
	}
	return asLabel(facts.NormaliseURL(raw))
}

// asLabel returns a URL that is valid as a key in the registry, and "" for others.
func asLabel(u string) string {
	if !strings.HasPrefix(u, "https://") || strings.Contains(u, "/../") || strings.HasSuffix(u, "/..") || registry.CheckKey("url", u) != nil {
		return ""
	}
	return u
}

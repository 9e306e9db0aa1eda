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
	// origin is the URL of the origin of the repository at path.
	origin string
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
		a, ok := registry.ParseAddress(arg)
		if !ok {
			return bad("is no URL that can be read")
		}
		return source{url: &url.URL{Scheme: a.Scheme, User: a.User, Host: a.Host, Path: "/" + a.Path, RawQuery: a.Query}}, nil
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
	if raw == "" {
		return ""
	}
	if scheme, _, ok := strings.Cut(raw, "://"); ok {
		switch strings.ToLower(scheme) {
		case "https", "http", "ssh", "git", "git+ssh", "git+https":
			return asLabel(raw)
		}
		return ""
	}
	if _, err := os.Lstat(raw); err == nil || filepath.IsAbs(raw) || strings.Contains(raw, "::") {
		return ""
	}
	if _, ok := registry.ParseAddress(raw); !ok {
		if !scpForm.MatchString(raw) || strings.Contains(raw, "@") {
			return ""
		}
		host, path, _ := strings.Cut(raw, ":") // A host alias of the user's ssh configuration.
		raw = "ssh://" + host + "/" + path
	}
	return asLabel(raw)
}

// asLabel returns the normalized URL if it is valid as a key in the registry, and "" if not.
func asLabel(raw string) string {
	if _, ok := registry.ParseAddress(raw); !ok {
		return ""
	}
	u := facts.NormaliseURL(raw)
	if !strings.HasPrefix(u, "https://") || strings.Contains(u, "/../") || strings.HasSuffix(u, "/..") || registry.CheckKey("url", u) != nil {
		return ""
	}
	return u
}

// shown returns an argument for a message. What stands before an @ may be a password.
func shown(arg string) string {
	if i := strings.LastIndex(arg, "@"); i >= 0 && strings.Contains(arg[:i], ":") {
		arg = "…" + arg[i:]
	}
	return registry.Shorten(arg, 200)
}

package registry

import (
	"net/url"
	"regexp"
	"strings"
)

// Address is a URL, or git's short form of an ssh address, in its parts. It is read as
// git reads it: a password may hold characters that a strict URL may not.
type Address struct {
	// Scheme is in lower case. Host has the port, if there is one.
	Scheme, Host string
	// Path is decoded and has no leading slash. Query has no question mark.
	Path, Query string
	// User is the user and the password, nil when there are none.
	User *url.Userinfo
}

var (
	schemeForm = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]*$`)
	hostForm   = regexp.MustCompile(`^(?:[\p{L}\p{N}_][\p{L}\p{N}._~%-]*|\[[0-9A-Fa-f:.]+\])(?::\d*)?$`)
	// shortForm is host:path. A single letter before the colon is a drive letter.
	shortForm = regexp.MustCompile(`^(\[[^\]/@]+\]|[\p{L}\p{N}][\p{L}\p{N}.-]+):([^\\].*)$`)
)

// ParseAddress parses scheme://user:password@host/path and user@host:path. It returns
// false for text that names no host, such as a path.
func ParseAddress(raw string) (Address, bool) {
	raw = strings.TrimSpace(raw)
	scheme, rest, ok := strings.Cut(raw, "://")
	if !ok || !schemeForm.MatchString(scheme) {
		return parseShortForm(raw)
	}
	a := Address{Scheme: strings.ToLower(scheme)}
	if i := hostStart(rest); i > 0 {
		name, password, has := strings.Cut(rest[:i-1], ":")
		if a.User = url.User(unescape(name)); has {
			a.User = url.UserPassword(unescape(name), unescape(password))
		}
		rest = rest[i:]
	}
	end := strings.IndexAny(rest+"/", "/?#")
	a.Host, rest = rest[:end], rest[end:]
	if a.Scheme == "http" || a.Scheme == "https" {
		rest, _, _ = strings.Cut(rest, "#")
	}
	rest, a.Query, _ = strings.Cut(rest, "?")
	a.Path = unescape(strings.TrimPrefix(rest, "/"))
	return a, hostForm.MatchString(a.Host)
}

// parseShortForm parses user@host:path, also with a password. The first @ that a host and a
// colon follow ends the user.
func parseShortForm(raw string) (Address, bool) {
	for i, c := range raw {
		if c != '@' {
			continue
		}
		if m := shortForm.FindStringSubmatch(raw[i+1:]); m != nil {
			host := strings.TrimPrefix(m[1], "[")
			return Address{Scheme: "ssh", Host: strings.TrimSuffix(host, "]"), Path: strings.TrimPrefix(m[2], "/"), User: url.User(raw[:i])}, true
		}
	}
	return Address{}, false
}

// hostStart returns where the host begins behind the scheme: after the last @ before the
// path. When what would be the host is none, a password that is not encoded may hold the
// slash, and the host begins after the last @ of all.
func hostStart(rest string) int {
	end := strings.IndexAny(rest+"/", "/?#")
	if i := strings.LastIndexByte(rest[:end], '@'); i >= 0 {
		return i + 1
	}
	if i := strings.LastIndexByte(rest, '@'); i >= 0 && end > 0 && !hostForm.MatchString(rest[:end]) {
		return i + 1
	}
	return 0
}

// unescape decodes percent escapes. Text with an escape that is none stays as it is.
func unescape(s string) string {
	if out, err := url.PathUnescape(s); err == nil {
		return out
	}
	return s
}

// secretParameter matches names of query parameters that sign a request or let it in.
var secretParameter = regexp.MustCompile(`(?i)^(x-amz-.*|x-goog-.*|.*token|.*secret|.*password|passwd|pwd|.*api_?-?key|key|auth|authorization|sig|signature|awsaccesskeyid|googleaccessid|expires|versionid)$`)

// PublicQuery returns a query without the parameters that let a request in. They are no
// part of a name: each signature is another text for the same thing.
func PublicQuery(query string) string {
	var kept []string
	for part := range strings.SplitSeq(query, "&") {
		if name, _, _ := strings.Cut(part, "="); part != "" && !secretParameter.MatchString(unescape(name)) {
			kept = append(kept, part)
		}
	}
	return strings.Join(kept, "&")
}

var (
	urlInText   = regexp.MustCompile(`[A-Za-z][A-Za-z0-9+.-]*://[^\s"'<>|]+`)
	queryInText = regexp.MustCompile(`([?&])([A-Za-z0-9_.-]+)=([^\s"'<>|&#]*)`)
)

// WithoutCredentials replaces the user names, passwords and tokens in the URLs of a text by "…".
// A user name alone stays where it is no secret, as in ssh://git@host.
func WithoutCredentials(text string) string {
	return urlInText.ReplaceAllStringFunc(text, func(u string) string {
		scheme, rest, _ := strings.Cut(u, "://")
		if i := hostStart(rest); i > 0 && (strings.Contains(rest[:i], ":") || strings.HasPrefix(strings.ToLower(scheme), "http")) {
			rest = "…@" + rest[i:]
		}
		rest = queryInText.ReplaceAllStringFunc(rest, func(p string) string {
			m := queryInText.FindStringSubmatch(p)
			if secretParameter.MatchString(m[2]) && !strings.EqualFold(m[2], "versionid") && !strings.EqualFold(m[2], "expires") {
				return m[1] + m[2] + "=…"
			}
			return p
		})
		return scheme + "://" + rest
	})
}

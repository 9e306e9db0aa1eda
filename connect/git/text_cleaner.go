package git

import (
	"bytes"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/unicode/norm"

	"pedigree/registry"
)

// textCleaner brings what git holds to what the registry takes, and remembers whether
// it had to change anything. Git keeps any bytes; the registry keeps text.
type textCleaner struct {
	// encoding is the commit's own encoding header, "" for UTF-8.
	encoding string
	changes  []string
}

func (c *textCleaner) addChange(what string) {
	for _, have := range c.changes {
		if have == what {
			return
		}
	}
	c.changes = append(c.changes, what)
}

// text decodes and cleans free text of many lines, cut to most bytes.
func (c *textCleaner) text(s string, maxBytes int) string {
	s = c.decode(s)
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "?")
		c.addChange("bytes that are no UTF-8 became ?")
	}
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t' || r == '\r':
			return r
		case r == utf8.RuneError:
			c.addChange("bytes that are no UTF-8 became ?")
			return '?'
		case unicode.IsControl(r) || r == '\u2028' || r == '\u2029':
			c.addChange("control characters became spaces")
			return ' '
		}
		return r
	}, s)
	if s = norm.NFC.String(s); len(s) > maxBytes {
		s = strings.ToValidUTF8(s[:maxBytes], "")
		c.addChange("text beyond its longest was cut")
	}
	return s
}

// line cleans text of one line, such as a name, cut to most characters.
func (c *textCleaner) line(s string, maxRunes int) string {
	s = strings.Map(func(r rune) rune {
		if r == '\n' || r == '\r' || r == '\t' {
			c.addChange("control characters became spaces")
			return ' '
		}
		return r
	}, c.text(s, registry.MaxText))
	if utf8.RuneCountInString(s) > maxRunes {
		s = string([]rune(s)[:maxRunes])
		c.addChange("text beyond its longest was cut")
	}
	return strings.TrimSpace(s)
}

// decode undoes the encoding that a commit names.
func (c *textCleaner) decode(s string) string {
	if c.encoding == "" || strings.EqualFold(c.encoding, "utf-8") || strings.EqualFold(c.encoding, "utf8") {
		return s
	}
	e, err := htmlindex.Get(c.encoding)
	if err != nil {
		return s // Unknown: what is no UTF-8 is listed by text.
	}
	out, err := e.NewDecoder().String(s)
	if err != nil {
		return s
	}
	return out
}

var earliest, latest = time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)

// time holds a time to what the registry keeps.
func (c *textCleaner) time(t time.Time) time.Time {
	t = t.UTC()
	if t.Before(earliest) {
		c.addChange("a time before 1970 became 1970-01-01")
		return earliest
	}
	if t.After(latest) {
		c.addChange("a time after 9999 became 9999-01-01")
		return latest
	}
	return t
}

// signatureKind says what a commit's signature block is, by its first line; git
// keeps OpenPGP, SSH and X.509 blocks in the same header.
func signatureKind(block string) string {
	first, _, _ := bytes.Cut(bytes.TrimSpace([]byte(block)), []byte("\n"))
	switch line := string(first); {
	case line == "":
		return ""
	case strings.Contains(line, "BEGIN PGP"):
		return "openpgp"
	case strings.Contains(line, "BEGIN SSH"):
		return "ssh"
	case strings.Contains(line, "BEGIN SIGNED MESSAGE"), strings.Contains(line, "BEGIN CMS"), strings.Contains(line, "BEGIN PKCS7"):
		return "x509"
	}
	return "unknown"
}

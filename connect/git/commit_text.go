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

// TextCleaner converts text of git to text that the registry accepts, and records what it
// changed. Git stores arbitrary bytes; the registry stores UTF-8 text.
type TextCleaner struct {
	// encoding is the encoding header of the commit, "" for UTF-8.
	encoding string
	changes  []string
}

// Changes returns what was changed.
func (c *TextCleaner) Changes() []string { return c.changes }

// AddChange records a change.
func (c *TextCleaner) AddChange(change string) {
	for _, known := range c.changes {
		if known == change {
			return
		}
	}
	c.changes = append(c.changes, change)
}

// Text decodes and cleans text of several lines. It cuts the text to maxBytes.
func (c *TextCleaner) Text(s string, maxBytes int) string {
	s = c.decode(s)
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "?")
		c.AddChange("bytes that are no UTF-8 became ?")
	}
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t' || r == '\r':
			return r
		case r == utf8.RuneError:
			c.AddChange("bytes that are no UTF-8 became ?")
			return '?'
		case unicode.IsControl(r) || r == '\u2028' || r == '\u2029':
			c.AddChange("control characters became spaces")
			return ' '
		}
		return r
	}, s)
	if clean := registry.WithoutCredentials(s); clean != s {
		s = clean
		c.AddChange("the user and password of a URL became …")
	}
	if s = norm.NFC.String(s); len(s) > maxBytes {
		s = strings.ToValidUTF8(s[:maxBytes], "")
		c.AddChange("text beyond its longest was cut")
	}
	return s
}

// Line cleans text of one line, such as a name. It cuts the text to maxRunes characters.
func (c *TextCleaner) Line(s string, maxRunes int) string {
	s = strings.Map(func(r rune) rune {
		if r == '\n' || r == '\r' || r == '\t' {
			c.AddChange("control characters became spaces")
			return ' '
		}
		return r
	}, c.Text(s, registry.MaxText))
	if utf8.RuneCountInString(s) > maxRunes {
		s = string([]rune(s)[:maxRunes])
		c.AddChange("text beyond its longest was cut")
	}
	return strings.TrimSpace(s)
}

// decode converts text from the commit's encoding to UTF-8.
func (c *TextCleaner) decode(s string) string {
	if c.encoding == "" || strings.EqualFold(c.encoding, "utf-8") || strings.EqualFold(c.encoding, "utf8") {
		return s
	}
	e, err := htmlindex.Get(c.encoding)
	if err != nil {
		return s // Unknown encoding: Text replaces bytes that are not UTF-8.
	}
	out, err := e.NewDecoder().String(s)
	if err != nil {
		return s
	}
	return out
}

var earliest, latest = time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)

// time limits a time to the range that the registry stores.
func (c *TextCleaner) time(t time.Time) time.Time {
	t = t.UTC()
	if t.Before(earliest) {
		c.AddChange("a time before 1970 became 1970-01-01")
		return earliest
	}
	if t.After(latest) {
		c.AddChange("a time after 9999 became 9999-01-01")
		return latest
	}
	if now := time.Now().UTC().Truncate(time.Second); t.After(now.Add(maxAhead)) {
		c.AddChange("a time that has not come yet became that of the import")
		return now
	}
	return t
}

// maxAhead is how far a time may lie ahead: the registry refuses what has not come yet.
const maxAhead = time.Minute

// signatureKind returns the kind of a signature block from its first line. Git stores
// OpenPGP, SSH and X.509 blocks in the same header.
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

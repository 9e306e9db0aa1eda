package registry

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxText is the longest description or message, in bytes.
const MaxText = 64 << 10

// CheckName checks a name: 1 to 255 code points, valid UTF-8, no control characters,
// no "/" or ":", not "." or "..", no blanks at the ends and no invisible characters. Names are compared byte by byte; the caller must
// normalise them to Unicode NFC first.
func CheckName(field, name string) error {
	if err := CheckKey(field, name); err != nil {
		return err
	}
	if strings.TrimSpace(name) != name {
		return Invalid(field, "must not begin or end with a blank")
	}
	for _, r := range name {
		if r == '/' || r == ':' {
			return Invalid(field, "must not contain %q; use - or _ instead", r)
		}
		if unicode.Is(unicode.Cf, r) || strings.ContainsRune(blankLetters, r) {
			return Invalid(field, "must not contain the invisible character U+%04X", r)
		}
	}
	return nil
}

// blankLetters are letters and symbols that show as nothing.
const blankLetters = "\u115F\u1160\u2800\u3164\uFFA0"

// CheckKey is CheckName for names that other systems choose, such as dataset paths and
// URLs. It allows "/" and ":", and up to 1024 code points in some fields.
func CheckKey(field, name string) error {
	limit := 255
	if field == "path" || field == "namespace" || field == "dataset" || field == "endpoint" || field == "uri" || field == "url" {
		limit = 1024
	}
	switch {
	case name == "":
		return Invalid(field, "must not be empty")
	case !utf8.ValidString(name):
		return Invalid(field, "is not valid UTF-8")
	case utf8.RuneCountInString(name) > limit:
		return Invalid(field, "is longer than %d characters", limit)
	case name == "." || name == "..":
		return Invalid(field, "must not be %q", name)
	}
	return checkRunes(field, name, false)
}

// CheckText checks free text (descriptions, messages, reasons): valid UTF-8, at most
// MaxText bytes, no control characters but tab and line ends.
func CheckText(field, text string) error {
	if !utf8.ValidString(text) {
		return Invalid(field, "is not valid UTF-8")
	}
	if len(text) > MaxText {
		return Invalid(field, "is longer than %d bytes", MaxText)
	}
	return checkRunes(field, text, true)
}

// MaxTagValue is the longest value of a tag, in code points: that of MLflow, whose prompts are
// tags. MaxTagBytes bounds all tags of a thing together.
const MaxTagValue, MaxTagBytes = 100_000, 1 << 20

// CheckTagValue checks the value of a tag as CheckText checks a text, with the limit of tags.
func CheckTagValue(field, text string) error {
	if !utf8.ValidString(text) {
		return Invalid(field, "is not valid UTF-8")
	}
	if utf8.RuneCountInString(text) > MaxTagValue {
		return Invalid(field, "is longer than %d characters", MaxTagValue)
	}
	return checkRunes(field, text, true)
}

func checkRunes(field, s string, multiline bool) error {
	for _, r := range s {
		if multiline && (r == '\n' || r == '\t' || r == '\r') {
			continue
		}
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || r == utf8.RuneError {
			return Invalid(field, "must not contain the control character U+%04X", r)
		}
	}
	return nil
}

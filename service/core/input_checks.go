package core

import (
	"strings"
	"time"

	"golang.org/x/text/unicode/norm"

	"pedigree/registry"
)

// ToNFC normalizes texts to Unicode NFC, in place.
func ToNFC(texts ...*string) {
	for _, t := range texts {
		*t = norm.NFC.String(*t)
	}
}

// CheckName normalizes a name to NFC and checks it with registry.CheckName.
func CheckName(field string, v *string) error {
	ToNFC(v)
	return registry.CheckName(field, *v)
}

// CheckKey normalizes a name from another system to NFC and checks it with
// registry.CheckKey. It may be empty.
func CheckKey(field string, v *string) error {
	ToNFC(v)
	if *v == "" {
		return nil
	}
	return registry.CheckKey(field, *v)
}

// CheckRequiredKey is like CheckKey for a name that must not be empty.
func CheckRequiredKey(field string, v *string) error {
	ToNFC(v)
	return registry.CheckKey(field, *v)
}

// CheckText normalizes free text to NFC and checks it.
func CheckText(field string, v *string) error {
	ToNFC(v)
	return registry.CheckText(field, *v)
}

// FirstError returns the first error that is not nil, or nil.
func FirstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// StoredTime converts a time from outside to the form in which it is stored: UTC, in whole
// microseconds. The zero time becomes def.
func StoredTime(t, def time.Time) time.Time {
	if t.IsZero() {
		return def
	}
	return t.UTC().Truncate(time.Microsecond)
}

// LaterTime returns the later of two times.
func LaterTime(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// earliestTime and latestTime are the first and the last time that CheckTime accepts.
var earliestTime, latestTime = time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(9999, 12, 31, 23, 59, 59, 999_999_999, time.UTC)

// CheckTime answers INVALID_ARGUMENT for times that the stores cannot hold. The zero time is
// accepted.
func CheckTime(field string, t time.Time) error {
	if !t.IsZero() && (t.Before(earliestTime) || t.After(latestTime)) {
		return registry.Invalid(field, "must lie between %s and %s", earliestTime.Format(time.DateOnly), latestTime.Format(time.DateOnly))
	}
	return nil
}

// MaxTags is the most tags of a thing.
const MaxTags = 200

// CheckTags normalizes and checks tags: at most MaxTags, with distinct keys, and not too long
// together.
func CheckTags(field string, tags []registry.KeyValue) error {
	if len(tags) > MaxTags {
		return registry.Invalid(field, "has more than %d entries", MaxTags)
	}
	seen, size := map[string]bool{}, 0
	for i := range tags {
		ToNFC(&tags[i].Key, &tags[i].Value)
		if err := registry.CheckKey(field+".key", tags[i].Key); err != nil {
			return err
		}
		if seen[tags[i].Key] {
			return registry.Invalid(field, "the key %q is given twice", tags[i].Key)
		}
		seen[tags[i].Key] = true
		if err := registry.CheckTagValue(field+".value", tags[i].Value); err != nil {
			return err
		}
		if size += len(tags[i].Key) + len(tags[i].Value); size > registry.MaxTagBytes {
			return registry.Invalid(field, "are longer than %d bytes together", registry.MaxTagBytes)
		}
	}
	return nil
}

// CheckLabel checks a URI that is stored as a label: no control characters and no ".." path
// segment, also after repeated percent-decoding. It does not change the URI.
func CheckLabel(field, uri string) error {
	if uri == "" {
		return nil
	}
	if err := registry.CheckKey(field, uri); err != nil {
		return err
	}
	for decoded, i := uri, 0; i < 4; i++ {
		for _, part := range strings.FieldsFunc(decoded, func(r rune) bool { return r == '/' || r == '\\' || r == '?' || r == '#' }) {
			if part == ".." {
				return registry.Invalid(field, "must not contain a .. step")
			}
		}
		next := unescape(decoded)
		if err := registry.CheckKey(field, next); err != nil {
			return err
		}
		if next == decoded {
			return nil
		}
		decoded = next
	}
	return registry.Invalid(field, "is escaped too many times over")
}

// CheckDigest checks that a digest has the form algorithm:hex. It may be empty.
func CheckDigest(field, digest string) error {
	if digest == "" {
		return nil
	}
	algorithm, hex, ok := strings.Cut(digest, ":")
	hex = strings.TrimSuffix(hex, ".dir") // DVC's digest of a folder.
	if !ok || algorithm == "" || len(hex) < 8 || len(digest) > 255 || strings.Trim(strings.ToLower(hex), hexDigits) != "" ||
		strings.Trim(algorithm, "abcdefghijklmnopqrstuvwxyz0123456789-_+.") != "" {
		return registry.Invalid(field, "%q is no digest; write algorithm:hex, for example md5:5c58c678d04dcb799d0626fdf4a8bb1d", registry.Shorten(digest, 60))
	}
	return nil
}

// CheckNotNegative answers INVALID_ARGUMENT for a count or size below zero.
func CheckNotNegative(field string, n *int64) error {
	if n != nil && *n < 0 {
		return registry.Invalid(field, "must be 0 or more, not %d", *n)
	}
	return nil
}

// CheckSHA converts a git object name to lower case and checks that it has 40 or 64 hex
// digits.
func CheckSHA(field string, sha *string) error {
	*sha = strings.ToLower(*sha)
	if n := len(*sha); n != 40 && n != 64 || strings.Trim(*sha, hexDigits) != "" {
		return registry.Invalid(field, "%q is no full commit sha; write 40 or 64 hex digits", registry.Shorten(*sha, 80))
	}
	return nil
}

// CheckRange returns *v if it lies in low..high, and def when v is nil.
func CheckRange(field string, v *int, def, low, high int) (int, error) {
	if v == nil {
		return def, nil
	}
	if *v < low || *v > high {
		return 0, registry.Invalid(field, "must be %d..%d, not %d", low, high, *v)
	}
	return *v, nil
}

// unescape decodes each well-formed percent-encoded byte once.
func unescape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			hi, lo := strings.IndexByte(hexDigits, lower(s[i+1])), strings.IndexByte(hexDigits, lower(s[i+2]))
			if hi >= 0 && lo >= 0 {
				b.WriteByte(byte(hi<<4 | lo))
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

const hexDigits = "0123456789abcdef"

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

package door

import (
	"errors"
	"strconv"
	"strings"
)

// errNumber is the error for a number that is followed by a letter, which gqlparser takes
// for two tokens.
var errNumber = errors.New("a number ends in a letter or a dot")

// errSurrogate is the error for an escape of half a surrogate pair. Go's decoders would
// replace it silently.
var errSurrogate = errors.New("an escape names half of a surrogate pair, which is no character")

// checkTokens refuses what gqlparser's lexer takes although the specification does not: half
// of a surrogate pair in a string literal, and a name right after a number.
func checkTokens(query string) error {
	for i := 0; i < len(query); {
		switch rest := query[i:]; {
		case rest[0] == '#':
			i += lengthUntil(rest, 0, "\n", "\r")
		case strings.HasPrefix(rest, `"""`): // A block string has no escapes of this kind.
			i += blockLength(rest)
		case rest[0] == '"':
			n := stringLength(rest)
			if hasLoneSurrogate(rest[:n]) {
				return errSurrogate
			}
			i += n
		case isNameByte(rest[0]) && !isDigit(rest[0]):
			i += lengthOf(rest, isNameByte)
		case isDigit(rest[0]):
			n := numberLength(rest)
			if n < len(rest) && (isNameByte(rest[n]) || rest[n] == '.') {
				return errNumber
			}
			i += n
		default:
			i++
		}
	}
	return nil
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isNameByte(c byte) bool {
	return c == '_' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || isDigit(c)
}

// lengthOf returns how many bytes at the start of a text satisfy a condition.
func lengthOf(s string, is func(byte) bool) int {
	n := 0
	for n < len(s) && is(s[n]) {
		n++
	}
	return n
}

// numberLength returns the length of the number without sign at the start of a text.
func numberLength(s string) int {
	n := lengthOf(s, isDigit)
	if n+1 < len(s) && s[n] == '.' && isDigit(s[n+1]) {
		n += 1 + lengthOf(s[n+1:], isDigit)
	}
	if n < len(s) && (s[n] == 'e' || s[n] == 'E') {
		exponent := n + 1
		if exponent < len(s) && (s[exponent] == '+' || s[exponent] == '-') {
			exponent++
		}
		if digits := lengthOf(s[min(exponent, len(s)):], isDigit); digits > 0 {
			n = exponent + digits
		}
	}
	return n
}

// lengthUntil returns the length of a text up to and including the first of some ends after
// an offset.
func lengthUntil(s string, from int, ends ...string) int {
	n := len(s)
	for _, end := range ends {
		if at := strings.Index(s[from:], end); at >= 0 {
			n = min(n, from+at+len(end))
		}
	}
	return n
}

// blockLength returns the length of the block string at the start of a text.
func blockLength(s string) int {
	for i := 3; i < len(s); {
		switch {
		case strings.HasPrefix(s[i:], `\"""`):
			i += 4
		case strings.HasPrefix(s[i:], `"""`):
			return i + 3
		default:
			i++
		}
	}
	return len(s)
}

// stringLength returns the length of the string literal at the start of a text.
func stringLength(s string) int {
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"', '\n', '\r':
			return i + 1
		}
	}
	return len(s)
}

// hasLoneSurrogate reports whether the escapes of a text, in JSON or GraphQL, name half of a
// surrogate pair.
func hasLoneSurrogate(s string) bool {
	for i := strings.IndexByte(s, '\\'); i >= 0 && i+1 < len(s); {
		switch unit, length := escapedUnit(s[i:]); {
		case unit >= 0xD800 && unit < 0xDC00:
			low, n := escapedUnit(s[i+length:])
			if length != 6 || n != 6 || low < 0xDC00 || low > 0xDFFF {
				return true
			}
			i += 12
		case unit >= 0xDC00 && unit <= 0xDFFF:
			return true
		default:
			i += length
		}
		next := strings.IndexByte(s[min(i, len(s)):], '\\')
		if next < 0 {
			return false
		}
		i += next
	}
	return false
}

// escapedUnit returns the number that the escape at the start of a text names, 0 for another
// escape, and the length of the escape.
func escapedUnit(s string) (unit, length int) {
	if !strings.HasPrefix(s, `\u`) {
		return 0, min(2, len(s))
	}
	digits, length := s[2:min(6, len(s))], 6
	if strings.HasPrefix(digits, "{") {
		end := strings.IndexByte(s, '}')
		if end < 0 {
			return 0, 2
		}
		digits, length = s[3:end], end+1
	}
	n, err := strconv.ParseUint(digits, 16, 32)
	if err != nil {
		return 0, 2
	}
	return int(n), length
}

package mlflow

import (
	"strings"

	"pedigree/registry"
)

// token is a word, a quoted string without its quotes, or an operator of a filter.
type token struct {
	kind tokenKind
	text string
}

type tokenKind int

const (
	wordToken tokenKind = iota + 1
	stringToken
	operatorToken
)

// maxFilter is the longest filter, in bytes.
const maxFilter = 64 << 10

// tokenize splits a filter. A word may end in a quoted part, as in tags.`a b`, and a quoted key
// may stand alone where a key is expected, in backquotes.
func tokenize(text string) (out []token, err error) {
	invalid := registry.Errorf(registry.InvalidArgument, "Invalid filter string: '%s'", registry.Shorten(text, 200))
	if len(text) > maxFilter {
		return nil, registry.Errorf(registry.InvalidArgument, "the filter is longer than %d bytes", maxFilter)
	}
	for i := 0; i < len(text); {
		switch c := text[i]; {
		case strings.IndexByte(" \t\r\n", c) >= 0:
			i++
		case c == '\'' || c == '"':
			value, n := quoted(text[i:])
			if n == 0 {
				return nil, invalid
			}
			out, i = append(out, token{stringToken, value}), i+n
		case strings.IndexByte("=!<>(),", c) >= 0:
			n := 1
			if strings.IndexByte("!<>", c) >= 0 && strings.HasPrefix(text[i+1:], "=") {
				n = 2
			}
			out, i = append(out, token{operatorToken, text[i : i+n]}), i+n
		default:
			n := wordLength(text[i:])
			if n == 0 {
				return nil, invalid
			}
			out, i = append(out, token{wordToken, text[i : i+n]}), i+n
		}
	}
	return out, nil
}

// quoted returns the text in the quotes at the start of a text, and the length with the quotes;
// 0 without an end. A doubled quote stands for one.
func quoted(text string) (value string, length int) {
	var b strings.Builder
	for i := 1; i < len(text); i++ {
		if text[i] != text[0] {
			b.WriteByte(text[i])
			continue
		}
		if i+1 == len(text) || text[i+1] != text[0] {
			return b.String(), i + 1
		}
		b.WriteByte(text[0])
		i++
	}
	return "", 0
}

// wordLength returns the length of the word at the start of a text, with a quoted part at its
// start or after a dot; 0 where that has no end, or where there is no word.
func wordLength(text string) int {
	for i := 0; i < len(text); i++ {
		c := text[i]
		if c == '`' || c == '"' && i > 0 && text[i-1] == '.' {
			_, n := quoted(text[i:])
			if n == 0 {
				return 0
			}
			return i + n
		}
		if strings.IndexByte(" \t\r\n=!<>(),'\"", c) >= 0 {
			return i
		}
	}
	return len(text)
}

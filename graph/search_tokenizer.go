package graph

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// WordsVersion is raised when Words cuts otherwise: what the stores have indexed
// is then made anew.
const WordsVersion = 1

// The bounds of what is indexed. A word is cut to MaxWord runes, in the index as
// in a question, so that a longer one is still found by what it starts with.
const (
	MaxWord       = 64
	MaxFieldWords = 64
	// maxFieldText is how many bytes of a field are read for its words: the start of
	// a long description or message.
	maxFieldText = 4096
)

// Words folds a text and cuts it into words, each once, in order of their first
// place and at most that many. It is the only rule of search: both engines index
// its output and split at nothing but spaces.
//
// Folding is Unicode NFKD, case folding, and dropping marks (Résumé, RESUME and
// resume are one word). A word is a run of letters and digits: credit-approval,
// snake_case and a/path.csv fall into their parts. A version is one word, with or
// without its v: 1.0.0 is not found where 0.1.0 stands, and 1.1 is the start of
// 1.1.0. Han, Hiragana and Katakana are written without spaces, so each of their
// characters is a word.
func Words(text string, most int) []string {
	if words, ok := plainWords(text, most); ok {
		return words
	}
	if !ascii(text) {
		text = norm.NFKD.String(cases.Fold().String(norm.NFKD.String(strings.ToValidUTF8(text, " "))))
	}
	c := cutter{most: most}
	for i, r := range text {
		if c.full() {
			break
		}
		if r == '.' && i > 0 && i+1 < len(text) && digit(text[i-1]) && digit(text[i+1]) {
			r = numberDot
		}
		c.take(r)
	}
	c.end()
	return c.words
}

// numberDot stands for the dot between two digits: a letter of hardly any text, so
// that words stay letters and digits.
const numberDot = '\u01C0'

func digit[T byte | rune](c T) bool { return c >= '0' && c <= '9' }

// plainWords cuts a text of ASCII without versions, as most names are, without
// copying its words; ok is false for any other text.
func plainWords(text string, most int) (words []string, ok bool) {
	if !ascii(text) {
		return nil, false
	}
	text = strings.ToLower(text)
	c := cutter{most: most, words: make([]string, 0, 8)}
	from := 0
	for i := 0; i <= len(text); i++ {
		if i < len(text) && (text[i] >= 'a' && text[i] <= 'z' || digit(text[i])) {
			continue
		}
		if i > 0 && i+1 < len(text) && text[i] == '.' && digit(text[i-1]) && digit(text[i+1]) {
			return nil, false
		}
		if i > from {
			c.keep(text[from:min(i, from+MaxWord)])
		}
		if from = i + 1; c.full() {
			break
		}
	}
	return c.words, true
}

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// cutter cuts folded text into words.
type cutter struct {
	words []string
	most  int
	word  []byte
	runes int
}

func (c *cutter) full() bool { return len(c.words) >= c.most }

func (c *cutter) take(r rune) {
	switch {
	case r >= 'A' && r <= 'Z':
		c.add(r + 'a' - 'A')
	case r >= 'a' && r <= 'z' || digit(r):
		c.add(r)
	case r < utf8.RuneSelf:
		c.end()
	case unicode.IsMark(r):
	case unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana) && unicode.IsLetter(r):
		c.end()
		c.add(r)
		c.end()
	case unicode.IsLetter(r) || unicode.IsDigit(r):
		c.add(lower(r))
	default:
		c.end()
	}
}

// lower brings the runes that differ in case alone to one of them. Full case
// folding came before; it leaves scripts whose cases fold either way, such as
// Cherokee.
func lower(r rune) rune {
	least := r
	for o := unicode.SimpleFold(r); o != r; o = unicode.SimpleFold(o) {
		if unicode.IsLetter(o) { // One of iota's is a mark.
			least = min(least, o)
		}
	}
	return unicode.ToLower(least)
}

func (c *cutter) add(r rune) {
	if c.runes++; c.runes <= MaxWord {
		c.word = utf8.AppendRune(c.word, r)
	}
}

// end closes a word.
func (c *cutter) end() {
	if c.runes > 0 && !c.full() {
		c.keep(string(c.word))
		c.word, c.runes = c.word[:0], 0
	}
}

// keep appends a word that is not there yet. The lists are short, so looking
// through them is cheaper than a set.
func (c *cutter) keep(w string) {
	if len(w) > 1 && w[0] == 'v' && digit(w[1]) {
		w = w[1:]
	}
	if !slices.Contains(c.words, w) {
		c.words = append(c.words, w)
	}
}

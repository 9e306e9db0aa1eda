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
const TokenizerVersion = 1

// The bounds of what is indexed. A word is cut to MaxWord runes, in the index as
// in a question, so that a longer one is still found by what it starts with.
const (
	MaxWordRunes  = 64
	MaxFieldWords = 64
	// maxFieldText is how many bytes of a field are read for its words: the start of
	// a long description or message.
	maxFieldBytes = 4096
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
func Words(text string, limit int) []string {
	if words, ok := asciiWords(text, limit); ok {
		return words
	}
	if !isASCII(text) {
		text = norm.NFKD.String(cases.Fold().String(norm.NFKD.String(strings.ToValidUTF8(text, " "))))
	}
	t := tokenizer{limit: limit}
	for i, r := range text {
		if t.full() {
			break
		}
		if r == '.' && i > 0 && i+1 < len(text) && isDigit(text[i-1]) && isDigit(text[i+1]) {
			r = numberDot
		}
		t.addRune(r)
	}
	t.endWord()
	return t.words
}

// numberDot stands for the dot between two digits: a letter of hardly any text, so
// that words stay letters and digits.
const numberDot = '\u01C0'

func isDigit[T byte | rune](c T) bool { return c >= '0' && c <= '9' }

// plainWords cuts a text of ASCII without versions, as most names are, without
// copying its words; ok is false for any other text.
func asciiWords(text string, limit int) (words []string, ok bool) {
	if !isASCII(text) {
		return nil, false
	}
	text = strings.ToLower(text)
	t := tokenizer{limit: limit, words: make([]string, 0, 8)}
	start := 0
	for i := 0; i <= len(text); i++ {
		if i < len(text) && (text[i] >= 'a' && text[i] <= 'z' || isDigit(text[i])) {
			continue
		}
		if i > 0 && i+1 < len(text) && text[i] == '.' && isDigit(text[i-1]) && isDigit(text[i+1]) {
			return nil, false
		}
		if i > start {
			t.addWord(text[start:min(i, start+MaxWordRunes)])
		}
		if start = i + 1; t.full() {
			break
		}
	}
	return t.words, true
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// cutter cuts folded text into words.
type tokenizer struct {
	words     []string
	limit     int
	word      []byte
	wordRunes int
}

func (t *tokenizer) full() bool { return len(t.words) >= t.limit }

func (t *tokenizer) addRune(r rune) {
	switch {
	case r >= 'A' && r <= 'Z':
		t.appendRune(r + 'a' - 'A')
	case r >= 'a' && r <= 'z' || isDigit(r):
		t.appendRune(r)
	case r < utf8.RuneSelf:
		t.endWord()
	case unicode.IsMark(r):
	case unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana) && unicode.IsLetter(r):
		t.endWord()
		t.appendRune(r)
		t.endWord()
	case unicode.IsLetter(r) || unicode.IsDigit(r):
		t.appendRune(foldCase(r))
	default:
		t.endWord()
	}
}

// lower brings the runes that differ in case alone to one of them. Full case
// folding came before; it leaves scripts whose cases fold either way, such as
// Cherokee.
func foldCase(r rune) rune {
	least := r
	for other := unicode.SimpleFold(r); other != r; other = unicode.SimpleFold(other) {
		if unicode.IsLetter(other) { // One of iota's is a mark.
			least = min(least, other)
		}
	}
	return unicode.ToLower(least)
}

func (t *tokenizer) appendRune(r rune) {
	if t.wordRunes++; t.wordRunes <= MaxWordRunes {
		t.word = utf8.AppendRune(t.word, r)
	}
}

// end closes a word.
func (t *tokenizer) endWord() {
	if t.wordRunes > 0 && !t.full() {
		t.addWord(string(t.word))
		t.word, t.wordRunes = t.word[:0], 0
	}
}

// keep appends a word that is not there yet. The lists are short, so looking
// through them is cheaper than a set.
func (t *tokenizer) addWord(w string) {
	if len(w) > 1 && w[0] == 'v' && isDigit(w[1]) {
		w = w[1:]
	}
	if !slices.Contains(t.words, w) {
		t.words = append(t.words, w)
	}
}

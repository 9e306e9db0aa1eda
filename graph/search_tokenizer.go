package graph

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// TokenizerVersion must be raised when Tokenize changes its result. SQLite then rebuilds
// its index; Neo4j needs a schema step that does.
const TokenizerVersion = 2

// Limits of the index. Words are cut to MaxWordRunes runes, in the index and in
// queries, so that a longer word is still found.
const (
	MaxWordRunes  = 64
	MaxFieldWords = 64
	// maxFieldBytes is how many bytes of a field are indexed.
	maxFieldBytes = 4096
)

// Tokenize folds a text and splits it into words. It returns each word once, in order
// of first occurrence, and at most limit words. Both engines index its output and
// split only at spaces, so that this function alone defines what a word is.
//
// Folding is Unicode NFKD, case folding, and removal of marks: Résumé, RESUME and
// resume are one word. Letters that Unicode does not decompose are written in plain ones:
// ł as l, æ as ae. Invisible characters, such as a soft hyphen, are left out. A word is a
// run of letters and digits: credit-approval, snake_case and a/path.csv are split into
// their parts. A version is one word, with or without its v: 1.0.0 does not match 0.1.0,
// and 1.1 is a prefix of 1.1.0. In scripts that are written without spaces, such as Han,
// Kana and Thai, each letter is a word; in Hangul each syllable is one, because parts of
// compounds are searched for.
func Tokenize(text string, limit int) []string {
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

// numberDot replaces the dot between two digits. It is a rarely used letter, so that
// words consist of letters and digits only.
const numberDot = '\u01C0'

func isDigit[T byte | rune](c T) bool { return c >= '0' && c <= '9' }

// asciiWords splits an ASCII text without versions, as most names are. It does not
// copy the words. ok is false for any other text.
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

// tokenizer splits folded text into words.
type tokenizer struct {
	words     []string
	limit     int
	word      []byte
	wordRunes int
	// inSyllable says that the word is a Hangul syllable so far.
	inSyllable bool
}

// unspaced are the scripts that are written without spaces between words.
var unspaced = []*unicode.RangeTable{unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar,
	unicode.Tai_Le, unicode.New_Tai_Lue, unicode.Tai_Tham, unicode.Tai_Viet}

// plainLetters are Latin letters that NFKD does not decompose, in lower case.
var plainLetters = map[rune]string{'æ': "ae", 'œ': "oe", 'ø': "o", 'ł': "l", 'đ': "d", 'ð': "d", 'þ': "th", 'ħ': "h", 'ŧ': "t", 'ŋ': "n", 'ı': "i"}

func (t *tokenizer) full() bool { return len(t.words) >= t.limit }

func (t *tokenizer) addRune(r rune) {
	switch {
	case r >= 'A' && r <= 'Z':
		t.appendRune(r + 'a' - 'A')
	case r >= 'a' && r <= 'z' || isDigit(r):
		t.appendRune(r)
	case r < utf8.RuneSelf:
		t.endWord()
	case unicode.IsMark(r) || unicode.Is(unicode.Cf, r):
	case unicode.In(r, unspaced...) && unicode.IsLetter(r):
		t.endWord()
		t.appendRune(r)
		t.endWord()
	case unicode.Is(unicode.Hangul, r) && unicode.IsLetter(r):
		t.addJamo(r)
	case unicode.IsLetter(r) || unicode.IsDigit(r):
		if plain, ok := plainLetters[r]; ok {
			for _, p := range plain {
				t.addRune(p)
			}
			return
		}
		t.appendRune(foldCase(r))
	default:
		t.endWord()
	}
}

// addJamo adds a letter of Hangul, which NFKD takes apart: a leading consonant begins a
// syllable.
func (t *tokenizer) addJamo(r rune) {
	if leading := r >= 0x1100 && r <= 0x115F || r >= 0xA960 && r <= 0xA97C; leading || !t.inSyllable {
		t.endWord()
	}
	t.inSyllable = false
	t.appendRune(r)
	t.inSyllable = true
}

// foldCase maps runes that differ only in case to one rune. Full case folding runs
// before it, but both cases can remain in scripts such as Cherokee.
func foldCase(r rune) rune {
	least := r
	for other := unicode.SimpleFold(r); other != r; other = unicode.SimpleFold(other) {
		if unicode.IsLetter(other) { // One of the case variants of iota is a mark.
			least = min(least, other)
		}
	}
	return unicode.ToLower(least)
}

func (t *tokenizer) appendRune(r rune) {
	if t.inSyllable {
		t.endWord()
	}
	if t.wordRunes++; t.wordRunes <= MaxWordRunes {
		t.word = utf8.AppendRune(t.word, r)
	}
}

// endWord ends the current word.
func (t *tokenizer) endWord() {
	t.inSyllable = false
	if t.wordRunes > 0 && !t.full() {
		t.addWord(string(t.word))
		t.word, t.wordRunes = t.word[:0], 0
	}
}

// addWord appends a word unless the list has it. The lists are short, so that a
// linear search is cheaper than a set.
func (t *tokenizer) addWord(w string) {
	if len(w) > 1 && w[0] == 'v' && isDigit(w[1]) {
		w = w[1:]
	}
	if !slices.Contains(t.words, w) {
		t.words = append(t.words, w)
	}
}

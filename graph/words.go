package graph

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"pedigree/registry"
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

// end closes a word. The lists are short, so looking through them is cheaper than
// a set.
func (c *cutter) end() {
	if c.runes == 0 || c.full() {
		return
	}
	w := string(c.word)
	c.word, c.runes = c.word[:0], 0
	if len(w) > 1 && w[0] == 'v' && digit(w[1]) {
		w = w[1:]
	}
	if !slices.Contains(c.words, w) {
		c.words = append(c.words, w)
	}
}

// FieldWords are the words of one field of a node.
type FieldWords struct {
	Field string
	Words []string
}

// TextOf returns the words of a node by the field table, in its order; fields
// without words and nodes that no search finds have none. The name is the node's
// own, the rest is read from its document.
func TextOf(n *Node) []FieldWords {
	noun := registry.NounOf(n.Kind)
	if noun == nil || n.Deleted {
		return nil
	}
	var out []FieldWords
	var doc map[string]json.RawMessage
	for _, f := range noun.Fields {
		if !f.Search {
			continue
		}
		text := n.Name
		if f.Name != "name" {
			if doc == nil {
				if doc = map[string]json.RawMessage{}; json.Unmarshal(n.Doc, &doc) != nil {
					doc = map[string]json.RawMessage{}
				}
			}
			text = textIn(doc[f.Name])
		}
		if words := Words(start(text), MaxFieldWords); len(words) > 0 {
			out = append(out, FieldWords{f.Name, words})
		}
	}
	return out
}

// start is as much of a text as is indexed.
func start(text string) string {
	if len(text) <= maxFieldText {
		return text
	}
	return strings.ToValidUTF8(text[:maxFieldText], "")
}

// textIn joins the texts of a JSON value: a text, a list of texts, or objects such
// as tags, of which keys and values are values both.
func textIn(raw json.RawMessage) string {
	if len(raw) == 0 || raw[0] != '"' && raw[0] != '[' && raw[0] != '{' {
		return ""
	}
	var one string
	if raw[0] == '"' {
		_ = json.Unmarshal(raw, &one)
		return one
	}
	var b strings.Builder
	// Only what is a value counts: in an object every other text is a name.
	d := json.NewDecoder(bytes.NewReader(raw))
	var inObject []bool
	name := true
	for b.Len() < maxFieldText {
		tok, err := d.Token()
		if err != nil {
			break
		}
		top := len(inObject) > 0 && inObject[len(inObject)-1]
		switch v := tok.(type) {
		case json.Delim:
			if v == '{' || v == '[' {
				inObject = append(inObject, v == '{')
			} else {
				inObject = inObject[:len(inObject)-1]
			}
			name = true
			continue
		case string:
			if !top || !name {
				b.WriteString(v)
				b.WriteByte(' ')
			}
		}
		name = !top || !name
	}
	return b.String()
}

package graph

import (
	"slices"
	"strings"

	"pedigree/registry"
)

// Match asks for words in the text of nodes: every word in one of the fields, the
// last also as the start of a word.
type Match struct {
	// Words are as the function Words cuts them.
	Words []string
	// Fields are, for each kind, the fields that may be looked in. A kind without
	// any does not match.
	Fields map[registry.Kind][]string
}

// MaxMatchWords is how many words a Match may ask for.
const MaxMatchWords = 16

// MaxMatches is how many nodes with the words of a Match a store looks at. Beyond
// them Page.Cut is set; which ones are left out is the store's.
const MaxMatches = 10000

// Holds reports whether words, of which the last may be only the start of one, are
// all among those of the fields.
func Holds(words []string, text []FieldWords, fields func(string) bool) bool {
	for i, w := range words {
		found := false
		for _, f := range text {
			if fields(f.Field) && (slices.Contains(f.Words, w) || i == len(words)-1 && anyHasPrefix(f.Words, w)) {
				found = true
				break
			}
		}
		if !found {
			return false
		}
	}
	return len(words) > 0
}

// Matched lists the fields that have one of the words, of which the last may be
// only the start of one.
func Matched(words []string, text []FieldWords) (out []string) {
	for _, f := range text {
		for i := range words {
			if Holds(words[i:i+1], []FieldWords{f}, func(string) bool { return i == len(words)-1 || slices.Contains(f.Words, words[i]) }) {
				out = append(out, f.Field)
				break
			}
		}
	}
	return out
}

func anyHasPrefix(list []string, w string) bool {
	return slices.ContainsFunc(list, func(x string) bool { return strings.HasPrefix(x, w) })
}

// CheckText answers INVALID_ARGUMENT for a query whose Text asks for nothing, for
// what Words would not make, for a field that is not searched, or beside what it
// does not go with. A query without Text passes.
func (q Query) CheckText() error {
	if q.Text == nil {
		return nil
	}
	if len(q.Kinds) == 0 || len(q.Parents)+len(q.Slots) > 0 || q.PerParent {
		return registry.Invalid("text", "goes with kinds, not with parents or slots")
	}
	if len(q.Text.Words) == 0 || len(q.Text.Words) > MaxMatchWords {
		return registry.Invalid("text", "must hold 1 to %d words", MaxMatchWords)
	}
	for _, w := range q.Text.Words {
		if cut := Words(w, 2); len(cut) != 1 || cut[0] != w {
			return registry.Invalid("text", "%q is not one folded word", registry.Shorten(w, 60))
		}
	}
	for kind, fields := range q.Text.Fields {
		noun := registry.NounOf(kind)
		if noun == nil {
			return registry.Invalid("text", "nothing of the kind %q is searched", registry.Shorten(string(kind), 60))
		}
		searched := noun.Searched(registry.AllFields)
		for _, f := range fields {
			if !slices.Contains(searched, f) {
				return registry.Invalid("text", "%s is not searched in %q", noun.Name, registry.Shorten(f, 60))
			}
		}
	}
	return nil
}

// Look is a set of fields and the kinds in which they are looked in.
type Look struct {
	Fields []string
	Kinds  []registry.Kind
}

// Looks groups the kinds of a query by the fields of its Text, in a fixed order,
// so that an engine asks once for all that are looked in alike. Where all that is
// searched of a kind may be looked in, Fields are all there are: of those that the
// kind does not have it has no words.
func (q Query) Looks() (out []Look) {
	for _, kind := range registry.SearchedKinds() {
		fields := q.Text.Fields[kind]
		if len(fields) == 0 || !slices.Contains(q.Kinds, kind) {
			continue
		}
		fields = slices.Compact(slices.Sorted(slices.Values(fields)))
		if len(fields) == len(registry.NounOf(kind).Searched(registry.AllFields)) {
			fields = registry.SearchFields()
		}
		i := slices.IndexFunc(out, func(l Look) bool { return slices.Equal(l.Fields, fields) })
		if i < 0 {
			i, out = len(out), append(out, Look{Fields: fields})
		}
		out[i].Kinds = append(out[i].Kinds, kind)
	}
	return out
}

// MaxLimit is the most that Limit may be.
func (q Query) MaxLimit() int {
	if q.Text != nil {
		return MaxMatches
	}
	return 1000
}

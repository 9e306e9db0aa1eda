package graph

import (
	"slices"
	"strings"

	"pedigree/registry"
)

// TextQuery is a text search: every word must be in one of the fields of the node. The
// last word also matches as a prefix.
type TextQuery struct {
	// Words are tokens as the function Words returns them.
	Words []string
	// Fields are, for each kind, the fields to search. A kind without fields does not
	// match.
	Fields map[registry.Kind][]string
	// Most, when it is not 0, is how many matching nodes the store considers instead of
	// MaxMatches. When there are more, the page has no nodes, only Truncated.
	Most int
}

// Considered returns how many matching nodes the store considers.
func (m *TextQuery) Considered() int {
	if m.Most > 0 {
		return min(m.Most, MaxMatches)
	}
	return MaxMatches
}

// MaxMatchWords is the maximum number of words in a Match.
const MaxMatchWords = 16

// MaxMatches is the maximum number of matching nodes that a store considers. If there
// are more, the store chooses which to leave out and sets Page.Cut.
const MaxMatches = 10000

// MatchesWords reports whether all words are in the text of the selected fields. The last
// word also matches as a prefix.
func MatchesWords(words []string, text []FieldWords, fields func(string) bool) bool {
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

// MatchedFields returns the fields that have at least one of the words. The last word
// also matches as a prefix.
func MatchedFields(words []string, text []FieldWords) (out []string) {
	for _, f := range text {
		for i := range words {
			if MatchesWords(words[i:i+1], []FieldWords{f}, func(string) bool { return i == len(words)-1 || slices.Contains(f.Words, words[i]) }) {
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

// CheckText returns INVALID_ARGUMENT when Text has no words or too many, a word that
// the function Words would not return, or a field that is not searched, or when the
// query combines Text with Parents, Slots or PerParent. A query without Text is valid.
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
		if cut := Tokenize(w, 2); len(cut) != 1 || cut[0] != w {
			return registry.Invalid("text", "%q is not one folded word", registry.Shorten(w, 60))
		}
	}
	for kind, fields := range q.Text.Fields {
		noun := registry.NounOf(kind)
		if noun == nil {
			return registry.Invalid("text", "nothing of the kind %q is searched", registry.Shorten(string(kind), 60))
		}
		searched := noun.SearchFields(registry.AllFields)
		for _, f := range fields {
			if !slices.Contains(searched, f) {
				return registry.Invalid("text", "%s is not searched in %q", noun.Name, registry.Shorten(f, 60))
			}
		}
	}
	return nil
}

// FieldGroup is a set of fields and the kinds whose fields are searched.
type FieldGroup struct {
	Fields []string
	Kinds  []registry.Kind
}

// FieldGroups groups the kinds of a query that search the same fields, in a fixed order,
// so that an engine needs one condition per group. If a query searches all fields of
// a kind, Fields holds the searched fields of all kinds: a kind has no words in the
// fields that it does not have.
func (q Query) FieldGroups() (out []FieldGroup) {
	for _, kind := range registry.SearchableKinds() {
		fields := q.Text.Fields[kind]
		if len(fields) == 0 || !slices.Contains(q.Kinds, kind) {
			continue
		}
		fields = slices.Compact(slices.Sorted(slices.Values(fields)))
		if len(fields) == len(registry.NounOf(kind).SearchFields(registry.AllFields)) {
			fields = registry.SearchFields()
		}
		i := slices.IndexFunc(out, func(l FieldGroup) bool { return slices.Equal(l.Fields, fields) })
		if i < 0 {
			i, out = len(out), append(out, FieldGroup{Fields: fields})
		}
		out[i].Kinds = append(out[i].Kinds, kind)
	}
	return out
}

// MaxLimit is the maximum of Limit.
func (q Query) MaxLimit() int {
	if q.Text != nil {
		return MaxMatches
	}
	return 1000
}

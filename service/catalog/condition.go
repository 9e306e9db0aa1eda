package catalog

import (
	"regexp"
	"slices"
	"strings"

	"pedigree/graph"
	"pedigree/registry"
)

// Subject is what a Condition or a SelectionOrder speaks of.
type Subject string

// The subjects. Models have a name, tags and times, versions have all.
const (
	OfName    Subject = "name" // the name of the model, today's
	OfTag     Subject = "tag"
	OfStage   Subject = "stage"
	OfSource  Subject = "source" // the URI of an artifact
	OfNumber  Subject = "number"
	OfCreated Subject = "created"
	OfUpdated Subject = "updated"
)

// Comparison compares a text or a number with the values of a Condition.
type Comparison string

// The comparisons. Like and ILike have % for any text and _ for one character; ILike ignores
// case.
const (
	Equal    Comparison = "="
	NotEqual Comparison = "!="
	Like     Comparison = "LIKE"
	ILike    Comparison = "ILIKE"
	OneOf    Comparison = "IN"
	NoneOf   Comparison = "NOT IN"
	Less     Comparison = "<"
	AtMost   Comparison = "<="
	Greater  Comparison = ">"
	AtLeast  Comparison = ">="
)

// maxConditions and maxValues bound a selection.
const maxConditions, maxValues = 50, 1000

// Condition is one condition of a Selection.
type Condition struct {
	Of Subject
	// Key is the key of a tag.
	Key     string
	Compare Comparison
	// Values are the texts to compare with, more than one for OneOf and NoneOf. Number is the
	// number, for OfNumber.
	Values []string
	Number int64
	// OrAbsent makes the condition true where there is no such tag.
	OrAbsent bool

	pattern *regexp.Regexp
}

// prepare checks a condition and compiles its pattern.
func (c *Condition) prepare() error {
	if len(c.Values) > maxValues {
		return registry.Invalid("filter", "a list has more than %d values", maxValues)
	}
	if c.Of == OfNumber {
		if slices.Contains([]Comparison{Equal, NotEqual, Less, AtMost, Greater, AtLeast}, c.Compare) {
			return nil
		}
		return registry.Invalid("filter", "a number cannot be compared by %s", c.Compare)
	}
	switch c.Compare {
	case Equal, NotEqual, Like, ILike:
		if len(c.Values) != 1 {
			return registry.Invalid("filter", "%s takes one value", c.Compare)
		}
	case OneOf, NoneOf:
	default:
		return registry.Invalid("filter", "a text cannot be compared by %s", c.Compare)
	}
	if c.Compare == Like || c.Compare == ILike {
		c.pattern = LikePattern(c.Values[0], c.Compare == ILike)
	}
	return nil
}

// LikePattern returns the expression that matches what an SQL pattern matches.
func LikePattern(text string, fold bool) *regexp.Regexp {
	var b strings.Builder
	b.WriteString("(?s")
	if fold {
		b.WriteString("i")
	}
	b.WriteString(")^")
	for _, r := range text {
		switch r {
		case '%':
			b.WriteString(".*")
		case '_':
			b.WriteString(".")
		default:
			b.WriteString(regexp.QuoteMeta(string(r)))
		}
	}
	return regexp.MustCompile(b.String() + "$") // Quoted text always compiles.
}

// matchesText reports whether a text meets the condition.
func (c *Condition) matchesText(text string) bool {
	switch c.Compare {
	case Equal, OneOf:
		return slices.Contains(c.Values, text)
	case NotEqual, NoneOf:
		return !slices.Contains(c.Values, text)
	}
	return c.pattern.MatchString(text)
}

// matchesTags reports whether tags meet the condition: those with its key, or none if it says so.
func (c *Condition) matchesTags(tags []registry.KeyValue) bool {
	i := slices.IndexFunc(tags, func(t registry.KeyValue) bool { return t.Key == c.Key })
	if i < 0 {
		return c.OrAbsent
	}
	return c.matchesText(tags[i].Value)
}

// labelled returns the predicate that an index of tags has for the condition; none when it is not
// that a tag has one value.
func (c *Condition) labelled() []graph.Predicate {
	if c.Of != OfTag || c.OrAbsent || c.Compare != Equal {
		return nil
	}
	return []graph.Predicate{{Label: registry.TagLabel(registry.KeyValue{Key: c.Key, Value: c.Values[0]})}}
}

// matchesNumber reports whether a number meets the condition.
func (c *Condition) matchesNumber(n int64) bool {
	switch c.Compare {
	case Equal:
		return n == c.Number
	case NotEqual:
		return n != c.Number
	case Less:
		return n < c.Number
	case AtMost:
		return n <= c.Number
	case Greater:
		return n > c.Number
	}
	return n >= c.Number
}

// prefix returns the text that every match of a case-sensitive pattern starts with.
func (c *Condition) prefix() string {
	if c.Compare != Like {
		return ""
	}
	if i := strings.IndexAny(c.Values[0], "%_"); i >= 0 {
		return c.Values[0][:i]
	}
	return c.Values[0]
}

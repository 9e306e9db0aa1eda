package mlflow

import (
	"slices"
	"strconv"
	"strings"

	"pedigree/registry"
	"pedigree/service/catalog"
)

// grammar is the language of the filters and orders of one search.
type grammar struct {
	// attributes are the keys of filters that are no tags, orders those of orders.
	attributes map[string]attribute
	orders     map[string]catalog.Subject
	// standard are the orders of a search that gives none.
	standard []catalog.SelectionOrder
	// versions says that the tags are those of versions.
	versions bool
}

// attribute is a key of filters: what it speaks of, and by what it is compared. A run is a tag
// here.
type attribute struct {
	of       catalog.Subject
	tag      string
	compares []catalog.Comparison
}

var (
	texts   = []catalog.Comparison{catalog.Equal, catalog.NotEqual, catalog.Like, catalog.ILike}
	lists   = append(slices.Clone(texts), catalog.OneOf, catalog.NoneOf)
	numbers = []catalog.Comparison{catalog.Equal, catalog.NotEqual, catalog.Less, catalog.AtMost, catalog.Greater, catalog.AtLeast}
)

var ofModels = grammar{
	attributes: map[string]attribute{"name": {of: catalog.OfName, compares: lists}},
	orders:     map[string]catalog.Subject{"name": catalog.OfName, "timestamp": catalog.OfUpdated, "last_updated_timestamp": catalog.OfUpdated},
	standard:   []catalog.SelectionOrder{{By: catalog.OfName}},
}

var ofVersions = grammar{
	attributes: map[string]attribute{"name": {of: catalog.OfName, compares: lists}, "run_id": {of: catalog.OfTag, tag: runTag, compares: lists},
		"source_path": {of: catalog.OfSource, compares: texts}, "version_number": {of: catalog.OfNumber, compares: numbers}},
	orders: map[string]catalog.Subject{"name": catalog.OfName, "version_number": catalog.OfNumber, "creation_timestamp": catalog.OfCreated,
		"last_updated_timestamp": catalog.OfUpdated},
	standard: []catalog.SelectionOrder{{By: catalog.OfUpdated, Desc: true}, {By: catalog.OfName}, {By: catalog.OfNumber, Desc: true}},
	versions: true,
}

// parseOrders reads keys with an optional direction each.
func (g *grammar) parseOrders(texts []string) (out []catalog.SelectionOrder, err error) {
	for _, text := range texts {
		words := strings.Fields(text)
		if len(words) == 0 || len(words) > 2 {
			return nil, registry.Errorf(registry.InvalidArgument, "Invalid order_by clause '%s'", registry.Shorten(text, 100))
		}
		by, ok := g.orders[strings.Trim(strings.TrimPrefix(words[0], "attribute."), "`\"")]
		if !ok {
			return nil, registry.Errorf(registry.InvalidArgument, "Invalid order by key '%s' specified. Valid keys are %s", registry.Shorten(words[0], 60), keysOf(g.orders))
		}
		o := catalog.SelectionOrder{By: by}
		if len(words) == 2 {
			if o.Desc = strings.EqualFold(words[1], "DESC"); !o.Desc && !strings.EqualFold(words[1], "ASC") {
				return nil, registry.Errorf(registry.InvalidArgument, "Invalid order_by clause '%s'", registry.Shorten(text, 100))
			}
		}
		if slices.ContainsFunc(out, func(known catalog.SelectionOrder) bool { return known.By == by }) {
			return nil, registry.Errorf(registry.InvalidArgument, "`order_by` contains duplicate fields: %s", registry.Shorten(words[0], 60))
		}
		out = append(out, o)
	}
	if len(out) == 0 {
		return g.standard, nil
	}
	return out, nil
}

func keysOf[V any](m map[string]V) string {
	var out []string
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}

// parseFilter reads conditions that are joined by AND. Prompts are left out, unless a condition
// speaks of them.
func (g *grammar) parseFilter(text string) (out []catalog.Condition, err error) {
	tokens, err := tokenize(text)
	if err != nil {
		return nil, err
	}
	p := &filterParser{grammar: g, text: text, tokens: tokens}
	for len(p.tokens) > 0 {
		if len(out) > 0 && !p.takeWord("AND") {
			return nil, p.invalid()
		}
		c, err := p.condition()
		if err != nil {
			return nil, err
		}
		out = append(out, c...)
	}
	if !slices.ContainsFunc(out, func(c catalog.Condition) bool { return c.Key == promptTag }) {
		out = append(out, catalog.Condition{Of: catalog.OfTag, Key: promptTag, Compare: catalog.NotEqual, Values: []string{"true"}, OrAbsent: true})
	}
	return out, nil
}

// filterParser reads conditions from tokens.
type filterParser struct {
	*grammar
	text   string
	tokens []token
}

func (p *filterParser) invalid() error {
	return registry.Errorf(registry.InvalidArgument, "Invalid clause(s) in filter string: '%s'", registry.Shorten(p.text, 200))
}

// next takes the next token; its kind is 0 at the end.
func (p *filterParser) next() token {
	if len(p.tokens) == 0 {
		return token{}
	}
	t := p.tokens[0]
	p.tokens = p.tokens[1:]
	return t
}

// takeWord takes a word, in any case, if it is next.
func (p *filterParser) takeWord(word string) bool {
	if len(p.tokens) == 0 || p.tokens[0].kind != wordToken || !strings.EqualFold(p.tokens[0].text, word) {
		return false
	}
	p.tokens = p.tokens[1:]
	return true
}

// condition reads a key, a comparison and its values.
func (p *filterParser) condition() ([]catalog.Condition, error) {
	key := p.next()
	if key.kind != wordToken {
		return nil, p.invalid()
	}
	compare, err := p.comparison()
	if err != nil {
		return nil, err
	}
	name, isTag := tagKey(key.text)
	if isTag {
		values, err := p.values(compare, texts, key.text)
		return p.tagConditions(name, compare, values), err
	}
	a, ok := p.attributes[strings.Trim(strings.TrimPrefix(key.text, "attribute."), "`\"")]
	if !ok {
		return nil, registry.Errorf(registry.InvalidArgument, "Invalid attribute key '%s' specified. Valid keys are %s", registry.Shorten(key.text, 60), keysOf(p.attributes))
	}
	c := catalog.Condition{Of: a.of, Key: a.tag, Compare: compare}
	if a.of != catalog.OfNumber {
		c.Values, err = p.values(compare, a.compares, key.text)
		c.OrAbsent = a.tag != "" && (compare == catalog.NotEqual || compare == catalog.NoneOf) // No run is another run.
		return []catalog.Condition{c}, err
	}
	if !slices.Contains(a.compares, compare) {
		return nil, notComparable(compare, key.text)
	}
	value := p.next()
	if c.Number, err = strconv.ParseInt(value.text, 10, 64); err != nil || value.kind != wordToken {
		return nil, registry.Errorf(registry.InvalidArgument, "Expected an integer for %s, found '%s'", key.text, registry.Shorten(value.text, 60))
	}
	return []catalog.Condition{c}, nil
}

func notComparable(compare catalog.Comparison, key string) error {
	return registry.Errorf(registry.InvalidArgument, "Invalid comparator '%s' for %s", compare, registry.Shorten(key, 60))
}

// tagKey returns the key of a tag, which may be quoted.
func tagKey(text string) (string, bool) {
	for _, prefix := range []string{"tag.", "tags."} {
		if len(text) > len(prefix) && strings.EqualFold(text[:len(prefix)], prefix) {
			key := text[len(prefix):]
			if n := len(key); n > 2 && (key[0] == '`' || key[0] == '"') && key[n-1] == key[0] {
				key = key[1 : n-1]
			}
			return key, true
		}
	}
	return "", false
}

// tagConditions are the conditions on a tag. Where it says of a prompt that it is none, what has
// no such tag counts. The tag lifecycle is the stage.
func (p *filterParser) tagConditions(key string, compare catalog.Comparison, values []string) []catalog.Condition {
	if p.versions && key == lifecycleTag {
		return []catalog.Condition{{Of: catalog.OfStage, Compare: compare, Values: values},
			{Of: catalog.OfStage, Compare: catalog.OneOf, Values: []string{string(registry.Canary), string(registry.Deprecated)}}}
	}
	return []catalog.Condition{{Of: catalog.OfTag, Key: key, Compare: compare, Values: values, OrAbsent: key == promptTag && compare == catalog.NotEqual}}
}

// comparison reads a comparison.
func (p *filterParser) comparison() (catalog.Comparison, error) {
	if p.takeWord("NOT") {
		if p.takeWord("IN") {
			return catalog.NoneOf, nil
		}
		return "", p.invalid()
	}
	for _, word := range []catalog.Comparison{catalog.Like, catalog.ILike, catalog.OneOf} {
		if p.takeWord(string(word)) {
			return word, nil
		}
	}
	if t := p.next(); t.kind == operatorToken && slices.Contains(numbers, catalog.Comparison(t.text)) {
		return catalog.Comparison(t.text), nil
	}
	return "", p.invalid()
}

// values reads the value of a comparison that is among the given ones, or its list of values.
func (p *filterParser) values(compare catalog.Comparison, among []catalog.Comparison, key string) ([]string, error) {
	if !slices.Contains(among, compare) {
		return nil, notComparable(compare, key)
	}
	if compare != catalog.OneOf && compare != catalog.NoneOf {
		t := p.next()
		if t.kind != stringToken {
			return nil, registry.Errorf(registry.InvalidArgument, "Expected a quoted string value for %s. Got value '%s'", registry.Shorten(key, 60), registry.Shorten(t.text, 60))
		}
		return []string{t.text}, nil
	}
	if t := p.next(); t.kind != operatorToken || t.text != "(" {
		return nil, p.invalid()
	}
	var out []string
	for {
		t := p.next()
		if t.kind != stringToken {
			return nil, p.invalid()
		}
		out = append(out, t.text)
		switch t = p.next(); {
		case t.kind == operatorToken && t.text == ")":
			return out, nil
		case t.kind != operatorToken || t.text != ",":
			return nil, p.invalid()
		}
	}
}

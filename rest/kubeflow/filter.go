package kubeflow

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"pedigree/registry"
	"pedigree/service/kubeflow"
)

// The limits of a filter: its bytes and its nested brackets.
const maxFilter, maxDepth = 64 << 10, 50

// token is a part of a filter: a word, a quoted name or text, or an operator. kind is 0 at the end.
type token struct {
	kind   tokenKind
	text   string
	column int
}

type tokenKind int

const (
	wordToken tokenKind = iota + 1
	nameToken           // in backquotes
	textToken           // in quotes
	operatorToken
)

// expected is what Kubeflow's server says that it wants after a name.
const expected = `(expected ("=" | "!=" | "<>" | ">=" | "<=" | ">" | "<" | "LIKE" | "ILIKE" | "IN") Value)`

// filterParser reads conditions from tokens.
type filterParser struct {
	tokens []token
	end    int
	depth  int
}

// parseFilter reads a filterQuery: comparisons that are joined by AND and OR, in brackets.
func parseFilter(text string) (*kubeflow.Condition, error) {
	if len(text) > maxFilter {
		return nil, badRequest("the filterQuery is longer than %d bytes", maxFilter)
	}
	tokens, err := tokenize(text)
	if err != nil {
		return nil, err
	}
	p := &filterParser{tokens: tokens, end: utf8.RuneCountInString(text) + 1}
	c, err := p.or()
	if err == nil && len(p.tokens) > 0 {
		err = p.unexpected("")
	}
	return c, err
}

func syntaxError(column int, found, wanted string) error {
	if wanted != "" {
		wanted = " " + wanted
	}
	return badRequest("invalid filter query syntax: error parsing filter query: 1:%d: unexpected token %q%s. Check that operators and values are correctly formatted", column, registry.Shorten(found, 60), wanted)
}

// unexpected is the refusal of the next token.
func (p *filterParser) unexpected(wanted string) error {
	if len(p.tokens) == 0 {
		return syntaxError(p.end, "<EOF>", wanted)
	}
	return syntaxError(p.tokens[0].column, p.tokens[0].text, wanted)
}

// take takes the next token if it is of a kind.
func (p *filterParser) take(kinds ...tokenKind) (token, bool) {
	if len(p.tokens) == 0 || !slices.Contains(kinds, p.tokens[0].kind) {
		return token{}, false
	}
	t := p.tokens[0]
	p.tokens = p.tokens[1:]
	return t, true
}

// takeText takes a word, in any case, or an operator, if it is next.
func (p *filterParser) takeText(kind tokenKind, text string) bool {
	if len(p.tokens) == 0 || p.tokens[0].kind != kind || !strings.EqualFold(p.tokens[0].text, text) {
		return false
	}
	p.tokens = p.tokens[1:]
	return true
}

func (p *filterParser) or() (*kubeflow.Condition, error) {
	first, err := p.and()
	if err != nil {
		return nil, err
	}
	parts := []*kubeflow.Condition{first}
	for p.takeText(wordToken, "OR") {
		next, err := p.and()
		if err != nil {
			return nil, err
		}
		parts = append(parts, next)
	}
	if len(parts) == 1 {
		return first, nil
	}
	return &kubeflow.Condition{Any: parts}, nil
}

func (p *filterParser) and() (*kubeflow.Condition, error) {
	first, err := p.term()
	if err != nil {
		return nil, err
	}
	parts := []*kubeflow.Condition{first}
	for p.takeText(wordToken, "AND") {
		next, err := p.term()
		if err != nil {
			return nil, err
		}
		parts = append(parts, next)
	}
	if len(parts) == 1 {
		return first, nil
	}
	return &kubeflow.Condition{All: parts}, nil
}

func (p *filterParser) term() (*kubeflow.Condition, error) {
	if !p.takeText(operatorToken, "(") {
		return p.comparison()
	}
	if p.depth++; p.depth > maxDepth {
		return nil, badRequest("the filterQuery has more than %d brackets in each other", maxDepth)
	}
	c, err := p.or()
	if err != nil {
		return nil, err
	}
	p.depth--
	if !p.takeText(operatorToken, ")") {
		return nil, p.unexpected(`(expected ")")`)
	}
	return c, nil
}

// forced are the endings of names that force the type of a custom property.
var forced = map[string]kubeflow.PropertyType{".string_value": kubeflow.StringProperty, ".int_value": kubeflow.IntProperty, ".double_value": kubeflow.DoubleProperty, ".bool_value": kubeflow.BoolProperty}

func (p *filterParser) comparison() (*kubeflow.Condition, error) {
	key, ok := p.take(wordToken, nameToken)
	if !ok {
		return nil, p.unexpected("(expected a name)")
	}
	c := &kubeflow.Condition{Key: key.text}
	if key.kind == nameToken && len(p.tokens) > 0 && p.tokens[0].kind == wordToken && forced[p.tokens[0].text] != "" {
		c.Of = forced[p.tokens[0].text] // As in `a b`.int_value.
		p.tokens = p.tokens[1:]
	}
	if i := strings.LastIndexByte(key.text, '.'); key.kind == wordToken && i > 0 && forced[key.text[i:]] != "" {
		c.Key, c.Of = key.text[:i], forced[key.text[i:]]
	}
	if key.kind == wordToken {
		c.Key = strings.TrimPrefix(c.Key, "customProperties.")
	}
	switch {
	case p.takeText(wordToken, "LIKE"):
		c.Compare = "LIKE"
	case p.takeText(wordToken, "ILIKE"):
		c.Compare = "ILIKE"
	case p.takeText(wordToken, "IN"):
		c.Compare = "IN"
		return c, p.list(c)
	default:
		if len(p.tokens) == 0 || p.tokens[0].kind != operatorToken || !slices.Contains([]string{"=", "!=", "<>", "<", "<=", ">", ">="}, p.tokens[0].text) {
			return nil, p.unexpected(expected)
		}
		if c.Compare = p.tokens[0].text; c.Compare == "<>" {
			c.Compare = "!="
		}
		p.tokens = p.tokens[1:]
	}
	v, err := p.value()
	if err == nil && strings.HasSuffix(c.Compare, "LIKE") && (v.Number != nil || v.Bool != nil) {
		err = badRequest("invalid filter query syntax: %s takes a text in quotes", c.Compare)
	}
	c.Values = []kubeflow.FilterValue{v}
	return c, err
}

// list reads the values of an IN.
func (p *filterParser) list(c *kubeflow.Condition) error {
	if !p.takeText(operatorToken, "(") {
		return p.unexpected(`(expected "(")`)
	}
	for {
		v, err := p.value()
		if err != nil {
			return err
		}
		c.Values = append(c.Values, v)
		if p.takeText(operatorToken, ")") {
			return nil
		}
		if !p.takeText(operatorToken, ",") {
			return p.unexpected(`(expected ")")`)
		}
	}
}

// value reads a text in quotes, a number or a truth.
func (p *filterParser) value() (v kubeflow.FilterValue, err error) {
	if t, ok := p.take(textToken); ok {
		return kubeflow.FilterValue{Text: t.text}, nil
	}
	if len(p.tokens) == 0 || p.tokens[0].kind != wordToken {
		return v, p.unexpected("(expected a value)")
	}
	text := p.tokens[0].text
	if n, err := strconv.ParseFloat(text, 64); err == nil && strings.IndexByte("+-.0123456789", text[0]) >= 0 {
		v = kubeflow.FilterValue{Text: text, Number: &n}
	} else if b := strings.EqualFold(text, "true"); b || strings.EqualFold(text, "false") {
		v = kubeflow.FilterValue{Text: text, Bool: &b}
	} else {
		return v, p.unexpected("(expected a value)")
	}
	p.tokens = p.tokens[1:]
	return v, nil
}

// tokenize splits a filter.
func tokenize(text string) (out []token, err error) {
	for i := 0; i < len(text); {
		column := utf8.RuneCountInString(text[:i]) + 1
		switch c := text[i]; {
		case strings.IndexByte(" \t\r\n", c) >= 0:
			i++
		case c == '\'' || c == '"' || c == '`':
			value, n := quoted(text[i:])
			if n == 0 {
				return nil, syntaxError(column, text[i:], "(expected the end of the quotes)")
			}
			kind := textToken
			if c == '`' {
				kind = nameToken
			}
			out, i = append(out, token{kind, value, column}), i+n
		case strings.IndexByte("=!<>(),", c) >= 0:
			n := 1
			if next := text[i+1:]; strings.IndexByte("!<>", c) >= 0 && strings.HasPrefix(next, "=") || c == '<' && strings.HasPrefix(next, ">") {
				n = 2
			}
			out, i = append(out, token{operatorToken, text[i : i+n], column}), i+n
		default:
			n := strings.IndexAny(text[i:], " \t\r\n=!<>(),'\"`")
			if n < 0 {
				n = len(text) - i
			}
			out, i = append(out, token{wordToken, text[i : i+n], column}), i+n
		}
		if len(out) > 10_000 {
			return nil, badRequest("the filterQuery has more than %d words", 10_000)
		}
	}
	return out, nil
}

// quoted returns the text in the quotes at the start of a text, and the length with the quotes;
// 0 without an end. A quote that is doubled, or that follows a backslash, stands for itself.
func quoted(text string) (value string, length int) {
	var b strings.Builder
	for i := 1; i < len(text); i++ {
		switch {
		case text[i] == '\\' && i+1 < len(text) && (text[i+1] == text[0] || text[i+1] == '\\'):
			i++
			b.WriteByte(text[i])
		case text[i] != text[0]:
			b.WriteByte(text[i])
		case i+1 < len(text) && text[i+1] == text[0]:
			i++
			b.WriteByte(text[0])
		default:
			return b.String(), i + 1
		}
	}
	return "", 0
}

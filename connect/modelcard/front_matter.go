package modelcard

import (
	"bytes"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"

	"pedigree/connect/source"
	"pedigree/registry"
)

// document is a model card: the fields of its front matter, and the text behind it.
type document struct {
	fields map[string]any
	text   string
}

// parse reads a README.md with YAML front matter. A card without one is its text alone.
func parse(d source.Document) (*document, error) {
	body := bytes.ReplaceAll(bytes.TrimPrefix(d.Body, []byte("\xef\xbb\xbf")), []byte("\r\n"), []byte("\n"))
	front, text, ok := cutFrontMatter(string(body))
	out := &document{fields: map[string]any{}, text: strings.TrimSpace(comment.ReplaceAllString(text, ""))}
	if !ok {
		return out, nil
	}
	values, err := source.Parse(source.Document{Name: d.Name, Body: []byte(front)})
	if err != nil {
		return nil, err
	}
	if len(values) == 0 {
		return out, nil
	}
	fields, isMap := values[0].(map[string]any)
	if !isMap || len(values) > 1 {
		return nil, registry.Errorf(registry.InvalidArgument, "%s: its front matter is no list of fields", registry.Shorten(d.Name, 200))
	}
	out.fields = fields
	return out, nil
}

// comment matches a comment of HTML, which templates of cards are full of.
var comment = regexp.MustCompile(`(?s)<!--.*?-->`)

// cutFrontMatter returns what stands between a first line --- and the next one, and what follows.
func cutFrontMatter(body string) (front, text string, ok bool) {
	rest, ok := strings.CutPrefix(body, "---\n")
	if !ok {
		return "", body, false
	}
	if text, empty := strings.CutPrefix(rest, "---\n"); empty {
		return "", text, true
	}
	front, text, ok = strings.Cut(rest, "\n---\n")
	if !ok {
		front, ok = strings.CutSuffix(strings.TrimRight(rest, "\n"), "\n---")
		text = ""
	}
	if !ok {
		return "", body, false
	}
	return front, text, true
}

// texts returns a value that is a text, a number or a list of them; ok is false for others.
func texts(v any) (out []string, ok bool) {
	switch v := v.(type) {
	case nil:
		return nil, true
	case string:
		if v = strings.TrimSpace(v); v != "" {
			out = append(out, v)
		}
		return out, true
	case bool, int, int64, uint64:
		return []string{fmt.Sprint(v)}, true
	case float64:
		return []string{strconv.FormatFloat(v, 'g', -1, 64)}, true
	case time.Time:
		return []string{v.UTC().Format(time.RFC3339)}, true
	case []any:
		for _, item := range v {
			if _, nested := item.([]any); nested {
				return nil, false
			}
			more, ok := texts(item)
			if !ok {
				return nil, false
			}
			out = append(out, more...)
		}
		return out, true
	}
	return nil, false
}

// number returns a value that is a finite number.
func number(v any) (n float64, ok bool) {
	switch v := v.(type) {
	case int:
		n, ok = float64(v), true
	case int64:
		n, ok = float64(v), true
	case uint64:
		n, ok = float64(v), true
	case float64:
		n, ok = v, true
	case string:
		f, err := strconv.ParseFloat(strings.TrimSpace(v), 64)
		n, ok = f, err == nil
	}
	return n, ok && !math.IsNaN(n) && !math.IsInf(n, 0)
}

var (
	heading     = regexp.MustCompile(`^(#{1,6})\s+(.*?)\s*#*$`)
	listItem    = regexp.MustCompile("^[-*] \\**`?([A-Za-z][A-Za-z0-9_]*)`?\\**: *(.+)$")
	placeholder = regexp.MustCompile(`(?i)^\[?more information needed\]?\.?$`)
)

// section returns the text under the first heading that matches, up to the next heading of its
// level or above. What templates put where nothing is said counts as nothing.
func (d *document) section(title *regexp.Regexp) string {
	var out []string
	level, fenced := 0, false
	for line := range strings.SplitSeq(d.text, "\n") {
		if strings.HasPrefix(line, "```") {
			fenced = !fenced
		}
		h := heading.FindStringSubmatch(line)
		switch {
		case fenced || h == nil:
		case level > 0 && len(h[1]) <= level:
			return said(out)
		case level == 0 && title.MatchString(h[2]):
			level = len(h[1])
			continue
		}
		if level > 0 {
			out = append(out, line)
		}
	}
	return said(out)
}

func said(lines []string) string {
	text := strings.TrimSpace(strings.Join(lines, "\n"))
	for line := range strings.SplitSeq(text, "\n") {
		if line = strings.TrimSpace(line); line != "" && !placeholder.MatchString(line) && heading.FindString(line) == "" {
			return text
		}
	}
	return ""
}

package graph

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"pedigree/registry"
)

// FieldWords are the words of one field of a node.
type FieldWords struct {
	Field string
	Words []string
}

// TextOf returns the words of a node by the field table, in its order; fields
// without words and nodes that no search finds have none. The name is the node's
// own, the rest is read from its document.
func TextOf(n *Node) (out []FieldWords) {
	noun := registry.NounOf(n.Kind)
	if noun == nil || n.Deleted {
		return nil
	}
	var docFields jsonFields
	for i := range noun.Fields {
		f := &noun.Fields[i]
		if !f.Search {
			continue
		}
		text := n.Name
		if f.Name != "name" {
			if docFields == nil {
				docFields = splitObject(n.Doc)
			}
			text = jsonText(docFields.get(f.Name))
		}
		if words := Words(indexedPrefix(text), MaxFieldWords); len(words) > 0 {
			out = append(out, FieldWords{f.Name, words})
		}
	}
	return out
}

// start is as much of a text as is indexed.
func indexedPrefix(text string) string {
	if len(text) <= maxFieldBytes {
		return text
	}
	return strings.ToValidUTF8(text[:maxFieldBytes], "")
}

// fields are the fields of a document, unread. Every node that is written is asked
// for its words, and reading all of a document costs as much as indexing it.
type jsonFields []struct{ name, value []byte }

func (f jsonFields) get(name string) []byte {
	for i := range f {
		if string(f[i].name) == name {
			return f[i].value
		}
	}
	return nil
}

// fieldsOf cuts the JSON object of a document at its top level; of what is no JSON
// object it returns what it could cut.
func splitObject(doc []byte) jsonFields {
	out := make(jsonFields, 0, 24)
	rest := bytes.TrimLeft(doc, " \t\r\n{")
	for len(rest) > 0 && rest[0] == '"' {
		name := rest[:valueEnd(rest)]
		rest = bytes.TrimLeft(rest[len(name):], " \t\r\n:")
		value := rest[:valueEnd(rest)]
		rest = bytes.TrimLeft(rest[len(value):], " \t\r\n,")
		if len(name) < 2 || len(value) == 0 {
			break
		}
		out = append(out, struct{ name, value []byte }{name[1 : len(name)-1], value})
	}
	return out
}

// valueEnd is where the JSON value at the start of a text ends.
func valueEnd(s []byte) int {
	depth, quoted := 0, false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case quoted && c == '\\':
			i++
			continue
		case c == '"':
			quoted = !quoted
		case quoted:
			continue
		case c == '{' || c == '[':
			depth++
			continue
		case c == '}' || c == ']':
			if depth--; depth < 0 {
				return i
			}
		case depth == 0 && (c == ',' || c == ':'):
			return i
		default:
			continue
		}
		if depth == 0 && !quoted {
			return i + 1
		}
	}
	return len(s)
}

// textIn joins the texts of a JSON value: a text, a list of texts, or objects such
// as tags, of which keys and values are values both.
func jsonText(raw []byte) string {
	if len(raw) == 0 {
		return ""
	}
	var value any
	switch {
	case raw[0] == '"' && bytes.IndexByte(raw, '\\') < 0:
		return string(raw[1 : len(raw)-1])
	case raw[0] != '"' && raw[0] != '[' && raw[0] != '{', json.Unmarshal(raw, &value) != nil:
		return ""
	}
	var b strings.Builder
	appendText(&b, value)
	return b.String()
}

// join appends the texts of a value. Objects are read by their keys' order, so
// that the same document always has the same words first.
func appendText(b *strings.Builder, value any) {
	switch v := value.(type) {
	case string:
		b.WriteString(v)
		b.WriteByte(' ')
	case []any:
		for _, x := range v {
			appendText(b, x)
		}
	case map[string]any:
		for _, k := range slices.Sorted(maps.Keys(v)) {
			appendText(b, v[k])
		}
	}
}

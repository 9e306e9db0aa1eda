package graph

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"pedigree/registry"
)

// FieldWords holds the words of one field of a node.
type FieldWords struct {
	Field string
	Words []string
}

// SearchWords returns the words of the searched fields of a node, in the order of the
// field table. It leaves out fields without words. It returns nil for deleted nodes
// and for kinds that are not searched. The name comes from the node itself, the other
// fields from its document.
func SearchWords(n *Node) (out []FieldWords) {
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
		if words := Tokenize(indexedPrefix(text), MaxFieldWords); len(words) > 0 {
			out = append(out, FieldWords{f.Name, words})
		}
	}
	return out
}

// indexedPrefix returns the part of a text that is indexed.
func indexedPrefix(text string) string {
	if len(text) <= maxFieldBytes {
		return text
	}
	return strings.ToValidUTF8(text[:maxFieldBytes], "")
}

// jsonFields are the fields of a JSON object with undecoded values. Every write of a
// node computes its words, and decoding the whole document would cost as much as
// indexing it.
type jsonFields []struct{ name, value []byte }

func (f jsonFields) get(name string) []byte {
	for i := range f {
		if string(f[i].name) == name {
			return f[i].value
		}
	}
	return nil
}

// splitObject splits a JSON object into its top-level fields. For invalid input it
// returns the fields up to the first error.
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

// valueEnd returns the length of the JSON value at the start of s.
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

// jsonText joins the strings of a JSON value: a string, a list, or objects. The
// objects of tags hold both the key and the value of a tag as values.
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

// appendText appends the strings of a value. It reads objects in the order of their
// keys, so that the same document always has the same first words.
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

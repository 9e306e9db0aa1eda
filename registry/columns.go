package registry

import (
	"cmp"
	"encoding/json"
	"slices"
	"strconv"
	"time"
)

// ColumnsOf returns the index columns of a node of a kind, read from its document as the
// field table says; nil for a kind that no API shows.
func ColumnsOf(kind Kind, doc []byte) (map[Index]any, error) {
	noun := NounOf(kind)
	if noun == nil {
		return nil, nil
	}
	out := make(map[Index]any, 8)
	for _, f := range noun.Fields {
		if c, found := indexColumn(f.Column); found {
			out[c.Name] = c.value(nil)
		}
	}
	var wrong error
	err := EachMember(doc, func(name string, value json.RawMessage) {
		i := slices.IndexFunc(noun.Fields, func(f Field) bool { return f.Name == name })
		if i < 0 {
			return
		}
		if c, found := indexColumn(noun.Fields[i].Column); found {
			v, err := scalarOf(value)
			out[c.Name], wrong = c.value(v), cmp.Or(wrong, err)
		}
	})
	return out, cmp.Or(err, wrong)
}

func indexColumn(name Index) (IndexColumn, bool) {
	if name == NoIndex {
		return IndexColumn{}, false
	}
	all := IndexColumns()
	if i := slices.IndexFunc(all, func(c IndexColumn) bool { return c.Name == name }); i >= 0 {
		return all[i], true
	}
	return IndexColumn{}, false
}

// scalarOf decodes a text or a number, nil for all else.
func scalarOf(value json.RawMessage) (any, error) {
	switch c := value[0]; {
	case c == '"':
		return textOf(value)
	case c == '-' || c >= '0' && c <= '9':
		return strconv.ParseFloat(string(value), 64)
	}
	return nil, nil
}

// value brings a document's value to what the column holds.
func (c IndexColumn) value(v any) any {
	text, _ := v.(string)
	switch {
	case c.Name == IndexVersion:
		if ver, err := ParseVersion(text); err == nil {
			return ver.SortKey()
		}
		return ""
	case c.Name == IndexEnded:
		if t, err := time.Parse(time.RFC3339Nano, text); err == nil {
			return t.UnixMicro()
		}
		return int64(0)
	case c.Type == IntIndex:
		f, _ := v.(float64)
		return int64(f)
	}
	return text
}

package registry

import (
	"encoding/json"
	"time"
)

// ColumnsOf returns the index columns of a node of a kind, read from its document as the
// field table says; nil for a kind that no API shows.
func ColumnsOf(kind Kind, doc []byte) (map[Index]any, error) {
	noun := NounOf(kind)
	if noun == nil {
		return nil, nil
	}
	var fields map[string]any
	if err := json.Unmarshal(doc, &fields); err != nil {
		return nil, err
	}
	out := map[Index]any{}
	for _, c := range IndexColumns() {
		for _, f := range noun.Fields {
			if f.Column == c.Name {
				out[c.Name] = c.value(fields[f.Name])
			}
		}
	}
	return out, nil
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

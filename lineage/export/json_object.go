package export

import (
	"bytes"
	"encoding/json"
)

// object is a JSON object; encoding/json writes its keys sorted.
type object map[string]any

// setText sets a text unless it is empty.
func (o object) setText(key, text string) {
	if text != "" {
		o[key] = text
	}
}

// setList sets a list unless it is empty.
func setList[T any](o object, key string, list []T) {
	if len(list) > 0 {
		o[key] = list
	}
}

// marshalIndented writes a value with indentation.
func marshalIndented(v any) ([]byte, error) {
	b, err := json.MarshalIndent(v, "", "  ")
	return append(b, '\n'), err
}

// marshalCompact writes a value in one line, without escaping HTML.
func marshalCompact(v any) (string, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return string(bytes.TrimRight(b.Bytes(), "\n")), err
}

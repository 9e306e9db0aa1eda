package registry

import (
	"bytes"
	"encoding/json"
	"io"
)

// MaxJSON is the most bytes of a free-form JSON value (hyperparameters, parameters).
const MaxJSON = 64 << 10

// JSON is any JSON value in canonical form: keys sorted at every level, no white
// space, numbers as the input wrote them.
type JSON []byte

// Canonical marshals a value to canonical JSON.
func Canonical(v any) ([]byte, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var tree any
	if err := d.Decode(&tree); err != nil {
		return nil, err
	}
	if err := checkNumbers(tree); err != nil {
		return nil, err
	}
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if err := e.Encode(tree); err != nil {
		return nil, err
	}
	return bytes.TrimRight(out.Bytes(), "\n"), nil
}

// checkNumbers refuses numbers that no reader of JSON could hold, such as 1e400.
func checkNumbers(v any) error {
	switch v := v.(type) {
	case json.Number:
		if _, err := v.Float64(); err != nil {
			return Invalid("json", "holds the number %s, which is out of range; write it as a text", Shorten(v.String(), 40))
		}
	case []any:
		for _, x := range v {
			if err := checkNumbers(x); err != nil {
				return err
			}
		}
	case map[string]any:
		for _, x := range v {
			if err := checkNumbers(x); err != nil {
				return err
			}
		}
	}
	return nil
}

// MarshalJSON writes the value as it is, null when empty.
func (j JSON) MarshalJSON() ([]byte, error) {
	if len(j) == 0 {
		return []byte("null"), nil
	}
	return j, nil
}

// UnmarshalJSON reads a value and brings it into canonical form.
func (j *JSON) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		*j = nil
		return nil
	}
	c, err := Canonical(json.RawMessage(b))
	*j = c
	return err
}

// MarshalGQL writes the value as a GraphQL JSON scalar.
func (j JSON) MarshalGQL(w io.Writer) {
	b, _ := j.MarshalJSON()
	w.Write(b)
}

// UnmarshalGQL reads any GraphQL value; more than MaxJSON bytes is INVALID_ARGUMENT.
func (j *JSON) UnmarshalGQL(v any) error {
	if v == nil {
		*j = nil
		return nil
	}
	b, err := Canonical(v)
	if CodeOf(err) == InvalidArgument {
		return err
	}
	if err != nil {
		return Invalid("json", "is not a JSON value")
	}
	if len(b) > MaxJSON {
		return Invalid("json", "is larger than %d bytes", MaxJSON)
	}
	*j = b
	return nil
}

package mlflow

import (
	"bytes"
	"encoding/json"
	"io"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"pedigree/registry"
)

// fields are the fields of a request, by their names in snake case. A value of a query is a
// list of texts, one of a body is JSON. Fields that a route does not know are ignored: newer
// clients send more.
type fields map[string]any

// fieldsOfQuery returns the fields of a query.
func fieldsOfQuery(q url.Values) (fields, error) {
	out := fields{}
	for name, values := range q {
		for _, v := range values {
			if !utf8.ValidString(v) {
				return nil, registry.Errorf(registry.InvalidArgument, "a parameter is not valid UTF-8")
			}
		}
		if err := out.add(name, values); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// errBody is the refusal of a body that is no JSON object. It does not repeat the body.
var errBody = registry.Errorf(registry.InvalidArgument, "the body is not one JSON object in UTF-8")

// fieldsOfBody returns the fields of a body. An empty body has none.
func fieldsOfBody(body []byte) (fields, error) {
	out := fields{}
	if len(bytes.TrimSpace(body)) == 0 {
		return out, nil
	}
	if !utf8.Valid(body) {
		return nil, errBody
	}
	d := json.NewDecoder(bytes.NewReader(body))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, errBody
	}
	for d.More() {
		t, err := d.Token()
		name, ok := t.(string)
		var value json.RawMessage
		if err != nil || !ok || d.Decode(&value) != nil {
			return nil, errBody
		}
		if err := out.add(name, value); err != nil {
			return nil, err
		}
	}
	if _, err := d.Token(); err != nil {
		return nil, errBody
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errBody
	}
	return out, nil
}

// add adds a field under its name in snake case. A field in both spellings, or given twice, is
// refused.
func (f fields) add(name string, value any) error {
	var b strings.Builder
	for _, r := range name {
		if unicode.IsUpper(r) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	if _, twice := f[b.String()]; twice {
		return invalidField(b.String(), "is given twice")
	}
	f[b.String()] = value
	return nil
}

// invalidField is the refusal of the value of a field.
func invalidField(name, why string) error {
	return registry.Errorf(registry.InvalidArgument, "Invalid value for parameter '%s': it %s", registry.Shorten(name, 60), why)
}

// missing is the refusal of a request without a field.
func missing(name string) error {
	return registry.Errorf(registry.InvalidArgument, "Missing value for required parameter '%s'.", name)
}

// has reports whether a field is given, and is not null.
func (f fields) has(name string) bool {
	v, ok := f[name]
	raw, isRaw := v.(json.RawMessage)
	return ok && !(isRaw && string(raw) == "null")
}

// text returns a text field, "" when it is not given. A number is taken as its text.
func (f fields) text(name string) (string, error) {
	if !f.has(name) {
		return "", nil
	}
	switch v := f[name].(type) {
	case []string:
		if len(v) != 1 {
			return "", invalidField(name, "is given more than once")
		}
		return v[0], nil
	case json.RawMessage:
		var s string
		if json.Unmarshal(v, &s) == nil {
			return s, nil
		}
		var n json.Number
		if json.Unmarshal(v, &n) == nil {
			return n.String(), nil
		}
	}
	return "", invalidField(name, "must be a string")
}

// required returns text fields that must not be empty, in order.
func (f fields) required(names ...string) ([]string, error) {
	out := make([]string, len(names))
	for i, name := range names {
		v, err := f.text(name)
		if err != nil {
			return nil, err
		}
		if v == "" {
			return nil, missing(name)
		}
		out[i] = v
	}
	return out, nil
}

// list returns a field that is a list of texts.
func (f fields) list(name string) ([]string, error) {
	if !f.has(name) {
		return nil, nil
	}
	switch v := f[name].(type) {
	case []string:
		return v, nil
	case json.RawMessage:
		var out []string
		if json.Unmarshal(v, &out) == nil {
			return out, nil
		}
	}
	return nil, invalidField(name, "must be a list of strings")
}

// number returns an integer field, or def when it is not given.
func (f fields) number(name string, def int) (int, error) {
	text, err := f.text(name)
	if err != nil || !f.has(name) {
		return def, err
	}
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil {
		return 0, invalidField(name, "must be an integer")
	}
	return int(n), nil
}

// flag returns a boolean field, false when it is not given.
func (f fields) flag(name string) (bool, error) {
	if !f.has(name) {
		return false, nil
	}
	text := ""
	switch v := f[name].(type) {
	case []string:
		text = strings.ToLower(v[0])
	case json.RawMessage:
		text = string(v)
	}
	if !slices.Contains([]string{"true", "false"}, text) {
		return false, invalidField(name, "must be true or false")
	}
	return text == "true", nil
}

// tags returns the field tags. Of a key that is given twice, the last counts, as in MLflow.
func (f fields) tags() ([]registry.KeyValue, error) {
	raw, ok := f["tags"].(json.RawMessage)
	if !ok || !f.has("tags") {
		return nil, nil
	}
	var in []struct {
		Key   string  `json:"key"`
		Value *string `json:"value"`
	}
	if json.Unmarshal(raw, &in) != nil {
		return nil, invalidField("tags", "must be a list of objects with key and value")
	}
	var out []registry.KeyValue
	for _, t := range in {
		if t.Key == "" {
			return nil, missing("key")
		}
		kv := registry.KeyValue{Key: t.Key}
		if t.Value != nil {
			kv.Value = *t.Value
		}
		if i := slices.IndexFunc(out, func(old registry.KeyValue) bool { return old.Key == kv.Key }); i >= 0 {
			out[i] = kv
		} else {
			out = append(out, kv)
		}
	}
	return out, nil
}

// versionNumber returns the field version, which is the number of a version.
func (f fields) versionNumber() (int, error) {
	text, err := f.text("version")
	if err != nil {
		return 0, err
	}
	if text == "" {
		return 0, missing("version")
	}
	n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 32)
	if err != nil {
		return 0, registry.Errorf(registry.InvalidArgument, "Parameter 'version' must be an integer, got '%s'.", registry.Shorten(text, 60))
	}
	return int(n), nil
}

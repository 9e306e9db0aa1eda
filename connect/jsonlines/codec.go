// Package jsonlines reads and writes facts as JSON Lines: one bulk.FactInput on each line,
// with the field names of the GraphQL schema. It loads a stream in transactions of many
// lines and reports each line that is refused. The service, not this package, checks what a
// fact means.
package jsonlines

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"time"
	"unicode/utf8"

	"pedigree/registry"
	"pedigree/service/bulk"
)

// The limits of a line, beside registry.MaxFactBytes: levels of nesting, and entries of a
// list.
const (
	maxNested = 32
	maxItems  = 10000
)

// Decode decodes one line strictly: valid UTF-8, one JSON object, field names exactly as in
// the schema, no unknown and no duplicate field. It does not check the values;
// FactInput.Check does. Errors are INVALID_ARGUMENT.
func Decode(line []byte) (bulk.FactInput, error) {
	var f bulk.FactInput
	if !utf8.Valid(line) {
		return f, registry.Errorf(registry.InvalidArgument, "the line is not valid UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(line))
	d.UseNumber()
	if err := checkValue(d, reflect.TypeFor[bulk.FactInput](), "", 0); err != nil {
		return f, toRegistryError(err)
	}
	if _, err := d.Token(); err != io.EOF {
		return f, registry.Errorf(registry.InvalidArgument, "the line holds more than one JSON object")
	}
	return f, toRegistryError(json.Unmarshal(line, &f))
}

// toRegistryError replaces an error of encoding/json by an INVALID_ARGUMENT error that does
// not mention Go types.
func toRegistryError(err error) error {
	var known *registry.Error
	var typed *json.UnmarshalTypeError
	switch {
	case err == nil || errors.As(err, &known):
		return err
	case errors.As(err, &typed):
		return registry.Invalid(typed.Field, "cannot hold a %s", typed.Value)
	}
	return registry.Errorf(registry.InvalidArgument, "the line is no JSON object; write one fact a line")
}

var (
	timeType = reflect.TypeFor[time.Time]()
	jsonType = reflect.TypeFor[registry.JSON]()
)

// checkValue reads one value and checks its form against a type. A nil type allows any
// value.
func checkValue(d *json.Decoder, t reflect.Type, path string, level int) error {
	if level > maxNested {
		return registry.Invalid(path, "is nested deeper than %d levels", maxNested)
	}
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == jsonType {
		t = nil
	}
	token, err := d.Token()
	if err != nil {
		return err
	}
	if _, text := token.(string); t == timeType && !text && token != nil {
		return registry.Invalid(path, "is no time; write it as 2026-01-31T12:00:00Z")
	}
	switch token := token.(type) {
	case json.Delim:
		if token == '{' {
			return checkObject(d, t, path, level)
		}
		return checkList(d, t, path, level)
	case string:
		if t == timeType {
			if _, err := time.Parse(time.RFC3339, token); err != nil {
				return registry.Invalid(path, "%q is no time; write it as 2026-01-31T12:00:00Z", registry.Shorten(token, 40))
			}
		}
	}
	if level == 0 {
		return errors.New("not an object")
	}
	return nil
}

func checkObject(d *json.Decoder, t reflect.Type, path string, level int) error {
	if t != nil && (t.Kind() != reflect.Struct || t == timeType) {
		return registry.Invalid(path, "cannot hold an object")
	}
	seen := map[string]bool{}
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return err
		}
		key, _ := token.(string)
		fieldPath := strings.TrimPrefix(path+"."+key, ".")
		if seen[key] {
			return registry.Invalid(registry.Shorten(fieldPath, 100), "is given twice")
		}
		seen[key] = true
		var fieldOf reflect.Type
		if t != nil {
			if fieldOf = fieldType(t, key); fieldOf == nil {
				return registry.Invalid(registry.Shorten(fieldPath, 100), "there is no such field; docs/facts.md lists them")
			}
		}
		if err := checkValue(d, fieldOf, fieldPath, level+1); err != nil {
			return err
		}
	}
	_, err := d.Token()
	return err
}

func checkList(d *json.Decoder, t reflect.Type, path string, level int) error {
	if t != nil && t.Kind() != reflect.Slice || level == 0 {
		return registry.Invalid(path, "cannot hold a list")
	}
	if t != nil {
		t = t.Elem()
	}
	for n := 0; d.More(); n++ {
		if n == maxItems {
			return registry.Invalid(path, "has more than %d entries", maxItems)
		}
		if err := checkValue(d, t, fmt.Sprintf("%s[%d]", path, n), level+1); err != nil {
			return err
		}
	}
	_, err := d.Token()
	return err
}

// fieldType returns the type of a struct field by its JSON name, or nil when there is none.
func fieldType(t reflect.Type, name string) reflect.Type {
	for i := range t.NumField() {
		f := t.Field(i)
		tag, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if tag == name && tag != "-" && tag != "" {
			return f.Type
		}
	}
	return nil
}

// Encode writes a fact as one line with its line end. Equal facts give equal bytes.
func Encode(w io.Writer, f bulk.FactInput) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e.Encode(f)
}

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
	line = bytes.TrimPrefix(line, byteOrderMark)
	if !utf8.Valid(line) {
		return f, registry.Errorf(registry.InvalidArgument, "the line is not valid UTF-8")
	}
	c := &lineChecker{Decoder: json.NewDecoder(bytes.NewReader(line)), line: line}
	c.UseNumber()
	if err := c.checkValue(reflect.TypeFor[bulk.FactInput](), "", 0); err != nil {
		return f, toRegistryError(err)
	}
	if _, err := c.Token(); err != io.EOF {
		return f, registry.Errorf(registry.InvalidArgument, "the line holds more than one JSON object")
	}
	return f, toRegistryError(json.Unmarshal(c.withTimes(), &f))
}

// byteOrderMark may stand before a line, as some editors begin files with it.
var byteOrderMark = []byte("\ufeff")

// lineChecker reads a line and checks its form.
type lineChecker struct {
	*json.Decoder
	line []byte
	// rewritten are the times that encoding/json does not read, such as dates.
	rewritten []rewrittenTime
}

// rewrittenTime is a time at an offset of a line, and the text that stands for it.
type rewrittenTime struct {
	from, to int64
	text     string
}

// withTimes returns the line with all times in the form that encoding/json reads.
func (c *lineChecker) withTimes() []byte {
	if len(c.rewritten) == 0 {
		return c.line
	}
	var out []byte
	var from int64
	for _, r := range c.rewritten {
		out = append(append(out, c.line[from:r.from]...), r.text...)
		from = r.to
	}
	return append(out, c.line[from:]...)
}

// checkTime checks a time that was just read, as registry.ParseTime reads it.
func (c *lineChecker) checkTime(text, path string) error {
	t, err := registry.ParseTime(text)
	if err == nil && new(time.Time).UnmarshalText([]byte(text)) == nil {
		return nil
	}
	quote := c.InputOffset() - 1
	if err == nil && bytes.HasSuffix(c.line[:quote], []byte(text)) {
		c.rewritten = append(c.rewritten, rewrittenTime{quote - int64(len(text)), quote, t.Format(time.RFC3339Nano)})
		return nil
	}
	return registry.Invalid(path, "%q is no time; write it as 2026-01-31T12:00:00Z or 2026-01-31", registry.Shorten(text, 40))
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
func (c *lineChecker) checkValue(t reflect.Type, path string, level int) error {
	if level > maxNested {
		return registry.Invalid(path, "is nested deeper than %d levels", maxNested)
	}
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == jsonType {
		t = nil
	}
	token, err := c.Token()
	if err != nil {
		return err
	}
	if _, text := token.(string); t == timeType && !text && token != nil {
		return registry.Invalid(path, "is no time; write it as 2026-01-31T12:00:00Z")
	}
	switch token := token.(type) {
	case nil:
		if t != nil && strings.HasSuffix(path, "]") {
			return registry.Invalid(path, "must not be null")
		}
	case json.Delim:
		if token == '{' {
			return c.checkObject(t, path, level)
		}
		return c.checkList(t, path, level)
	case string:
		if t == timeType {
			return c.checkTime(token, path)
		}
	}
	if level == 0 {
		return errors.New("not an object")
	}
	return nil
}

func (c *lineChecker) checkObject(t reflect.Type, path string, level int) error {
	if t != nil && (t.Kind() != reflect.Struct || t == timeType) {
		return registry.Invalid(path, "cannot hold an object")
	}
	seen := map[string]bool{}
	for c.More() {
		token, err := c.Token()
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
		if err := c.checkValue(fieldOf, fieldPath, level+1); err != nil {
			return err
		}
	}
	_, err := c.Token()
	return err
}

func (c *lineChecker) checkList(t reflect.Type, path string, level int) error {
	if t != nil && t.Kind() != reflect.Slice || level == 0 {
		return registry.Invalid(path, "cannot hold a list")
	}
	if t != nil {
		t = t.Elem()
	}
	for n := 0; c.More(); n++ {
		if n == maxItems {
			return registry.Invalid(path, "has more than %d entries", maxItems)
		}
		if err := c.checkValue(t, fmt.Sprintf("%s[%d]", path, n), level+1); err != nil {
			return err
		}
	}
	_, err := c.Token()
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

// Encode writes a fact as one line with its line end. Equal facts give equal bytes. A line that
// Load would refuse for its length is INTERNAL.
func Encode(w io.Writer, f bulk.FactInput) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(f); err != nil {
		return err
	}
	if b.Len() > registry.MaxFactBytes+1 {
		return registry.Errorf(registry.Internal, "a fact takes %d bytes, and a line takes %d", b.Len()-1, registry.MaxFactBytes)
	}
	_, err := w.Write(b.Bytes())
	return err
}

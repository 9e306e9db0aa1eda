package wire

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"pedigree/registry"
)

// The limits of a body: levels of nesting, and entries of a list.
const (
	maxNested = 32
	maxItems  = 10000
)

// Decode reads a JSON object strictly into the struct that into points at: no unknown and no
// duplicate member, no conversion of one type into another. without are the struct fields
// that cannot be sent. It returns the paths of the members that are null, as the domain spells
// them; a null changes nothing. Errors are INVALID_ARGUMENT with the path as the body spells it.
func (c *Codec) Decode(body []byte, into any, without []string) (nulls []string, err error) {
	tree, err := parseObject(body)
	if err != nil {
		return nil, err
	}
	d := decoder{codec: c}
	err = d.object(tree, reflect.ValueOf(into).Elem(), "", "", without)
	slices.Sort(d.nulls)
	return d.nulls, err
}

// parseObject reads a body that is one JSON object. Numbers stay as they are written.
func parseObject(body []byte) (map[string]any, error) {
	if !utf8.Valid(body) {
		return nil, registry.Errorf(registry.InvalidArgument, "the body is not valid UTF-8")
	}
	p := parser{json.NewDecoder(bytes.NewReader(body)), bytes.Contains(body, []byte("�")) || bytes.Contains(bytes.ToLower(body), []byte(`\ufffd`))}
	p.UseNumber()
	tree, err := p.value(0)
	if err != nil {
		return nil, err
	}
	object, ok := tree.(map[string]any)
	if _, err := p.Token(); !ok || err != io.EOF {
		return nil, errNoObject
	}
	return object, nil
}

var errNoObject = registry.Errorf(registry.InvalidArgument, "the body is not one JSON object")

// parser reads JSON without converting or merging anything.
type parser struct {
	*json.Decoder
	// replaced is true when the text itself has the character that stands for unreadable ones.
	replaced bool
}

func (p *parser) value(level int) (any, error) {
	t, err := p.Token()
	if err != nil {
		return nil, errNoObject
	}
	if level > maxNested {
		return nil, registry.Errorf(registry.InvalidArgument, "the body is nested deeper than %d levels", maxNested)
	}
	switch t := t.(type) {
	case json.Delim:
		if t == '{' {
			return p.object(level)
		}
		return p.list(level)
	case string:
		return t, p.check(t)
	}
	return t, nil
}

// check refuses text that Go's decoder has changed, and NUL, which no store keeps.
func (p *parser) check(s string) error {
	if !p.replaced && strings.ContainsRune(s, utf8.RuneError) {
		return registry.Errorf(registry.InvalidArgument, "a text has half of a surrogate pair")
	}
	if strings.ContainsRune(s, 0) {
		return registry.Errorf(registry.InvalidArgument, "a text contains a NUL character")
	}
	return nil
}

func (p *parser) object(level int) (any, error) {
	out := map[string]any{}
	for p.More() {
		t, err := p.Token()
		key, ok := t.(string)
		if err != nil || !ok {
			return nil, errNoObject
		}
		if err := p.check(key); err != nil {
			return nil, err
		}
		if _, twice := out[key]; twice {
			return nil, registry.Invalid(registry.Shorten(key, 100), "is given twice")
		}
		if out[key], err = p.value(level + 1); err != nil {
			return nil, err
		}
	}
	if _, err := p.Token(); err != nil {
		return nil, errNoObject
	}
	return out, nil
}

func (p *parser) list(level int) (any, error) {
	out := []any{}
	for p.More() {
		if len(out) == maxItems {
			return nil, registry.Errorf(registry.InvalidArgument, "a list has more than %d entries", maxItems)
		}
		v, err := p.value(level + 1)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	if _, err := p.Token(); err != nil {
		return nil, errNoObject
	}
	return out, nil
}

// decoder puts a parsed body into Go values. path is spelled as in the body, domain as in the
// domain.
type decoder struct {
	codec *Codec
	nulls []string
}

func (d *decoder) object(tree map[string]any, into reflect.Value, path, domain string, without []string) error {
	s := d.codec.shapeOf(into.Type())
	for _, key := range slices.Sorted(mapKeys(tree)) {
		f := s.byName[key]
		at := strings.TrimPrefix(path+"."+key, ".")
		if f == nil || f.index == nil || slices.Contains(without, into.Type().FieldByIndex(f.index).Name) {
			return registry.Invalid(registry.Shorten(at, 100), "there is no such field")
		}
		inDomain := strings.TrimPrefix(domain+"."+f.domain, ".")
		if tree[key] == nil {
			d.nulls = append(d.nulls, inDomain)
			continue
		}
		if err := d.value(tree[key], into.FieldByIndex(f.index), at, inDomain); err != nil {
			return err
		}
	}
	return nil
}

func mapKeys(m map[string]any) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

func (d *decoder) value(tree any, into reflect.Value, path, domain string) error {
	if into.Type() == jsonType {
		return withPath(path, into.Addr().Interface().(*registry.JSON).UnmarshalGQL(tree))
	}
	if into.Kind() == reflect.Pointer {
		into.Set(reflect.New(into.Type().Elem()))
		return d.value(tree, into.Elem(), path, domain)
	}
	switch tree := tree.(type) {
	case string:
		if into.Kind() == reflect.String || into.Type() == timeType {
			return d.codec.setText(into, tree, path)
		}
	case bool:
		if into.Kind() == reflect.Bool {
			into.SetBool(tree)
			return nil
		}
	case json.Number:
		return setNumber(into, tree, path)
	case []any:
		if into.Kind() == reflect.Slice {
			return d.list(tree, into, path, domain)
		}
	case map[string]any:
		switch {
		case into.Kind() == reflect.Map:
			return d.dictionary(tree, into, path)
		case into.Kind() == reflect.Struct && into.Type() != timeType:
			return d.object(tree, into, path, domain, nil)
		}
	}
	return wrongType(into, path)
}

func wrongType(into reflect.Value, path string) error {
	wanted := map[reflect.Kind]string{reflect.String: "a text", reflect.Bool: "true or false", reflect.Slice: "a list", reflect.Struct: "an object", reflect.Map: "an object",
		reflect.Float64: "a number"}[into.Kind()]
	switch {
	case into.Type() == timeType:
		wanted = "a time such as 2026-01-31T12:00:00Z"
	case wanted == "":
		wanted = "a whole number"
	}
	return registry.Invalid(path, "must be %s", wanted)
}

func withPath(path string, err error) error {
	if err == nil {
		return nil
	}
	return registry.Invalid(path, "is no JSON value of at most %d bytes", registry.MaxJSON)
}

func (d *decoder) list(tree []any, into reflect.Value, path, domain string) error {
	out := reflect.MakeSlice(into.Type(), len(tree), len(tree))
	for i, v := range tree {
		at := fmt.Sprintf("%s[%d]", path, i)
		if v == nil {
			return registry.Invalid(at, "must not be null")
		}
		if err := d.value(v, out.Index(i), at, domain); err != nil {
			return err
		}
	}
	into.Set(out)
	return nil
}

func (d *decoder) dictionary(tree map[string]any, into reflect.Value, path string) error {
	out := reflect.MakeMap(into.Type())
	for key, v := range tree {
		value := reflect.New(into.Type().Elem()).Elem()
		if err := d.value(v, value, path+"."+key, ""); err != nil {
			return err
		}
		out.SetMapIndex(reflect.ValueOf(key), value)
	}
	into.Set(out)
	return nil
}

func setNumber(into reflect.Value, n json.Number, path string) error {
	switch into.Kind() {
	case reflect.Float64:
		f, err := n.Float64()
		if err != nil || math.IsInf(f, 0) {
			return registry.Invalid(path, "is out of range")
		}
		into.SetFloat(f)
		return nil
	case reflect.Int, reflect.Int64:
		i, err := strconv.ParseInt(n.String(), 10, into.Type().Bits())
		if err != nil {
			return registry.Invalid(path, "must be a whole number")
		}
		into.SetInt(i)
		return nil
	}
	return wrongType(into, path)
}

// setText sets a text, an enum in any case, an id or a time.
func (c *Codec) setText(into reflect.Value, text, path string) error {
	if values := c.enums[into.Type()]; values != nil {
		if !slices.Contains(values, strings.ToUpper(text)) {
			return registry.Invalid(path, "must be one of %s", strings.ToLower(strings.Join(values, ", ")))
		}
		into.SetString(strings.ToUpper(text))
		return nil
	}
	switch into.Type() {
	case timeType:
		t, err := registry.ParseTime(text)
		if err != nil {
			return registry.Invalid(path, "must be a time such as 2026-01-31T12:00:00Z")
		}
		into.Set(reflect.ValueOf(t))
		return nil
	case idType:
		id, err := registry.ParseID(text)
		if err != nil {
			return registry.Invalid(path, "%q is not an id of this registry", registry.Shorten(text, 60))
		}
		into.SetString(string(id))
		return nil
	}
	into.SetString(text)
	return nil
}

// DecodeText sets one value from the text of a parameter. A list is separated by commas, and the
// key of a tag ends at the first equals sign.
func (c *Codec) DecodeText(text, name string, into reflect.Value) error {
	if strings.ContainsRune(text, 0) {
		return registry.Invalid(name, "contains a NUL character")
	}
	switch {
	case into.Type() == tagType:
		key, value, found := strings.Cut(text, "=")
		if !found {
			return registry.Invalid(name, "must be a tag as KEY=VALUE")
		}
		into.Set(reflect.ValueOf(registry.KeyValue{Key: key, Value: value}))
		return nil
	case into.Kind() == reflect.Pointer:
		into.Set(reflect.New(into.Type().Elem()))
		return c.DecodeText(text, name, into.Elem())
	case into.Kind() == reflect.Slice:
		for part := range strings.SplitSeq(text, ",") {
			item := reflect.New(into.Type().Elem()).Elem()
			if err := c.DecodeText(part, name, item); err != nil {
				return err
			}
			into.Set(reflect.Append(into, item))
		}
		return nil
	case into.Kind() == reflect.Bool:
		if text != "true" && text != "false" {
			return registry.Invalid(name, "must be true or false")
		}
		into.SetBool(text == "true")
		return nil
	case into.Kind() == reflect.String || into.Type() == timeType:
		return c.setText(into, text, name)
	}
	return setNumber(into, json.Number(text), name)
}

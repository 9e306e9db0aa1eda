package wire

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"pedigree/registry"
)

// Encoded is a value as JSON, and the schema coordinates of the fields that were left out
// because the caller may not see them.
type Encoded struct {
	Body   []byte
	Hidden []string
}

// encoder writes one answer.
type encoder struct {
	ctx    context.Context
	codec  *Codec
	out    []byte
	hidden map[string]bool
}

// usualObject is a number of bytes that most objects need: room for them is made at once.
const usualObject = 1024

// Encode writes a value. fields are the members to write of an object, in that order; nil
// writes all.
func (c *Codec) Encode(ctx context.Context, v any, fields []string) (Encoded, error) {
	e := &encoder{ctx: ctx, codec: c, hidden: map[string]bool{}, out: make([]byte, 0, usualObject)}
	if err := e.value(reflect.ValueOf(v), fields); err != nil {
		return Encoded{}, err
	}
	return e.done(), nil
}

// EncodeList writes {"name": [items…], "next_page_token": next}. fields are those of the items.
func (c *Codec) EncodeList(ctx context.Context, name string, items any, next string, fields []string) (Encoded, error) {
	e := &encoder{ctx: ctx, codec: c, hidden: map[string]bool{}}
	e.out = append(e.out, '{')
	e.text(name)
	e.out = append(e.out, ':')
	if err := e.list(reflect.ValueOf(items), fields); err != nil {
		return Encoded{}, err
	}
	if next != "" {
		e.out = append(e.out, `,"next_page_token":`...)
		e.text(next)
	}
	e.out = append(e.out, '}')
	return e.done(), nil
}

func (e *encoder) done() Encoded {
	out := Encoded{Body: append(e.out, '\n')}
	for h := range e.hidden {
		out.Hidden = append(out.Hidden, h)
	}
	slices.Sort(out.Hidden)
	return out
}

func (e *encoder) value(v reflect.Value, fields []string) error {
	for v.IsValid() && (v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface) {
		if v.IsNil() {
			e.out = append(e.out, "null"...)
			return nil
		}
		if v.Kind() == reflect.Pointer && v.Elem().Kind() == reflect.Struct && v.Elem().Type() != timeType {
			return e.object(v, fields)
		}
		v = v.Elem()
	}
	if !v.IsValid() {
		e.out = append(e.out, "null"...)
		return nil
	}
	if values := e.codec.enums[v.Type()]; values != nil {
		e.text(strings.ToLower(v.String()))
		return nil
	}
	switch v.Type() {
	case timeType:
		e.text(v.Interface().(time.Time).UTC().Format(time.RFC3339Nano))
		return nil
	case jsonType:
		raw, err := v.Interface().(registry.JSON).MarshalJSON()
		e.out = append(e.out, raw...)
		return err
	case versionType:
		e.text(withV(v.String()))
		return nil
	}
	switch v.Kind() {
	case reflect.String:
		e.text(v.String())
	case reflect.Bool:
		e.out = strconv.AppendBool(e.out, v.Bool())
	case reflect.Int, reflect.Int32, reflect.Int64:
		e.out = strconv.AppendInt(e.out, v.Int(), 10)
	case reflect.Float64:
		b, err := json.Marshal(v.Float())
		if err != nil {
			return err
		}
		e.out = append(e.out, b...)
	case reflect.Slice:
		return e.list(v, nil)
	case reflect.Map:
		return e.dictionary(v)
	case reflect.Struct:
		p := reflect.New(v.Type())
		p.Elem().Set(v)
		return e.object(p, fields)
	default:
		return fmt.Errorf("wire: a %s cannot be written", v.Type())
	}
	return nil
}

// withV returns a version with a leading v.
func withV(version string) string {
	if version == "" || strings.HasPrefix(version, "v") {
		return version
	}
	return "v" + version
}

// text writes a JSON string.
func (e *encoder) text(s string) {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' || c >= 0x7f {
			b, _ := json.Marshal(s) // A string can always be marshalled.
			e.out = append(e.out, b...)
			return
		}
	}
	e.out = append(append(append(e.out, '"'), s...), '"')
}

func (e *encoder) list(v reflect.Value, fields []string) error {
	e.out = append(e.out, '[')
	for i := range v.Len() {
		if i > 0 {
			e.out = append(e.out, ',')
		}
		item := v.Index(i)
		if item.Kind() == reflect.Struct && item.Type() != timeType {
			item = item.Addr() // A list's items can be addressed; siblings are known by their address.
		}
		if err := e.value(item, fields); err != nil {
			return err
		}
	}
	e.out = append(e.out, ']')
	return nil
}

// dictionary writes a map in the order of its keys.
func (e *encoder) dictionary(v reflect.Value) error {
	keys := v.MapKeys()
	slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
	e.out = append(e.out, '{')
	for i, k := range keys {
		if i > 0 {
			e.out = append(e.out, ',')
		}
		e.text(k.String())
		e.out = append(e.out, ':')
		if err := e.value(v.MapIndex(k), nil); err != nil {
			return err
		}
	}
	e.out = append(e.out, '}')
	return nil
}

// object writes the struct that p points at. With fields it writes these alone, in their order.
func (e *encoder) object(p reflect.Value, fields []string) error {
	e.out = append(e.out, '{')
	start := len(e.out)
	if e.codec.isHollow(p) {
		e.out = append(e.out, '}')
		return nil
	}
	if fields == nil {
		if err := e.members(p, start, e.codec.shapeOf(p.Type().Elem())); err != nil {
			return err
		}
	}
	for _, name := range fields {
		holder, f := e.codec.member(p, name)
		if f == nil {
			continue
		}
		if err := e.member(holder, f, start); err != nil {
			return err
		}
	}
	e.out = append(e.out, '}')
	return nil
}

// isHollow reports whether a struct embeds a noun that is not there: a caller may write what it may
// not read.
func (c *Codec) isHollow(p reflect.Value) bool {
	for _, index := range c.shapeOf(p.Type().Elem()).inline {
		if p.Elem().FieldByIndex(index).IsNil() {
			return true
		}
	}
	return false
}

// Revision returns the revision of an object; false when it has none.
func (c *Codec) Revision(v any) (int, bool) {
	n, ok := v.(registry.Node)
	if p := reflect.ValueOf(v); !ok || p.IsNil() || c.isHollow(p) {
		return 0, false
	}
	return n.NodeMeta().Revision, true
}

// members writes all members of a struct, those of embedded nouns first.
func (e *encoder) members(p reflect.Value, start int, s *shape) error {
	for _, index := range s.inline {
		inner := p.Elem().FieldByIndex(index)
		for _, f := range e.codec.shapeOf(inner.Type().Elem()).fields {
			if s.byName[f.name] != nil {
				continue
			}
			if err := e.member(inner, f, start); err != nil {
				return err
			}
		}
	}
	for _, f := range s.fields {
		if err := e.member(p, f, start); err != nil {
			return err
		}
	}
	return nil
}

// member finds a member of an object by its name, and the struct that holds it.
func (c *Codec) member(p reflect.Value, name string) (holder reflect.Value, f *field) {
	s := c.shapeOf(p.Type().Elem())
	if f := s.byName[name]; f != nil {
		return p, f
	}
	for _, index := range s.inline {
		inner := p.Elem().FieldByIndex(index)
		if f := c.shapeOf(inner.Type().Elem()).byName[name]; f != nil {
			return inner, f
		}
	}
	return p, nil
}

// member writes one member, unless it is empty or hidden. start is where the object begins.
func (e *encoder) member(p reflect.Value, f *field, start int) error {
	if f.bit >= 0 && !maskOf(p).Has(f.bit) {
		e.hidden[f.noun+"."+f.domain] = true
		return nil
	}
	v, err := e.read(p, f)
	if err != nil || !f.always && isEmpty(v) {
		return err
	}
	if len(e.out) > start {
		e.out = append(e.out, ',')
	}
	e.text(f.name)
	e.out = append(e.out, ':')
	if f.version && v.Kind() == reflect.Slice {
		versions := make([]Version, v.Len())
		for i := range versions {
			versions[i] = Version(v.Index(i).String())
		}
		v = reflect.ValueOf(versions)
	}
	if f.typ == versionType {
		v = v.Convert(versionType)
	}
	return e.value(v, nil)
}

// read returns the value of a member.
func (e *encoder) read(p reflect.Value, f *field) (reflect.Value, error) {
	switch {
	case f.meta != nil:
		return reflect.ValueOf(f.meta(p.Interface().(registry.Node).NodeMeta())), nil
	case f.virtual != nil:
		v, err := f.virtual.Read(e.ctx, p.Interface())
		return reflect.ValueOf(v), err
	}
	return p.Elem().FieldByIndex(f.index), nil
}

// maskOf returns the mask of an object: what its caller may see of it.
func maskOf(p reflect.Value) registry.Mask {
	switch n := p.Interface().(type) {
	case registry.Node:
		return n.NodeMeta().Mask
	case *registry.LogEntry:
		return n.Mask
	}
	return registry.AllFields
}

// isEmpty reports whether a value tells nothing.
func isEmpty(v reflect.Value) bool {
	if !v.IsValid() {
		return true
	}
	switch v.Kind() {
	case reflect.Slice, reflect.Map:
		return v.Len() == 0
	case reflect.Pointer, reflect.Interface:
		return v.IsNil()
	}
	return v.IsZero()
}

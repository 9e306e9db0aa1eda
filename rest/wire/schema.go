package wire

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"pedigree/registry"
)

// Schema is a JSON Schema of the dialect of OpenAPI 3.1.
type Schema map[string]any

// Schemas collects the schemas of types as components of an OpenAPI document.
type Schemas struct {
	codec *Codec
	// Components has the schemas by name.
	Components map[string]Schema
	names      map[reflect.Type]string
	// input is true when the types are read, false when they are written.
	input bool
	// nouns are the types of which an answer may hold any.
	nouns []reflect.Type
	// partial are the types of which an answer may have some members only.
	partial map[reflect.Type]bool
}

// NewSchemas returns an empty collection. nouns are the types of objects that a member of an
// interface type may hold. partial are the types of which an answer may have some members only.
func (c *Codec) NewSchemas(nouns []reflect.Type, partial map[reflect.Type]bool) *Schemas {
	return &Schemas{codec: c, Components: map[string]Schema{}, names: map[reflect.Type]string{}, nouns: nouns, partial: partial}
}

// Output returns the schema of a type that is written.
func (s *Schemas) Output(t reflect.Type) Schema { s.input = false; return s.of(t) }

// Input returns the schema of a struct type that is read, without the struct fields of these
// names. required are the members that must be there.
func (s *Schemas) Input(t reflect.Type, without, required []string) Schema {
	s.input = true
	out := s.object(t, without)
	if len(required) > 0 {
		out["required"] = required
	}
	return out
}

// Parameter returns the schema of a query parameter. A list is one text, and so is a tag.
func (s *Schemas) Parameter(t reflect.Type) Schema {
	s.input = true
	if t == reflect.PointerTo(tagType) {
		return Schema{"type": "string", "pattern": "^[^=]+="}
	}
	return s.of(t)
}

func (s *Schemas) of(t reflect.Type) Schema {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if values := s.codec.enums[t]; values != nil {
		return s.enum(t, values)
	}
	switch t {
	case timeType:
		return Schema{"type": "string", "format": "date-time"}
	case jsonType:
		return Schema{}
	case idType:
		return Schema{"type": "string", "pattern": idPattern}
	case versionType:
		return Schema{"type": "string"}
	}
	switch t.Kind() {
	case reflect.String:
		return Schema{"type": "string"}
	case reflect.Bool:
		return Schema{"type": "boolean"}
	case reflect.Int, reflect.Int32:
		return Schema{"type": "integer", "format": "int32"}
	case reflect.Int64:
		return Schema{"type": "integer", "format": "int64"}
	case reflect.Float64:
		return Schema{"type": "number", "format": "double"}
	case reflect.Slice:
		return Schema{"type": "array", "items": s.of(t.Elem())}
	case reflect.Map:
		return Schema{"type": "object", "additionalProperties": s.of(t.Elem())}
	case reflect.Interface:
		return s.anyNoun()
	case reflect.Struct:
		return s.reference(t)
	}
	panic(fmt.Sprintf("wire: no schema for %s", t))
}

// idPattern is the form of the ids that an answer may have. A restricted object has one in base32hex.
const idPattern = "^[a-z]+_[0-9A-Za-z]+$"

// enum is the component of an enum. What is read may have any case.
func (s *Schemas) enum(t reflect.Type, values []string) Schema {
	name := cmp.Or(s.codec.names[t.Name()], t.Name())
	lower, constants := []string{}, []string{}
	for _, v := range values {
		lower = append(lower, strings.ToLower(v))
		words := lowerFirst(strings.ToLower(v))
		constants = append(constants, name+strings.ToUpper(words[:1])+words[1:])
	}
	// Generators name constants so; without it, a value can have the name of another type.
	s.Components[name] = Schema{"type": "string", "enum": lower, "x-enum-varnames": constants}
	return ref(name)
}

func ref(name string) Schema { return Schema{"$ref": "#/components/schemas/" + name} }

// anyNoun is the component of an object of any kind.
func (s *Schemas) anyNoun() Schema {
	const name = "Node"
	if s.Components[name] == nil {
		s.Components[name] = Schema{}
		var all []Schema
		for _, t := range s.nouns {
			all = append(all, s.reference(t))
		}
		s.Components[name] = Schema{"anyOf": all}
	}
	return ref(name)
}

// reference makes the component of a struct type and returns a reference to it.
func (s *Schemas) reference(t reflect.Type) Schema {
	name := s.name(t)
	if s.Components[name] == nil {
		s.Components[name] = Schema{} // It may refer to itself.
		s.Components[name] = s.object(t, nil)
	}
	return ref(name)
}

// name returns the name of the component of a struct type. What is read and what is written
// differ, so they have two.
func (s *Schemas) name(t reflect.Type) string {
	name := cmp.Or(s.codec.names[t.Name()], strings.TrimSuffix(t.Name(), "Input"))
	name = strings.ToUpper(name[:1]) + name[1:]
	if s.input {
		name += "Input"
	}
	for other, taken := range s.names {
		if taken == name && other != t {
			panic(fmt.Sprintf("wire: %s and %s are both called %s", other, t, name))
		}
	}
	s.names[t] = name
	return name
}

// object describes a struct. Members that may be hidden or empty are not required.
func (s *Schemas) object(t reflect.Type, without []string) Schema {
	properties, required := map[string]any{}, []string{}
	add := func(f *field, holder reflect.Type) {
		if s.input && (f.index == nil || slices.Contains(without, holder.FieldByIndex(f.index).Name)) {
			return
		}
		properties[f.name] = s.member(f, holder)
		if !s.input && !s.partial[t] && f.always && f.bit < 0 {
			required = append(required, f.name)
		}
	}
	shape := s.codec.shapeOf(t)
	for _, index := range shape.inline {
		inner := t.FieldByIndex(index).Type.Elem()
		for _, f := range s.codec.shapeOf(inner).fields {
			if shape.byName[f.name] == nil {
				add(f, inner)
			}
		}
	}
	for _, f := range shape.fields {
		add(f, t)
	}
	out := Schema{"type": "object", "properties": properties, "additionalProperties": false}
	if len(required) > 0 {
		slices.Sort(required)
		out["required"] = required
	}
	return out
}

// member describes one member. The kind of a noun is one value, which tells the nouns apart.
func (s *Schemas) member(f *field, holder reflect.Type) Schema {
	switch {
	case f.name == "kind" && f.meta != nil && holder != restrictType:
		if kind := kindOf(holder); kind != "" {
			return Schema{"type": "string", "const": strings.ToLower(string(kind))}
		}
	case f.name == "restricted":
		return Schema{"type": "boolean", "const": true}
	case f.version && f.typ.Kind() == reflect.Slice:
		return Schema{"type": "array", "items": Schema{"type": "string"}}
	case f.always && f.virtual != nil && f.typ.Kind() == reflect.Pointer:
		// Generators of clients do not know a list of types yet; a pattern says nothing of null.
		return Schema{"pattern": "^v[0-9]", "description": "A version, or null when there is none."}
	}
	return s.of(f.typ)
}

// kindOf returns the kind of a noun.
func kindOf(t reflect.Type) registry.Kind {
	for _, k := range registry.Kinds() {
		if n := k.NewNoun(""); n != nil && reflect.TypeOf(n).Elem() == t {
			return k
		}
	}
	return ""
}

// Package wire writes and reads the domain's types as the JSON of the REST API: names in
// snake_case, enums in lower case, versions with a v. A field that the caller may not see is
// left out. It also describes the types as JSON Schemas, from the same table of fields, so that
// the description cannot differ from what is written.
package wire

import (
	"context"
	"reflect"
	"strings"
	"sync"
	"time"
	"unicode"

	"pedigree/registry"
)

// Version is a semantic version; it is written with a leading v.
type Version string

// Virtual is a field of an object that is read when it is written. It stands in place of the
// struct field with its name, if there is one.
type Virtual struct {
	// Name is the name in JSON. Of is the field of the noun whose sight decides, "" for none.
	Name, Of string
	// Type is the type of what Read returns.
	Type reflect.Type
	// Null is true when the field is written as null when there is nothing.
	Null bool
	// Read returns the value for an object, which is a pointer to its struct.
	Read func(ctx context.Context, object any) (any, error)
}

// Codec writes and reads types. It is safe for concurrent use.
type Codec struct {
	enums    map[reflect.Type][]string
	virtuals map[reflect.Type][]Virtual
	// names replaces names, and leaves out the field when the new name is "-". The keys are Type.name.
	names    map[string]string
	versions map[string]bool
	shapes   sync.Map // reflect.Type → *shape
}

// Config is what a Codec cannot see in the types.
type Config struct {
	// Enums has the values of each type that is an enum, as the domain spells them.
	Enums map[reflect.Type][]string
	// Virtuals has further fields by struct type.
	Virtuals map[reflect.Type][]Virtual
	// Names replaces names of fields, by Type.name in the domain's spelling, and those of schemas,
	// by Type; "-" leaves a field out.
	Names map[string]string
	// Versions are the text fields that hold a version, as Type.name in the domain's spelling.
	Versions []string
}

// New returns a codec.
func New(c Config) *Codec {
	out := &Codec{enums: c.Enums, virtuals: c.Virtuals, names: c.Names, versions: map[string]bool{}}
	for _, v := range c.Versions {
		out.versions[v] = true
	}
	return out
}

// field is one member of a JSON object.
type field struct {
	name  string
	index []int
	// domain is the name in the domain: that in the field table and in null paths.
	domain string
	// noun and bit say who sees the field; noun is "" when everybody does who sees the object.
	noun string
	bit  int
	// always is true when the field is written also when it is empty.
	always  bool
	version bool
	virtual *Virtual
	typ     reflect.Type
	// meta is a function for the fields of registry.Meta.
	meta func(*registry.Meta) any
}

// shape has the members of a struct type. inline are the embedded nouns whose members come
// first.
type shape struct {
	typ    reflect.Type
	fields []*field
	inline [][]int
	byName map[string]*field
}

var (
	nodeType     = reflect.TypeFor[registry.Node]()
	metaType     = reflect.TypeFor[registry.Meta]()
	timeType     = reflect.TypeFor[time.Time]()
	jsonType     = reflect.TypeFor[registry.JSON]()
	tagType      = reflect.TypeFor[registry.KeyValue]()
	idType       = reflect.TypeFor[registry.ID]()
	kindType     = reflect.TypeFor[registry.Kind]()
	versionType  = reflect.TypeFor[Version]()
	maskType     = reflect.TypeFor[registry.Mask]()
	restrictType = reflect.TypeFor[registry.Restricted]()
)

// shapeOf returns the members of a struct type.
func (c *Codec) shapeOf(t reflect.Type) *shape {
	if s, ok := c.shapes.Load(t); ok {
		return s.(*shape)
	}
	s := &shape{typ: t, byName: map[string]*field{}}
	noun := registry.NounNamed(t.Name())
	if t.NumField() > 0 && t.Field(0).Type == metaType {
		s.addMeta(t)
	}
	for i := range t.NumField() {
		c.addField(s, noun, t.Field(i))
	}
	for _, v := range c.virtuals[t] {
		of, bit := "", -1
		if v.Of != "" {
			of, v.Of, _ = strings.Cut(v.Of, ".")
			bit = registry.Bit(of, v.Of)
		}
		s.add(&field{name: v.Name, domain: v.Of, noun: of, bit: bit, always: v.Null, virtual: &v, typ: v.Type})
	}
	found, _ := c.shapes.LoadOrStore(t, s)
	return found.(*shape)
}

// add appends a member; one of the same name is replaced in its place.
func (s *shape) add(f *field) {
	if old := s.byName[f.name]; old != nil {
		if f.bit < 0 {
			f.noun, f.bit, f.domain = old.noun, old.bit, old.domain
		}
		f.index = old.index // It is still read into the struct.
		*old = *f
		return
	}
	s.fields = append(s.fields, f)
	s.byName[f.name] = f
}

// addMeta adds what every node has.
func (s *shape) addMeta(t reflect.Type) {
	s.add(&field{name: "id", always: true, bit: -1, typ: idType, meta: func(m *registry.Meta) any { return m.ID }})
	s.add(&field{name: "kind", always: true, bit: -1, typ: kindType, meta: func(m *registry.Meta) any { return m.Kind }})
	if t == restrictType {
		s.add(&field{name: "restricted", always: true, bit: -1, typ: reflect.TypeFor[bool](), meta: func(*registry.Meta) any { return true }})
		return
	}
	s.add(&field{name: "revision", bit: -1, typ: reflect.TypeFor[int](), meta: func(m *registry.Meta) any { return m.Revision }})
	s.add(&field{name: "deleted", bit: -1, typ: reflect.TypeFor[bool](), meta: func(m *registry.Meta) any { return m.Deleted }})
}

// addField adds a field of a struct. Of a noun only the fields of the field table are written.
func (c *Codec) addField(s *shape, noun *registry.Noun, f reflect.StructField) {
	tag, options, _ := strings.Cut(f.Tag.Get("json"), ",")
	tagged := tag != ""
	switch {
	case f.Anonymous && f.Type.Kind() == reflect.Pointer && f.Type.Implements(nodeType):
		s.inline = append(s.inline, f.Index)
		return
	case f.Anonymous && f.Type.Kind() == reflect.Struct && f.Type != metaType && !tagged:
		for _, inner := range c.shapeOf(f.Type).fields {
			outer := *inner
			outer.index = append(append([]int{}, f.Index...), inner.index...)
			s.add(&outer)
		}
		return
	case tag == "-" || !f.IsExported() || f.Anonymous || f.Type == maskType || f.Type.Kind() == reflect.Func:
		return
	}
	if !tagged {
		tag = lowerFirst(f.Name)
	}
	out := &field{name: Snake(tag), domain: tag, index: f.Index, bit: -1, typ: f.Type, version: c.versions[s.typ.Name()+"."+tag]}
	if noun != nil {
		if out.noun, out.bit = noun.Name, registry.Bit(noun.Name, tag); out.bit < 0 {
			return
		}
	}
	if name := c.names[s.typ.Name()+"."+tag]; name == "-" {
		return
	} else if name != "" {
		out.name = name
	}
	if out.version && f.Type.Kind() == reflect.String {
		out.typ = versionType
	}
	omits := strings.Contains(options, "omitempty") || strings.Contains(options, "omitzero")
	out.always = tagged && !omits
	if !tagged {
		switch f.Type.Kind() { // What cannot be empty, and lists, are there always.
		case reflect.Bool, reflect.Int, reflect.Int64, reflect.Float64, reflect.Slice:
			out.always = true
		case reflect.Struct:
			out.always = f.Type != timeType
		}
	}
	s.add(out)
}

// lowerFirst returns a Go name as the domain spells it in JSON: ModelID is modelId.
func lowerFirst(name string) string {
	var out strings.Builder
	for i, part := range strings.Split(Snake(name), "_") {
		if i > 0 {
			part = strings.ToUpper(part[:1]) + part[1:]
		}
		out.WriteString(part)
	}
	return out.String()
}

// Snake returns a name in snake_case: modelId and ModelID are model_id.
func Snake(name string) string {
	runes := []rune(name)
	var out strings.Builder
	for i, r := range runes {
		if unicode.IsUpper(r) && i > 0 && runes[i-1] != '_' && runes[i-1] != '.' {
			after := i+1 < len(runes) && unicode.IsLower(runes[i+1])
			if !unicode.IsUpper(runes[i-1]) || after {
				out.WriteByte('_')
			}
		}
		out.WriteRune(unicode.ToLower(r))
	}
	return out.String()
}

package gate

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"

	"pedigree/registry"
)

// Fact is something that a condition looked at.
type Fact struct {
	// Path is the variable and the field, such as sources.licence.
	Path string
	// Noun and Field are the stored field behind it, Node the node that it was read from; "" for none.
	Noun, Field string
	Node        registry.ID
	// Name is what people call the node.
	Name string
	// Value is the value as text, "" when it is unknown.
	Value string
	Known bool
}

// maxFacts is how many facts an answer has, and maxFactText how long a value is.
const maxFacts, maxFactText = 20, 200

// trace collects what one evaluation looked at.
type trace struct {
	facts   []Fact
	nextID  int64
	dropped int
}

// add notes a fact once.
func (t *trace) add(f Fact) {
	if slices.Contains(t.facts, f) {
		return
	}
	if len(t.facts) >= maxFacts {
		t.dropped++
		return
	}
	t.facts = append(t.facts, f)
}

// unknown returns an unknown value for a path. Each has its own id, so that they add up.
func (t *trace) unknown(path string) ref.Val {
	t.nextID++
	return types.NewUnknown(-t.nextID, types.NewAttributeTrail(path))
}

// value is an Object in an evaluation. Reading a field of it notes what was read.
type value struct {
	object *Object
	path   string
	trace  *trace
	// item is true for an object of a set: what is read of it is told only if it decides.
	item bool
	read []Fact
}

// ConvertToNative fails: nothing outside needs the object.
func (v *value) ConvertToNative(t reflect.Type) (any, error) {
	return nil, fmt.Errorf("a %s cannot become a %v", v.object.Type, t)
}

// ConvertToType converts to the type of types only.
func (v *value) ConvertToType(t ref.Type) ref.Val {
	if t == types.TypeType {
		return cel.ObjectType(v.object.Type)
	}
	return types.NewErr("a %s cannot become a %s", v.object.Type, t.TypeName())
}

// Equal compares by identity.
func (v *value) Equal(other ref.Val) ref.Val {
	o, ok := other.(*value)
	return types.Bool(ok && o.object == v.object)
}

// Type returns the type of the object.
func (v *value) Type() ref.Type { return cel.ObjectType(v.object.Type) }

// Value returns the object.
func (v *value) Value() any { return v.object }

// Get returns a field, which is unknown when the object does not have it.
func (v *value) Get(index ref.Val) ref.Val {
	name, ok := index.(types.String)
	field, known := FieldOf(v.object.Type, string(name))
	if !ok || !known {
		return types.NewErr("a %s has no field %v", v.object.Type, index)
	}
	path := v.path + "." + field.Name
	raw, known := v.object.Fields[field.Name]
	if o, ok := raw.(*Object); ok {
		return &value{object: o, path: path, trace: v.trace}
	}
	f := Fact{Path: path, Noun: field.Noun, Field: field.NounField, Node: v.object.ID, Name: v.object.Name, Value: textOf(raw), Known: known}
	if !v.item {
		v.trace.add(f)
	} else if !slices.Contains(v.read, f) {
		v.read = append(v.read, f)
	}
	if !known {
		return v.trace.unknown(path)
	}
	return types.DefaultTypeAdapter.NativeToValue(raw)
}

// decided notes that an object of a set was decisive: what a condition read of it is told.
func (v *value) decided() {
	if len(v.read) == 0 {
		v.trace.add(Fact{Path: v.path, Node: v.object.ID, Name: v.object.Name, Value: v.object.Name, Known: true, Noun: "", Field: "id"})
	}
	for _, f := range v.read {
		v.trace.add(f)
	}
	v.read = nil
}

// textOf returns a value as text.
func textOf(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return registry.Shorten(v, maxFactText)
	case time.Time:
		return v.UTC().Format(time.RFC3339)
	}
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return registry.Shorten(strings.TrimSpace(string(b)), maxFactText)
}

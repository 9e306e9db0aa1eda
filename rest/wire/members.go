package wire

import (
	"reflect"
	"slices"
)

// Member is a member of a type that can be read from a parameter.
type Member struct {
	Name  string
	Index []int
	Type  reflect.Type
}

// Members lists the members of a struct type that are struct fields, but for those of Go names
// without.
func (c *Codec) Members(t reflect.Type, without []string) (out []Member) {
	for _, f := range c.shapeOf(t).fields {
		if f.index != nil && f.virtual == nil && !slices.Contains(without, t.FieldByIndex(f.index).Name) {
			out = append(out, Member{f.name, f.index, f.typ})
		}
	}
	return out
}

// Names lists the names of all members of a struct type, in the order in which they are written.
func (c *Codec) Names(t reflect.Type) (out []string) {
	s := c.shapeOf(t)
	for _, index := range s.inline {
		for _, name := range c.Names(t.FieldByIndex(index).Type.Elem()) {
			if s.byName[name] == nil {
				out = append(out, name)
			}
		}
	}
	for _, f := range s.fields {
		out = append(out, f.name)
	}
	return out
}

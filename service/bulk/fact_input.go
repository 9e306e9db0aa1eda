package bulk

import (
	"reflect"
	"strings"

	"pedigree/registry"
	"pedigree/service/core"
)

// factFields are the indexes of the fields of FactInput that hold a fact; factNames lists
// their JSON names, as text for an error message.
var factFields, factNames = listFactFields()

func listFactFields() (indexes []int, sentence string) {
	var names []string
	t := reflect.TypeFor[FactInput]()
	for i := range t.NumField() {
		if t.Field(i).Type.Implements(reflect.TypeFor[core.Fact]()) {
			name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
			indexes, names = append(indexes, i), append(names, name)
		}
	}
	last := len(names) - 1
	return indexes, strings.Join(names[:last], ", ") + " and " + names[last]
}

// fact returns the one fact that is set. It answers INVALID_ARGUMENT when none or several are.
func (in *FactInput) fact() (core.Fact, error) {
	var set []core.Fact
	v := reflect.ValueOf(in).Elem()
	for _, i := range factFields {
		if f := v.Field(i); !f.IsNil() {
			set = append(set, f.Interface().(core.Fact))
		}
	}
	if len(set) != 1 {
		return nil, registry.Errorf(registry.InvalidArgument, "a fact is exactly one of %s; %d are set", factNames, len(set))
	}
	return set[0], nil
}

// factInputOf returns a FactInput with the fact in the field of its type.
func factInputOf(ref string, f core.Fact) FactInput {
	out := FactInput{Ref: ref}
	v, value := reflect.ValueOf(&out).Elem(), reflect.ValueOf(f)
	for _, i := range factFields {
		if v.Field(i).Type() == value.Type() {
			v.Field(i).Set(value)
		}
	}
	return out
}

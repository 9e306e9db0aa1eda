package bulk

import (
	"reflect"
	"testing"

	"pedigree/registry"
	"pedigree/service/core"
)

// TestEveryIDOfAFactMayBeAReference fills each field of type registry.ID in each kind of fact
// with a reference, and checks that ResolveFact replaces all of them and leaves the fact that
// it was called on unchanged.
func TestEveryIDOfAFactMayBeAReference(t *testing.T) {
	ids := 0
	for _, i := range factFields {
		field := reflect.TypeFor[FactInput]().Field(i)
		v := reflect.New(field.Type.Elem())
		ids += fillIDs(v.Elem(), "@x")
		resolved := v.Interface().(core.Fact).ResolveFact(core.References{One: func(id registry.ID) registry.ID {
			if id == "@x" {
				return "resolved"
			}
			return id
		}})
		eachID(v.Elem(), field.Name, func(path string, id registry.ID) {
			if id != "@x" {
				t.Errorf("%s: the fact itself was changed to %q", path, id)
			}
		})
		eachID(reflect.ValueOf(resolved).Elem(), field.Name, func(path string, id registry.ID) {
			if id != "resolved" {
				t.Errorf("%s: %q is not replaced", path, id)
			}
		})
	}
	if ids < 15 {
		t.Errorf("only %d ids were found", ids)
	}
}

// fillIDs sets every id of a value, makes one element in every list, and returns the number
// of ids.
func fillIDs(v reflect.Value, to registry.ID) (n int) {
	switch {
	case v.Type() == reflect.TypeFor[registry.ID]():
		v.SetString(string(to))
		return 1
	case v.Kind() == reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		return fillIDs(v.Elem(), to)
	case v.Kind() == reflect.Slice && v.Type().Elem().Kind() != reflect.Uint8:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		return fillIDs(v.Index(0), to)
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				n += fillIDs(v.Field(i), to)
			}
		}
	}
	return n
}

// eachID calls do for every id of a value.
func eachID(v reflect.Value, path string, do func(path string, id registry.ID)) {
	switch {
	case v.Type() == reflect.TypeFor[registry.ID]():
		do(path, registry.ID(v.String()))
	case v.Kind() == reflect.Pointer && !v.IsNil():
		eachID(v.Elem(), path, do)
	case v.Kind() == reflect.Slice:
		for i := range v.Len() {
			eachID(v.Index(i), path+"[]", do)
		}
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				eachID(v.Field(i), path+"."+v.Type().Field(i).Name, do)
			}
		}
	}
}

package remote

import (
	"encoding/json"
	"maps"
	"reflect"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"pedigree/registry"
)

// input encodes an input of the service as the variable of a mutation. The schema has the
// service's field names in lower camel case. Zero values are left out. Text that is not
// valid UTF-8 is INVALID_ARGUMENT, because encoding/json would silently change it.
func input(in any) (map[string]any, error) {
	v, err := encode("", reflect.ValueOf(in))
	if err != nil {
		return nil, err
	}
	return v.(map[string]any), nil
}

// addInput sets a variable to an input of the service, unless it is nil.
func addInput[T any](vars map[string]any, name string, in *T) error {
	if in == nil {
		return nil
	}
	v, err := input(in)
	if err == nil {
		vars[name] = v
	}
	return err
}

var (
	marshalerType = reflect.TypeFor[json.Marshaler]()
	timeType      = reflect.TypeFor[time.Time]()
	// instantType is the type of the time at which a node was read, which is not an input.
	instantType = reflect.TypeFor[registry.Instant]()
)

func encode(path string, v reflect.Value) (any, error) {
	if v.Type() == timeType || v.Type().Implements(marshalerType) {
		return v.Interface(), nil
	}
	switch v.Kind() {
	case reflect.Pointer:
		return encode(path, v.Elem())
	case reflect.Struct:
		return encodeStruct(path, v)
	case reflect.Slice:
		out := make([]any, v.Len())
		for i := range out {
			var err error
			if out[i], err = encode(path, v.Index(i)); err != nil {
				return nil, err
			}
		}
		return out, nil
	case reflect.String:
		if !utf8.ValidString(v.String()) {
			return nil, registry.Invalid(path, "is not valid UTF-8")
		}
	}
	return v.Interface(), nil
}

func encodeStruct(path string, v reflect.Value) (map[string]any, error) {
	out := map[string]any{}
	for i := range v.NumField() {
		name, required := fieldName(v.Type().Field(i))
		f := v.Field(i)
		if f.IsZero() && !required || f.Type() == instantType {
			continue
		}
		if field := v.Type().Field(i); field.Anonymous && field.Tag.Get("json") == "" && f.Kind() == reflect.Struct {
			embedded, err := encodeStruct(path, f) // Its fields are fields of the input, as in JSON.
			if err != nil {
				return nil, err
			}
			maps.Copy(out, embedded)
			continue
		}
		value, err := encode(strings.TrimPrefix(path+"."+name, "."), f)
		if err != nil {
			return nil, err
		}
		out[name] = value
	}
	return out, nil
}

// fieldName returns the schema's name of a field, and whether the field is sent even when
// it is empty. Node types set both in their JSON tags; inputs follow the naming rule.
func fieldName(f reflect.StructField) (name string, required bool) {
	tag, options, _ := strings.Cut(f.Tag.Get("json"), ",")
	required = requiredTexts[f.Name] && f.Type.Kind() == reflect.String
	if tag != "" && tag != "-" {
		return tag, required || !strings.Contains(options, "omit")
	}
	return lowerCamel(f.Name), required
}

// requiredTexts holds the text fields that the schema requires in some input, so that they
// are sent even when empty. Where such a field is optional, an empty text means the same as
// none; where it is required, the service reports what is wrong.
var requiredTexts = map[string]bool{"Name": true, "URI": true, "SHA": true, "Dataset": true, "Producer": true, "RunID": true, "Model": true, "Version": true,
	"Environment": true, "Alias": true, "ID": true, "From": true, "To": true}

// lowerCamel converts SizeBytes to sizeBytes, URI to uri and RunID to runId.
func lowerCamel(name string) string {
	runes := []rune(name)
	out := make([]rune, len(runes))
	for i, r := range runes {
		// A capital letter stays where a word starts: after a lowercase letter, or before
		// one.
		startsWord := i > 0 && (unicode.IsLower(runes[i-1]) || i+1 < len(runes) && unicode.IsLower(runes[i+1]))
		if out[i] = unicode.ToLower(r); startsWord {
			out[i] = r
		}
	}
	return string(out)
}

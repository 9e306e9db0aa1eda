package remote

import (
	"encoding/json"
	"reflect"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"pedigree/registry"
)

// input writes an input of the service as the variable of its mutation. The
// schema names a field as the service does, in lower camel case; what is left out
// there is left out here. INVALID_ARGUMENT for text that is not valid UTF-8, which
// JSON would quietly change.
func input(in any) (map[string]any, error) {
	v, err := encode("", reflect.ValueOf(in))
	if err != nil {
		return nil, err
	}
	return v.(map[string]any), nil
}

var (
	marshalerType = reflect.TypeFor[json.Marshaler]()
	timeType      = reflect.TypeFor[time.Time]()
	// instantType is what nouns remember of being read; it is nobody's input.
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
		value, err := encode(strings.TrimPrefix(path+"."+name, "."), f)
		if err != nil {
			return nil, err
		}
		out[name] = value
	}
	return out, nil
}

// fieldName is what the schema calls a field, and whether it is sent also when it
// is empty: nouns say both in their JSON tags, inputs follow the rule.
func fieldName(f reflect.StructField) (name string, required bool) {
	tag, options, _ := strings.Cut(f.Tag.Get("json"), ",")
	required = requiredTexts[f.Name] && f.Type.Kind() == reflect.String
	if tag != "" && tag != "-" {
		return tag, required || !strings.Contains(options, "omit")
	}
	return lowerCamel(f.Name), required
}

// requiredTexts are the texts that the schema wants in some input. Where it does not, an
// empty one means the same as none; where it does, the service says what is wrong.
var requiredTexts = map[string]bool{"Name": true, "URI": true, "SHA": true, "Dataset": true, "Producer": true, "RunID": true, "Model": true, "Version": true,
	"Environment": true, "Alias": true, "ID": true, "From": true, "To": true}

// lowerCamel turns SizeBytes into sizeBytes, URI into uri and RunID into runId.
func lowerCamel(name string) string {
	runes := []rune(name)
	out := make([]rune, len(runes))
	for i, r := range runes {
		// A capital is kept where a word begins: behind a small letter, or before one.
		startsWord := i > 0 && (unicode.IsLower(runes[i-1]) || i+1 < len(runes) && unicode.IsLower(runes[i+1]))
		if out[i] = unicode.ToLower(r); startsWord {
			out[i] = r
		}
	}
	return string(out)
}

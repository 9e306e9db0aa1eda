package jsonlines

import (
	"encoding/json"
	"flag"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pedigree/registry"
	"pedigree/service/bulk"
)

var update = flag.Bool("update", false, "write docs/facts.schema.json")

// schemaOf returns the JSON Schema (2020-12) of a type.
func schemaOf(t reflect.Type) map[string]any {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	enum := map[reflect.Type]any{reflect.TypeFor[registry.RunKind](): registry.RunKinds(), reflect.TypeFor[registry.RunStatus](): registry.RunStatuses(),
		reflect.TypeFor[registry.DataRole](): registry.DataRoles(), reflect.TypeFor[registry.Stage](): registry.Stages(), reflect.TypeFor[registry.EdgeKind](): registry.EdgeKinds()}[t]
	switch {
	case enum != nil:
		return map[string]any{"enum": enum}
	case t == timeType:
		return map[string]any{"type": "string", "format": "date-time"}
	case t == jsonType:
		return map[string]any{}
	}
	switch t.Kind() {
	case reflect.Struct:
		properties := map[string]any{}
		for i := range t.NumField() {
			if name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ","); name != "" && name != "-" {
				properties[name] = schemaOf(t.Field(i).Type)
			}
		}
		return map[string]any{"type": "object", "properties": properties, "additionalProperties": false}
	case reflect.Slice:
		return map[string]any{"type": "array", "items": schemaOf(t.Elem())}
	case reflect.Bool:
		return map[string]any{"type": "boolean"}
	case reflect.Int, reflect.Int64:
		return map[string]any{"type": "integer"}
	case reflect.Float64:
		return map[string]any{"type": "number"}
	}
	return map[string]any{"type": "string"}
}

// TestTheSchemaFileMatchesTheDecoder compares docs/facts.schema.json with the types that
// lines are decoded into. The flag -update writes the file.
func TestTheSchemaFileMatchesTheDecoder(t *testing.T) {
	s := schemaOf(reflect.TypeFor[bulk.FactInput]())
	var one []any
	for name, p := range s["properties"].(map[string]any) {
		if name != "ref" {
			one = append(one, map[string]any{"required": []string{name}})
			delete(p.(map[string]any)["properties"].(map[string]any), "bump")
		}
	}
	// oneOf is built from a map, so it is sorted to have a fixed order.
	s["oneOf"] = sorted(one)
	s["properties"].(map[string]any)["ref"] = map[string]any{"type": "string", "pattern": "^[A-Za-z0-9._-]{1,64}$"}
	s["$schema"], s["title"] = "https://json-schema.org/draft/2020-12/schema", "A fact of Pedigree, one line of JSON Lines"
	want, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	want = append(want, '\n')
	const file = "../../docs/facts.schema.json"
	if *update {
		if err := os.WriteFile(file, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if have, err := os.ReadFile(file); err != nil || string(have) != string(want) {
		t.Errorf("docs/facts.schema.json is not what lines are read into: go test ./connect/jsonlines -update (%v)", err)
	}
}

func sorted(list []any) []any {
	text := map[string]any{}
	var keys []string
	for _, x := range list {
		b, _ := json.Marshal(x)
		text[string(b)] = x
		keys = append(keys, string(b))
	}
	slices.Sort(keys)
	out := make([]any, len(keys))
	for i, k := range keys {
		out[i] = text[k]
	}
	return out
}

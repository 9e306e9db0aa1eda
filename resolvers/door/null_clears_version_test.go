package door

import (
	"encoding/json"
	"fmt"
	"testing"

	"pedigree/registry"
)

// TestNullClearsInAVersion sets what updateModelVersion can change, and clears each alone by a
// null. The others stay.
func TestNullClearsInAVersion(t *testing.T) {
	d := newHandlers(t)
	for _, field := range []string{"description", "owner", "tags"} {
		var got map[string]any
		for _, input := range []map[string]any{{"description": "d", "owner": "o", "tags": []any{map[string]any{"key": "k", "value": "v"}}}, {field: nil}} {
			input["id"] = string(d.story.Version)
			text, _ := d.ask(d.withWriter, registry.RoleAdmin, `mutation($input: UpdateModelVersionInput!) { updateModelVersion(input: $input) { modelVersion { description owner tags { key } } } }`,
				map[string]any{"input": input})
			var a struct {
				Data struct {
					UpdateModelVersion struct{ ModelVersion map[string]any }
				}
				Errors []any
			}
			if err := json.Unmarshal([]byte(text), &a); err != nil || len(a.Errors) > 0 {
				t.Fatalf("%s", text)
			}
			got = a.Data.UpdateModelVersion.ModelVersion
		}
		for _, other := range []string{"description", "owner", "tags"} {
			if empty := got[other] == nil || fmt.Sprint(got[other]) == "[]"; empty != (other == field) {
				t.Errorf("null for %s: %s is %v", field, other, got[other])
			}
		}
	}
}

package door

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"

	"pedigree/registry"
)

// TestNullClearsInUpdates sets every field that updateModel and updateModelCard can change,
// and clears each alone by a null: as a literal, and in a variable. The others stay.
func TestNullClearsInUpdates(t *testing.T) {
	d := newHandlers(t)
	schema := d.withWriter.(*httpHandler).documents.schema
	id := string(d.story.Version)
	ask := func(query string, vars map[string]any) map[string]any {
		t.Helper()
		text, _ := d.ask(d.withWriter, registry.RoleAdmin, query, vars)
		var a struct {
			Data   map[string]any
			Errors []any
		}
		if err := json.Unmarshal([]byte(text), &a); err != nil || len(a.Errors) > 0 {
			t.Fatalf("%s %v: %s", query, vars, text)
		}
		return a.Data
	}
	full := map[string]any{"description": "d", "createdDate": "2024-01-01T00:00:00Z", "features": []any{"f"}, "dataPreprocessing": []any{"p"}, "limitations": []any{"l"},
		"modelDetails":          map[string]any{"algorithm": "a", "framework": "f", "hyperparameters": map[string]any{"k": 1.0}},
		"training":              map[string]any{"trainingDataVersion": "v", "trainingDate": "2024-01-01T00:00:00Z", "trainingTimeHours": 1.5, "samplesUsed": 7.0},
		"performance":           map[string]any{"accuracy": 0.5, "precision": 0.5, "recall": 0.5, "f1Score": 0.5, "metrics": []any{map[string]any{"name": "m", "value": 1.0}}},
		"ethicalConsiderations": map[string]any{"fairnessChecked": true, "biasAuditDone": false, "protectedGroups": []any{"g"}}}
	const selection = `description createdDate features dataPreprocessing limitations modelDetails { algorithm framework hyperparameters }
		training { trainingDataVersion trainingDate trainingTimeHours samplesUsed } performance { accuracy precision recall f1Score metrics { name value } }
		ethicalConsiderations { fairnessChecked biasAuditDone protectedGroups }`
	update := "mutation($input: UpdateModelCardInput!) { updateModelCard(input: $input) { card { " + selection + " } } }"
	card := func(data map[string]any) map[string]any {
		return data["updateModelCard"].(map[string]any)["card"].(map[string]any)
	}
	cleared := 0
	for _, path := range cardPaths(schema, full) {
		field, below, nested := strings.Cut(path, ".")
		for how, data := range map[string]func(part any) map[string]any{
			"variable": func(part any) map[string]any {
				return ask(update, map[string]any{"input": map[string]any{"id": id, "model": nil, "card": map[string]any{field: part}}})
			},
			"literal": func(part any) map[string]any {
				text := "null"
				if nested {
					text = "{" + below + ": null}"
				}
				return ask(fmt.Sprintf("mutation { updateModelCard(input: {id: %q, card: {%s: %s}}) { card { %s } } }", id, field, text, selection), nil)
			},
		} {
			ask(update, map[string]any{"input": map[string]any{"id": id, "card": full}})
			var part any
			if nested {
				part = map[string]any{below: nil}
			}
			got := card(data(part))
			if section, ok := got[field].(map[string]any); nested && (!ok || section[below] != nil) || !nested && got[field] != nil {
				t.Errorf("%s by a %s: %v", path, how, got[field])
			}
			for other, want := range full {
				if other != field && fmt.Sprint(got[other]) != fmt.Sprint(want) {
					t.Errorf("%s by a %s changed %s to %v", path, how, other, got[other])
				}
			}
			cleared++
		}
	}
	if cleared != 2*24 {
		t.Errorf("%d nulls were tried", cleared)
	}
	for _, field := range []string{"description", "owner", "tags"} {
		const set = `mutation($input: UpdateModelInput!) { updateModel(input: $input) { model { description owner tags { key } } } }`
		input := map[string]any{"model": "credit-approval", "description": "d", "owner": "o", "tags": []any{map[string]any{"key": "k", "value": "v"}}}
		ask(set, map[string]any{"input": input})
		got := ask(set, map[string]any{"input": map[string]any{"model": "credit-approval", "id": nil, field: nil}})["updateModel"].(map[string]any)["model"].(map[string]any)
		for _, other := range []string{"description", "owner", "tags"} {
			if empty := got[other] == nil || fmt.Sprint(got[other]) == "[]"; empty != (other == field) {
				t.Errorf("null for %s: %s is %v", field, other, got[other])
			}
		}
	}
	// Null does not clear what is derived.
	got := ask(`mutation($input: UpdateModelCardInput!) { updateModelCard(input: $input) { card { modelId name version creator status } } }`,
		map[string]any{"input": map[string]any{"id": id, "card": map[string]any{"modelId": nil, "name": nil, "version": nil, "creator": nil, "status": nil}}})
	for name, v := range card(got) {
		if v == nil {
			t.Errorf("%s is cleared", name)
		}
	}
}

// cardPaths returns the paths of the fields of a card that are not derived: those of full,
// and the fields of its sections. All of them must be in the schema.
func cardPaths(schema *ast.Schema, full map[string]any) (out []string) {
	input := schema.Types["ModelCardInput"]
	for _, field := range slices.Sorted(maps.Keys(full)) {
		out = append(out, field)
		if section := schema.Types[input.Fields.ForName(field).Type.Name()]; section.Kind == ast.InputObject && section.Name != "MetricInput" {
			for _, f := range section.Fields {
				out = append(out, field+"."+f.Name)
			}
		}
	}
	return out
}

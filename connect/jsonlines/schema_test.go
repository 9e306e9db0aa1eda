package jsonlines

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"pedigree/registry"
	"pedigree/service/bulk"
	"pedigree/service/catalog"
	"pedigree/service/facts"
	"pedigree/service/kubeflow"
)

var update = flag.Bool("update", false, "write docs/facts.schema.json")

// object is a part of a JSON Schema.
type object = map[string]any

// formRule says what the server wants of an object beyond the types of its fields.
type formRule struct {
	// required fields must be there and not empty. Of anyOf, one group of fields must be.
	required []string
	anyOf    [][]string
	// fields adds limits to single fields.
	fields map[string]object
	// with names a field that is required when another, a boolean, is true.
	with map[string]string
}

var (
	notNegative = object{"minimum": 0}
	fraction    = object{"minimum": 0, "maximum": 1}
	sha         = object{"pattern": "^([0-9a-fA-F]{40}|[0-9a-fA-F]{64})$"}
	digest      = object{"pattern": "^[a-z0-9_+.-]+:[0-9a-fA-F]{8,}(\\.dir)?$"}
	byVersion   = [][]string{{"model", "version"}, {"id"}}
)

// formRules are the rules by type. TestTheSchemaAgreesWithTheServer holds them to the server.
var formRules = map[reflect.Type]formRule{
	reflect.TypeFor[facts.RecordCommitsInput](): {required: []string{"repository", "commits"}, fields: map[string]object{"commits": {"minItems": 1, "maxItems": registry.MaxFacts}}},
	reflect.TypeFor[facts.RepositoryInput]():    {anyOf: [][]string{{"name"}, {"url"}}},
	reflect.TypeFor[facts.CommitInput]():        {required: []string{"sha"}, fields: map[string]object{"sha": sha, "parents": {"maxItems": 100}}},
	reflect.TypeFor[facts.RecordTagInput]():     {required: []string{"repository", "name", "sha"}, fields: map[string]object{"sha": sha}},
	reflect.TypeFor[facts.RecordDatasetVersionInput](): {required: []string{"dataset"}, fields: map[string]object{"digest": digest, "sizeBytes": notNegative, "rows": notNegative,
		"columns": {"maxItems": 5000}, "tags": {"maxItems": 200}, "derivedFrom": {"maxItems": 1000}}},
	reflect.TypeFor[registry.Column]():                     {required: []string{"name"}, fields: map[string]object{"derivedFrom": {"maxItems": registry.MaxColumnSources}}},
	reflect.TypeFor[registry.ColumnSource]():               {required: []string{"column"}, anyOf: [][]string{{"datasetVersion"}, {"dataset"}}, fields: map[string]object{"transformations": {"maxItems": registry.MaxTransformations}}},
	reflect.TypeFor[catalog.RegisterModelInput]():          {required: []string{"name"}, fields: map[string]object{"tags": {"maxItems": 200}}},
	reflect.TypeFor[facts.RecordFeatureInput]():            {anyOf: [][]string{{"definedOn", "column"}, {"model", "name"}}},
	reflect.TypeFor[facts.RecordRunInput]():                {required: []string{"producer", "runId", "name"}, fields: map[string]object{"metrics": {"maxItems": 1000}, "tags": {"maxItems": 200}}},
	reflect.TypeFor[catalog.RegisterModelVersionInput]():   {required: []string{"model"}, anyOf: [][]string{{"version"}, {"label"}}, fields: map[string]object{"number": notNegative, "tags": {"maxItems": 200}}},
	reflect.TypeFor[catalog.ArtifactInput]():               {required: []string{"name"}, fields: map[string]object{"digest": digest, "sizeBytes": notNegative}},
	reflect.TypeFor[catalog.TransitionModelVersionInput](): {required: []string{"to", "at"}, anyOf: byVersion, with: map[string]string{"force": "reason"}},
	reflect.TypeFor[catalog.SetAliasInput]():               {required: []string{"model", "alias", "version"}},
	reflect.TypeFor[facts.RecordDeploymentInput]():         {required: []string{"environment", "startedAt"}, anyOf: byVersion, fields: map[string]object{"trafficPercent": {"minimum": 0, "maximum": 100}}},
	reflect.TypeFor[facts.EndDeploymentInput]():            {required: []string{"id", "endedAt"}},
	reflect.TypeFor[facts.LinkLineageInput]():              {required: []string{"from", "to", "kind"}},
	reflect.TypeFor[facts.RetractLineageInput]():           {required: []string{"from", "to", "kind"}},
	reflect.TypeFor[kubeflow.RecordForeignInput](): {required: []string{"type"}, anyOf: [][]string{{"name"}, {"node", "externalId"}},
		fields: map[string]object{"type": {"enum": kubeflow.ForeignTypes()}, "properties": {"type": []string{"object", "null"}}, "fields": {"type": []string{"object", "null"}}}},
	reflect.TypeFor[registry.KeyValue]():     {required: []string{"key"}},
	reflect.TypeFor[registry.Metric]():       {required: []string{"name"}},
	reflect.TypeFor[registry.Performance]():  {fields: map[string]object{"accuracy": fraction, "precision": fraction, "recall": fraction, "f1Score": fraction, "metrics": {"maxItems": 1000}}},
	reflect.TypeFor[registry.TrainingInfo](): {fields: map[string]object{"trainingTimeHours": notNegative, "samplesUsed": notNegative}},
}

var enums = map[reflect.Type]any{reflect.TypeFor[registry.RunKind](): registry.RunKinds(), reflect.TypeFor[registry.RunStatus](): registry.RunStatuses(),
	reflect.TypeFor[registry.DataRole](): registry.DataRoles(), reflect.TypeFor[registry.Stage](): registry.Stages(), reflect.TypeFor[registry.EdgeKind](): registry.EdgeKinds()}

// schemaOf returns the JSON Schema (2020-12) of a type, without null.
func schemaOf(t reflect.Type) object {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case enums[t] != nil:
		return object{"enum": enums[t]}
	case t == timeType:
		return object{"type": "string", "anyOf": []any{object{"format": "date-time"}, object{"format": "date"}}}
	case t == jsonType:
		return object{}
	}
	switch t.Kind() {
	case reflect.Struct:
		return structSchema(t)
	case reflect.Slice:
		return object{"type": "array", "items": schemaOf(t.Elem()), "maxItems": maxItems}
	case reflect.Bool:
		return object{"type": "boolean"}
	case reflect.Int, reflect.Int64:
		return object{"type": "integer"}
	case reflect.Float64:
		return object{"type": "number"}
	}
	return object{"type": "string"}
}

func structSchema(t reflect.Type) object {
	rule, properties := formRules[t], object{}
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		if name == "" || name == "-" {
			continue
		}
		p := schemaOf(t.Field(i).Type)
		if t.Field(i).Type == reflect.TypeFor[*registry.ID]() {
			notEmpty(p)
		}
		for k, v := range rule.fields[name] {
			p[k] = v
		}
		if slices.Contains(rule.required, name) {
			notEmpty(p)
		} else {
			p = orNull(p)
		}
		properties[name] = p
	}
	out := object{"type": "object", "properties": properties, "additionalProperties": false}
	if len(rule.required) > 0 {
		out["required"] = rule.required
	}
	var groups []any
	for _, group := range rule.anyOf {
		given := object{}
		for _, name := range group {
			p := object{"type": "string"}
			notEmpty(p)
			given[name] = p
		}
		groups = append(groups, object{"required": group, "properties": given})
	}
	if groups != nil {
		out["anyOf"] = groups
	}
	for name, needed := range rule.with {
		out["if"] = object{"required": []string{name}, "properties": object{name: object{"const": true}}}
		out["then"] = object{"required": []string{needed}, "properties": object{needed: object{"type": "string", "minLength": 1}}}
	}
	return out
}

func notEmpty(p object) {
	if p["type"] == "string" {
		p["minLength"] = 1
	}
}

// orNull allows null too, which means the same as a field that is left out. Texts may be empty.
func orNull(p object) object {
	switch {
	case len(p) == 0:
		return p
	case p["type"] == "string" && p["anyOf"] == nil && p["pattern"] == nil && p["minLength"] == nil:
		return object{"type": []string{"string", "null"}}
	case p["type"] == "string" && p["pattern"] != nil:
		return object{"anyOf": []any{p, object{"enum": []any{nil, ""}}}}
	case p["enum"] != nil:
		return object{"anyOf": []any{p, object{"enum": []any{nil, ""}}}}
	}
	return object{"anyOf": []any{p, object{"type": "null"}}}
}

// factSchema returns the schema of a line.
func factSchema() object {
	s := structSchema(reflect.TypeFor[bulk.FactInput]())
	var one []any
	for name, p := range s["properties"].(object) {
		if name != "ref" {
			one = append(one, object{"required": []string{name}, "properties": object{name: object{"type": "object"}}})
			delete(p.(object)["anyOf"].([]any)[0].(object)["properties"].(object), "bump")
		}
	}
	// oneOf is built from a map, so it is sorted to have a fixed order.
	s["oneOf"] = sorted(one)
	s["properties"].(object)["ref"] = object{"type": []string{"string", "null"}, "pattern": "^([A-Za-z0-9._-]{1,64})?$"}
	s["$schema"], s["title"] = "https://json-schema.org/draft/2020-12/schema", "A fact of Pedigree, one line of JSON Lines"
	return s
}

// TestTheSchemaFileMatchesTheDecoder compares docs/facts.schema.json with the types that
// lines are decoded into. The flag -update writes the file.
func TestTheSchemaFileMatchesTheDecoder(t *testing.T) {
	want, err := json.MarshalIndent(factSchema(), "", "  ")
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

// TestTheSchemaAgreesWithTheServer changes each member of the documented lines in several ways:
// it is left out, null, empty, of another type, below its range, or an unknown name. The schema
// refuses a line exactly when the server does.
func TestTheSchemaAgreesWithTheServer(t *testing.T) {
	raw, err := json.Marshal(factSchema())
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("facts.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("facts.json")
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("../../docs/facts.md")
	if err != nil {
		t.Fatal(err)
	}
	_, block, _ := strings.Cut(string(page), "```json\n")
	block, _, _ = strings.Cut(block, "```")
	s, _, ctx := newRegistry(t)
	block = withoutRefs(t, ctx, s, block)
	refusal := func(line []byte) (why string) {
		if _, err := Load(ctx, bytes.NewReader(line), s, Options{Refused: func(r Refusal, _ []byte) error {
			if r.Code == registry.InvalidArgument || r.Code == registry.NotFound { // An empty id names nothing.
				why = r.Message
			}
			return nil
		}}); err != nil {
			t.Fatal(err)
		}
		return why
	}
	tried, refused := 0, 0
	check := func(line any) {
		text, err := json.Marshal(line)
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		tried++
		if bytes.Contains(text, []byte(`"modelVersion"`)) { // A known version stays as it is, so each is a new one.
			text = bytes.Replace(text, []byte(`"version":"1.0.0"`), fmt.Appendf(nil, `"version":"1.%d.0"`, tried), 1)
		}
		why, invalid := refusal(text), schema.Validate(parsed)
		if (why == "") != (invalid == nil) {
			t.Errorf("%s\nthe server: %q\nthe schema: %v", text, why, invalid)
		}
		if invalid != nil {
			refused++
		}
	}
	for line := range strings.Lines(block) {
		var fact map[string]any
		if err := json.Unmarshal([]byte(line), &fact); err != nil {
			t.Fatal(err)
		}
		check(fact)
		changeMembers(fact, func() { check(fact) })
	}
	if tried < 500 || refused < tried/4 || refused > tried*9/10 {
		t.Errorf("%d lines were tried, and %d refused", tried, refused)
	}
}

// withoutRefs records lines and returns them with ids in place of references.
func withoutRefs(t *testing.T, ctx context.Context, to Recorder, lines string) string {
	t.Helper()
	var in bulk.RecordFactsInput
	for line := range strings.Lines(lines) {
		f, err := Decode([]byte(line))
		if err != nil {
			t.Fatal(err)
		}
		in.Facts = append(in.Facts, f)
	}
	out, err := to.RecordFacts(ctx, in)
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range in.Facts {
		if f.Ref != "" {
			lines = strings.ReplaceAll(strings.ReplaceAll(lines, `"@`+f.Ref+`"`, `"`+string(*out.Facts[i].ID)+`"`), `"ref":"`+f.Ref+`",`, "")
		}
	}
	return lines
}

// changeMembers changes each member of an object, at every depth, in several ways, calls fn
// after each change and takes it back.
func changeMembers(m map[string]any, fn func()) {
	for name, was := range m {
		for _, v := range []any{nil, "", true, -1, []any{}, []any{nil}, map[string]any{"surprise": 1}} {
			m[name] = v
			fn()
		}
		delete(m, name)
		fn()
		m[name] = was
		switch below := was.(type) {
		case map[string]any:
			changeMembers(below, fn)
		case []any:
			for _, item := range below {
				if item, ok := item.(map[string]any); ok {
					changeMembers(item, fn)
				}
			}
		}
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

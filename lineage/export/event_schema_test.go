package export_test

import (
	"encoding/json"
	"os"
	"slices"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"pedigree/lineage/export"
	"pedigree/registry"
	"pedigree/service/facts"
	"pedigree/service/lineageout"
)

// withFacetSchemas adds the schemas of this registry's own facets and of facts.
func withFacetSchemas(t *testing.T, c *jsonschema.Compiler) *jsonschema.Compiler {
	t.Helper()
	for id, file := range map[string]string{"https://pedigree.example/openlineage-facets.schema.json": "../../docs/openlineage-facets.schema.json", "https://pedigree.example/facts.schema.json": "../../docs/facts.schema.json"} {
		f, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		doc, err := jsonschema.UnmarshalJSON(f)
		f.Close()
		if err == nil {
			err = c.AddResource(id, doc)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// TestEventsThatGoOutAreValid validates the events of the example, of its whole and of its log,
// against the published schemas and the schemas of this registry's facets.
func TestEventsThatGoOutAreValid(t *testing.T) {
	s, _, as := demoService(t)
	ctx := as(registry.RoleAdmin)
	raw, err := s.RecordDatasetVersion(ctx, facts.RecordDatasetVersionInput{Dataset: "raw", Columns: []registry.Column{{Name: "a", Type: "int"}}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.RecordDatasetVersion(ctx, facts.RecordDatasetVersionInput{Dataset: "clean", Tags: []registry.KeyValue{{Key: "team", Value: "risk"}}, DerivedFrom: []registry.ID{raw.DatasetVersion.ID}, Columns: []registry.Column{{Name: "b",
		DerivedFrom: []registry.ColumnSource{{DatasetVersion: raw.DatasetVersion.ID, Column: "a", Transformations: []registry.ColumnTransformation{{Type: registry.DirectTransformation, Subtype: "IDENTITY"}}}}}}}); err != nil {
		t.Fatal(err)
	}
	var lines [][]byte
	if _, err := s.ExportEvents(ctx, func(e lineageout.LineageEvent) error { lines = append(lines, e.Line); return nil }); err != nil {
		t.Fatal(err)
	}
	for after := int64(0); ; {
		events, upTo, err := s.EventsAfter(ctx, after)
		if err != nil {
			t.Fatal(err)
		}
		if after == upTo {
			break
		}
		for _, e := range events {
			lines = append(lines, e.Line)
		}
		after = upTo
	}
	c := withFacetSchemas(t, schemas(t))
	kinds, names := map[string]int{}, map[string]int{}
	for _, line := range lines {
		var e map[string]any
		if err := json.Unmarshal(line, &e); err != nil {
			t.Fatal(err)
		}
		if err := validate(c, e); err != nil {
			t.Fatalf("%v\n%.3000s", err, line)
		}
		told := 0
		facets(e, func(name string, _ map[string]any) {
			if names[name]++; name == export.FactsFacet {
				told++
			}
		})
		if told != 1 {
			t.Errorf("%d facets with facts: %.500s", told, line)
		}
		kinds[e["schemaURL"].(string)[len("https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/"):]]++
	}
	for _, kind := range []string{"RunEvent", "JobEvent", "DatasetEvent"} {
		if kinds[kind] == 0 {
			t.Errorf("there is no %s among %v", kind, kinds)
		}
	}
	for _, name := range []string{"schema", "columnLineage", "version", "sourceCodeLocation", "ownership", "tags", "jobType", "documentation", "datasetType", "nominalTime", "outputStatistics", "lineage"} {
		if names[name] == 0 {
			t.Errorf("no event has the facet %s", name)
		}
	}
	var known []string
	for name := range names {
		known = append(known, name)
	}
	slices.Sort(known)
	t.Logf("PROOF %d events that go out are valid by the published schemas: %v, with the facets %v", len(lines), kinds, known)
	if err := validate(c, map[string]any{"schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/DatasetEvent", "eventTime": "2026-01-01T00:00:00Z", "producer": "urn:x",
		"dataset": map[string]any{"namespace": "n", "name": "d", "facets": map[string]any{"pedigree_facts": map[string]any{"_producer": "urn:x", "_schemaURL": "https://pedigree.example/openlineage-facets.schema.json#/$defs/FactsFacet",
			"facts": []any{map[string]any{"run": map[string]any{"no": "such"}}}}}}}); err == nil {
		t.Error("a fact with an unknown field is valid by the schema")
	}
}

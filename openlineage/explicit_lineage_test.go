package openlineage

import (
	"fmt"
	"strings"
	"testing"

	"pedigree/registry"
)

const explicitEvent = `{"eventTime":"2026-11-24T10:00:00Z","eventType":"COMPLETE","producer":"p","run":{"runId":"0190a1b2-0000-7000-8000-000000000001"},
"job":{"namespace":"n","name":"etl","facets":{"lineage":{"_producer":"p","_schemaURL":"s","entries":[
 {"type":"DATASET","namespace":"postgresql://DB","name":"a.b.clean","inputs":[{"type":"DATASET","namespace":"s3a://lake","name":"/raw/t/","field":"region","transformations":[{"type":"INDIRECT","subtype":"FILTER"}]}],
  "fields":{"x":{"inputs":[{"type":"DATASET","namespace":"s3://lake","name":"raw/t","field":"x0","transformations":[{"type":"DIRECT","subtype":"IDENTITY"}]},{"type":"JOB"}]}}},
 {"type":"JOB","inputs":[{"type":"DATASET","namespace":"s3://other","name":"o"}]}]}}},
"inputs":[{"namespace":"s3://lake","name":"raw/t"}],
"outputs":[{"namespace":"s3://lake","name":"scores","facets":{"lineage":{"_producer":"p","_schemaURL":"s","inputs":[{"type":"DATASET","namespace":"s3://lake","name":"model"}],
  "fields":{"score":{"inputs":[{"type":"DATASET","namespace":"postgres://db:5432","name":"a.b.clean","field":"x"}]}}}}}]}`

// TestExplicitLineage reads the facet lineage of a job and of an output: it names datasets that the
// event does not list, and the columns that columns were made from.
func TestExplicitLineage(t *testing.T) {
	e, err := Parse([]byte(explicitEvent))
	if err != nil {
		t.Fatal(err)
	}
	var s RunState
	if _, err := s.Merge(e); err != nil {
		t.Fatal(err)
	}
	names := func(uses map[string]*Use) (out []string) {
		for _, u := range SortedUses(uses) {
			out = append(out, u.Namespace+" "+u.Name.Name)
		}
		return out
	}
	if got := fmt.Sprint(names(s.Inputs)); got != "[postgres://db:5432 a.b.clean s3://lake model s3://lake raw/t]" {
		t.Errorf("inputs %s", got)
	}
	if got := fmt.Sprint(names(s.Outputs)); got != "[postgres://db:5432 a.b.clean s3://lake scores]" {
		t.Errorf("outputs %s", got)
	}
	for _, u := range SortedUses(s.Outputs) {
		for column, inputs := range s.ColumnInputs(u) {
			text := column + " <-"
			for _, in := range inputs {
				text += " " + in.Dataset.Name + "." + in.Column
				for _, tr := range in.Transformations {
					text += " " + string(tr.Type) + "/" + tr.Subtype
				}
			}
			want := map[string]string{"x": "x <- raw/t.x0 DIRECT/IDENTITY raw/t.region INDIRECT/FILTER", "score": "score <- a.b.clean.x"}[column]
			if text != want {
				t.Errorf("%s, want %s", text, want)
			}
		}
	}
}

// TestExplicitLineageIsChecked refuses names that no dataset can have, with their path.
func TestExplicitLineageIsChecked(t *testing.T) {
	for path, event := range map[string]string{
		"job.facets.lineage.entries[0].name":        strings.Replace(explicitEvent, `"name":"a.b.clean","inputs"`, `"name":"","inputs"`, 1),
		"outputs[0].facets.lineage.inputs.name":     strings.Replace(explicitEvent, `"name":"model"`, `"name":"a\u0000b"`, 1),
		"job.facets.lineage.entries.inputs.field":   strings.Replace(explicitEvent, `"field":"region"`, `"field":7`, 1),
		"job.facets.lineage.entries[0].inputs.name": strings.Replace(explicitEvent, `"name":"/raw/t/"`, `"nome":"x"`, 1),
	} {
		_, err := Parse([]byte(event))
		if known, ok := err.(*registry.Error); !ok || known.Field != path {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// TestTheSourcesOfColumnsAreInputs reads an event as the wrapper of dbt sends it: the columns of its
// output are of a table that it does not list. The output itself and what is no name add nothing.
func TestTheSourcesOfColumnsAreInputs(t *testing.T) {
	source := func(namespace, name string) string {
		return fmt.Sprintf(`{"namespace":"%s","name":"%s","field":"id"}`, namespace, name)
	}
	const event = `{"eventTime":"2026-11-24T10:00:00Z","eventType":"COMPLETE","producer":"p","run":{"runId":"0190a1b2-0000-7000-8000-000000000001"},
"job":{"namespace":"n","name":"dbt"},"inputs":[{"namespace":"postgres://db:5432","name":"a.b.listed"}],"outputs":[{"namespace":"postgres://db:5432","name":"a.b.clean","facets":
{"columnLineage":{"_producer":"p","_schemaURL":"s","dataset":[%s],"fields":{"id":{"inputFields":[%s]}}}}}]}`
	e, err := Parse(fmt.Appendf(nil, event, source("postgresql://DB", "a.b.whole"), strings.Join([]string{source("postgres://db:5432", "a.b.seed"), source("postgresql://DB", "a.b.clean"),
		source("postgres://db:5432", "a.b.listed"), source("", "x"), source("postgres://db:5432", `a\u0000b`)}, ",")))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range e.Inputs {
		got = append(got, p.Namespace+" "+p.Name.Name)
	}
	if want := "[postgres://db:5432 a.b.listed postgres://db:5432 a.b.whole postgres://db:5432 a.b.seed]"; fmt.Sprint(got) != want {
		t.Errorf("the inputs are %s, want %s", got, want)
	}
}

// TestAColumnThatOnlyItsSourcesTellIsAColumn reads a version whose schema has one of the columns that
// its lineage names, as dbt tells it when one column is documented.
func TestAColumnThatOnlyItsSourcesTellIsAColumn(t *testing.T) {
	s := VersionState{Facets: Facets{schema: {Value: []byte(`{"fields":[{"name":"b","type":"int"}]}`)}, columnLineage: {Value: []byte(`{"fields":{"c":{"inputFields":[]},"b":{},"a":{}}}`)}}}
	var v registry.DatasetVersion
	s.Facts(&v)
	var got []string
	for _, c := range v.Columns {
		got = append(got, strings.Trim(c.Name+" "+c.Type, " "))
	}
	if fmt.Sprint(got) != "[b int a c]" {
		t.Errorf("the columns are %s", got)
	}
}

// TestJobsOfDBT tells what jobs of dbt are for: they make tables, and a test of one looks at data.
func TestJobsOfDBT(t *testing.T) {
	for job, want := range map[[2]string]registry.RunKind{
		{"db.main.shop.orders.build.run", "MODEL"}: registry.RunETL, {"db.main.shop.training_set", "MODEL"}: registry.RunETL, {"db.main.shop.customer_features.build.run", "MODEL"}: registry.RunFeatureEngineering,
		{"db.main.train.orders.snapshot", "SNAPSHOT"}: registry.RunETL, {"db.main.shop.orders.build.test", "TEST"}: "", {"dbt-run-shop", "JOB"}: "", {"orders", "MODEL"}: registry.RunETL,
	} {
		s := RunState{Job: Entry{Value: fmt.Appendf(nil, `{"namespace":"dbt","name":%q}`, job[0])}, JobFacets: Facets{jobType: {Value: fmt.Appendf(nil, `{"integration":"DBT","jobType":%q}`, job[1])}}}
		if got := s.Kind(); got != want {
			t.Errorf("%s %s is %q, want %q", job[1], job[0], got, want)
		}
	}
}

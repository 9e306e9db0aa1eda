package openlineage

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pedigree/registry"
)

const (
	runPart = `"run":{"runId":"0190A1B2-0000-7000-8000-000000000001"},"job":{"namespace":"n","name":"j"}`
	head    = `{"eventTime":"2026-11-23T04:04:00Z","producer":"https://p",`
)

func TestTheKindOfAnEvent(t *testing.T) {
	for raw, want := range map[string]EventKind{
		head + `"schemaURL":"https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",` + runPart + `}`:                            RunEvent,
		head + `"schemaURL":"https://openlineage.io/spec/1-0-5/OpenLineage.json#/definitions/JobEvent","job":{"namespace":"n","name":"j"}}`:   JobEvent,
		head + `"schemaURL":"https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/DatasetEvent","dataset":{"namespace":"n","name":"d"}}`: DatasetEvent,
		head + runPart + `}`:                             RunEvent,
		head + `"job":{"namespace":"n","name":"j"}}`:     JobEvent,
		head + `"dataset":{"namespace":"n","name":"d"}}`: DatasetEvent,
	} {
		e, err := Parse([]byte(raw))
		if err != nil || e.Kind != want {
			t.Errorf("%s: %v %v, want %s", raw, e, err, want)
		}
	}
}

func TestTheTimesThatProducersSend(t *testing.T) {
	for text, want := range map[string]string{
		"2026-11-23T04:04:00Z":                "2026-11-23T04:04:00Z",
		"2026-11-23T05:04:00.123456789+01:00": "2026-11-23T04:04:00.123456Z",
		"2026-11-23T04:04:00.5":               "2026-11-23T04:04:00.5Z",
		"2026-11-23T04:04:00":                 "2026-11-23T04:04:00Z",
		"2026-11-23T06:04:00.1+0200":          "2026-11-23T04:04:00.1Z",
	} {
		e, err := Parse([]byte(strings.Replace(head, "2026-11-23T04:04:00Z", text, 1) + runPart + `}`))
		if err != nil || e.Time.Format(time.RFC3339Nano) != want {
			t.Errorf("%s: %v %v, want %s", text, e, err, want)
		}
	}
}

// TestWhatIsWrongWithAnEventIsNamed has an event for each error, and the path that it names.
func TestWhatIsWrongWithAnEventIsNamed(t *testing.T) {
	deep := strings.Repeat(`{"a":`, 20000) + "1" + strings.Repeat("}", 20000)
	for raw, field := range map[string]string{
		``:                                 "event",
		`[]`:                               "event",
		"{\"producer\":\"\xff\"}":          "event",
		`{"producer":"p",` + runPart + `}`: "eventTime",
		`{"eventTime":7,` + runPart + `}`:  "eventTime",
		`{"eventTime":"yesterday","producer":"p",` + runPart + `}`:                                                                                                               "eventTime",
		`{"eventTime":"2026-11-23T04:04:00Z",` + runPart + `}`:                                                                                                                   "producer",
		head + `"eventType":"DONE",` + runPart + `}`:                                                                                                                             "eventType",
		head + `"run":{},"job":{"namespace":"n","name":"j"}}`:                                                                                                                    "run.runId",
		head + `"run":{"runId":"7"},"job":{"namespace":"n","name":"j"}}`:                                                                                                         "run.runId",
		head + `"run":{"runId":"0190a1b2-0000-7000-8000-000000000001"}}`:                                                                                                         "job",
		head + `"run":{"runId":"0190a1b2-0000-7000-8000-000000000001"},"job":{"namespace":"n"}}`:                                                                                 "job",
		head + runPart + `,"inputs":[{"namespace":"n","name":""}]}`:                                                                                                              "inputs[0].name",
		head + runPart + `,"inputs":[{"namespace":"n","name":"a"},{"namespace":"n\u0007","name":"b"}]}`:                                                                          "inputs[1].namespace",
		head + runPart + `,"inputs":{}}`:                                                                                                                                         "inputs",
		head + runPart + `,"outputs":[{"namespace":"n","name":"a","facets":[]}]}`:                                                                                                "outputs[0].facets",
		head + runPart + `,"outputs":[{"namespace":"n","name":"a","facets":{"schema":7}}]}`:                                                                                      "outputs[0].facets.schema",
		head + runPart + `,"outputs":[{"namespace":"n","name":"a","facets":{"schema":{"fields":[{"name":7}]}}}]}`:                                                                "outputs[0].facets.schema.fields.name",
		head + runPart + `,"outputs":[{"namespace":"n","name":"a","outputFacets":{"x":{"y":1e999}}}]}`:                                                                           "outputs[0].outputFacets.x",
		head + runPart + `,"outputs":[{"namespace":"n","name":"` + strings.Repeat("x", 1025) + `"}]}`:                                                                            "outputs[0].name",
		head + `"schemaURL":"x/DatasetEvent"}`:                                                                                                                                   "dataset",
		head + runPart + `,"inputs":[` + strings.TrimSuffix(strings.Repeat(`{"namespace":"n","name":"a"},`, MaxPorts+1), ",") + `]}`:                                             "inputs",
		head + `"run":{"runId":"0190a1b2-0000-7000-8000-000000000001","facets":{"x":` + deep + `}},"job":{"namespace":"n","name":"j"}}`:                                          "event",
		head + `"run":{"runId":"0190a1b2-0000-7000-8000-000000000001","facets":{"pedigree_modelVersion":{"model":"a/b","version":"1.0.0"}}},"job":{"namespace":"n","name":"j"}}`: "run.facets.pedigree_modelVersion.model",
	} {
		_, err := Parse([]byte(raw))
		var known *registry.Error
		if !errors.As(err, &known) || known.Code != registry.InvalidArgument || known.Field != field {
			t.Errorf("%.200s: %v, want an error at %s", raw, err, field)
		}
	}
}

// TestStatesDoNotDependOnTheOrderOfEvents merges random events in two orders.
func TestStatesDoNotDependOnTheOrderOfEvents(t *testing.T) {
	facets := []string{`"schema":{"fields":[{"name":"a","type":"int"}]}`, `"schema":{"fields":[{"name":"b","type":"int"}]}`, `"documentation":{"description":"x"}`,
		`"documentation":{"_deleted":true}`, `"version":{"datasetVersion":"1"}`, `"version":{"datasetVersion":"2"}`, `"schema":{"fields":[]}`}
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 3))
		var events []*Event
		for range 8 {
			raw := strings.Replace(head, "04:04:00Z", []string{"04:04:00Z", "04:05:00Z", "04:06:00Z"}[r.IntN(3)], 1) + `"eventType":"` + eventTypes[1+r.IntN(6)] + `",` + runPart +
				`,"inputs":[{"namespace":"n","name":"a","facets":{` + facets[r.IntN(len(facets))] + `}}],"outputs":[{"namespace":"n","name":"b","facets":{` + facets[r.IntN(len(facets))] + `}}]}`
			e, err := Parse([]byte(raw))
			if err != nil {
				t.Fatal(err)
			}
			events = append(events, e)
		}
		merge := func() string {
			var s RunState
			for _, e := range slices.Concat(events, events[:4]) {
				if _, err := s.Merge(e); err != nil {
					t.Fatal(err)
				}
			}
			if changed, err := s.Merge(events[0]); changed || err != nil {
				t.Errorf("seed %d: an event told something new the second time: %v", seed, err)
			}
			raw, err := json.Marshal(s)
			if err != nil {
				t.Fatal(err)
			}
			return string(raw)
		}
		want := merge()
		r.Shuffle(len(events), func(i, j int) { events[i], events[j] = events[j], events[i] })
		if diff := cmp.Diff(want, merge()); diff != "" {
			t.Fatalf("seed %d: %s", seed, diff)
		}
	}
}

// TestEveryFacetOfTheSpecificationIsInTheDocs checks that docs/openlineage.md says of each published
// facet what becomes of it, and that what it says is so.
func TestEveryFacetOfTheSpecificationIsInTheDocs(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "docs", "openlineage.md"))
	if err != nil {
		t.Fatal(err)
	}
	names, err := os.ReadFile(filepath.Join("testdata", "facets.txt"))
	if err != nil {
		t.Fatal(err)
	}
	mapped, kept := 0, 0
	for _, name := range append(strings.Fields(string(names)), modelVersionProduced, deploymentMade) {
		row := ""
		for _, line := range strings.Split(string(page), "\n") {
			if strings.HasPrefix(line, "| `"+name+"` |") {
				row = line
			}
		}
		switch isKept := strings.HasSuffix(row, "| kept |"); {
		case row == "":
			t.Errorf("docs/openlineage.md has no row for the facet %s", name)
		case isKept == (facetForms[name] != nil):
			t.Errorf("docs/openlineage.md says of %s: %s", name, row)
		case isKept:
			kept++
		default:
			mapped++
		}
	}
	t.Logf("PROOF of the published facets, and two of this registry's own, %d become facts and %d are kept", mapped, kept)
}

// FuzzParse checks that no input makes Parse fail otherwise than by an error that a caller may see.
func FuzzParse(f *testing.F) {
	files, _ := filepath.Glob(filepath.Join("..", "testdata", "openlineage", "*.json"))
	for _, name := range files {
		raw, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		e, err := Parse(raw)
		if err != nil {
			if registry.CodeOf(err) != registry.InvalidArgument {
				t.Fatalf("%v", err)
			}
			return
		}
		if e.Kind == RunEvent {
			var s RunState
			if _, err := s.Merge(e); err != nil {
				t.Fatal(err)
			}
			s.Facts(&registry.Run{})
		}
	})
}

package service_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"pedigree/graph"
	"pedigree/registry"
	"pedigree/service/facts"
)

// fieldEvent is an event of one run, with a description of its job, a documentation of the table that
// it writes, and the table that it reads.
func fieldEvent(kind string, second int, job, inputs, documentation string) []byte {
	facet := func(text string) string {
		return fmt.Sprintf(`"documentation":{"_producer":"p","_schemaURL":"s","description":%q}`, text)
	}
	return fmt.Appendf(nil, `{"eventTime":%q,"eventType":%q,"producer":"p","run":{"runId":"0190a1b2-0000-7000-8000-000000000001"},"job":{"namespace":"n","name":"etl","facets":{%s}},"inputs":[%s],"outputs":[{"namespace":"postgres://db:5432","name":"clean","facets":{%s}}]}`,
		time.Date(2020, 1, 1, 0, 0, second, 0, time.UTC).Format(time.RFC3339), kind, facet(job), inputs, facet(documentation))
}

// TestAnEventKeepsWhatEventsDidNotTell: who recorded a run first, and when, stays, and so does what
// somebody else told of it, while what events told is replaced.
func TestAnEventKeepsWhatEventsDidNotTell(t *testing.T) {
	k := newEventKit(t)
	send := func(ctx context.Context, event []byte) *registry.Run {
		t.Helper()
		if changed, err := k.RecordLineageEvent(ctx, event); err != nil || !changed {
			t.Fatal(changed, err)
		}
		return must[*registry.Run](k)(k.Service.Run(k.admin, ptr(eventRun(1)), nil, nil))
	}
	first := k.now
	send(k.as("ada", registry.RoleAdmin), fieldEvent("START", 1, "one", "", "one"))
	k.now = k.now.Add(time.Hour)
	if run := send(k.as("grace", registry.RoleAdmin), fieldEvent("RUNNING", 2, "two", "", "two")); run.Actor != "ada" || !run.RecordedAt.Equal(first) || run.Description != "two" {
		t.Errorf("after the second event: %+v", run)
	}
	told := facts.RecordRunInput{Producer: "openlineage", RunID: "0190a1b2-0000-7000-8000-000000000001", Name: "etl", Command: "make etl"}
	must[*facts.RecordRunPayload](k)(k.RecordRun(k.as("mary", registry.RoleAdmin), told))
	k.now = k.now.Add(time.Hour)
	for second, kind := range []string{3: "RUNNING", 4: "COMPLETE"} {
		if kind == "" {
			continue
		}
		run := send(k.as("grace", registry.RoleAdmin), fieldEvent(kind, second, kind, "", "three"))
		if run.Actor != "ada" || !run.RecordedAt.Equal(first) || run.Command != "make etl" || run.Description != kind {
			t.Errorf("after %s: %+v", kind, run)
		}
	}
	// A store would write its indexes anew if the record of the run began with each event.
	record := must[[]*graph.Node](k)(k.store.Nodes(k.Context(), graph.Instant{}, registry.NewID(registry.KindEventState, string(eventRun(1)))))[0]
	if record.Revision < 4 || !record.ValidFrom.Equal(first) || record.Since.Before(k.now) {
		t.Errorf("revision %d of the record is from %v, since %v", record.Revision, record.ValidFrom, record.Since)
	}
}

// TestATableThatAnEventNamesSeveralTimesIsAsToldLast: an event merges into the record of a table three
// times, at first nothing, then two descriptions, of which the greater stands.
func TestATableThatAnEventNamesSeveralTimesIsAsToldLast(t *testing.T) {
	k := newEventKit(t)
	k.send(fmt.Appendf(nil, `{"eventTime":"2020-01-01T00:00:00Z","producer":"p","dataset":{"namespace":"postgres://db:5432","name":"clean"}}`))
	again := `{"namespace":"postgres://db:5432","name":"clean","facets":{"documentation":{"_producer":"p","_schemaURL":"s","description":"one"}}}`
	k.send(fieldEvent("RUNNING", 1, "job", `{"namespace":"postgres://db:5432","name":"clean"},`+again, "two"))
	if d := must[*registry.Dataset](k)(k.Dataset(k.admin, "clean", "postgres://db:5432")); d.Description != "two" {
		t.Errorf("the description is %q", d.Description)
	}
}

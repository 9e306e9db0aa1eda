package access

import (
	"bytes"
	"net/http"
	"testing"

	"pedigree/registry"
	"pedigree/service"
	"pedigree/service/lineageout"
)

// lineageLines are all OpenLineage events that a role is told: of the whole registry, and of the log.
func lineageLines(t *testing.T, s *testServer, who string) (out [][]byte) {
	t.Helper()
	actor, err := s.service.Authenticate(t.Context(), s.seed.tokens[who])
	if err != nil {
		t.Fatal(err)
	}
	ctx := service.As(t.Context(), actor, "events")
	if _, err := s.service.ExportEvents(ctx, func(e lineageout.LineageEvent) error { out = append(out, e.Line); return nil }); err != nil {
		t.Fatal(err)
	}
	whole := len(out)
	for after := int64(0); ; {
		events, upTo, err := s.service.EventsAfter(ctx, after)
		if err != nil {
			t.Fatal(err)
		}
		if upTo == after {
			break
		}
		for _, e := range events {
			out = append(out, e.Line)
		}
		after = upTo
	}
	t.Logf("%s: %d events of all, %d of the log", who, whole, len(out)-whole)
	return out
}

// TestNothingHiddenLeaksThroughEventsOut tells every actor everything as OpenLineage events. No byte of
// them may be of something that is hidden from the actor.
func TestNothingHiddenLeaksThroughEventsOut(t *testing.T) {
	leaks := func(t *testing.T, who, from string) (int, map[string]string) {
		s := open(t, "")
		c := newCrawler(t, s, from)
		lines := lineageLines(t, s, who)
		for _, line := range lines {
			a := &answer{status: http.StatusOK, header: http.Header{}, raw: line}
			c.scan("an event", a)
			c.scanText("an event", a)
		}
		return len(lines), c.leaks
	}
	if lines, _ := leaks(t, viewer, viewer); lines > 0 { // Facts need the keys of nodes, which a viewer does not see.
		t.Errorf("a viewer is told %d events", lines)
	}
	for _, who := range []string{developer, dataScientist, scopedDeveloper, scopedScientist} {
		t.Run(who, func(t *testing.T) {
			t.Parallel()
			if lines, found := leaks(t, who, who); lines < 3 || len(found) > 0 {
				t.Errorf("%d events, which leak %v", lines, found)
			}
		})
	}
	t.Run("is seen", func(t *testing.T) { // What an administrator is told would be leaks to a viewer.
		t.Parallel()
		if _, found := leaks(t, admin, viewer); len(found) < 10 {
			t.Errorf("only %d leaks are seen", len(found))
		}
	})
}

// TestFactsOfAnEventNeedTheirPermissions sends events with facts as each role: what a role may not
// record is refused, and nothing of the event is written.
func TestFactsOfAnEventNeedTheirPermissions(t *testing.T) {
	s := open(t, "")
	event := func(facts string) string {
		return `{"eventTime":"1987-01-02T00:00:00Z","producer":"p","dataset":{"namespace":"n","name":"d","facets":{"pedigree_facts":{"_producer":"p","_schemaURL":"s","facts":[` + facts + `]}}}}`
	}
	run := `{"run":{"producer":"p","runId":"new","name":"n"}}`
	move := `{"transition":{"model":"` + s.seed.name["alpha"] + `","version":"1.0.0","to":"ARCHIVED","at":"1987-01-02T00:00:00Z","force":true,"reason":"r"}}`
	for _, c := range []struct {
		who, body string
		status    int
	}{{viewer, event(run), 403}, {developer, event(run), 403}, {dataScientist, event(run + "," + move), 403}, {dataScientist, event(`{"run":{"no":"such"}}`), 400}, {dataScientist, event(`{"run":1}`), 400}, {dataScientist, event(""), 201}, {dataScientist, event(run), 201}, {dataScientist, event(run), 201}} {
		before := s.logHead()
		a := s.sendEvents(c.who, http.MethodPost, "/api/v1/lineage", c.body)
		if a.status != c.status || a.status >= 400 && s.logHead() != before {
			t.Errorf("%s: %d, want %d: %s\n%s", c.who, a.status, c.status, a.raw, c.body)
		}
		if bytes.Contains(a.raw, []byte("bulk.")) {
			t.Errorf("the answer names types of the program: %s", a.raw)
		}
	}
	found := s.query(admin, `{ run(producer: "p", runId: "new") { id } }`)
	if got, _ := found.Data["run"].(map[string]any); got["id"] != string(registry.NewRunID("p", "new")) {
		t.Errorf("the run was not recorded: %s", found.raw)
	}
}

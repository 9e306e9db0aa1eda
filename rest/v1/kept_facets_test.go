package v1

import (
	"strings"
	"testing"

	"pedigree/registry"
	"pedigree/service"
)

// TestKeptFacetsOverREST reads what an event told and nothing was made of, of its run, its dataset and the
// version that it wrote. What is not there is 404.
func TestKeptFacetsOverREST(t *testing.T) {
	a := newAPI(t)
	ctx := service.As(t.Context(), registry.Actor{Subject: "root", Grants: []registry.Grant{{Role: registry.RoleAdmin, Scope: registry.ScopeAll}}}, "r")
	const run = "0190a1b2-0000-7000-8000-000000000001"
	if _, err := a.handler.service.RecordLineageEvent(ctx, []byte(`{"eventTime":"2026-01-01T00:00:00Z","eventType":"COMPLETE","producer":"p","run":{"runId":"`+run+`","facets":{"test":{"kept":{"b":1,"a":2}}}},
		"job":{"namespace":"n","name":"etl"},"outputs":[{"namespace":"lake","name":"clean","facets":{"version":{"datasetVersion":"7"},"house":{"kept":true}},"outputFacets":{"subset":{"kept":1}}}]}`)); err != nil {
		t.Fatal(err)
	}
	runPath := "runs/" + string(registry.NewRunID("openlineage", run)) + "/facets"
	const (
		test   = `{"holder":"run","name":"test","value":{"kept":{"a":2,"b":1}},"size_bytes":22,"told_at":"2026-01-01T00:00:00Z"}`
		house  = `{"holder":"dataset","name":"house","value":{"kept":true},"size_bytes":13,"told_at":"2026-01-01T00:00:00Z"}`
		subset = `"name":"subset","value":{"kept":1},"size_bytes":10,"told_at":"2026-01-01T00:00:00Z"}`
	)
	for target, want := range map[string]string{
		runPath:                                test + `,{"holder":"output","namespace":"lake","dataset":"clean",` + subset,
		"datasets/clean/facets?namespace=lake": house,
		"datasets/clean/versions/7/facets?namespace=lake": house + `,{"holder":"dataset",` + subset,
	} {
		if got := strings.TrimSpace(a.admin(200, "GET", target, "")); got != `{"facets":[`+want+`]}` {
			t.Errorf("%s: %s, want %s", target, got, want)
		}
	}
	for target, status := range map[string]int{"datasets/clean/facets": 404, "datasets/clean/versions/8/facets?namespace=lake": 404, strings.Replace(runPath, "run_", "ds_", 1): 404, runPath + "?as_of=2026-01-01": 400} {
		if w := a.as(registry.RoleAdmin, "GET", target, ""); w.Code != status {
			t.Errorf("%s: %d %s", target, w.Code, w.Body)
		}
	}
}

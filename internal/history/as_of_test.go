package history

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pedigree/registry"
	"pedigree/service/catalog"
	"pedigree/service/core"
	"pedigree/service/facts"
)

// getPath sends a query as a role and returns the value at a path of the data.
func (r *testRegistry) getPath(role, query string, path ...string) any {
	r.Helper()
	raw := r.ask(role, query, nil)
	var a struct{ Data any }
	if err := json.Unmarshal([]byte(raw), &a); err != nil {
		r.Fatal(err)
	}
	v := a.Data
	for _, p := range path {
		m, _ := v.(map[string]any)
		v = m[p]
	}
	return v
}

// wantAnswer fails the test unless the data of the answer is the JSON text want.
func (r *testRegistry) wantAnswer(role, query, want string) {
	r.Helper()
	if got := r.ask(role, query, nil); got != `{"data":`+want+`}` {
		r.Errorf("as %s: %s\n got %s\nwant {\"data\":%s}", role, query, got, want)
	}
}

// timeArgument writes an argument of a query.
func timeArgument(name string, t time.Time) string {
	return fmt.Sprintf("%s: %q", name, t.Format(time.RFC3339))
}

func (r *testRegistry) recordDataset(name, version string, at time.Time, from ...registry.ID) registry.ID {
	r.Helper()
	return must[*facts.RecordDatasetVersionPayload](r)(r.service.RecordDatasetVersion(r.adminContext, facts.RecordDatasetVersionInput{Dataset: name, Version: version, CreatedAt: at, DerivedFrom: from})).DatasetVersion.ID
}

func (r *testRegistry) registerVersion(model, version string) registry.ID {
	r.Helper()
	return must[*catalog.RegisterModelVersionPayload](r)(r.service.RegisterModelVersion(r.adminContext, catalog.RegisterModelVersionInput{Model: model, Version: &version, CreateModel: true})).ModelVersion.ID
}

func (r *testRegistry) transition(id registry.ID, stages ...registry.Stage) {
	r.Helper()
	for _, st := range stages {
		r.advance(time.Hour)
		must[*catalog.TransitionModelVersionPayload](r)(r.service.TransitionModelVersion(r.adminContext, catalog.TransitionModelVersionInput{ID: &id, To: st, Force: true, Reason: "test"}))
	}
}

// TestABackdatedFactIsSeenOnceItIsKnown records a fact that is valid from an earlier
// time.
func TestABackdatedFactIsSeenOnceItIsKnown(t *testing.T) {
	onBoth(t, func(r *testRegistry) {
		day := func(n int) time.Time { return start.AddDate(0, 0, n) }
		b := r.recordDataset("b", "1", day(0))
		r.now = day(10)
		a := r.recordDataset("a", "1", day(-5))
		must[*facts.LinkLineagePayload](r)(r.service.LinkLineage(r.adminContext, facts.LinkLineageInput{From: b, To: a, Kind: registry.EdgeDerivedFrom, ValidFrom: day(2)}))
		r.now = day(20)
		q := func(args ...string) string {
			return fmt.Sprintf("{ lineage(of: %q, %s) { edges { from } } }", b, strings.Join(args, ", "))
		}
		edge, none := fmt.Sprintf(`{"lineage":{"edges":[{"from":%q}]}}`, b), `{"lineage":{"edges":[]}}`
		r.wantAnswer(registry.RoleAdmin, q(timeArgument("asOf", day(3))), edge)
		r.wantAnswer(registry.RoleAdmin, q(timeArgument("asOf", day(1))), none)
		r.wantAnswer(registry.RoleAdmin, q(timeArgument("asOf", day(3)), timeArgument("knownAt", day(9))), none)
		r.wantAnswer(registry.RoleAdmin, q(timeArgument("asOf", day(3)), timeArgument("knownAt", day(11))), edge)
		node := func(args ...string) string {
			return fmt.Sprintf("{ node: nodeAt(id: %q, %s) { ... on DatasetVersion { name dataset { name } downstream { totalCount } } } }", a, strings.Join(args, ", "))
		}
		r.wantAnswer(registry.RoleAdmin, node(timeArgument("asOf", day(3))), `{"node":{"name":"a","dataset":{"name":"a"},"downstream":{"totalCount":1}}}`)
		r.wantAnswer(registry.RoleAdmin, node(timeArgument("asOf", day(1))), `{"node":{"name":"a","dataset":{"name":"a"},"downstream":{"totalCount":0}}}`)
		r.wantAnswer(registry.RoleAdmin, node(timeArgument("asOf", day(-6))), `{"node":null}`)
		r.wantAnswer(registry.RoleAdmin, node(timeArgument("asOf", day(3)), timeArgument("knownAt", day(9))), `{"node":null}`)
		r.wantAnswer(registry.RoleAdmin, node(timeArgument("knownAt", day(-30))), `{"node":null}`)
		// A description that is added later is valid from the start of the fact.
		must[*facts.RecordDatasetVersionPayload](r)(r.service.RecordDatasetVersion(r.adminContext, facts.RecordDatasetVersionInput{Dataset: "b", Version: "1", Description: "told later"}))
		r.advance(time.Hour)
		r.wantAnswer(registry.RoleAdmin, fmt.Sprintf("{ now: nodeAt(id: %[1]q, %[2]s) { ... on DatasetVersion { description } } then: nodeAt(id: %[1]q, %[2]s, %[3]s) { ... on DatasetVersion { description } } }",
			b, timeArgument("asOf", day(3)), timeArgument("knownAt", day(19))), `{"now":{"description":"told later"},"then":{"description":null}}`)
	})
}

// TestAModelExistsFromItsFirstVersionOn registers a model after the creation date of
// its version. The model exists from that date on.
func TestAModelExistsFromItsFirstVersionOn(t *testing.T) {
	onBoth(t, func(r *testRegistry) {
		must[*catalog.ModelPayload](r)(r.service.RegisterModel(r.adminContext, catalog.RegisterModelInput{Name: "churn"}))
		r.advance(time.Hour)
		must[*catalog.RegisterModelVersionPayload](r)(r.service.RegisterModelVersion(r.adminContext, catalog.RegisterModelVersionInput{Model: "churn", Version: ptr("1.0.0"), CreatedDate: start.AddDate(-1, 0, 0)}))
		r.wantAnswer(registry.RoleAdmin, fmt.Sprintf("{ model(name: \"churn\", %s) { createdAt latestVersion { version } } }", timeArgument("asOf", start.AddDate(0, -6, 0))),
			`{"model":{"createdAt":"2025-03-01T12:00:00Z","latestVersion":{"version":"1.0.0"}}}`)
		r.wantAnswer(registry.RoleAdmin, fmt.Sprintf("{ model(name: \"churn\", %s) { createdAt } }", timeArgument("asOf", start.AddDate(-2, 0, 0))), `{"model":null}`)
		r.wantAnswer(registry.RoleAdmin, fmt.Sprintf("{ model(name: \"churn\", %s) { createdAt } }", timeArgument("knownAt", start.Add(time.Minute))), `{"model":{"createdAt":"2026-03-01T12:00:00Z"}}`)
	})
}

// TestADeletedVersionIsATombstoneInThePast checks that a version which was deleted
// later is a tombstone without its documents at instants before the deletion.
func TestADeletedVersionIsATombstoneInThePast(t *testing.T) {
	onBoth(t, func(r *testRegistry) {
		one := r.registerVersion("churn", "1.0.0")
		r.transition(one, registry.Staging, registry.Production)
		r.registerVersion("churn", "1.1.0")
		r.advance(time.Hour)
		then := timeArgument("asOf", r.now)
		r.advance(time.Hour)
		must[*core.DeletePayload](r)(r.service.DeleteModelVersion(r.adminContext, catalog.DeleteModelVersionInput{ID: &one}))
		r.advance(time.Hour)
		r.wantAnswer(registry.RoleAdmin, fmt.Sprintf("{ node(id: %q) { id } }", one), `{"node":null}`)
		r.wantAnswer(registry.RoleAdmin, fmt.Sprintf("{ node: nodeAt(id: %q, %s) { id } }", one, timeArgument("asOf", r.now)), `{"node":null}`)
		gone := `{"deleted":true,"name":"model-churn-v1.0.0","version":null,"stage":null,"card":null}`
		kept := `{"deleted":false,"name":"model-churn-v1.1.0","version":"1.1.0","stage":"DEVELOPMENT","card":{"revision":1}}`
		fields := "{ deleted name version stage card { revision } }"
		r.wantAnswer(registry.RoleAdmin, fmt.Sprintf("{ node: nodeAt(id: %q, %s) { ... on ModelVersion %s } modelVersion(model: \"churn\", version: \"1.0.0\", %[2]s) %[3]s }", one, then, fields),
			`{"node":`+gone+`,"modelVersion":`+gone+`}`)
		r.wantAnswer(registry.RoleAdmin, fmt.Sprintf("{ model(name: \"churn\", %s) { productionVersion %[2]s latestVersion %[2]s versions { totalCount edges { node %[2]s } } } }", then, fields),
			`{"model":{"productionVersion":`+gone+`,"latestVersion":`+kept+`,"versions":{"totalCount":2,"edges":[{"node":`+kept+`},{"node":`+gone+`}]}}}`)
		r.wantAnswer(registry.RoleAdmin, `{ model(name: "churn") { productionVersion { name } versions { totalCount } } }`, `{"model":{"productionVersion":null,"versions":{"totalCount":1}}}`)
		r.wantAnswer(registry.RoleAdmin, fmt.Sprintf("{ lineage(of: %q, %s) { nodes { node { name ... on ModelVersion { deleted version } } } } }", one, then),
			`{"lineage":{"nodes":[{"node":{"name":"model-churn-v1.0.0","deleted":true,"version":null}}]}}`)
		// Roles that see only served versions never see a tombstone.
		for _, role := range []string{registry.RoleViewer, registry.RoleDeveloper} {
			r.wantAnswer(role, fmt.Sprintf("{ node: nodeAt(id: %q, %s) { id } model(name: \"churn\", %[2]s) { name } }", one, then), `{"node":null,"model":null}`)
		}
		// A deleted model is a tombstone in the past, too. A new model has its name now.
		must[*core.DeletePayload](r)(r.service.DeleteModel(r.adminContext, catalog.DeleteModelInput{Model: ptr("churn")}))
		r.advance(time.Hour)
		again := r.registerVersion("churn", "1.0.0")
		r.advance(time.Hour)
		r.wantAnswer(registry.RoleAdmin, fmt.Sprintf("{ then: model(name: \"churn\", %s) { deleted versions { totalCount } } now: model(name: \"churn\") { deleted versions { edges { node { id } } } } }", then),
			fmt.Sprintf(`{"then":{"deleted":true,"versions":{"totalCount":2}},"now":{"deleted":false,"versions":{"edges":[{"node":{"id":%q}}]}}}`, again))
	})
}

// TestTodaysVisibilityAppliesToThePast checks that a version which is hidden today is
// hidden at every instant, and that every role sees the past states of a version which
// is served today.
func TestTodaysVisibilityAppliesToThePast(t *testing.T) {
	onBoth(t, func(r *testRegistry) {
		old, now := r.registerVersion("churn", "1.0.0"), r.registerVersion("churn", "1.1.0")
		r.transition(old, registry.Staging, registry.Production)
		must[*catalog.SetAliasPayload](r)(r.service.SetAlias(r.adminContext, catalog.SetAliasInput{Model: "churn", Alias: "champion", Version: "1.0.0"}))
		r.advance(time.Second)
		then := timeArgument("asOf", r.now)
		r.transition(now, registry.Production)
		r.transition(old, registry.Archived)
		must[*catalog.SetAliasPayload](r)(r.service.SetAlias(r.adminContext, catalog.SetAliasInput{Model: "churn", Alias: "champion", Version: "1.1.0"}))
		r.advance(time.Hour)
		for role, visible := range map[string]bool{registry.RoleAdmin: true, registry.RoleDataScientist: true, registry.RoleDeveloper: false, registry.RoleViewer: false} {
			hidden, production, list, alias := "null", "null", `[{"node":{"stage":"DEVELOPMENT"}}]`, "null"
			if visible {
				hidden, production, alias = `{"stage":"PRODUCTION"}`, `{"stage":"PRODUCTION"}`, `{"version":"1.0.0"}`
				list = `[{"node":{"stage":"DEVELOPMENT"}},{"node":{"stage":"PRODUCTION"}}]`
			}
			r.wantAnswer(role, fmt.Sprintf(`{ modelVersion(model: "churn", version: "1.0.0", %s) { stage } }`, then), `{"modelVersion":`+hidden+`}`)
			r.wantAnswer(role, fmt.Sprintf(`{ modelVersion(model: "churn", version: "champion", %s) { version } }`, then), `{"modelVersion":`+alias+`}`)
			r.wantAnswer(role, fmt.Sprintf(`{ modelVersion(model: "churn", version: "1.1.0", %s) { stage } }`, then), `{"modelVersion":{"stage":"DEVELOPMENT"}}`)
			r.wantAnswer(role, fmt.Sprintf(`{ model(name: "churn", %s) { productionVersion { stage } versions { edges { node { stage } } } } }`, then),
				`{"model":{"productionVersion":`+production+`,"versions":{"edges":`+list+`}}}`)
			if role == registry.RoleDeveloper {
				r.wantAnswer(role, fmt.Sprintf(`{ model(name: "churn", %s) { aliases { name version } } }`, then), `{"model":{"aliases":[]}}`)
			}
			if got := r.getPath(role, fmt.Sprintf(`{ lineage(of: %q, %s) { root } }`, old, then), "lineage"); (got != nil) != visible {
				r.Errorf("as %s: lineage of the hidden version: %v", role, got)
			}
		}
	})
}

// TestPagesOfAPastListAddUp reads small pages of a past list of versions with
// tombstones. A cursor of another instant is refused.
func TestPagesOfAPastListAddUp(t *testing.T) {
	onBoth(t, func(r *testRegistry) {
		var want []string
		for i := range 9 {
			r.registerVersion("churn", fmt.Sprintf("1.%d.0", i))
			want = append([]string{fmt.Sprintf("model-churn-v1.%d.0", i)}, want...)
		}
		r.advance(time.Hour)
		then, later := timeArgument("asOf", r.now), timeArgument("asOf", r.now.Add(time.Second))
		r.advance(time.Hour)
		for _, v := range []string{"1.1.0", "1.5.0", "1.8.0"} {
			must[*core.DeletePayload](r)(r.service.DeleteModelVersion(r.adminContext, catalog.DeleteModelVersionInput{Model: ptr("churn"), Version: &v}))
		}
		r.registerVersion("churn", "2.0.0")
		r.advance(time.Hour)
		for size := 1; size <= 10; size++ {
			var got []string
			after := "null"
			for range 20 {
				page := func(at string) map[string]any {
					c, _ := r.getPath(registry.RoleAdmin, fmt.Sprintf(`{ model(name: "churn", %s) { versions(first: %d, after: %s) { totalCount pageInfo { hasNextPage endCursor } edges { node { name } } } } }`, at, size, after),
						"model", "versions").(map[string]any)
					return c
				}
				c := page(then)
				if c == nil || c["totalCount"] != 9.0 {
					r.Fatalf("a page of %d after %v: %v", size, got, c)
				}
				for _, e := range c["edges"].([]any) {
					got = append(got, e.(map[string]any)["node"].(map[string]any)["name"].(string))
				}
				info := c["pageInfo"].(map[string]any)
				if after = fmt.Sprintf("%q", info["endCursor"]); page(later) != nil {
					r.Error("a cursor is accepted at another instant")
				}
				if info["hasNextPage"] != true {
					break
				}
			}
			if !slices.Equal(got, want) {
				r.Errorf("pages of %d: %v, want %v", size, got, want)
			}
		}
	})
}

// TestTransitionsAreInOrderOfTime checks that the time of a transition may not lie
// before the previous transition, nor before the creation of the version.
func TestTransitionsAreInOrderOfTime(t *testing.T) {
	onBoth(t, func(r *testRegistry) {
		id := r.registerVersion("churn", "1.0.0")
		r.transition(id, registry.Staging)
		to := func(at time.Time) error {
			_, err := r.service.TransitionModelVersion(r.adminContext, catalog.TransitionModelVersionInput{ID: &id, To: registry.Canary, At: at})
			return err
		}
		for _, at := range []time.Time{start.Add(-time.Hour), start.Add(time.Minute), r.now.Add(-time.Microsecond)} {
			if err := to(at); registry.CodeOf(err) != registry.InvalidArgument || !strings.Contains(err.Error(), "lies before") {
				r.Errorf("at %s: %v", at, err)
			}
		}
		if err := to(r.now); err != nil {
			r.Error(err)
		}
	})
}

// TestNestedListsAreCompleteForRestrictedRoles asks for the transitions of several
// versions in one query, as a role that sees only served versions.
func TestNestedListsAreCompleteForRestrictedRoles(t *testing.T) {
	onBoth(t, func(r *testRegistry) {
		var want []string
		for i := range 6 {
			r.transition(r.registerVersion(fmt.Sprint("model", i), "1.0.0"), registry.Staging, registry.Production)
			want = append(want, `{"node":{"productionVersion":{"transitions":{"edges":[{"node":{"to":"STAGING"}},{"node":{"to":"PRODUCTION"}}]}}}}`)
		}
		for _, role := range []string{registry.RoleAdmin, registry.RoleDeveloper} {
			r.wantAnswer(role, `{ models { edges { node { productionVersion { transitions(first: 2) { edges { node { to } } } } } } } }`, `{"models":{"edges":[`+strings.Join(want, ",")+`]}}`)
		}
	})
}

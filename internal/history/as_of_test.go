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

// get asks as somebody and reads the answer; path names what is wanted of it.
func (k *site) get(role, query string, path ...string) any {
	k.Helper()
	raw := k.ask(role, query, nil)
	var a struct{ Data any }
	if err := json.Unmarshal([]byte(raw), &a); err != nil {
		k.Fatal(err)
	}
	v := a.Data
	for _, p := range path {
		m, _ := v.(map[string]any)
		v = m[p]
	}
	return v
}

// wants fails the test unless an answer is that, as JSON.
func (k *site) wants(role, query, want string) {
	k.Helper()
	if got := k.ask(role, query, nil); got != `{"data":`+want+`}` {
		k.Errorf("as %s: %s\n got %s\nwant {\"data\":%s}", role, query, got, want)
	}
}

// stamp is an argument of a query: a time, and more.
func stamp(name string, t time.Time) string {
	return fmt.Sprintf("%s: %q", name, t.Format(time.RFC3339))
}

func (k *site) data(name, version string, at time.Time, from ...registry.ID) registry.ID {
	k.Helper()
	return must[*facts.RecordDatasetVersionPayload](k)(k.s.RecordDatasetVersion(k.root, facts.RecordDatasetVersionInput{Dataset: name, Version: version, CreatedAt: at, DerivedFrom: from})).DatasetVersion.ID
}

func (k *site) version(model, version string) registry.ID {
	k.Helper()
	return must[*catalog.RegisterModelVersionPayload](k)(k.s.RegisterModelVersion(k.root, catalog.RegisterModelVersionInput{Model: model, Version: &version, CreateModel: true})).ModelVersion.ID
}

func (k *site) move(id registry.ID, stages ...registry.Stage) {
	k.Helper()
	for _, st := range stages {
		k.tick(time.Hour)
		must[*catalog.TransitionModelVersionPayload](k)(k.s.TransitionModelVersion(k.root, catalog.TransitionModelVersionInput{ID: &id, To: st, Force: true, Reason: "test"}))
	}
}

// TestALateFactIsSeenOfItsTimeOnceItIsKnown records today what was so long ago.
func TestALateFactIsSeenOfItsTimeOnceItIsKnown(t *testing.T) {
	onBoth(t, func(k *site) {
		day := func(n int) time.Time { return start.AddDate(0, 0, n) }
		b := k.data("b", "1", day(0))
		k.now = day(10)
		a := k.data("a", "1", day(-5))
		must[*facts.LinkLineagePayload](k)(k.s.LinkLineage(k.root, facts.LinkLineageInput{From: b, To: a, Kind: registry.EdgeDerivedFrom, ValidFrom: day(2)}))
		k.now = day(20)
		q := func(args ...string) string {
			return fmt.Sprintf("{ lineage(of: %q, %s) { edges { from } } }", b, strings.Join(args, ", "))
		}
		edge, none := fmt.Sprintf(`{"lineage":{"edges":[{"from":%q}]}}`, b), `{"lineage":{"edges":[]}}`
		k.wants(registry.RoleAdmin, q(stamp("asOf", day(3))), edge)
		k.wants(registry.RoleAdmin, q(stamp("asOf", day(1))), none)
		k.wants(registry.RoleAdmin, q(stamp("asOf", day(3)), stamp("knownAt", day(9))), none)
		k.wants(registry.RoleAdmin, q(stamp("asOf", day(3)), stamp("knownAt", day(11))), edge)
		node := func(args ...string) string {
			return fmt.Sprintf("{ node(id: %q, %s) { ... on DatasetVersion { name dataset { name } downstream { totalCount } } } }", a, strings.Join(args, ", "))
		}
		k.wants(registry.RoleAdmin, node(stamp("asOf", day(3))), `{"node":{"name":"a","dataset":{"name":"a"},"downstream":{"totalCount":1}}}`)
		k.wants(registry.RoleAdmin, node(stamp("asOf", day(1))), `{"node":{"name":"a","dataset":{"name":"a"},"downstream":{"totalCount":0}}}`)
		k.wants(registry.RoleAdmin, node(stamp("asOf", day(-6))), `{"node":null}`)
		k.wants(registry.RoleAdmin, node(stamp("asOf", day(3)), stamp("knownAt", day(9))), `{"node":null}`)
		k.wants(registry.RoleAdmin, node(stamp("knownAt", day(-30))), `{"node":null}`)
		// What is told later of a fact was so all along.
		must[*facts.RecordDatasetVersionPayload](k)(k.s.RecordDatasetVersion(k.root, facts.RecordDatasetVersionInput{Dataset: "b", Version: "1", Description: "told later"}))
		k.tick(time.Hour)
		k.wants(registry.RoleAdmin, fmt.Sprintf("{ now: node(id: %[1]q, %[2]s) { ... on DatasetVersion { description } } then: node(id: %[1]q, %[2]s, %[3]s) { ... on DatasetVersion { description } } }",
			b, stamp("asOf", day(3)), stamp("knownAt", day(19))), `{"now":{"description":"told later"},"then":{"description":null}}`)
	})
}

// TestAModelIsThereFromItsFirstVersionOn: it was registered after its versions were
// made, and yet had them then.
func TestAModelIsThereFromItsFirstVersionOn(t *testing.T) {
	onBoth(t, func(k *site) {
		must[*catalog.ModelPayload](k)(k.s.RegisterModel(k.root, catalog.RegisterModelInput{Name: "churn"}))
		k.tick(time.Hour)
		must[*catalog.RegisterModelVersionPayload](k)(k.s.RegisterModelVersion(k.root, catalog.RegisterModelVersionInput{Model: "churn", Version: ptr("1.0.0"), CreatedDate: start.AddDate(-1, 0, 0)}))
		k.wants(registry.RoleAdmin, fmt.Sprintf("{ model(name: \"churn\", %s) { createdAt latestVersion { version } } }", stamp("asOf", start.AddDate(0, -6, 0))),
			`{"model":{"createdAt":"2025-03-01T12:00:00Z","latestVersion":{"version":"1.0.0"}}}`)
		k.wants(registry.RoleAdmin, fmt.Sprintf("{ model(name: \"churn\", %s) { createdAt } }", stamp("asOf", start.AddDate(-2, 0, 0))), `{"model":null}`)
		k.wants(registry.RoleAdmin, fmt.Sprintf("{ model(name: \"churn\", %s) { createdAt } }", stamp("knownAt", start.Add(time.Minute))), `{"model":{"createdAt":"2026-03-01T12:00:00Z"}}`)
	})
}

// TestWhatWasDeletedSinceIsATombstoneInThePast: its documents are gone, and it says
// that it stood there.
func TestWhatWasDeletedSinceIsATombstoneInThePast(t *testing.T) {
	onBoth(t, func(k *site) {
		one := k.version("churn", "1.0.0")
		k.move(one, registry.Staging, registry.Production)
		k.version("churn", "1.1.0")
		k.tick(time.Hour)
		then := stamp("asOf", k.now)
		k.tick(time.Hour)
		must[*core.DeletePayload](k)(k.s.DeleteModelVersion(k.root, catalog.DeleteModelVersionInput{ID: &one}))
		k.tick(time.Hour)
		k.wants(registry.RoleAdmin, fmt.Sprintf("{ node(id: %q) { id } }", one), `{"node":null}`)
		k.wants(registry.RoleAdmin, fmt.Sprintf("{ node(id: %q, %s) { id } }", one, stamp("asOf", k.now)), `{"node":null}`)
		gone := `{"deleted":true,"name":"model-churn-v1.0.0","version":null,"stage":null,"card":null}`
		kept := `{"deleted":false,"name":"model-churn-v1.1.0","version":"1.1.0","stage":"DEVELOPMENT","card":{"revision":1}}`
		fields := "{ deleted name version stage card { revision } }"
		k.wants(registry.RoleAdmin, fmt.Sprintf("{ node(id: %q, %s) { ... on ModelVersion %s } modelVersion(model: \"churn\", version: \"1.0.0\", %[2]s) %[3]s }", one, then, fields),
			`{"node":`+gone+`,"modelVersion":`+gone+`}`)
		k.wants(registry.RoleAdmin, fmt.Sprintf("{ model(name: \"churn\", %s) { productionVersion %[2]s latestVersion %[2]s versions { totalCount edges { node %[2]s } } } }", then, fields),
			`{"model":{"productionVersion":`+gone+`,"latestVersion":`+kept+`,"versions":{"totalCount":2,"edges":[{"node":`+kept+`},{"node":`+gone+`}]}}}`)
		k.wants(registry.RoleAdmin, `{ model(name: "churn") { productionVersion { name } versions { totalCount } } }`, `{"model":{"productionVersion":null,"versions":{"totalCount":1}}}`)
		k.wants(registry.RoleAdmin, fmt.Sprintf("{ lineage(of: %q, %s) { nodes { node { name ... on ModelVersion { deleted version } } } } }", one, then),
			`{"lineage":{"nodes":[{"node":{"name":"model-churn-v1.0.0","deleted":true,"version":null}}]}}`)
		// Who sees what is served sees no tombstone, at no instant.
		for _, role := range []string{registry.RoleViewer, registry.RoleDeveloper} {
			k.wants(role, fmt.Sprintf("{ node(id: %q, %s) { id } model(name: \"churn\", %[2]s) { name } }", one, then), `{"node":null,"model":null}`)
		}
		// A model that was deleted stood, too; its name is another's by now.
		must[*core.DeletePayload](k)(k.s.DeleteModel(k.root, catalog.DeleteModelInput{Model: ptr("churn")}))
		k.tick(time.Hour)
		again := k.version("churn", "1.0.0")
		k.tick(time.Hour)
		k.wants(registry.RoleAdmin, fmt.Sprintf("{ then: model(name: \"churn\", %s) { deleted versions { totalCount } } now: model(name: \"churn\") { deleted versions { edges { node { id } } } } }", then),
			fmt.Sprintf(`{"then":{"deleted":true,"versions":{"totalCount":2}},"now":{"deleted":false,"versions":{"edges":[{"node":{"id":%q}}]}}}`, again))
	})
}

// TestSightIsTodays: a version that was served and is hidden today is hidden at
// every instant, and one that is served today is seen as it was, by every role.
func TestSightIsTodays(t *testing.T) {
	onBoth(t, func(k *site) {
		old, now := k.version("churn", "1.0.0"), k.version("churn", "1.1.0")
		k.move(old, registry.Staging, registry.Production)
		must[*catalog.SetAliasPayload](k)(k.s.SetAlias(k.root, catalog.SetAliasInput{Model: "churn", Alias: "champion", Version: "1.0.0"}))
		then := stamp("asOf", k.now)
		k.move(now, registry.Production)
		k.move(old, registry.Archived)
		must[*catalog.SetAliasPayload](k)(k.s.SetAlias(k.root, catalog.SetAliasInput{Model: "churn", Alias: "champion", Version: "1.1.0"}))
		k.tick(time.Hour)
		for role, sees := range map[string]bool{registry.RoleAdmin: true, registry.RoleDataScientist: true, registry.RoleDeveloper: false, registry.RoleViewer: false} {
			hidden, production, list, alias := "null", "null", `[{"node":{"stage":"DEVELOPMENT"}}]`, "null"
			if sees {
				hidden, production, alias = `{"stage":"PRODUCTION"}`, `{"stage":"PRODUCTION"}`, `{"version":"1.0.0"}`
				list = `[{"node":{"stage":"DEVELOPMENT"}},{"node":{"stage":"PRODUCTION"}}]`
			}
			k.wants(role, fmt.Sprintf(`{ modelVersion(model: "churn", version: "1.0.0", %s) { stage } }`, then), `{"modelVersion":`+hidden+`}`)
			k.wants(role, fmt.Sprintf(`{ modelVersion(model: "churn", version: "champion", %s) { version } }`, then), `{"modelVersion":`+alias+`}`)
			k.wants(role, fmt.Sprintf(`{ modelVersion(model: "churn", version: "1.1.0", %s) { stage } }`, then), `{"modelVersion":{"stage":"DEVELOPMENT"}}`)
			k.wants(role, fmt.Sprintf(`{ model(name: "churn", %s) { productionVersion { stage } versions { edges { node { stage } } } } }`, then),
				`{"model":{"productionVersion":`+production+`,"versions":{"edges":`+list+`}}}`)
			if role == registry.RoleDeveloper {
				k.wants(role, fmt.Sprintf(`{ model(name: "churn", %s) { aliases { name version } } }`, then), `{"model":{"aliases":[]}}`)
			}
			if got := k.get(role, fmt.Sprintf(`{ lineage(of: %q, %s) { root } }`, old, then), "lineage"); (got != nil) != sees {
				k.Errorf("as %s: lineage of what is hidden: %v", role, got)
			}
		}
	})
}

// TestListsOfThePastPageToTheWhole turns small pages over a list of versions as it
// was, tombstones among them, and refuses cursors of another instant.
func TestListsOfThePastPageToTheWhole(t *testing.T) {
	onBoth(t, func(k *site) {
		var want []string
		for i := range 9 {
			k.version("churn", fmt.Sprintf("1.%d.0", i))
			want = append([]string{fmt.Sprintf("model-churn-v1.%d.0", i)}, want...)
		}
		k.tick(time.Hour)
		then, later := stamp("asOf", k.now), stamp("asOf", k.now.Add(time.Second))
		k.tick(time.Hour)
		for _, v := range []string{"1.1.0", "1.5.0", "1.8.0"} {
			must[*core.DeletePayload](k)(k.s.DeleteModelVersion(k.root, catalog.DeleteModelVersionInput{Model: ptr("churn"), Version: &v}))
		}
		k.version("churn", "2.0.0")
		k.tick(time.Hour)
		for size := 1; size <= 10; size++ {
			var got []string
			after := "null"
			for range 20 {
				page := func(at string) map[string]any {
					c, _ := k.get(registry.RoleAdmin, fmt.Sprintf(`{ model(name: "churn", %s) { versions(first: %d, after: %s) { totalCount pageInfo { hasNextPage endCursor } edges { node { name } } } } }`, at, size, after),
						"model", "versions").(map[string]any)
					return c
				}
				c := page(then)
				if c == nil || c["totalCount"] != 9.0 {
					k.Fatalf("a page of %d after %v: %v", size, got, c)
				}
				for _, e := range c["edges"].([]any) {
					got = append(got, e.(map[string]any)["node"].(map[string]any)["name"].(string))
				}
				info := c["pageInfo"].(map[string]any)
				if after = fmt.Sprintf("%q", info["endCursor"]); page(later) != nil {
					k.Error("a cursor of one instant is taken at another")
				}
				if info["hasNextPage"] != true {
					break
				}
			}
			if !slices.Equal(got, want) {
				k.Errorf("pages of %d: %v, want %v", size, got, want)
			}
		}
	})
}

// TestHistoryIsASequence: a change of stage is not before the one before it, nor
// before the version came to be.
func TestHistoryIsASequence(t *testing.T) {
	onBoth(t, func(k *site) {
		id := k.version("churn", "1.0.0")
		k.move(id, registry.Staging)
		to := func(at time.Time) error {
			_, err := k.s.TransitionModelVersion(k.root, catalog.TransitionModelVersionInput{ID: &id, To: registry.Canary, At: at})
			return err
		}
		for _, at := range []time.Time{start.Add(-time.Hour), start.Add(time.Minute), k.now.Add(-time.Microsecond)} {
			if err := to(at); registry.CodeOf(err) != registry.InvalidArgument || !strings.Contains(err.Error(), "lies before") {
				k.Errorf("at %s: %v", at, err)
			}
		}
		if err := to(k.now); err != nil {
			k.Error(err)
		}
	})
}

// TestListsOfManyParentsAreWholeForWhoSeesAPart asks for the records of several
// versions at once, as who sees only what is served.
func TestListsOfManyParentsAreWholeForWhoSeesAPart(t *testing.T) {
	onBoth(t, func(k *site) {
		var want []string
		for i := range 6 {
			k.move(k.version(fmt.Sprint("model", i), "1.0.0"), registry.Staging, registry.Production)
			want = append(want, `{"node":{"productionVersion":{"transitions":{"edges":[{"node":{"to":"STAGING"}},{"node":{"to":"PRODUCTION"}}]}}}}`)
		}
		for _, role := range []string{registry.RoleAdmin, registry.RoleDeveloper} {
			k.wants(role, `{ models { edges { node { productionVersion { transitions(first: 2) { edges { node { to } } } } } } } }`, `{"models":{"edges":[`+strings.Join(want, ",")+`]}}`)
		}
	})
}

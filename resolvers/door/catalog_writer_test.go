package door

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"pedigree/registry"
	"pedigree/service/catalog"
)

// catalogQueries holds queries with many forms of selections. Those under "direct" are
// written without the executor, those under "slow" and "refused" need it.
var catalogQueries = map[string][]string{
	"direct": {
		`query { models(first: 3) { edges { cursor node { id revision deleted name description owner tags { key value } createdAt updatedAt incarnation lastNumber used
			latestVersion { version stage model { name } aliases { name setAt } } productionVersion { id } aliases { id revision name model versionId version setBy setAt } } } pageInfo { hasNextPage endCursor } totalCount } }`,
		`query($m: String!, $v: String!) { modelVersion(model: $m, version: $v) { id kind revision deleted name modelId modelName version number label description owner tags { key value } stage creator
			createdDate recordedAt updatedAt aliases { name } model { name owner latestVersion { version } } } }`,
		`query($m: String!) { a: model(name: $m) { __typename n: name n2: name l: latestVersion { __typename stage } } b: model(name: $m) { aliases { __typename } tags { __typename key } } }`,
		`query($m: String!, $no: Boolean = false) { model(name: $m) { ...on Node { id } ...m owner @include(if: $no) } } fragment m on Model { latestVersion { ... on ProvenanceNode { kind name } ... on Run { command } } }`,
		`query { models { edges { node { latestVersion { stage description } } } edges { node { latestVersion { version } } } } viewer { subject } }`,
		`query($m: String!) { model(name: $m, asOf: "2025-01-01") { name latestVersion { version } aliases { name } } }`,
	},
	"slow": {
		`query($m: String!) { model(name: $m) { name versions(first: 2) { edges { node { version } } } } }`,
		`query($m: String!, $v: String!) { modelVersion(model: $m, version: $v) { version card { description } } }`,
	},
	"refused": {
		`query { modelVersion(model: "unknown", version: "1.0.0") { version } model(name: "unknown") { name } }`,
		`query($m: String!) { a: model(name: $m, asOf: "2999-01-01") { name } b: models(first: 1, after: "nonsense") { totalCount } }`,
	},
}

func TestWrittenCatalogsEqualTheExecutors(t *testing.T) {
	d := newHandlers(t)
	admin := as(t, registry.RoleAdmin)
	v, err := d.service.Node(admin, d.story.Version)
	if err != nil {
		t.Fatal(err)
	}
	version := v.(*registry.ModelVersion)
	for i, name := range []string{"a \"quoted\" name", "b <html> & é", "empty", "deleted"} {
		if _, err := d.service.RegisterModel(admin, catalog.RegisterModelInput{Name: name, Owner: fmt.Sprint("o", i), Description: "a\tb\n€", Tags: []registry.KeyValue{{Key: "k", Value: "<&>"}, {Key: "none"}}}); err != nil {
			t.Fatal(err)
		}
	}
	for _, alias := range []string{"best", "\"x\""} {
		if _, err := d.service.SetAlias(admin, catalog.SetAliasInput{Model: version.ModelName, Alias: alias, Version: version.Version}); err != nil {
			t.Fatal(err)
		}
	}
	hidden, written := 0, 0
	for group, queries := range catalogQueries {
		for _, q := range queries {
			for _, role := range []string{registry.RoleAdmin, "data_scientist", "developer", "viewer", "clerk"} {
				for _, model := range []string{version.ModelName, "empty"} {
					vars := map[string]any{}
					for name, value := range map[string]string{"m": model, "v": version.Version} {
						if strings.Contains(q, "$"+name+":") {
							vars[name] = value
						}
					}
					want, executorFields := d.ask(d.standard, role, q, vars)
					got, writerFields := d.ask(d.withWriter, role, q, vars)
					if sorted(t, got) != sorted(t, want) {
						t.Fatalf("%s:\n%s\nexecutor: %s\ndirect:   %s", role, q, want, got)
					}
					if !json.Valid([]byte(got)) {
						t.Errorf("no JSON: %s", got)
					}
					hidden += strings.Count(got, "you may not see")
					if group == "direct" {
						written += int(executorFields)
					}
					if group == "direct" && writerFields != 0 || group == "slow" && writerFields != executorFields {
						t.Errorf("%s as %s: the executor resolved %d fields, and %d of them with direct answers\n%s", group, role, executorFields, writerFields, q)
					}
				}
			}
		}
	}
	if hidden == 0 || written < 500 {
		t.Errorf("%d hidden fields and %d written fields were compared", hidden, written)
	}
}

// TestAFieldThatFailsIsLeftToTheExecutor checks that an error below the root gives the nulls
// and the errors of the executor, and no hidden field twice.
func TestAFieldThatFailsIsLeftToTheExecutor(t *testing.T) {
	d := newHandlers(t)
	admin := as(t, registry.RoleAdmin)
	if _, err := d.service.RegisterModel(admin, catalog.RegisterModelInput{Name: "many"}); err != nil {
		t.Fatal(err)
	}
	v := "1.0.0"
	if _, err := d.service.RegisterModelVersion(admin, catalog.RegisterModelVersionInput{Model: "many", Version: &v}); err != nil {
		t.Fatal(err)
	}
	for i := range 1001 {
		if _, err := d.service.SetAlias(admin, catalog.SetAliasInput{Model: "many", Alias: fmt.Sprint("a", i), Version: v}); err != nil {
			t.Fatal(err)
		}
	}
	for _, role := range []string{registry.RoleAdmin, "clerk"} {
		const q = `{ model(name: "many") { name latestVersion { version name } aliases { name } } models { edges { node { name aliases { name } } } } }`
		want, _ := d.ask(d.standard, role, q, nil)
		got, fields := d.ask(d.withWriter, role, q, nil)
		if sorted(t, got) != sorted(t, want) || role == registry.RoleAdmin && (!strings.Contains(got, "aliases") || fields == 0) {
			t.Errorf("%s:\nexecutor: %s\ndirect:   %s", role, want, got)
		}
	}
}

package history

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pedigree/connect/demo"
	"pedigree/registry"
	"pedigree/service/catalog"
	"pedigree/service/core"
	"pedigree/service/facts"
	"pedigree/service/provenance"
)

// derived records a dataset version with columns, each from columns of others.
func (k *site) derived(name string, by *registry.ID, columns ...registry.Column) registry.ID {
	k.Helper()
	return must[*facts.RecordDatasetVersionPayload](k)(k.s.RecordDatasetVersion(k.root, facts.RecordDatasetVersionInput{Dataset: name, Version: "1", GeneratedBy: by, Columns: columns})).DatasetVersion.ID
}

func col(name string, from ...registry.ColumnSource) registry.Column {
	return registry.Column{Name: name, DerivedFrom: from}
}

func src(of registry.ID, column string) registry.ColumnSource {
	return registry.ColumnSource{DatasetVersion: of, Column: column}
}

func (k *site) job(id string, inputs ...registry.ID) *registry.ID {
	k.Helper()
	return &must[*facts.RecordRunPayload](k)(k.s.RecordRun(k.root, facts.RecordRunInput{Producer: "test", RunID: id, Name: id, Inputs: inputs})).Run.ID
}

// answer is what columnLineage says, in short.
type answer struct {
	Columns, Features, Versions, Models, Deployments, Reasons []string
}

const columnQuery = `query($of: ID!, $column: String!, $direction: LineageDirection!, $depth: Int, $asOf: DateTime, $knownAt: DateTime) {
	columnLineage(of: $of, column: $column, direction: $direction, maxDepth: $depth, asOf: $asOf, knownAt: $knownAt, first: 200) {
		columns { depth column node { name } from { column node { name } } } features { edges { node { name } } } versions { edges { node { version } } }
		models { edges { node { name } } } deployments { edges { node { environment } } } truncation { reasons } } }`

func (k *site) columns(role string, vars map[string]any) answer {
	k.Helper()
	if vars["direction"] == nil {
		vars["direction"] = "DOWNSTREAM"
	}
	var got struct {
		Data struct {
			ColumnLineage *struct {
				Columns []struct {
					Depth  int
					Column string
					Node   struct{ Name string }
					From   []struct {
						Column string
						Node   struct{ Name string }
					}
				}
				Features, Versions, Models, Deployments struct {
					Edges []struct {
						Node struct{ Name, Version, Environment string }
					}
				}
				Truncation struct{ Reasons []string }
			}
		}
	}
	raw := k.ask(role, columnQuery, vars)
	if err := json.Unmarshal([]byte(raw), &got); err != nil || got.Data.ColumnLineage == nil || strings.Contains(raw, `"errors"`) {
		k.Fatalf("%v: %s", vars, raw)
	}
	c := got.Data.ColumnLineage
	a := answer{Reasons: c.Truncation.Reasons}
	for _, it := range c.Columns {
		line := fmt.Sprintf("%d %s.%s", it.Depth, it.Node.Name, it.Column)
		for i, f := range it.From {
			line += map[bool]string{true: " < ", false: ", "}[i == 0] + f.Node.Name + "." + f.Column
		}
		a.Columns = append(a.Columns, line)
	}
	slices.Sort(a.Columns)
	for i, list := range [][]struct {
		Node struct{ Name, Version, Environment string }
	}{c.Features.Edges, c.Versions.Edges, c.Models.Edges, c.Deployments.Edges} {
		for _, e := range list {
			to := []*[]string{&a.Features, &a.Versions, &a.Models, &a.Deployments}[i]
			*to = append(*to, []string{e.Node.Name, e.Node.Version, e.Node.Name, e.Node.Environment}[i])
		}
	}
	return a
}

func (k *site) wantColumns(role string, vars map[string]any, want answer) {
	k.Helper()
	got := k.columns(role, vars)
	for _, list := range []*[]string{&got.Columns, &got.Features, &got.Versions, &got.Models, &got.Deployments, &got.Reasons, &want.Columns, &want.Features, &want.Versions, &want.Models,
		&want.Deployments, &want.Reasons} {
		if *list == nil {
			*list = []string{}
		}
	}
	if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
		k.Errorf("%v\n got %q\nwant %q", vars, got, want)
	}
}

// pipeline: raw → run → clean → run → training with a feature on each of two
// columns; churn 1.0.0 learned from one of them, fraud 1.0.0 by its run from the
// other. raw.a goes into x, raw.b into y, and both into z, on which nothing is.
func (k *site) pipeline() (raw, clean, training registry.ID) {
	k.Helper()
	raw = k.derived("raw", nil, col("a"), col("b"), col("unused"))
	clean = k.derived("clean", k.job("etl", raw), col("a", src(raw, "a")), col("b", src(raw, "b")))
	training = k.derived("training", k.job("features", clean), col("x", src(clean, "a")), col("y", src(clean, "b")), col("z", src(clean, "a"), src(clean, "b")))
	feature := func(column string) registry.ID {
		return must[*facts.RecordFeaturePayload](k)(k.s.RecordFeature(k.root, facts.RecordFeatureInput{DefinedOn: &training, Column: column})).Feature.ID
	}
	x, y := feature("x"), feature("y")
	register := func(in catalog.RegisterModelVersionInput) registry.ID {
		in.Version, in.CreateModel = ptr("1.0.0"), true
		return must[*catalog.RegisterModelVersionPayload](k)(k.s.RegisterModelVersion(k.root, in)).ModelVersion.ID
	}
	churn := register(catalog.RegisterModelVersionInput{Model: "churn", Features: []registry.ID{x}})
	register(catalog.RegisterModelVersionInput{Model: "fraud", Run: k.job("train", training, y)})
	k.tick(time.Hour)
	for _, env := range []string{"production", "test"} {
		d := must[*facts.RecordDeploymentPayload](k)(k.s.RecordDeployment(k.root, facts.RecordDeploymentInput{ID: &churn, Environment: env})).Deployment.ID
		if k.tick(time.Hour); env == "test" {
			must[*facts.EndDeploymentPayload](k)(k.s.EndDeployment(k.root, facts.EndDeploymentInput{ID: d}))
		}
	}
	k.tick(time.Hour)
	return raw, clean, training
}

// TestWhichModelsUseAFeatureThatComesFromThisColumn asks in one call, of the raw
// column two derivations up.
func TestWhichModelsUseAFeatureThatComesFromThisColumn(t *testing.T) {
	onBoth(t, func(k *site) {
		raw, clean, training := k.pipeline()
		downA := []string{"0 raw.a", "1 clean.a < raw.a", "2 training.x < clean.a", "2 training.z < clean.a"}
		churn := answer{Columns: downA, Features: []string{"x"}, Versions: []string{"1.0.0"}, Models: []string{"churn"}, Deployments: []string{"production"}}
		k.wantColumns(registry.RoleAdmin, map[string]any{"of": raw, "column": "a"}, churn)
		k.wantColumns(registry.RoleAdmin, map[string]any{"of": raw, "column": "b"}, answer{Columns: []string{"0 raw.b", "1 clean.b < raw.b", "2 training.y < clean.b", "2 training.z < clean.b"},
			Features: []string{"y"}, Versions: []string{"1.0.0"}, Models: []string{"fraud"}})
		k.wantColumns(registry.RoleAdmin, map[string]any{"of": raw, "column": "unused"}, answer{Columns: []string{"0 raw.unused"}})
		k.wantColumns(registry.RoleAdmin, map[string]any{"of": training, "column": "z", "direction": "UPSTREAM"}, answer{Columns: []string{"0 training.z < clean.a, clean.b",
			"1 clean.a < raw.a", "1 clean.b < raw.b", "2 raw.a", "2 raw.b"}})
		k.wantColumns(registry.RoleAdmin, map[string]any{"of": clean, "column": "a", "direction": "BOTH"}, answer{Columns: []string{"0 clean.a < raw.a", "1 raw.a",
			"1 training.x < clean.a", "1 training.z < clean.a"}, Features: churn.Features, Versions: churn.Versions, Models: churn.Models, Deployments: churn.Deployments})
		k.wantColumns(registry.RoleAdmin, map[string]any{"of": raw, "column": "a", "depth": 1}, answer{Columns: downA[:2], Reasons: []string{"DEPTH"}})
		k.wantColumns(registry.RoleAdmin, map[string]any{"of": raw, "column": "a", "depth": 2}, churn)
		k.wantColumns(registry.RoleAdmin, map[string]any{"of": raw, "column": "a", "depth": 0}, answer{Columns: downA[:1], Reasons: []string{"DEPTH"}})
		// As of when the other deployment stood, and before there was any.
		both, none := churn, churn
		both.Deployments, none.Deployments = []string{"production", "test"}, nil
		k.wantColumns(registry.RoleAdmin, map[string]any{"of": raw, "column": "a", "asOf": start.Add(150 * time.Minute)}, both)
		k.wantColumns(registry.RoleAdmin, map[string]any{"of": raw, "column": "a", "asOf": start.Add(30 * time.Minute)}, none)
		k.wantColumns(registry.RoleAdmin, map[string]any{"of": raw, "column": "a", "knownAt": start.Add(30 * time.Minute)}, none)
	})
}

// TestColumnsAreSeenWithTheirRowsAndByWhoMay: a developer sees what leads to what
// is served, a viewer no columns at all.
func TestColumnsAreSeenWithTheirRowsAndByWhoMay(t *testing.T) {
	onBoth(t, func(k *site) {
		raw, clean, _ := k.pipeline()
		k.derived("dark", nil, col("d", src(raw, "a"))) // nothing that is served comes of it
		fraud := must[*registry.ModelVersion](k)(k.s.ModelVersion(k.root, "churn", "1.0.0"))
		if got := k.ask(registry.RoleDeveloper, columnQuery, map[string]any{"of": raw, "column": "a", "direction": "DOWNSTREAM"}); !strings.Contains(got, `"NOT_FOUND"`) {
			k.Errorf("nothing is served yet, and a developer is told %s", got)
		}
		k.move(fraud.ID, registry.Staging, registry.Production)
		k.wantColumns(registry.RoleDeveloper, map[string]any{"of": raw, "column": "a"}, answer{Columns: []string{"0 raw.a", "1 clean.a < raw.a", "2 training.x < clean.a", "2 training.z < clean.a"},
			Features: []string{"x"}, Versions: []string{"1.0.0"}, Models: []string{"churn"}, Deployments: []string{"production"}, Reasons: []string{"ACCESS"}})
		// The other feature is upstream of what is not served: its version is not told.
		if got := k.columns(registry.RoleDeveloper, map[string]any{"of": raw, "column": "b"}); len(got.Models)+len(got.Versions) != 0 {
			k.Errorf("a developer sees %q", got)
		}
		for role, code := range map[string]string{registry.RoleViewer: "FORBIDDEN", registry.RoleDataScientist: ""} {
			got := k.ask(role, columnQuery, map[string]any{"of": clean, "column": "a", "direction": "BOTH"})
			if strings.Contains(got, `"code":"FORBIDDEN"`) != (code != "") {
				k.Errorf("as %s: %s", role, got)
			}
		}
	})
}

// TestADerivationIsHeldToItsRules says what may be said of a column.
func TestADerivationIsHeldToItsRules(t *testing.T) {
	onBoth(t, func(k *site) {
		raw, clean, _ := k.pipeline()
		open := k.data("open", "1", time.Time{}) // lists no columns: may have any
		record := func(in facts.RecordDatasetVersionInput) (*registry.DatasetVersion, error) {
			in.Dataset, in.Version = "new", "1"
			p, err := k.s.RecordDatasetVersion(k.root, in)
			if err != nil {
				return nil, err
			}
			return p.DatasetVersion, nil
		}
		self := registry.DatasetVersionID(registry.DatasetID("default", "new"), "1")
		for why, c := range map[string]struct {
			source registry.ColumnSource
			code   registry.Code
		}{
			"itself":                 {src(self, "n"), registry.InvalidArgument},
			"no such column":         {src(raw, "nothing"), registry.InvalidArgument},
			"no such version":        {src("dv_00000000000000000000000000", "a"), registry.NotFound},
			"not a version":          {src(registry.DatasetID("default", "raw"), "a"), registry.NotFound},
			"nobody":                 {registry.ColumnSource{Column: "a"}, registry.InvalidArgument},
			"two names":              {registry.ColumnSource{DatasetVersion: raw, Dataset: "raw", Column: "a"}, registry.InvalidArgument},
			"a dataset it is not of": {registry.ColumnSource{Dataset: "clean", Column: "a"}, registry.InvalidArgument},
		} {
			if _, err := record(facts.RecordDatasetVersionInput{DerivedFrom: []registry.ID{raw}, Columns: []registry.Column{col("n", c.source)}}); registry.CodeOf(err) != c.code {
				k.Errorf("%s: %v, want %s", why, err, c.code)
			}
		}
		// By the dataset's name where one version of it is a source; and what lineage did
		// not join is joined.
		dv := must[*registry.DatasetVersion](k)(record(facts.RecordDatasetVersionInput{DerivedFrom: []registry.ID{raw},
			Columns: []registry.Column{col("n", registry.ColumnSource{Dataset: "raw", Column: "a"}, src(open, "anything"))}}))
		if got := dv.Columns[0].DerivedFrom; len(got) != 2 || got[0].DatasetVersion != raw || got[0].Dataset != "" {
			k.Errorf("stored: %+v", got)
		}
		up := must[*provenance.ProvenanceNodeConnection](k)(k.s.Upstream(k.root, dv, core.Paging{}))
		var causes []registry.ID
		for _, e := range up.Edges {
			causes = append(causes, e.Node.NodeMeta().ID)
		}
		if !slices.Equal(causes, []registry.ID{raw, open}) {
			k.Errorf("derived from %v", causes)
		}
		// Told again with more, it merges column by column; the run's inputs were joined
		// before, so that no edge is added.
		must[*registry.DatasetVersion](k)(record(facts.RecordDatasetVersionInput{Columns: []registry.Column{
			{Name: "n", Type: "float", DerivedFrom: []registry.ColumnSource{{DatasetVersion: raw, Column: "a", Transformations: []registry.ColumnTransformation{{Type: "DIRECT", Subtype: "IDENTITY"}}},
				src(raw, "b")}}, {Name: "m"}}}))
		k.wants(registry.RoleAdmin, fmt.Sprintf(`{ node(id: %q) { ... on DatasetVersion { columns { name type derivedFrom { column transformations { type subtype masking } } } } } }`, dv.ID),
			`{"node":{"columns":[{"name":"n","type":"float","derivedFrom":[{"column":"a","transformations":[{"type":"DIRECT","subtype":"IDENTITY","masking":false}]},`+
				`{"column":"anything","transformations":[]},{"column":"b","transformations":[]}]},{"name":"m","type":null,"derivedFrom":[]}]}}`)
		edges := must[*provenance.ProvenanceNodeConnection](k)(k.s.Upstream(k.root, must[registry.Node](k)(k.s.Node(k.root, clean)), core.Paging{}))
		if len(edges.Edges) != 1 || edges.Edges[0].Relation != registry.EdgeGeneratedBy {
			k.Errorf("clean has %d causes; its run says it all", len(edges.Edges))
		}
		// A derivation whose lineage was withdrawn is followed no more, and was then.
		then := k.now
		k.tick(time.Hour)
		must[*facts.RetractLineagePayload](k)(k.s.RetractLineage(k.root, facts.RetractLineageInput{From: dv.ID, To: raw, Kind: registry.EdgeDerivedFrom}))
		k.wantColumns(registry.RoleAdmin, map[string]any{"of": dv.ID, "column": "n", "direction": "UPSTREAM"}, answer{Columns: []string{"0 new.n < open.anything", "1 open.anything"}})
		k.wantColumns(registry.RoleAdmin, map[string]any{"of": dv.ID, "column": "n", "direction": "UPSTREAM", "knownAt": then},
			answer{Columns: []string{"0 new.n < raw.a, open.anything, raw.b", "1 open.anything", "1 raw.a", "1 raw.b"}})
	})
}

// TestColumnPagesAppendToTheWhole turns pages of a wide column's lineage while the
// graph grows.
func TestColumnPagesAppendToTheWhole(t *testing.T) {
	onBoth(t, func(k *site) {
		raw := k.derived("raw", nil, col("a"))
		for i := range 7 {
			k.derived(fmt.Sprintf("copy%d", i), nil, col("a", src(raw, "a")), col("b", src(raw, "a")))
		}
		k.tick(time.Hour)
		seen := map[string]bool{}
		after := "null"
		for n := 0; ; n++ {
			page, _ := k.get(registry.RoleAdmin, fmt.Sprintf(`{ columnLineage(of: %q, column: "a", first: 4, after: %s) { columns { column node { id } } pageInfo { hasNextPage endCursor } } }`, raw, after), "columnLineage").(map[string]any)
			if page == nil || n > 10 {
				k.Fatalf("page %d: %v", n, page)
			}
			for _, c := range page["columns"].([]any) {
				m := c.(map[string]any)
				key := fmt.Sprint(m["column"], m["node"])
				if seen[key] {
					k.Errorf("%s comes twice", key)
				}
				seen[key] = true
			}
			k.derived(fmt.Sprintf("new%d", n), nil, col("a", src(raw, "a")))
			k.tick(time.Second)
			info := page["pageInfo"].(map[string]any)
			if info["hasNextPage"] != true {
				break
			}
			after = fmt.Sprintf("%q", info["endCursor"])
		}
		if len(seen) != 15 {
			k.Errorf("%d columns, want the root and 14", len(seen))
		}
	})
}

// TestTheDemoKnowsWhoUsesItsRawColumns is the example of the documentation.
func TestTheDemoKnowsWhoUsesItsRawColumns(t *testing.T) {
	onBoth(t, func(k *site) {
		k.now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
		story := must[*demo.Story](k)(demo.Load(k.root, k.s))
		k.tick(time.Hour)
		got := k.columns(registry.RoleAdmin, map[string]any{"of": story.Raw, "column": "debt"})
		want := answer{Columns: []string{"0 applications/raw.debt", "1 applications/clean.debt < applications/raw.debt", "2 applications/training.debt_to_income < applications/clean.debt"},
			Features: []string{"debt_to_income"}, Versions: []string{"1.0.0", "1.0.1", "1.1.0", "2.0.0"}, Models: []string{"credit-approval"}}
		want.Deployments = got.Deployments
		slices.Sort(got.Versions)
		if fmt.Sprintf("%q", got.Columns) != fmt.Sprintf("%q", want.Columns) || fmt.Sprintf("%q", got.Features) != fmt.Sprintf("%q", want.Features) ||
			!slices.Equal(got.Versions, want.Versions) || !slices.Equal(got.Models, want.Models) || !slices.Contains(got.Deployments, "production") {
			k.Errorf("got %q", got)
		}
		k.wants(registry.RoleAdmin, `{ model(name: "credit-approval", asOf: "2024-01-10T00:00:00Z") { productionVersion { version deployments { edges { node { live environment } } } } } }`,
			`{"model":{"productionVersion":{"version":"1.0.0","deployments":{"edges":[{"node":{"live":true,"environment":"production"}}]}}}}`)
	})
}

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

// recordDatasetWithColumns records a dataset version with columns, which may derive
// from columns of other versions.
func (r *testRegistry) recordDatasetWithColumns(name string, by *registry.ID, columns ...registry.Column) registry.ID {
	r.Helper()
	return must[*facts.RecordDatasetVersionPayload](r)(r.service.RecordDatasetVersion(r.adminContext, facts.RecordDatasetVersionInput{Dataset: name, Version: "1", GeneratedBy: by, Columns: columns})).DatasetVersion.ID
}

func column(name string, from ...registry.ColumnSource) registry.Column {
	return registry.Column{Name: name, DerivedFrom: from}
}

func columnSource(of registry.ID, column string) registry.ColumnSource {
	return registry.ColumnSource{DatasetVersion: of, Column: column}
}

func (r *testRegistry) recordRun(id string, inputs ...registry.ID) *registry.ID {
	r.Helper()
	return &must[*facts.RecordRunPayload](r)(r.service.RecordRun(r.adminContext, facts.RecordRunInput{Producer: "test", RunID: id, Name: id, Inputs: inputs})).Run.ID
}

// columnResult is a short form of the answer of columnLineage. A column is written as
// "depth dataset.column < source.column, …".
type columnResult struct {
	Columns, Features, Versions, Models, Deployments, Reasons []string
}

const columnQuery = `query($of: ID!, $column: String!, $direction: LineageDirection!, $depth: Int, $asOf: DateTime, $knownAt: DateTime) {
	columnLineage(of: $of, column: $column, direction: $direction, maxDepth: $depth, asOf: $asOf, knownAt: $knownAt, first: 200) {
		columns { depth column node { name } from { column node { name } } } features { edges { node { name } } } versions { edges { node { version } } }
		models { edges { node { name } } } deployments { edges { node { environment } } } truncation { reasons } } }`

func (r *testRegistry) columnLineage(role string, vars map[string]any) columnResult {
	r.Helper()
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
	text := r.ask(role, columnQuery, vars)
	if err := json.Unmarshal([]byte(text), &got); err != nil || got.Data.ColumnLineage == nil || strings.Contains(text, `"errors"`) {
		r.Fatalf("%v: %s", vars, text)
	}
	c := got.Data.ColumnLineage
	a := columnResult{Reasons: c.Truncation.Reasons}
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

func (r *testRegistry) wantColumnLineage(role string, vars map[string]any, want columnResult) {
	r.Helper()
	got := r.columnLineage(role, vars)
	for _, list := range []*[]string{&got.Columns, &got.Features, &got.Versions, &got.Models, &got.Deployments, &got.Reasons, &want.Columns, &want.Features, &want.Versions, &want.Models,
		&want.Deployments, &want.Reasons} {
		if *list == nil {
			*list = []string{}
		}
	}
	if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
		r.Errorf("%v\n got %q\nwant %q", vars, got, want)
	}
}

// recordPipeline records raw → run → clean → run → training, with a feature on each of
// the columns x and y of training. churn 1.0.0 uses the feature x; fraud 1.0.0 uses the
// feature y through its run. x derives from raw.a, y from raw.b, and z, which has no
// feature, from both.
func (r *testRegistry) recordPipeline() (raw, clean, training registry.ID) {
	r.Helper()
	raw = r.recordDatasetWithColumns("raw", nil, column("a"), column("b"), column("unused"))
	clean = r.recordDatasetWithColumns("clean", r.recordRun("etl", raw), column("a", columnSource(raw, "a")), column("b", columnSource(raw, "b")))
	training = r.recordDatasetWithColumns("training", r.recordRun("features", clean), column("x", columnSource(clean, "a")), column("y", columnSource(clean, "b")), column("z", columnSource(clean, "a"), columnSource(clean, "b")))
	feature := func(column string) registry.ID {
		return must[*facts.RecordFeaturePayload](r)(r.service.RecordFeature(r.adminContext, facts.RecordFeatureInput{DefinedOn: &training, Column: column})).Feature.ID
	}
	x, y := feature("x"), feature("y")
	register := func(in catalog.RegisterModelVersionInput) registry.ID {
		in.Version, in.CreateModel = ptr("1.0.0"), true
		return must[*catalog.RegisterModelVersionPayload](r)(r.service.RegisterModelVersion(r.adminContext, in)).ModelVersion.ID
	}
	churn := register(catalog.RegisterModelVersionInput{Model: "churn", Features: []registry.ID{x}})
	register(catalog.RegisterModelVersionInput{Model: "fraud", Run: r.recordRun("train", training, y)})
	r.advance(time.Hour)
	for _, env := range []string{"production", "test"} {
		d := must[*facts.RecordDeploymentPayload](r)(r.service.RecordDeployment(r.adminContext, facts.RecordDeploymentInput{ID: &churn, Environment: env})).Deployment.ID
		if r.advance(time.Hour); env == "test" {
			must[*facts.EndDeploymentPayload](r)(r.service.EndDeployment(r.adminContext, facts.EndDeploymentInput{ID: d}))
		}
	}
	r.advance(time.Hour)
	return raw, clean, training
}

// TestWhichModelsUseAFeatureDerivedFromAColumn finds the models in one call. The raw
// column is two derivations away from the features.
func TestWhichModelsUseAFeatureDerivedFromAColumn(t *testing.T) {
	onBoth(t, func(r *testRegistry) {
		raw, clean, training := r.recordPipeline()
		downA := []string{"0 raw.a", "1 clean.a < raw.a", "2 training.x < clean.a", "2 training.z < clean.a"}
		churn := columnResult{Columns: downA, Features: []string{"x"}, Versions: []string{"1.0.0"}, Models: []string{"churn"}, Deployments: []string{"production"}}
		r.wantColumnLineage(registry.RoleAdmin, map[string]any{"of": raw, "column": "a"}, churn)
		r.wantColumnLineage(registry.RoleAdmin, map[string]any{"of": raw, "column": "b"}, columnResult{Columns: []string{"0 raw.b", "1 clean.b < raw.b", "2 training.y < clean.b", "2 training.z < clean.b"},
			Features: []string{"y"}, Versions: []string{"1.0.0"}, Models: []string{"fraud"}})
		r.wantColumnLineage(registry.RoleAdmin, map[string]any{"of": raw, "column": "unused"}, columnResult{Columns: []string{"0 raw.unused"}})
		r.wantColumnLineage(registry.RoleAdmin, map[string]any{"of": training, "column": "z", "direction": "UPSTREAM"}, columnResult{Columns: []string{"0 training.z < clean.a, clean.b",
			"1 clean.a < raw.a", "1 clean.b < raw.b", "2 raw.a", "2 raw.b"}})
		r.wantColumnLineage(registry.RoleAdmin, map[string]any{"of": clean, "column": "a", "direction": "BOTH"}, columnResult{Columns: []string{"0 clean.a < raw.a", "1 raw.a",
			"1 training.x < clean.a", "1 training.z < clean.a"}, Features: churn.Features, Versions: churn.Versions, Models: churn.Models, Deployments: churn.Deployments})
		r.wantColumnLineage(registry.RoleAdmin, map[string]any{"of": raw, "column": "a", "depth": 1}, columnResult{Columns: downA[:2], Reasons: []string{"DEPTH"}})
		r.wantColumnLineage(registry.RoleAdmin, map[string]any{"of": raw, "column": "a", "depth": 2}, churn)
		r.wantColumnLineage(registry.RoleAdmin, map[string]any{"of": raw, "column": "a", "depth": 0}, columnResult{Columns: downA[:1], Reasons: []string{"DEPTH"}})
		// As of a time when both deployments were live, and of one before the first.
		both, none := churn, churn
		both.Deployments, none.Deployments = []string{"production", "test"}, nil
		r.wantColumnLineage(registry.RoleAdmin, map[string]any{"of": raw, "column": "a", "asOf": start.Add(150 * time.Minute)}, both)
		r.wantColumnLineage(registry.RoleAdmin, map[string]any{"of": raw, "column": "a", "asOf": start.Add(30 * time.Minute)}, none)
		r.wantColumnLineage(registry.RoleAdmin, map[string]any{"of": raw, "column": "a", "knownAt": start.Add(30 * time.Minute)}, none)
	})
}

// TestVisibilityOfColumns checks that a developer sees the columns that lead to served
// versions, and a viewer no columns at all.
func TestVisibilityOfColumns(t *testing.T) {
	onBoth(t, func(r *testRegistry) {
		raw, clean, _ := r.recordPipeline()
		r.recordDatasetWithColumns("dark", nil, column("d", columnSource(raw, "a"))) // No served version derives from it.
		churn := must[*registry.ModelVersion](r)(r.service.ModelVersion(r.adminContext, "churn", "1.0.0"))
		if got := r.ask(registry.RoleDeveloper, columnQuery, map[string]any{"of": raw, "column": "a", "direction": "DOWNSTREAM"}); !strings.Contains(got, `"NOT_FOUND"`) {
			r.Errorf("nothing is served yet, but a developer gets %s", got)
		}
		r.transition(churn.ID, registry.Staging, registry.Production)
		r.wantColumnLineage(registry.RoleDeveloper, map[string]any{"of": raw, "column": "a"}, columnResult{Columns: []string{"0 raw.a", "1 clean.a < raw.a", "2 training.x < clean.a", "2 training.z < clean.a"},
			Features: []string{"x"}, Versions: []string{"1.0.0"}, Models: []string{"churn"}, Deployments: []string{"production"}, Reasons: []string{"ACCESS"}})
		// The version that uses the other feature is not served, so it is hidden.
		if got := r.columnLineage(registry.RoleDeveloper, map[string]any{"of": raw, "column": "b"}); len(got.Models)+len(got.Versions) != 0 {
			r.Errorf("a developer sees %q", got)
		}
		for role, code := range map[string]string{registry.RoleViewer: "FORBIDDEN", registry.RoleDataScientist: ""} {
			got := r.ask(role, columnQuery, map[string]any{"of": clean, "column": "a", "direction": "BOTH"})
			if strings.Contains(got, `"code":"FORBIDDEN"`) != (code != "") {
				r.Errorf("as %s: %s", role, got)
			}
		}
	})
}

// TestRulesOfColumnDerivations checks which sources a column may name.
func TestRulesOfColumnDerivations(t *testing.T) {
	onBoth(t, func(r *testRegistry) {
		raw, clean, _ := r.recordPipeline()
		open := r.recordDataset("open", "1", time.Time{}) // It lists no columns, so any column name is valid.
		record := func(in facts.RecordDatasetVersionInput) (*registry.DatasetVersion, error) {
			in.Dataset, in.Version = "new", "1"
			p, err := r.service.RecordDatasetVersion(r.adminContext, in)
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
			"itself":                 {columnSource(self, "n"), registry.InvalidArgument},
			"no such column":         {columnSource(raw, "nothing"), registry.InvalidArgument},
			"no such version":        {columnSource("dv_00000000000000000000000000", "a"), registry.NotFound},
			"not a version":          {columnSource(registry.DatasetID("default", "raw"), "a"), registry.NotFound},
			"nobody":                 {registry.ColumnSource{Column: "a"}, registry.InvalidArgument},
			"two names":              {registry.ColumnSource{DatasetVersion: raw, Dataset: "raw", Column: "a"}, registry.InvalidArgument},
			"a dataset it is not of": {registry.ColumnSource{Dataset: "clean", Column: "a"}, registry.InvalidArgument},
		} {
			if _, err := record(facts.RecordDatasetVersionInput{DerivedFrom: []registry.ID{raw}, Columns: []registry.Column{column("n", c.source)}}); registry.CodeOf(err) != c.code {
				r.Errorf("%s: %v, want %s", why, err, c.code)
			}
		}
		// A source may be named by its dataset if one version of it is a source. A source
		// without an edge gets one.
		dv := must[*registry.DatasetVersion](r)(record(facts.RecordDatasetVersionInput{DerivedFrom: []registry.ID{raw},
			Columns: []registry.Column{column("n", registry.ColumnSource{Dataset: "raw", Column: "a"}, columnSource(open, "anything"))}}))
		if got := dv.Columns[0].DerivedFrom; len(got) != 2 || got[0].DatasetVersion != raw || got[0].Dataset != "" {
			r.Errorf("stored: %+v", got)
		}
		up := must[*provenance.ProvenanceNodeConnection](r)(r.service.Upstream(r.adminContext, dv, core.Paging{}))
		var causes []registry.ID
		for _, e := range up.Edges {
			causes = append(causes, e.Node.NodeMeta().ID)
		}
		if !slices.Equal(causes, []registry.ID{raw, open}) {
			r.Errorf("derived from %v", causes)
		}
		// Recording again merges column by column. The inputs of the run have edges already,
		// so no edge is added.
		must[*registry.DatasetVersion](r)(record(facts.RecordDatasetVersionInput{Columns: []registry.Column{
			{Name: "n", Type: "float", DerivedFrom: []registry.ColumnSource{{DatasetVersion: raw, Column: "a", Transformations: []registry.ColumnTransformation{{Type: "DIRECT", Subtype: "IDENTITY"}}},
				columnSource(raw, "b")}}, {Name: "m"}}}))
		r.wantAnswer(registry.RoleAdmin, fmt.Sprintf(`{ node(id: %q) { ... on DatasetVersion { columns { name type derivedFrom { column transformations { type subtype masking } } } } } }`, dv.ID),
			`{"node":{"columns":[{"name":"n","type":"float","derivedFrom":[{"column":"a","transformations":[{"type":"DIRECT","subtype":"IDENTITY","masking":false}]},`+
				`{"column":"anything","transformations":[]},{"column":"b","transformations":[]}]},{"name":"m","type":null,"derivedFrom":[]}]}}`)
		edges := must[*provenance.ProvenanceNodeConnection](r)(r.service.Upstream(r.adminContext, must[registry.Node](r)(r.service.Node(r.adminContext, clean)), core.Paging{}))
		if len(edges.Edges) != 1 || edges.Edges[0].Relation != registry.EdgeGeneratedBy {
			r.Errorf("clean has %d causes, want its run only", len(edges.Edges))
		}
		// A derivation is not followed after its edge was retracted, but it is as of before.
		then := r.now.Add(time.Minute)
		r.advance(time.Hour)
		must[*facts.RetractLineagePayload](r)(r.service.RetractLineage(r.adminContext, facts.RetractLineageInput{From: dv.ID, To: raw, Kind: registry.EdgeDerivedFrom}))
		r.wantColumnLineage(registry.RoleAdmin, map[string]any{"of": dv.ID, "column": "n", "direction": "UPSTREAM"}, columnResult{Columns: []string{"0 new.n < open.anything", "1 open.anything"}})
		r.wantColumnLineage(registry.RoleAdmin, map[string]any{"of": dv.ID, "column": "n", "direction": "UPSTREAM", "knownAt": then},
			columnResult{Columns: []string{"0 new.n < raw.a, open.anything, raw.b", "1 open.anything", "1 raw.a", "1 raw.b"}})
	})
}

// TestPagesOfColumnLineageAddUp reads small pages of the lineage of a column while new
// columns are recorded.
func TestPagesOfColumnLineageAddUp(t *testing.T) {
	onBoth(t, func(r *testRegistry) {
		raw := r.recordDatasetWithColumns("raw", nil, column("a"))
		for i := range 7 {
			r.recordDatasetWithColumns(fmt.Sprintf("copy%d", i), nil, column("a", columnSource(raw, "a")), column("b", columnSource(raw, "a")))
		}
		r.advance(time.Hour)
		seen := map[string]bool{}
		after := "null"
		for n := 0; ; n++ {
			page, _ := r.getPath(registry.RoleAdmin, fmt.Sprintf(`{ columnLineage(of: %q, column: "a", first: 4, after: %s) { columns { column node { id } } pageInfo { hasNextPage endCursor } } }`, raw, after), "columnLineage").(map[string]any)
			if page == nil || n > 10 {
				r.Fatalf("page %d: %v", n, page)
			}
			for _, c := range page["columns"].([]any) {
				m := c.(map[string]any)
				key := fmt.Sprint(m["column"], m["node"])
				if seen[key] {
					r.Errorf("%s is there twice", key)
				}
				seen[key] = true
			}
			r.recordDatasetWithColumns(fmt.Sprintf("new%d", n), nil, column("a", columnSource(raw, "a")))
			r.advance(time.Second)
			info := page["pageInfo"].(map[string]any)
			if info["hasNextPage"] != true {
				break
			}
			after = fmt.Sprintf("%q", info["endCursor"])
		}
		if len(seen) != 15 {
			r.Errorf("%d columns, want the root and 14", len(seen))
		}
	})
}

// TestColumnLineageOfTheDemo runs the example of the documentation.
func TestColumnLineageOfTheDemo(t *testing.T) {
	onBoth(t, func(r *testRegistry) {
		r.now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
		story := must[*demo.Story](r)(demo.Load(r.adminContext, r.service))
		r.advance(time.Hour)
		got := r.columnLineage(registry.RoleAdmin, map[string]any{"of": story.Raw, "column": "debt"})
		want := columnResult{Columns: []string{"0 applications/raw.debt", "1 applications/clean.debt < applications/raw.debt", "2 applications/training.debt_to_income < applications/clean.debt"},
			Features: []string{"debt_to_income"}, Versions: []string{"1.0.0", "1.0.1", "1.1.0", "2.0.0"}, Models: []string{"credit-approval"}}
		want.Deployments = got.Deployments
		slices.Sort(got.Versions)
		if fmt.Sprintf("%q", got.Columns) != fmt.Sprintf("%q", want.Columns) || fmt.Sprintf("%q", got.Features) != fmt.Sprintf("%q", want.Features) ||
			!slices.Equal(got.Versions, want.Versions) || !slices.Equal(got.Models, want.Models) || !slices.Contains(got.Deployments, "production") {
			r.Errorf("got %q", got)
		}
		r.wantAnswer(registry.RoleAdmin, `{ model(name: "credit-approval", asOf: "2024-01-10T00:00:00Z") { productionVersion { version deployments { edges { node { live environment } } } } } }`,
			`{"model":{"productionVersion":{"version":"1.0.0","deployments":{"edges":[{"node":{"live":true,"environment":"production"}}]}}}}`)
	})
}

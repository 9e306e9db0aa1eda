package export_test

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pedigree/connect/demo"
	"pedigree/graph/sqlite"
	"pedigree/lineage"
	"pedigree/lineage/export"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service"
	"pedigree/service/catalog"
	"pedigree/service/facts"
	"pedigree/service/provenance"
)

// demoService returns a service with the demo story, and a function that makes a request
// context for a role.
func demoService(t *testing.T) (*service.Service, *demo.Story, func(role string) context.Context) {
	t.Helper()
	store, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "p.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	table, err := policies.Load("")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	gate, err := policies.NewGate(t.Context(), store, table, func() time.Time { now = now.Add(time.Second); return now })
	if err != nil {
		t.Fatal(err)
	}
	s := service.New(gate)
	as := func(role string) context.Context {
		return service.As(t.Context(), registry.Actor{Subject: "a-" + role, Grants: []registry.Grant{{Role: role, Scope: registry.ScopeAll}}}, "r")
	}
	story, err := demo.Load(as(registry.RoleAdmin), s)
	if err != nil {
		t.Fatal(err)
	}
	return s, story, as
}

// lineageContent is the content of the lineage answer to the same question.
func lineageContent(t *testing.T, ctx context.Context, s *service.Service, of registry.ID, d lineage.Direction) (out graphContent) {
	t.Helper()
	g, err := s.Lineage(ctx, provenance.LineageInput{Of: of, Direction: d})
	if err != nil {
		t.Fatal(err)
	}
	if g.PageInfo.HasNextPage {
		t.Fatal("the story is longer than a page")
	}
	for _, n := range g.Nodes {
		out.Nodes = append(out.Nodes, string(n.ID))
	}
	for _, e := range g.Edges {
		out.Edges = append(out.Edges, fmt.Sprintf("%s %s %s", e.From, e.Kind, e.To))
	}
	return out.sorted()
}

// addHiddenVersion adds a version that viewers do not see, trained by its own run on the
// story's raw data.
func addHiddenVersion(t *testing.T, ctx context.Context, s *service.Service, raw registry.ID) {
	t.Helper()
	run, err := s.RecordRun(ctx, facts.RecordRunInput{Producer: "airflow", RunID: "secret-run", Name: "secret-run", RunKind: registry.RunTraining, Inputs: []registry.ID{raw}})
	if err != nil {
		t.Fatal(err)
	}
	version := "9.9.9"
	if _, err := s.RegisterModelVersion(ctx, catalog.RegisterModelVersionInput{Model: "secret-model", CreateModel: true, Version: &version, Run: &run.Run.ID}); err != nil {
		t.Fatal(err)
	}
}

// TestTheStoryIsReadBack checks that the parser of every format reads back the whole
// graph of the demo story, as an administrator sees it and as a viewer does, for whom
// some nodes are hidden.
func TestTheStoryIsReadBack(t *testing.T) {
	s, story, as := demoService(t)
	addHiddenVersion(t, as(registry.RoleAdmin), s, story.Raw)
	var asks []string
	var wants []graphContent
	var documents []map[export.Format]string
	for _, role := range []string{registry.RoleAdmin, registry.RoleViewer} {
		for of, d := range map[registry.ID]lineage.Direction{story.Deployment: lineage.Upstream, story.Raw: lineage.Both} {
			want := lineageContent(t, as(role), s, of, d)
			texts := map[export.Format]string{}
			for _, f := range export.Formats() {
				x, err := s.Export(as(role), provenance.ExportInput{Of: of, Format: f, Direction: d})
				if err != nil {
					t.Fatal(err)
				}
				again, err := s.Export(as(role), provenance.ExportInput{Of: of, Format: f, Direction: d})
				if err != nil || again.Body != x.Body || !again.AsOf.After(x.AsOf) {
					t.Errorf("%s: a second later it is another text (%v)", f, err)
				}
				if hidden := d == lineage.Both && role == registry.RoleViewer; x.Truncation.Truncated != hidden || strings.Contains(x.Body, "secret") == (hidden || d == lineage.Upstream) {
					t.Errorf("%s as %s: truncated %v", f, role, x.Truncation.Truncated)
				}
				texts[f] = x.Body
			}
			asks, wants, documents = append(asks, fmt.Sprintf("as %s, %s of %s", role, d, of)), append(wants, want), append(documents, texts)
		}
	}
	for i, r := range parse(t, documents...) {
		for f, got := range r.contents {
			want := wants[i]
			if f == export.OpenLineage {
				want = want.openLineage()
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s %s (-want +got):\n%s", f, asks[i], diff)
			}
			t.Logf("%s %s: %d nodes and %d edges read back", f, asks[i], len(got.Nodes), len(got.Edges))
		}
	}
}

// TestExportsAreOfTheirInstant checks that an export as of a time before the training run
// shows the instant and nothing that came later.
func TestExportsAreOfTheirInstant(t *testing.T) {
	s, story, as := demoService(t)
	x, err := s.Export(as(registry.RoleAdmin), provenance.ExportInput{Of: story.Raw, Format: export.Mermaid, Direction: lineage.Downstream, AsOf: time.Date(2023, 12, 6, 0, 0, 0, 0, time.UTC)})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(x.Body, "As of 2023-12-06T00:00:00Z.") || !strings.Contains(x.Body, "applications/clean") || strings.Contains(x.Body, "credit-approval") {
		t.Error(x.Body)
	}
}

// TestExportsAreBounded checks that an export refuses the inputs that lineage refuses.
func TestExportsAreBounded(t *testing.T) {
	s, story, as := demoService(t)
	deep := 51
	for _, in := range []provenance.ExportInput{{Of: story.Raw, Format: export.DOT, MaxDepth: &deep}, {Of: story.Raw, Format: export.DOT, History: &[]int{-1}[0]}, {Of: story.Raw, Format: "PDF"}} {
		if _, err := s.Export(as(registry.RoleAdmin), in); registry.CodeOf(err) != registry.InvalidArgument {
			t.Errorf("%+v: %v", in, err)
		}
	}
	if _, err := s.Export(as(registry.RoleAdmin), provenance.ExportInput{Of: "mv_nothing", Format: export.DOT}); registry.CodeOf(err) != registry.NotFound {
		t.Error(err)
	}
}

package kubernetes

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pedigree/connect/git"
	"pedigree/internal/registrytest"
	"pedigree/registry"
	"pedigree/service"
	"pedigree/service/catalog"
	"pedigree/service/core"
	"pedigree/service/facts"
)

// newRegistry returns a registry with churn 1.0.0 and 2.0.0 and fraud 1.0.0, whose label is 1.
func newRegistry(t *testing.T) (*service.Service, context.Context) {
	t.Helper()
	s, ctx := registrytest.Open(t, registrytest.Store(t), func() time.Time { return time.Date(2026, 12, 3, 0, 0, 0, 0, time.UTC) }), as(t.Context(), registry.RoleAdmin)
	made := time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
	for _, v := range []catalog.RegisterModelVersionInput{
		{Model: "churn", Version: ptr("1.0.0"), CreateModel: true, CreatedDate: made, Artifacts: []catalog.ArtifactInput{{Name: "model", URI: "s3://models/churn/1.0.0/model.pkl"}}},
		{Model: "churn", Version: ptr("2.0.0"), CreatedDate: made, Artifacts: []catalog.ArtifactInput{{Name: "model", URI: "s3a://models/churn/2.0.0/model.pkl"}}},
		{Model: "fraud", Version: ptr("1.0.0"), Label: "one", CreateModel: true, CreatedDate: made},
		{Model: "fraud", Label: "1", CreatedDate: made},
	} {
		if _, err := s.RegisterModelVersion(ctx, v); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.SetAlias(ctx, catalog.SetAliasInput{Model: "fraud", Alias: "champion", Version: "1.0.0"}); err != nil {
		t.Fatal(err)
	}
	return s, ctx
}

func as(ctx context.Context, role string) context.Context {
	return service.As(ctx, registry.Actor{Subject: "ann", Grants: []registry.Grant{{Role: role, Scope: registry.ScopeAll}}}, "test")
}

func ptr[T any](v T) *T { return &v }

func load(t *testing.T, ctx context.Context, r Registry, from string) *git.Report {
	t.Helper()
	report, err := Import(ctx, r, from, nil)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// deployed returns the deployments as lines, sorted by name.
func deployed(t *testing.T, s *service.Service, ctx context.Context) string {
	t.Helper()
	first := core.MaxPage
	page, err := s.Deployments(ctx, core.Paging{First: &first}, &facts.DeploymentFilter{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for _, e := range page.Edges {
		d := e.Node
		out.WriteString(d.Environment + " " + d.Endpoint + " " + d.ModelName + "@" + d.Version + " " + d.StartedAt.Format("01-02"))
		if !d.EndedAt.IsZero() {
			out.WriteString(" ended")
		}
		out.WriteString("\n")
	}
	return out.String()
}

func TestObjectsThatServeVersionsAreDeployments(t *testing.T) {
	s, ctx := newRegistry(t)
	report := load(t, ctx, s, "testdata")
	want := "default deployment/scoring churn@2.0.0 12-03\nprod churn churn@1.0.0 12-02\nprod fraud fraud@1.0.0 12-03\nprod deployment/by-env fraud@1.1.0 12-03\nstaging by-files churn@2.0.0 12-03\n"
	if got := deployed(t, s, ctx); got != want || report.Added("deployments") != 5 {
		t.Errorf("%s\nwant\n%s%+v", got, want, report)
	}
	text := ""
	for _, p := range report.Problems {
		text += string(p.Kind) + " " + p.Where + ": " + p.What + "\n"
	}
	for _, wanted := range []string{"not recorded objects.yaml document 4 InferenceService prod/stranger: s3://", "elsewhere/x is of no version", "prod/nameless: it names no model",
		"prod/unknown: its label pedigree.dev/model names the version 9.0.0 of churn, which is not known", "prod/idle: it has no replicas"} {
		if !strings.Contains(text, wanted) {
			t.Errorf("%q is not told:\n%s", wanted, text)
		}
	}
	if strings.Contains(text, "secret") || strings.Contains(text, "web") || len(report.Problems) != 4 {
		t.Errorf("%s", text)
	}
	if again := load(t, ctx, s, "testdata"); again.Total() != 0 || deployed(t, s, ctx) != want {
		t.Errorf("a second import: %+v\n%s", again, deployed(t, s, ctx))
	}
}

// TestAnotherVersionAtAnEndpointEndsTheOneBefore changes the version of an object: the deployment
// before ends, unless the object splits its traffic.
func TestAnotherVersionAtAnEndpointEndsTheOneBefore(t *testing.T) {
	for canary, want := range map[string]string{"": "prod churn churn@1.0.0 12-02 ended\nprod churn churn@2.0.0 12-03\n",
		"canaryTrafficPercent: 10, ": "prod churn churn@1.0.0 12-02\nprod churn churn@2.0.0 12-03\n"} {
		s, ctx := newRegistry(t)
		file := filepath.Join(t.TempDir(), "x.yaml")
		for _, version := range []string{"1.0.0", "2.0.0"} {
			text := `{kind: InferenceService, metadata: {name: churn, namespace: prod, creationTimestamp: 2026-12-02T08:00:00Z}, spec: {predictor: {` + canary + `model: {storageUri: "models:/churn/` + version + `"}}}}`
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			load(t, ctx, s, file)
		}
		if got := deployed(t, s, ctx); got != want {
			t.Errorf("%s:\n%s\nwant\n%s", canary, got, want)
		}
	}
}

func TestOtherFilesAreRefusedAndRightsAsked(t *testing.T) {
	s, ctx := newRegistry(t)
	file := filepath.Join(t.TempDir(), "x.yaml")
	for text, want := range map[string]string{"a: 1": "x.yaml: is no object of Kubernetes", "kind: InferenceService\nmetadata: {name: [1]}": "x.yaml: the field metadata.name has another type", "kind: [": "x.yaml: yaml"} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Import(ctx, s, file, nil); registry.CodeOf(err) != registry.InvalidArgument || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
	if _, err := Import(as(ctx, registry.RoleViewer), s, "testdata", nil); registry.CodeOf(err) != registry.Forbidden {
		t.Errorf("a viewer: %v", err)
	}
	if deployed(t, s, ctx) != "" {
		t.Error("something was recorded")
	}
}

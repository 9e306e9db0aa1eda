package remote_test

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pedigree/connect/git"
	"pedigree/connect/kfp"
	"pedigree/connect/modelcard"
	"pedigree/registry"
	"pedigree/service/catalog"
)

// TestDocumentsThroughAServerEqualThoseIntoTheStore imports a model card and a run of Kubeflow
// Pipelines both ways: the reports and the logs are the same, and a second import adds nothing.
func TestDocumentsThroughAServerEqualThoseIntoTheStore(t *testing.T) {
	type both interface {
		modelcard.Registry
		kfp.Registry
	}
	direct, served := newTestServer(t), newTestServer(t)
	version := "1.0.0"
	for _, s := range []*testServer{direct, served} {
		if _, err := s.service.RegisterModelVersion(s.admin(), catalog.RegisterModelVersionInput{Model: "m", Version: &version, CreateModel: true}); err != nil {
			t.Fatal(err)
		}
	}
	c, _ := served.client(registry.RoleAdmin)
	for what, load := range map[string]func(ctx context.Context, r both) (*git.Report, error){
		"card": func(ctx context.Context, r both) (*git.Report, error) {
			return modelcard.Import(ctx, r, "../modelcard/testdata/model-index.md", modelcard.Options{Model: "m", Version: version})
		},
		"pipeline": func(ctx context.Context, r both) (*git.Report, error) {
			return kfp.Import(ctx, r, "../kfp/testdata/sample", kfp.Options{})
		},
	} {
		a, err := load(direct.admin(), direct.service)
		if err != nil {
			t.Fatal(what, err)
		}
		b, err := load(t.Context(), c)
		if err != nil {
			t.Fatal(what, err)
		}
		if d := cmp.Diff(a, b); d != "" || a.Total() == 0 {
			t.Errorf("%s: the reports differ (-store +server):\n%s", what, d)
		}
		if again, err := load(t.Context(), c); err != nil || again.Total() != 0 {
			t.Errorf("%s again: %+v %v", what, again, err)
		}
		if d := cmp.Diff(entries(direct), entries(served)); d != "" {
			t.Errorf("%s: the logs differ (-store +server):\n%s", what, d)
		}
	}
}

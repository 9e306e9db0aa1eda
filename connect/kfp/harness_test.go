package kfp

import (
	"bytes"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"pedigree/connect/git"
	"pedigree/connect/jsonlines"
	"pedigree/graph"
	"pedigree/internal/registrytest"
	"pedigree/lineage"
	"pedigree/lineage/export"
	"pedigree/registry"
	"pedigree/service"
	"pedigree/service/bulk"
	"pedigree/service/provenance"
)

// newRegistry returns a registry over a store, with a clock that stands still.
func newRegistry(t *testing.T, store graph.Store) (*service.Service, context.Context) {
	t.Helper()
	now := time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)
	return registrytest.Open(t, store, func() time.Time { return now }), as(t.Context(), registry.RoleAdmin)
}

func as(ctx context.Context, role string) context.Context {
	return service.As(ctx, registry.Actor{Subject: "ann", Grants: []registry.Grant{{Role: role, Scope: registry.ScopeAll}}}, "test")
}

// load imports a source and fails the test on an error.
func load(t *testing.T, ctx context.Context, r Registry, from string, o Options) *git.Report {
	t.Helper()
	report, err := Import(ctx, r, from, o)
	if err != nil {
		t.Fatalf("%v %+v", err, report)
	}
	return report
}

// everything returns all facts of a registry as sorted text, without times of recording.
func everything(t *testing.T, s *service.Service, ctx context.Context) string {
	t.Helper()
	var out bytes.Buffer
	if _, err := s.ExportFacts(ctx, func(f bulk.FactInput) error { return jsonlines.Encode(&out, f) }); err != nil {
		t.Fatal(err)
	}
	// What no document dates has the time of its transaction, which breaks and batches move.
	lines := strings.Split(importTime.ReplaceAllString(out.String(), `"NOW"`), "\n")
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

var importTime = regexp.MustCompile(`"2026-12-01T12:00:00[.0-9]*Z"`)

// tree returns the causes of a version as lines of kinds and names, indented.
func tree(t *testing.T, s *service.Service, ctx context.Context, model, version string) string {
	t.Helper()
	v, err := s.ModelVersion(ctx, model, version)
	if err != nil || v == nil {
		t.Fatalf("%s@%s: %v %v", model, version, v, err)
	}
	depth := 30
	out, err := s.Export(ctx, provenance.ExportInput{Of: v.ID, Format: export.Tree, Direction: lineage.Upstream, MaxDepth: &depth})
	if err != nil {
		t.Fatal(err)
	}
	return out.Body
}

// inOrder reports the first of the texts that does not come after the one before.
func inOrder(text string, wanted ...string) error {
	rest := text
	for _, w := range wanted {
		_, after, ok := strings.Cut(rest, w)
		if !ok {
			return fmt.Errorf("%q is missing, or in another place, in\n%s", w, text)
		}
		rest = after
	}
	return nil
}

// failing breaks off after some batches, before or after the registry recorded the last one.
type failing struct {
	Registry
	after    int
	recorded bool
}

func (f *failing) RecordFacts(ctx context.Context, in bulk.RecordFactsInput) (*bulk.RecordFactsPayload, error) {
	if f.after--; f.after < 0 {
		if f.recorded {
			if _, err := f.Registry.RecordFacts(ctx, in); err != nil {
				return nil, err
			}
		}
		return nil, registry.Errorf(registry.Unavailable, "the import was killed")
	}
	return f.Registry.RecordFacts(ctx, in)
}

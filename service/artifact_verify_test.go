package service_test

import (
	"context"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pedigree/graph/sqlite"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service"
	"pedigree/service/access"
	"pedigree/service/artifacts"
	"pedigree/service/catalog"
	"pedigree/service/core"
)

// elsewhere has files by their URIs.
type elsewhere map[string]string

func (e elsewhere) Open(_ context.Context, uri string) (io.ReadCloser, error) {
	content, ok := e[uri]
	if !ok {
		return nil, registry.Errorf(registry.Unavailable, "nobody answers")
	}
	return io.NopCloser(strings.NewReader(content)), nil
}

// newVerifyKit is a kit whose service opens files elsewhere, of at most 1,000 bytes.
func newVerifyKit(t *testing.T, files core.Elsewhere) *kit {
	t.Helper()
	store, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "p.db"))
	if err != nil {
		t.Fatal(err)
	}
	k := kitOn(t, store)
	table, err := policies.Load("")
	if err != nil {
		t.Fatal(err)
	}
	gate, err := policies.NewGate(t.Context(), store, table, func() time.Time { return k.now })
	if err != nil {
		t.Fatal(err)
	}
	k.Service = service.New(gate, service.WithBlobs(nil, 1000), service.WithReferences(files))
	return k
}

func TestAReferenceIsVerifiedOnDemand(t *testing.T) {
	k := newVerifyKit(t, elsewhere{"https://x/same": "the bytes", "https://x/other": "other bytes", "https://x/sized": "the bytes", "https://x/large": strings.Repeat("x", 1001)})
	k.model("m")
	v := must[*catalog.RegisterModelVersionPayload](k)(k.RegisterModelVersion(k.admin, catalog.RegisterModelVersionInput{Model: "m", Version: ptr("1.0.0"), Artifacts: []catalog.ArtifactInput{
		{Name: "same", URI: "https://x/same", Digest: digestOf("the bytes")}, {Name: "other", URI: "https://x/other", Digest: digestOf("the bytes")},
		{Name: "sized", URI: "https://x/sized", Digest: digestOf("the bytes"), SizeBytes: ptr(int64(8))}, {Name: "large", URI: "https://x/large", Digest: digestOf("x")},
		{Name: "gone", URI: "https://x/gone", Digest: digestOf("x")}, {Name: "bare", URI: "https://x/same"}, {Name: "md5", URI: "https://x/same", Digest: "md5:" + strings.Repeat("0", 32)}}})).ModelVersion
	verify := func(as context.Context, name string) (*registry.Artifact, error) {
		out, err := k.VerifyArtifact(as, artifacts.VerifyArtifactInput{ID: registry.ArtifactID(v.ID, name)})
		if err != nil {
			return nil, err
		}
		return out.Artifact, nil
	}
	ann := k.as("ann", registry.RoleDataScientist)
	for name, want := range map[string]bool{"same": true, "other": false, "sized": false} {
		a := must[*registry.Artifact](k)(verify(ann, name))
		if a.Matches == nil || *a.Matches != want || a.VerifiedBy != "ann" || a.VerifiedAt.IsZero() {
			t.Errorf("%s: %+v", name, a)
		}
	}
	for name, want := range map[string]registry.Code{"large": registry.ResourceExhausted, "gone": registry.Unavailable, "bare": registry.FailedPrecondition, "md5": registry.FailedPrecondition, "none": registry.NotFound} {
		head := k.head()
		_, err := verify(ann, name)
		k.wantCode(want, err)
		if k.head() != head {
			t.Errorf("%s: something was recorded", name)
		}
	}
	_, err := verify(k.as("dev", registry.RoleDeveloper), "same")
	k.wantCode(registry.Forbidden, err)
	for _, e := range must[*access.LogEntryConnection](k)(k.AuditLog(k.admin, core.Paging{First: ptr(3)}, nil)).Edges {
		if e.Node.Action != registry.LogArtifactVerified || e.Node.Actor != "ann" || !strings.Contains(string(e.Node.Detail), `"matches"`) {
			t.Errorf("%+v", e.Node)
		}
	}
}

// TestWithoutAllowedSchemesNothingIsVerified asks a server that opens nothing.
func TestWithoutAllowedSchemesNothingIsVerified(t *testing.T) {
	k := newVerifyKit(t, nil)
	k.model("m")
	v := must[*catalog.RegisterModelVersionPayload](k)(k.RegisterModelVersion(k.admin, catalog.RegisterModelVersionInput{Model: "m", Version: ptr("1.0.0"),
		Artifacts: []catalog.ArtifactInput{{Name: "f", URI: "https://x/f", Digest: digestOf("f")}}})).ModelVersion
	_, err := k.VerifyArtifact(k.admin, artifacts.VerifyArtifactInput{ID: registry.ArtifactID(v.ID, "f")})
	k.wantCode(registry.FailedPrecondition, err)
	if err == nil || !strings.Contains(err.Error(), "--artifact-verify-schemes") {
		t.Error(err)
	}
}

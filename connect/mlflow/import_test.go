package mlflow

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"pedigree/internal/registrytest"
	"pedigree/registry"
	"pedigree/service"
	"pedigree/service/bulk"
)

// memory is a source that a test sets. It counts the runs that are read.
type memory struct {
	allModels   []registeredModel
	allVersions []modelVersion
	runs        map[string]*run
	err         error
	reads       int
}

func (m *memory) Close() error { return nil }

func (m *memory) models(_ context.Context, emit func(registeredModel) error) error {
	return each(m.allModels, emit)
}

func (m *memory) versions(_ context.Context, emit func(modelVersion) error) error {
	return each(m.allVersions, emit)
}

func (m *memory) run(_ context.Context, id string) (*run, error) {
	m.reads++
	if m.err != nil {
		return nil, m.err
	}
	if m.runs[id] == nil {
		return nil, noRun(id)
	}
	return m.runs[id], nil
}

func (m *memory) runOfModel(context.Context, string) (string, error) { return "", nil }

func (m *memory) modelFile(context.Context, modelPlace) ([]byte, error) { return nil, nil }

// threeModels is a source of three models with two versions each, whose runs read one dataset.
func threeModels(t *testing.T) *memory {
	m := &memory{runs: map[string]*run{}}
	for i := range 3 {
		name := fmt.Sprintf("m%d", i)
		m.allModels = append(m.allModels, registeredModel{Name: name, Created: integer(1_700_000_000_000 + i), Updated: 1_700_000_100_000})
		for n := 1; n <= 2; n++ {
			id := fmt.Sprintf("r%d%d", i, n)
			m.allVersions = append(m.allVersions, modelVersion{Name: name, Version: integer(n), Created: integer(1_700_000_000_000 + 10*n), Updated: integer(1_700_000_000_100 + 10*n), Stage: "None", Source: "s3://x", RunID: id})
			m.runs[id] = runOf(t, `{"info":{"run_id":"`+id+`","status":"FINISHED","start_time":1690000000000,"end_time":1690000001000},"inputs":{"dataset_inputs":[{"dataset":{"name":"d","digest":"1"}}]}}`)
		}
	}
	return m
}

func newRegistry(t *testing.T, role string) (*service.Service, context.Context) {
	t.Helper()
	return registrytest.Empty(t), service.As(t.Context(), registry.Actor{Subject: "ann", Grants: []registry.Grant{{Role: role, Scope: registry.ScopeAll}}}, "test")
}

// TestAnImportReadsOnlyWhatChanged imports twice: the second import reads the runs of the model
// that changed, and no others.
func TestAnImportReadsOnlyWhatChanged(t *testing.T) {
	s, ctx := newRegistry(t, registry.RoleAdmin)
	source := threeModels(t)
	var kept Done
	o := Options{Save: func(d Done) error { kept = d; return nil }}
	for i, want := range []int{6, 0, 3} {
		if i == 2 {
			source.allVersions = append(source.allVersions, modelVersion{Name: "m1", Version: 3, Created: 1_700_000_200_000, Updated: 1_700_000_200_000, Stage: "Staging", RunID: "r11", Source: "s3://x"})
		}
		source.reads, o.Done = 0, kept
		report, err := Import(ctx, s, source, o)
		if err != nil || source.reads != want || len(report.Problems) > 0 {
			t.Errorf("import %d: %d runs read, want %d; %v %v", i+1, source.reads, want, report.Problems, err)
		}
		if added := report.Added("versions"); added != []int{6, 0, 1}[i] {
			t.Errorf("import %d added %d versions", i+1, added)
		}
	}
	if v, err := s.ModelVersion(ctx, "m1", "3"); err != nil || v.Number != 3 || v.Version != "0.3.0" || v.Stage != registry.Staging {
		t.Errorf("%+v %v", v, err)
	}
}

// TestAnImportThatBreaksOffGoesOn loses the source in the middle. What was imported is kept, and
// the next import reads the rest.
func TestAnImportThatBreaksOffGoesOn(t *testing.T) {
	s, ctx := newRegistry(t, registry.RoleAdmin)
	source := threeModels(t)
	var kept Done
	o := Options{Save: func(d Done) error { kept = d; return nil }, Progress: func(_ string, done, total int) {
		if done == 1 && total == 3 {
			source.err = registry.Errorf(registry.Unavailable, "gone")
		}
	}}
	if _, err := Import(ctx, s, source, o); registry.CodeOf(errors.Unwrap(err)) != registry.Unavailable && !strings.Contains(err.Error(), "gone") {
		t.Fatal(err)
	}
	if len(kept) != 1 {
		t.Fatalf("kept %v", kept)
	}
	source.err, source.reads, o.Progress, o.Done = nil, 0, nil, kept
	report, err := Import(ctx, s, source, o)
	if err != nil || source.reads != 4 || report.Added("versions") != 4 {
		t.Errorf("%d runs read, %d versions added: %v", source.reads, report.Added("versions"), err)
	}
}

// TestAnImportTellsWhatItCannotRecord lists what is refused, and imports the rest: also for a
// caller who may not move versions.
func TestAnImportTellsWhatItCannotRecord(t *testing.T) {
	s, ctx := newRegistry(t, registry.RoleDataScientist)
	source := threeModels(t)
	source.allVersions[0].RunID = "gone"
	source.allVersions[1].Source = "s3://a/../b"
	source.allVersions[2].Stage = "Production"
	source.allVersions[3].RunID = "../x"
	source.allVersions[4].Tags = []keyText{{"pedigree.version", "one"}, {"lifecycle", "CANARY"}}
	source.runs["r32"] = nil
	source.runs["r22"].Info.Status = "RUNNING"
	source.allModels[2].Name, source.allModels[2].Aliases = "m2", []aliasOf{{"champion", 1}, {"none", 9}}
	report, err := Import(ctx, s, source, Options{})
	if err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprint(report.Problems)
	for _, want := range []string{"m0/1 its run is gone", "m0/2 the source cannot", "m1/2 its run id is none", "not done stage of version m1/1", "one is no semantic version", "m2/2 its run goes on",
		"alias m2@champion", "alias m2@none version 9 is not recorded"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not told: %s", want, text)
		}
	}
	if report.Added("versions") != 6 {
		t.Errorf("%d versions", report.Added("versions"))
	}
	facts := 0
	admin := service.As(t.Context(), registry.Actor{Subject: "root", Grants: []registry.Grant{{Role: registry.RoleAdmin, Scope: registry.ScopeAll}}}, "test")
	if _, err := s.ExportFacts(admin, func(bulk.FactInput) error { facts++; return nil }); err != nil || facts == 0 {
		t.Error(err)
	}
	if _, err := Import(service.As(t.Context(), registry.Actor{Subject: "bob", Grants: []registry.Grant{{Role: registry.RoleViewer, Scope: registry.ScopeAll}}}, "test"), s, source, Options{}); registry.CodeOf(err) != registry.Forbidden {
		t.Errorf("a viewer: %v", err)
	}
}

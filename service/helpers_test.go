package service_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"pedigree/graph"
	"pedigree/graph/sqlite"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service"
	"pedigree/service/catalog"
	"pedigree/service/facts"
)

// kit is a service on an empty store, with a clock that the test sets.
type kit struct {
	*testing.T
	*service.Service
	store graph.Store
	now   time.Time
	admin context.Context
}

func newKit(t *testing.T) *kit {
	t.Helper()
	store, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "p.db"))
	if err != nil {
		t.Fatal(err)
	}
	return kitOn(t, store)
}

// kitOn is newKit on a store, which it closes at the end of the test.
func kitOn(t *testing.T, store graph.Store) *kit {
	t.Helper()
	t.Cleanup(func() { store.Close() })
	return kitOver(t, store)
}

// kitOver is a kit on a store that somebody else closes.
func kitOver(t *testing.T, store graph.Store) *kit {
	t.Helper()
	table, err := policies.Load("")
	if err != nil {
		t.Fatal(err)
	}
	k := &kit{T: t, store: store, now: time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)}
	gate, err := policies.NewGate(t.Context(), store, table, func() time.Time { return k.now })
	if err != nil {
		t.Fatal(err)
	}
	k.Service = service.New(gate)
	k.admin = k.as("root", registry.RoleAdmin)
	return k
}

// as returns a context of a subject with a role in the scope of everything.
func (k *kit) as(subject, role string) context.Context {
	return k.with(subject, registry.Grant{Role: role, Scope: registry.ScopeAll})
}

func (k *kit) with(subject string, grants ...registry.Grant) context.Context {
	return service.As(k.Context(), registry.Actor{Subject: subject, Grants: grants}, "test-request")
}

// must returns a function that returns v and fails the test on an error.
func must[T any](k *kit) func(T, error) T {
	return func(v T, err error) T {
		k.Helper()
		if err != nil {
			k.Fatal(err)
		}
		return v
	}
}

// wantCode fails the test unless the error has the code.
func (k *kit) wantCode(code registry.Code, err error) {
	k.Helper()
	if registry.CodeOf(err) != code {
		k.Errorf("code %q (%v), want %q", registry.CodeOf(err), err, code)
	}
}

func (k *kit) head() int64 {
	k.Helper()
	info, err := k.store.Ping(k.Context())
	if err != nil {
		k.Fatal(err)
	}
	return info.Head
}

func (k *kit) model(name string) *registry.Model {
	k.Helper()
	return must[*catalog.ModelPayload](k)(k.RegisterModel(k.admin, catalog.RegisterModelInput{Name: name})).Model
}

func (k *kit) version(model, version string) *registry.ModelVersion {
	k.Helper()
	return must[*catalog.RegisterModelVersionPayload](k)(k.RegisterModelVersion(k.admin, catalog.RegisterModelVersionInput{Model: model, Version: &version})).ModelVersion
}

func (k *kit) move(model, version string, stages ...registry.Stage) {
	k.Helper()
	for _, st := range stages {
		must[*catalog.TransitionModelVersionPayload](k)(k.TransitionModelVersion(k.as("root", registry.RoleAdmin), catalog.TransitionModelVersionInput{Model: &model, Version: &version, To: st}))
	}
}

func (k *kit) data(name string, by *registry.ID) registry.ID {
	k.Helper()
	return must[*facts.RecordDatasetVersionPayload](k)(k.RecordDatasetVersion(k.admin, facts.RecordDatasetVersionInput{Dataset: name, Version: "1", GeneratedBy: by})).DatasetVersion.ID
}

func (k *kit) run(id string, inputs ...registry.ID) registry.ID {
	k.Helper()
	return must[*facts.RecordRunPayload](k)(k.RecordRun(k.admin, facts.RecordRunInput{Producer: "test", RunID: id, Name: id, Inputs: inputs})).Run.ID
}

func ptr[T any](v T) *T { return &v }

// Package registrytest opens registries for tests.
package registrytest

import (
	"path/filepath"
	"testing"
	"time"

	"pedigree/graph"
	"pedigree/graph/sqlite"
	"pedigree/policies"
	"pedigree/service"
)

// Store returns an empty SQLite store, which is closed when the test ends.
func Store(t testing.TB) graph.Store {
	t.Helper()
	store, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "p.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	return store
}

// Open returns a registry over a store, with the default policy. now is its clock, nil for that of the
// machine.
func Open(t testing.TB, store graph.Store, now func() time.Time) *service.Service {
	t.Helper()
	table, err := policies.Load("")
	if err != nil {
		t.Fatal(err)
	}
	gate, err := policies.NewGate(t.Context(), store, table, now)
	if err != nil {
		t.Fatal(err)
	}
	return service.New(gate)
}

// Empty returns an empty registry with the clock of the machine.
func Empty(t testing.TB) *service.Service {
	t.Helper()
	return Open(t, Store(t), nil)
}

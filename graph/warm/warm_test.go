package warm

import (
	"path/filepath"
	"testing"

	"pedigree/graph"
	"pedigree/graph/graphtest"
	"pedigree/graph/sqlite"
)

func open(t *testing.T, path string, opts ...sqlite.Option) *Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), path, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return New(s, 0)
}

func fresh(t *testing.T) string { return filepath.Join(t.TempDir(), "p.db") }

// TestStore: memory before a store is a store.
func TestStore(t *testing.T) {
	graphtest.Run(t, func(t *testing.T, fault func() error) graph.Store { return open(t, fresh(t), sqlite.WithFault(fault)) })
}

// TestTwoStoresOnOneFile: each notices what the other writes.
func TestTwoStoresOnOneFile(t *testing.T) {
	path := fresh(t)
	graphtest.Race(t, open(t, path), open(t, path))
}

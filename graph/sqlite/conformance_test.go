package sqlite_test

import (
	"path/filepath"
	"testing"
	"time"

	"pedigree/graph"
	"pedigree/graph/graphtest"
	"pedigree/graph/sqlite"
)

func open(t testing.TB, path string, opts ...sqlite.Option) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), path, opts...)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestStore(t *testing.T) {
	carried := 0
	graphtest.Run(t, func(t *testing.T, fault func() error) graph.Store {
		s := open(t, filepath.Join(t.TempDir(), "new", "p.db"), sqlite.WithFaultHook(fault))
		compared := s.CheckCarried(t)
		t.Cleanup(func() { carried += compared() })
		return s
	})
	if carried < 1000 {
		t.Errorf("the commits told of %d nodes that were compared with a read", carried)
	}
}

func TestTwoStoresOnOneFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "p.db")
	a, b := open(t, path), open(t, path)
	graphtest.Race(t, a, b)
	graphtest.RaceCounters(t, a, b)
}

// afterAllWrites is a time after all writes of the benchmarks.
var afterAllWrites = time.Date(2040, 1, 1, 0, 0, 0, 0, time.UTC)

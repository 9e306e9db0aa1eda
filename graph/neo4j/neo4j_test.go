package neo4j

import (
	"testing"

	"pedigree/graph"
	"pedigree/graph/graphtest"
	"pedigree/internal/neo4jtest"
)

func TestMain(m *testing.M) { neo4jtest.Main(m) }

// open opens a store in a namespace of its own.
func open(t *testing.T, opts ...Option) *Store {
	t.Helper()
	return openIn(t, neo4jtest.Namespace(), opts...)
}

func openIn(t *testing.T, ns string, opts ...Option) *Store {
	t.Helper()
	s, err := Open(t.Context(), neo4jtest.URL(t), append(opts, WithNamespace(ns))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestStore(t *testing.T) {
	t.Parallel()
	graphtest.Run(t, func(t *testing.T, fault func() error) graph.Store {
		return open(t, WithFaultHook(fault))
	})
}

func TestRace(t *testing.T) {
	ns := neo4jtest.Namespace()
	a, b := openIn(t, ns), openIn(t, ns)
	graphtest.Race(t, a, b)
	graphtest.RaceCounters(t, a, b)
}

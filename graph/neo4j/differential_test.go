package neo4j

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"pedigree/graph"
	"pedigree/graph/graphtest"
	"pedigree/graph/sqlite"
)

// TestDifferential runs the same random operations on SQLite and on Neo4j.
// PEDIGREE_STEPS sets the number of steps and PEDIGREE_SEED the seed; by default the
// steps grow with PEDIGREE_ROUNDS up to 300, and a full run has a second seed.
func TestDifferential(t *testing.T) {
	t.Parallel()
	steps, _ := strconv.Atoi(os.Getenv("PEDIGREE_STEPS"))
	if steps == 0 {
		steps = min(20*graphtest.Rounds(), 300)
	}
	seed, _ := strconv.ParseUint(os.Getenv("PEDIGREE_SEED"), 10, 64)
	for i := range uint64(1 + min(graphtest.Rounds()/40, 1)) {
		mix := graphtest.Differential(t, seed+i, steps, openSQLite(t), open(t))
		if !t.Failed() && mix.Total() < 8*steps {
			t.Errorf("only %d operations in %d steps", mix.Total(), steps)
		}
	}
}

func openSQLite(t *testing.T) graph.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "p.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// TestDifferentialAcrossMoves runs the same random operations on one store, and on
// another one whose content moves from engine to engine.
func TestDifferentialAcrossMoves(t *testing.T) {
	t.Parallel()
	moves := 0
	fresh := func() graph.Store {
		if moves++; moves%2 == 1 {
			return open(t)
		}
		return openSQLite(t)
	}
	graphtest.DifferentialWithMoves(t, 4242, min(30*graphtest.Rounds(), 300), openSQLite(t), openSQLite(t), fresh)
	if !t.Failed() && moves < 3 {
		t.Errorf("moved %d times", moves)
	}
}

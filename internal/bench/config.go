// Package bench measures the registry against what its users would pick instead,
// on the same graphs, in one run. See docs/performance.md.
package bench

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"pedigree/internal/bench/graphs"
)

// The contenders.
const (
	OnSQLite = "sqlite" // this server on SQLite
	OnNeo4j  = "neo4j"  // this server on Neo4j
	Peer     = "peer"   // @neo4j/graphql with Apollo Server
	Bare     = "bare"   // the closure in SQL, within this process
	Raw      = "raw"    // the closure in Cypher, through the driver
)

// Contenders lists all of them.
func Contenders() []string { return []string{OnSQLite, OnNeo4j, Peer, Bare, Raw} }

// The parts of a bench.
const (
	Lineage    = "lineage" // the 2,000 questions
	Cold       = "cold"    // the same of servers that keep nothing in memory
	Shapes     = "shapes"  // hub and lattice
	Writes     = "writes"  // acknowledged writes
	MemoryPart = "memory"  // anonymous memory under a mix
)

// Parts lists all of them.
func Parts() []string { return []string{Lineage, Cold, Shapes, Writes, MemoryPart} }

// Config says what to measure.
type Config struct {
	// Dir keeps graphs between runs, and the result.
	Dir string
	// Server is the binary of this registry, PeerDir the folder of the peer.
	Server, PeerDir string
	Sizes           []int
	// Contenders and Parts narrow what is measured.
	Contenders, Parts []string
	Rounds            int
	// Least and Most bound one measurement; Step bounds everything else that waits.
	Least, Most, Step time.Duration
	// Batch is how many nodes an Update takes while loading.
	Batch int
	Seed  uint64
	// Fresh makes graphs anew that are there.
	Fresh bool
	// Progress says what is being done.
	Progress io.Writer
}

func (c Config) with(contender string) bool { return slices.Contains(c.Contenders, contender) }

func (c Config) does(part string) bool { return slices.Contains(c.Parts, part) }

func (c Config) plan(size int) graphs.Plan { return graphs.Plan{Size: size, Seed: c.Seed} }

func (c Config) say(format string, args ...any) {
	fmt.Fprintf(c.Progress, "%s  %s\n", time.Now().Format("15:04:05"), fmt.Sprintf(format, args...))
}

// file is a path below Dir that belongs to one graph.
func (c Config) file(kind string, size int) string {
	return filepath.Join(c.Dir, fmt.Sprintf("%s-%d-seed%d-v%d", kind, size, c.Seed, graphs.Format))
}

// check refuses what cannot be measured.
func (c Config) check() error {
	for _, size := range c.Sizes {
		if size < 10_000 {
			return fmt.Errorf("a graph has 10000 nodes at least, not %d", size)
		}
	}
	for _, name := range c.Contenders {
		if !slices.Contains(Contenders(), name) {
			return fmt.Errorf("%q is no contender; choose among %v", name, Contenders())
		}
	}
	for _, name := range c.Parts {
		if !slices.Contains(Parts(), name) {
			return fmt.Errorf("%q is no part; choose among %v", name, Parts())
		}
	}
	if len(c.Sizes) == 0 || c.Rounds < 1 {
		return fmt.Errorf("at least one size and one round")
	}
	return os.MkdirAll(c.Dir, 0o755)
}

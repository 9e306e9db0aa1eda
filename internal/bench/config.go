// Package bench measures the registry against alternatives on the same graphs, in
// one run. It starts every server as a separate process and reaches the registry
// through HTTP only. See docs/performance.md.
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
	PedigreeSQLite = "sqlite" // this server on SQLite
	PedigreeNeo4j  = "neo4j"  // this server on Neo4j
	Peer           = "peer"   // @neo4j/graphql with Apollo Server
	BareSQL        = "bare"   // the closure in plain SQL, in this process
	RawCypher      = "raw"    // the closure in Cypher through the Go driver, in this process
	// MLflowOne and MLflowDefault are MLflow's server on SQLite, with one worker and
	// with as many as it takes by itself.
	MLflowOne, MLflowDefault = "mlflow-1", "mlflow"
	// MLflowDoor is this server on SQLite, asked over its MLflow API as MLflow is.
	MLflowDoor = "mlflow-door"
	// KubeflowDoor is this server on SQLite, asked over its Kubeflow API for what that has.
	KubeflowDoor = "kubeflow-door"
)

// Contenders returns the names of all contenders.
func Contenders() []string {
	return []string{PedigreeSQLite, PedigreeNeo4j, Peer, BareSQL, RawCypher, MLflowOne, MLflowDefault, MLflowDoor, KubeflowDoor}
}

// The parts of a bench.
const (
	Lineage    = "lineage" // the lineage of 2,000 versions
	Cold       = "cold"    // the same, on servers without the memory cache
	Shapes     = "shapes"  // impact of hubs, lineage of lattices
	Writes     = "writes"  // acknowledged mutations
	MemoryPart = "memory"  // anonymous memory under a mix of queries
	// EventsPart is OpenLineage events, against the mutations that record the same.
	EventsPart = "events"
	// RecallPart is the deployments that a recall concerns.
	RecallPart = "recall"
	// ArtifactPart is files of versions on their way up and down.
	ArtifactPart = "artifacts"
	// RegistryPart is what a registry does all day, against MLflow.
	RegistryPart = "registry"
	// GrowthPart is what gets, lists and writes cost while what they do not return grows.
	GrowthPart = "growth"
)

// Parts returns the names of all parts.
func Parts() []string {
	return []string{Lineage, Cold, Shapes, Writes, MemoryPart, EventsPart, RecallPart, ArtifactPart, RegistryPart, GrowthPart}
}

// Config says what to measure.
type Config struct {
	// Dir holds the result, and the graphs between runs.
	Dir string
	// Server is the path of the registry's binary, PeerDir the folder of the peer,
	// MLflowDir the one with MLflow's requirements file.
	Server, PeerDir, MLflowDir string
	// Sizes are numbers of nodes, each at least 10,000.
	Sizes []int
	// Contenders and Parts select what to measure.
	Contenders, Parts []string
	Rounds            int
	// Models is the number of models in the part registry; at least 100, for a page.
	Models int
	// FileBytes is the size of each file in the part artifacts.
	FileBytes int64
	// GrowthSizes are the numbers of siblings in the part growth; a store has about
	// twelve nodes for each.
	GrowthSizes []int
	// MinTime and MaxTime bound one measurement. StartTimeout bounds the start of a
	// server.
	MinTime, MaxTime, StartTimeout time.Duration
	// BatchSize is the number of nodes in one Update while loading.
	BatchSize int
	Seed      uint64
	// Rebuild replaces graphs that exist already.
	Rebuild bool
	// Progress receives a line for each step.
	Progress io.Writer
}

func (c Config) hasContender(contender string) bool { return slices.Contains(c.Contenders, contender) }

func (c Config) hasPart(part string) bool { return slices.Contains(c.Parts, part) }

// needsGraphs reports whether a selected part asks about the graphs.
func (c Config) needsGraphs() bool {
	return slices.ContainsFunc([]string{Lineage, Cold, Shapes, MemoryPart, RecallPart}, c.hasPart)
}

func (c Config) plan(size int) graphs.Plan { return graphs.Plan{Size: size, Seed: c.Seed} }

func (c Config) logf(format string, args ...any) {
	fmt.Fprintf(c.Progress, "%s  %s\n", time.Now().Format("15:04:05"), fmt.Sprintf(format, args...))
}

// path returns the path below Dir of one graph, without an extension.
func (c Config) path(kind string, size int) string {
	return filepath.Join(c.Dir, fmt.Sprintf("%s-%d-seed%d-v%d", kind, size, c.Seed, graphs.Format))
}

// validate checks the configuration and creates Dir.
func (c Config) validate() error {
	for _, size := range c.Sizes {
		if size < 10_000 {
			return fmt.Errorf("a graph must have at least 10000 nodes, not %d", size)
		}
	}
	for _, name := range c.Contenders {
		if !slices.Contains(Contenders(), name) {
			return fmt.Errorf("unknown contender %q; choose among %v", name, Contenders())
		}
	}
	for _, name := range c.Parts {
		if !slices.Contains(Parts(), name) {
			return fmt.Errorf("unknown part %q; choose among %v", name, Parts())
		}
	}
	if len(c.Sizes) == 0 || c.Rounds < 1 {
		return fmt.Errorf("at least one size and one round are needed")
	}
	if c.hasPart(ArtifactPart) && c.FileBytes < 1 {
		return fmt.Errorf("the part %s needs files of at least one byte, not %d", ArtifactPart, c.FileBytes)
	}
	if c.hasPart(RegistryPart) && c.Models < pageSize {
		return fmt.Errorf("the part %s needs at least %d models, not %d", RegistryPart, pageSize, c.Models)
	}
	if c.hasPart(GrowthPart) && (len(c.GrowthSizes) < 2 || slices.Min(c.GrowthSizes) < 100) {
		return fmt.Errorf("the part %s needs at least two sizes, each of 100 or more, not %v", GrowthPart, c.GrowthSizes)
	}
	return os.MkdirAll(c.Dir, 0o755)
}

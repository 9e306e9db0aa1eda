package neo4j

import (
	"os"
	"strconv"
	"testing"
	"time"

	"pedigree/internal/bench/graphs"
	"pedigree/internal/neo4jtest"
)

// BenchmarkLoad loads the benchmark's graph into a server with the benchmark's
// settings, and reports the rates of nodes and edges. PEDIGREE_LOAD is the number of
// nodes, by default 10,000.
func BenchmarkLoad(b *testing.B) {
	size, _ := strconv.Atoi(os.Getenv("PEDIGREE_LOAD"))
	plan := graphs.Plan{Size: max(size, 10_000), Seed: 1}
	server, err := neo4jtest.StartWithSettings(b.Context(), neo4jtest.Settings{HeapMB: 1536, PageCacheMB: 2048})
	if err != nil {
		b.Fatal(err)
	}
	defer server.Stop()
	var all graphs.LoadStats
	b.ResetTimer()
	for range b.N {
		s, err := Open(b.Context(), server.URL, WithNamespace(neo4jtest.Namespace()))
		if err != nil {
			b.Fatal(err)
		}
		last := graphs.LoadStats{}
		done, err := plan.Load(b.Context(), s, 10_000, func(now graphs.LoadStats) {
			b.Logf("%7d nodes at %6.0f/s, %7d edges at %6.0f/s", now.Nodes, rate(now.Nodes-last.Nodes, now.NodesTook-last.NodesTook),
				now.Edges, rate(now.Edges-last.Edges, now.EdgesTook-last.EdgesTook))
			last = now
		})
		s.Close()
		if err != nil {
			b.Fatal(err)
		}
		all.Nodes, all.Edges = all.Nodes+done.Nodes, all.Edges+done.Edges
		all.NodesTook, all.EdgesTook = all.NodesTook+done.NodesTook, all.EdgesTook+done.EdgesTook
	}
	b.ReportMetric(rate(all.Nodes, all.NodesTook), "nodes/s")
	b.ReportMetric(rate(all.Edges, all.EdgesTook), "edges/s")
}

func rate(n int, took time.Duration) float64 { return float64(n) / max(took.Seconds(), 1e-9) }

package sqlite_test

import (
	"context"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"testing"

	"pedigree/graph"
	"pedigree/registry"
)

// writeProvenance writes n copies of a graph of 32 nodes and 38 edges in eight levels,
// and returns the ids of their roots.
func writeProvenance(b *testing.B, s graph.Store, n int) (roots []registry.ID) {
	b.Helper()
	ctx := context.Background()
	for g := range n {
		err := s.Update(ctx, func(tx graph.Tx) error {
			var nodes []*graph.Node
			var edges []*graph.Edge
			for i := range 32 {
				name := fmt.Sprintf("g%d-%d", g, i)
				nodes = append(nodes, &graph.Node{ID: registry.NewID(registry.KindDatasetVersion, name), Kind: registry.KindDatasetVersion, Name: name,
					Doc: []byte(`{"name":"` + name + `","digest":"sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef","rows":12345}`)})
			}
			link := func(from, to int) {
				edges = append(edges, &graph.Edge{Kind: registry.EdgeDerivedFrom, From: nodes[from].ID, To: nodes[to].ID, By: "bench"})
			}
			for i := 1; i < 32; i++ {
				link(max(0, i-4), i)
			}
			for i := 1; i < 8; i++ {
				link(i*4, i*4+3)
			}
			if err := tx.Put(ctx, nodes...); err != nil {
				return err
			}
			if err := tx.Link(ctx, edges...); err != nil {
				return err
			}
			roots = append(roots, nodes[0].ID)
			return tx.Append(ctx, &registry.LogEntry{Actor: "bench"})
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	return roots
}

func BenchmarkClosure(b *testing.B) {
	s := open(b, filepath.Join(b.TempDir(), "p.db"))
	roots := writeProvenance(b, s, 1000)
	for _, c := range []struct {
		name string
		at   graph.Instant
	}{{"now", graph.Instant{}}, {"asOf", graph.Instant{Valid: afterAllWrites}}, {"known", graph.Instant{Known: 1000}}} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				got, err := s.Closure(context.Background(), graph.ClosureQuery{Roots: roots[i*7%1000 : i*7%1000+1], Direction: graph.Upstream, Depth: 20, Fanout: 100, Limit: 1000, At: c.at})
				if err != nil || len(got.Nodes) != 32 || len(got.Edges) != 38 {
					b.Fatalf("%d nodes, %d edges, %v", len(got.Nodes), len(got.Edges), err)
				}
			}
		})
	}
}

func BenchmarkClosureParallel(b *testing.B) {
	s := open(b, filepath.Join(b.TempDir(), "p.db"))
	roots := writeProvenance(b, s, 1000)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			if _, err := s.Closure(context.Background(), graph.ClosureQuery{Roots: roots[i%1000 : i%1000+1], Direction: graph.Upstream, Depth: 20, Fanout: 100, Limit: 1000}); err != nil {
				b.Error(err)
			}
		}
	})
}

func BenchmarkNode(b *testing.B) {
	s := open(b, filepath.Join(b.TempDir(), "p.db"))
	roots := writeProvenance(b, s, 100)
	for i := 0; b.Loop(); i++ {
		if _, err := s.Nodes(context.Background(), graph.Instant{}, roots[i%100]); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkFindPage(b *testing.B) {
	s := open(b, filepath.Join(b.TempDir(), "p.db"))
	writeProvenance(b, s, 300)
	for b.Loop() {
		if _, err := s.Find(context.Background(), graph.Query{Kinds: []registry.Kind{registry.KindDatasetVersion}, Limit: 50}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkUpdate writes a node, an edge and a log entry per update.
func BenchmarkUpdate(b *testing.B) {
	for _, clients := range []int{1, 16} {
		b.Run(fmt.Sprint(clients), func(b *testing.B) {
			s := open(b, filepath.Join(b.TempDir(), "p.db"))
			if err := writeOne(b.Context(), s, "first", ""); err != nil {
				b.Fatal(err)
			}
			var n atomic.Int64
			b.SetParallelism(max(1, clients/2))
			if clients == 1 {
				for b.Loop() {
					if err := writeOne(b.Context(), s, fmt.Sprint("w", n.Add(1)), "first"); err != nil {
						b.Fatal(err)
					}
				}
				return
			}
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if err := writeOne(context.Background(), s, fmt.Sprint("w", n.Add(1)), "first"); err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
}

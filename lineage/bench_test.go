package lineage_test

import (
	"fmt"
	"testing"

	"pedigree/graph"
	"pedigree/lineage"
	"pedigree/registry"
)

// writeInBatches writes a graph of many nodes, edges after nodes.
func writeInBatches(b *testing.B, store graph.Store, nodes []*graph.Node, edges []*graph.Edge) {
	b.Helper()
	for len(nodes)+len(edges) > 0 {
		n, e := min(len(nodes), 10_000), 0
		if n == 0 {
			e = min(len(edges), 10_000)
		}
		err := store.Update(b.Context(), func(tx graph.Tx) error {
			if err := tx.Put(b.Context(), nodes[:n]...); err != nil {
				return err
			}
			if err := tx.Link(b.Context(), edges[:e]...); err != nil {
				return err
			}
			return tx.Append(b.Context(), &registry.LogEntry{Actor: "bench", Action: registry.LogImported})
		})
		if err != nil {
			b.Fatal(err)
		}
		nodes, edges = nodes[n:], edges[e:]
	}
}

// BenchmarkImpact reads the first hundred rows of a hub, one hop and three hops away, and
// for comparison a closure of 32 nodes in the same store.
func BenchmarkImpact(b *testing.B) {
	s := engines["SQLite"](b)
	const fan = 50_000
	node := func(k registry.Kind, name string) *graph.Node {
		return &graph.Node{ID: registry.NewID(k, name), Kind: k, Name: name, Doc: []byte(`{"name":"` + name + `"}`)}
	}
	hub := node(registry.KindDatasetVersion, "hub")
	nodes, edges := []*graph.Node{hub}, []*graph.Edge{}
	link := func(kind registry.EdgeKind, from, to *graph.Node) {
		edges = append(edges, &graph.Edge{Kind: kind, From: from.ID, To: to.ID, By: "bench"})
	}
	for i := range fan {
		run, v, d := node(registry.KindRun, fmt.Sprint("r", i)), node(registry.KindModelVersion, fmt.Sprint("v", i)), node(registry.KindDeployment, fmt.Sprint("d", i))
		nodes = append(nodes, run, v, d)
		link(registry.EdgeUsed, run, hub)
		link(registry.EdgeGeneratedBy, v, run)
		link(registry.EdgeDeploys, d, v)
	}
	var small []*graph.Node
	for i := range 32 {
		small = append(small, node(registry.KindDatasetVersion, fmt.Sprint("s", i)))
		if i > 0 {
			link(registry.EdgeDerivedFrom, small[max(0, i-4)], small[i])
		}
	}
	writeInBatches(b, s, append(nodes, small...), edges)
	b.Run("closure of 32", func(b *testing.B) {
		for b.Loop() {
			c, err := s.Closure(b.Context(), graph.ClosureQuery{Roots: []registry.ID{small[0].ID}, Direction: graph.Upstream, Depth: 20, Fanout: 100, Limit: 1000, Bare: true})
			if err != nil || len(c.Nodes) != 32 {
				b.Fatal(len(c.Nodes), err)
			}
		}
	})
	for _, q := range []struct {
		name  string
		kinds []registry.Kind
		after lineage.RowPosition
	}{{"one hop", []registry.Kind{registry.KindRun}, lineage.RowPosition{}}, {"one hop, far on", []registry.Kind{registry.KindRun}, lineage.RowPosition{Depth: 1, Number: 120_000}},
		{"three hops", []registry.Kind{registry.KindDeployment}, lineage.RowPosition{}}} {
		b.Run(q.name, func(b *testing.B) {
			for b.Loop() {
				w, err := lineage.NewImpact(b.Context(), s, []registry.ID{hub.ID}, q.kinds, graph.Instant{})
				if err != nil {
					b.Fatal(err)
				}
				n := 0
				_, _, err = w.Rows(b.Context(), q.after, false, 101, func(lineage.Descendant) bool { n++; return n < 101 })
				if err != nil || n != 101 {
					b.Fatal(n, err)
				}
			}
		})
	}
}

package neo4j

import (
	"errors"
	"fmt"
	"testing"

	driver "github.com/neo4j/neo4j-go-driver/v5/neo4j"

	"pedigree/graph"
	"pedigree/internal/neo4jtest"
	"pedigree/registry"
)

// TestARepairReachesAllServersOnNeo4j breaks the values of some nodes of a chain, in several ways:
// the check finds each, a repair mends them all, and another server that remembers the wrong
// value reads the right one.
func TestARepairReachesAllServersOnNeo4j(t *testing.T) {
	ns := neo4jtest.Namespace()
	s, other := openIn(t, ns), openIn(t, ns)
	const length = batch + 50 // More than a page.
	nodes := []*graph.Node{{ID: registry.NewID(registry.KindModelVersion, "v"), Kind: registry.KindModelVersion, Name: "v",
		Columns: map[registry.Index]any{registry.IndexStage: string(registry.Production)}}}
	var edges []*graph.Edge
	for i := range length {
		n := &graph.Node{ID: registry.NewID(registry.KindDatasetVersion, fmt.Sprint(i)), Kind: registry.KindDatasetVersion, Name: fmt.Sprint(i)}
		edges = append(edges, &graph.Edge{Kind: registry.EdgeDerivedFrom, From: nodes[i].ID, To: n.ID})
		nodes = append(nodes, n)
	}
	err := s.Update(t.Context(), func(tx graph.Tx) error {
		return errors.Join(tx.Put(t.Context(), nodes...), tx.Link(t.Context(), edges...), tx.Append(t.Context(), &registry.LogEntry{Actor: "a", Action: registry.LogImported}))
	})
	if err != nil {
		t.Fatal(err)
	}
	put(t, other, alias("m", "a", "1"))
	last := nodes[length].ID
	session := s.session(t.Context(), driver.AccessModeWrite)
	defer session.Close(t.Context())
	for name, damage := range map[string]string{
		"a value":    "SET n.served = 1, n.served_kind = null, n.served_parent = null",
		"a support":  "SET n.support = 7",
		"its lists":  "SET n.served_kind = null",
		"everything": "SET n.served = null, n.support = null, n.served_kind = null, n.served_parent = null",
	} {
		result, err := session.Run(t.Context(), "MATCH (n:Node {key: $key}) "+damage, map[string]any{"key": s.key(last)})
		if err == nil {
			_, err = result.Consume(t.Context())
		}
		if err != nil {
			t.Fatal(err)
		}
		for range 2 { // The second one is from memory.
			if nodes, err := other.Nodes(t.Context(), graph.Instant{}, last); err != nil || len(nodes) != 1 {
				t.Fatal(err)
			}
		}
		if wrong, err := s.CheckServed(t.Context(), false); err != nil || wrong == 0 {
			t.Errorf("%s is wrong: %d nodes, %v", name, wrong, err)
		}
		if wrong, err := s.CheckServed(t.Context(), true); err != nil || wrong == 0 {
			t.Errorf("%s: repaired %d, %v", name, wrong, err)
		}
		if wrong, err := s.CheckServed(t.Context(), false); err != nil || wrong != 0 {
			t.Errorf("%s: after the repair %d are wrong, %v", name, wrong, err)
		}
		for _, server := range []*Store{s, other} {
			if nodes, err := server.Nodes(t.Context(), graph.Instant{}, last, nodes[5].ID); err != nil || nodes[0].Served != registry.IsServed || nodes[1].Served != registry.IsServed {
				t.Errorf("%s: a server reads %v, %v", name, nodes, err)
			}
		}
	}
}

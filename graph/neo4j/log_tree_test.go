package neo4j

import (
	"context"
	"testing"

	driver "github.com/neo4j/neo4j-go-driver/v5/neo4j"

	"pedigree/graph"
	"pedigree/registry"
)

// TestOlderLogsGetTheirTree sets a store back to before the step that fills the tree hashes,
// and migrates it again, twice.
func TestOlderLogsGetTheirTree(t *testing.T) {
	s := open(t)
	write := func(n int) {
		t.Helper()
		for range n {
			if err := s.Update(t.Context(), func(tx graph.Tx) error { return tx.Append(t.Context(), &registry.LogEntry{Actor: "a"}) }); err != nil {
				t.Fatal(err)
			}
		}
	}
	write(21)
	session := s.session(t.Context(), driver.AccessModeWrite)
	defer session.Close(context.WithoutCancel(t.Context()))
	for _, text := range []string{"MATCH (l:Log) WHERE l.ns = $ns REMOVE l.tree", "MATCH (h:Head {key: $key}) SET h.schema = 9 REMOVE h.roots"} {
		if _, err := session.Run(t.Context(), text, map[string]any{"key": (&view{s: s}).key(""), "ns": s.ns}); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if err := s.migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		write(2)
	}
	entries, err := s.Log(t.Context(), graph.LogQuery{Limit: 100})
	if err != nil || len(entries) != 25 {
		t.Fatalf("%d entries, %v", len(entries), err)
	}
	var f registry.LogFrontier
	for _, e := range entries {
		if want, err := f.Append(e.LeafHash); err != nil || e.TreeHashes != want {
			t.Fatalf("entry %d keeps the tree hashes %q, not %q: %v", e.Seq, e.TreeHashes, want, err)
		}
	}
}

package neo4j

import (
	"context"
	"testing"

	driver "github.com/neo4j/neo4j-go-driver/v5/neo4j"

	"pedigree/graph"
	"pedigree/registry"
)

// TestColumnMigrationStep writes an alias as programs before the step did, sets the schema
// back by the step, and migrates the store again.
func TestColumnMigrationStep(t *testing.T) {
	s := open(t)
	id := registry.NewID(registry.KindAlias, "a")
	err := s.Update(t.Context(), func(tx graph.Tx) error {
		if err := tx.Append(t.Context(), &registry.LogEntry{}); err != nil {
			return err
		}
		return tx.Put(t.Context(), &graph.Node{ID: id, Kind: registry.KindAlias, Parent: "m", Name: "a", Doc: []byte(`{"version":"1.2.3"}`)})
	})
	if err != nil {
		t.Fatal(err)
	}
	session := s.session(t.Context(), driver.AccessModeWrite)
	defer session.Close(context.WithoutCancel(t.Context()))
	if _, err := session.Run(t.Context(), "MATCH (h:Head {key: $key}) SET h.schema = 6", map[string]any{"key": (&view{s: s}).key("")}); err != nil {
		t.Fatal(err)
	}
	version, _ := registry.ParseVersion("1.2.3")
	for _, want := range []string{"", version.SortKey()} {
		nodes, err := s.Nodes(t.Context(), graph.Instant{}, id)
		if err != nil || nodes[0].Text(registry.IndexVersion) != want {
			t.Errorf("%q, %v; want %q", nodes[0].Text(registry.IndexVersion), err, want)
		}
		if err := s.migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

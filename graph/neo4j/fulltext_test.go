package neo4j

import (
	"context"
	"fmt"
	"slices"
	"testing"

	driver "github.com/neo4j/neo4j-go-driver/v5/neo4j"

	"pedigree/graph"
	"pedigree/registry"
)

// TestFulltextIndexHoldsEveryField fails when a field is searched that the index does
// not cover.
func TestFulltextIndexHoldsEveryField(t *testing.T) {
	if want := registry.SearchFields(); !slices.Equal(fulltextFields, want) {
		t.Errorf("the index covers %v, but the searched fields are %v: create another index in a new step", fulltextFields, want)
	}
}

// TestFulltextMigrationStep removes the search properties from a store, sets its schema
// back by the step, and migrates it again.
func TestFulltextMigrationStep(t *testing.T) {
	s := open(t)
	err := s.Update(t.Context(), func(tx graph.Tx) error {
		for i := range batch + 200 {
			n := &graph.Node{ID: registry.NewID(registry.KindRun, fmt.Sprint(i)), Kind: registry.KindRun, Name: fmt.Sprint("run-", i%700)}
			if err := tx.Put(t.Context(), n); err != nil {
				return err
			}
		}
		return tx.Append(t.Context(), &registry.LogEntry{})
	})
	if err != nil {
		t.Fatal(err)
	}
	count := func() int {
		p, err := s.Find(t.Context(), graph.Query{Kinds: []registry.Kind{registry.KindRun}, Limit: 5000, Text: &graph.TextQuery{Words: []string{"run"},
			Fields: map[registry.Kind][]string{registry.KindRun: {"name"}}}})
		if err != nil {
			t.Fatal(err)
		}
		return len(p.Nodes)
	}
	session := s.session(t.Context(), driver.AccessModeWrite)
	defer session.Close(context.WithoutCancel(t.Context()))
	for _, text := range []string{"MATCH (n:Node) WHERE n.kind_key = $kind SET n.words_kind = null, n.words_name = null", "MATCH (h:Head {key: $key}) SET h.schema = 1"} {
		if _, err := session.Run(t.Context(), text, map[string]any{"kind": (&view{s: s}).key(string(registry.KindRun)), "key": (&view{s: s}).key("")}); err != nil {
			t.Fatal(err)
		}
	}
	if n := count(); n != 0 {
		t.Fatalf("%d found without words", n)
	}
	if err := s.migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := count(); n != batch+200 {
		t.Errorf("%d of %d found", n, batch+200)
	}
}

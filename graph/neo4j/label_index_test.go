package neo4j

import (
	"fmt"
	"strings"
	"testing"

	driver "github.com/neo4j/neo4j-go-driver/v5/neo4j"

	"pedigree/graph"
	"pedigree/registry"
)

// TestTaggedListsComeInTheOrderOfTheirIndexOnNeo4j explains pages of a list with a tag, both ways
// and from behind a node: nothing is sorted. In another order, what has the tag is sorted, and the
// label finds it still.
func TestTaggedListsComeInTheOrderOfTheirIndexOnNeo4j(t *testing.T) {
	s := open(t)
	for _, order := range []registry.Index{registry.IndexName, registry.IndexValidFrom, registry.IndexOwner} {
		for _, desc := range []bool{false, true} {
			q := listIndex{kind: registry.KindModel, order: order}.pageQuery(desc)
			q.Where = []graph.Predicate{{Label: registry.TagLabel(registry.KeyValue{Key: "team", Value: "risk"})}}
			plan := operatorsOf(t, s, q)
			sorts := strings.Contains(plan, "Sort") || strings.Contains(plan, "Top")
			if sorts != (order == registry.IndexOwner) || !strings.Contains(plan, "NodeIndexSeek") {
				t.Errorf("by %s, desc %v: %s", order, desc, plan)
			}
		}
	}
}

// TestLabelMigrationStepOnNeo4j removes the labels from a store, sets its schema back by the step,
// and opens it anew: lists with a tag are as they were.
func TestLabelMigrationStepOnNeo4j(t *testing.T) {
	s := open(t)
	var nodes []*graph.Node
	for i := range batch + 5 { // More than a page of the backfill.
		tags := fmt.Sprintf(`{"tags":[{"key":"half","value":"%d"}]}`, i%2)
		nodes = append(nodes, &graph.Node{ID: registry.ModelID(fmt.Sprint(i), 1), Kind: registry.KindModel, Name: fmt.Sprintf("%05d", i), ValidFrom: instant(int64(i + 1)), Doc: []byte(tags)})
	}
	err := s.Update(t.Context(), func(tx graph.Tx) error {
		if err := tx.Put(t.Context(), nodes...); err != nil {
			return err
		}
		return tx.Append(t.Context(), &registry.LogEntry{Actor: "tester", Action: registry.LogImported})
	})
	if err != nil {
		t.Fatal(err)
	}
	tagged := func() string {
		p, err := s.Find(t.Context(), graph.Query{Kinds: []registry.Kind{registry.KindModel}, Limit: 3, Count: true, Where: []graph.Predicate{{Label: registry.TagLabel(registry.KeyValue{Key: "half", Value: "1"})}}})
		if err != nil {
			t.Fatal(err)
		}
		out := fmt.Sprint(p.Total)
		for _, n := range p.Nodes {
			out += " " + n.Name
		}
		return out
	}
	before := tagged()
	session := s.session(t.Context(), driver.AccessModeWrite)
	defer session.Close(t.Context())
	for _, text := range []string{"MATCH (n:Node) WHERE n.kind_key = $kind MATCH (l:TagLabel {node_key: n.key}) DELETE l REMOVE n.labels", "MATCH (h:Head {key: $key}) SET h.schema = 13"} {
		v := &view{s: s}
		result, err := session.Run(t.Context(), text, map[string]any{"key": v.key(""), "kind": v.key(string(registry.KindModel))})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := result.Consume(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if got := tagged(); got != "0" {
		t.Fatalf("without labels: %s", got)
	}
	if err := s.migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := tagged(); got != before || !strings.HasPrefix(before, fmt.Sprint((batch+5)/2)) {
		t.Errorf("after the step: %s, before: %s", got, before)
	}
}

package neo4j

import (
	"context"
	"testing"

	driver "github.com/neo4j/neo4j-go-driver/v5/neo4j"

	"pedigree/internal/neo4jtest"
)

// openCounted opens a Store and counts the statements that opening it sends.
func openCounted(t *testing.T, ns string) (s *Store, sent int) {
	t.Helper()
	s = openIn(t, ns, WithQueryHook(func(string, map[string]any) { sent++ }))
	return s, sent
}

// TestAnEmptyNamespaceSkipsTheStepsOnNeo4j: there is nothing to convert in it. A namespace that
// has nodes runs all steps, also when it is as old.
func TestAnEmptyNamespaceSkipsTheStepsOnNeo4j(t *testing.T) {
	open(t) // So that the indexes are there.
	ns := neo4jtest.Namespace()
	s, sent := openCounted(t, ns)
	if info, err := s.Ping(t.Context()); err != nil || info.Schema != steps[len(steps)-1].number || sent > 8 {
		t.Errorf("schema %d after %d statements, %v", info.Schema, sent, err)
	}
	put(t, s, alias("m", "a", "1"))
	run(t, s, "MATCH (h:Head {key: $key}) SET h.schema = 0")
	s, converted := openCounted(t, ns)
	if info, err := s.Ping(t.Context()); err != nil || info.Schema != steps[len(steps)-1].number || converted < 3*sent {
		t.Errorf("with a node: schema %d after %d statements, %v; the empty one took %d", info.Schema, converted, err, sent)
	}
}

// TestTheIndexOfWordsIsReplacedOnNeo4j: the index that was written within the commit goes.
func TestTheIndexOfWordsIsReplacedOnNeo4j(t *testing.T) {
	s := open(t)
	run(t, s, "CREATE FULLTEXT INDEX node_words IF NOT EXISTS FOR (n:Node) ON EACH [n.words_kind]", "CALL db.awaitIndexes(300)", "MATCH (h:Head {key: $key}) SET h.schema = 14")
	if err := s.migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	session := s.session(t.Context(), driver.AccessModeRead)
	defer session.Close(context.WithoutCancel(t.Context()))
	online, err := s.onlineIndexes(t.Context(), session)
	if err != nil || online["node_words"] || !online["node_text"] {
		t.Errorf("node_words %v, node_text %v, %v", online["node_words"], online["node_text"], err)
	}
}

// run runs texts on the head of a Store.
func run(t *testing.T, s *Store, texts ...string) {
	t.Helper()
	session := s.session(t.Context(), driver.AccessModeWrite)
	defer session.Close(context.WithoutCancel(t.Context()))
	for _, text := range texts {
		result, err := session.Run(t.Context(), text, map[string]any{"key": s.key("")})
		if err == nil {
			_, err = result.Consume(t.Context())
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

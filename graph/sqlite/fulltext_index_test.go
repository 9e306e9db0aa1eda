package sqlite

import (
	"fmt"
	"path/filepath"
	"testing"

	"pedigree/graph"
	"pedigree/registry"

	engine "zombiezen.com/go/sqlite"
)

func find(t *testing.T, s *Store, word string) string {
	t.Helper()
	q := graph.Query{Kinds: registry.SearchableKinds(), Limit: 10, Text: &graph.TextQuery{Words: []string{word}, Fields: map[registry.Kind][]string{registry.KindModel: {"name"}}}}
	p, err := s.Find(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	out := []string{}
	for _, n := range p.Nodes {
		out = append(out, n.Name)
	}
	return fmt.Sprint(out)
}

// TestAStaleIndexIsRebuilt opens a store without an index, as older programs made it,
// one with an index of another format, and one with a broken index.
func TestAStaleIndexIsRebuilt(t *testing.T) {
	path := filepath.Join(t.TempDir(), "p.db")
	s, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	err = s.Update(t.Context(), func(tx graph.Tx) error {
		for i := range 2500 { // More than one read of rebuildStaleIndex.
			n := &graph.Node{ID: registry.NewID(registry.KindModel, fmt.Sprint(i)), Kind: registry.KindModel, Name: fmt.Sprint("model-", i)}
			if err := tx.Put(t.Context(), n); err != nil {
				return err
			}
		}
		gone := &graph.Node{ID: registry.NewID(registry.KindModel, "7")}
		if err := tx.Delete(t.Context(), gone); err != nil {
			return err
		}
		return tx.Append(t.Context(), &registry.LogEntry{})
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, changes := range [][]string{{},
		{"DROP TABLE node_words", "DELETE FROM meta WHERE key = 'words'", "UPDATE meta SET value = '1' WHERE key = 'schema'"},
		{"DELETE FROM node_words", "UPDATE meta SET value = '0 name' WHERE key = 'words'"},
		{"DROP TABLE node_words", "CREATE VIRTUAL TABLE node_words USING fts5(other)", "UPDATE meta SET value = '1' WHERE key = 'schema'"},
	} {
		s.Close()
		c, err := openConn(path, engine.OpenReadWrite)
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range changes {
			if err := c.execOnce(text); err != nil {
				t.Fatal(text, err)
			}
		}
		c.close()
		if s, err = Open(t.Context(), path); err != nil {
			t.Fatal(err)
		}
		if got := find(t, s, "2499") + find(t, s, "8") + find(t, s, "7"); got != "[model-2499][model-8 model-80 model-800 model-801 model-802 model-803 model-804 model-805 model-806 model-807]"+
			"[model-70 model-700 model-701 model-702 model-703 model-704 model-705 model-706 model-707 model-708]" {
			t.Errorf("after %v: %s", changes, got)
		}
		if info, _ := s.Ping(t.Context()); info.Schema != len(schemaSteps) {
			t.Errorf("schema %d", info.Schema)
		}
	}
	s.Close()
}

// TestUnchangedWordsAreNotIndexedAgain checks that an update that does not change the
// words of a node, such as a change of stage, does not write the index.
func TestUnchangedWordsAreNotIndexedAgain(t *testing.T) {
	s := testStore(t)
	put := func(doc string) (entries int) {
		err := s.Update(t.Context(), func(g graph.Tx) error {
			n := &graph.Node{ID: registry.NewID(registry.KindModel, "m"), Kind: registry.KindModel, Name: "m", Doc: []byte(doc)}
			if err := g.Put(t.Context(), n); err != nil {
				return err
			}
			entries = len(g.(*tx).pendingEntries)
			return g.Append(t.Context(), &registry.LogEntry{})
		})
		if err != nil {
			t.Fatal(err)
		}
		return entries
	}
	for _, c := range []struct {
		doc  string
		want int
	}{{`{"description":"one"}`, 1}, {`{"description":"One!","lastNumber":2}`, 0}, {`{"description":"two"}`, 1}, {`{}`, 1}, {`{}`, 0}} {
		if got := put(c.doc); got != c.want {
			t.Errorf("%s: %d nodes to index, want %d", c.doc, got, c.want)
		}
	}
}

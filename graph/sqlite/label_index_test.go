package sqlite

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"pedigree/graph"
	"pedigree/registry"

	engine "zombiezen.com/go/sqlite"
)

// TestLabelsAreFilled shows that nodes of before the labels, and of kinds that get them, are found
// by their tags after the store was opened, and that the fill happens once.
func TestLabelsAreFilled(t *testing.T) {
	path := filepath.Join(t.TempDir(), "p.db")
	s, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	var nodes []*graph.Node
	for i := range 1005 { // More than are read at once.
		doc := fmt.Sprintf(`{"tags":[{"key":"half","value":"%d"}]}`, i%2)
		nodes = append(nodes, &graph.Node{ID: registry.ModelID(fmt.Sprint(i), 1), Kind: registry.KindModel, Name: fmt.Sprintf("%05d", i), Doc: []byte(doc)})
	}
	version := &graph.Node{ID: registry.ModelVersionID(nodes[1].ID, "1.0.0"), Kind: registry.KindModelVersion, Parent: nodes[1].ID, Columns: map[registry.Index]any{registry.IndexStage: string(registry.Production)}, Doc: []byte(`{}`)}
	err = s.Update(t.Context(), func(tx graph.Tx) error {
		if err := tx.Put(t.Context(), append(nodes, version)...); err != nil {
			return err
		}
		return tx.Append(t.Context(), &registry.LogEntry{})
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct{ change, want string }{
		{"UPDATE meta SET value = '99' WHERE key = 'nothing'", "502 00001 1"},
		{"DELETE FROM node_label", "0  0"}, // It was filled, and is not filled again.
		{"DELETE FROM meta WHERE key = 'labels'", "502 00001 1"},
		{"UPDATE meta SET value = '1 [OTHER]' WHERE key = 'labels'", "502 00001 1"},
		{"DROP TABLE node_label; UPDATE meta SET value = '11' WHERE key = 'schema'; DELETE FROM meta WHERE key = 'labels'", "502 00001 1"},
	} {
		s.Close()
		c, err := openConn(path, engine.OpenReadWrite)
		if err != nil {
			t.Fatal(err)
		}
		for part := range strings.SplitSeq(step.change, "; ") {
			if err := c.execOnce(part); err != nil {
				t.Fatal(err)
			}
		}
		c.close()
		if s, err = Open(t.Context(), path); err != nil {
			t.Fatal(err)
		}
		q := graph.Query{Kinds: []registry.Kind{registry.KindModel}, Limit: 1, Count: true, Where: []graph.Predicate{{Label: registry.TagLabel(registry.KeyValue{Key: "half", Value: "1"})}}}
		p, err := s.Find(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		name := ""
		if len(p.Nodes) > 0 {
			name = p.Nodes[0].Name
		}
		q.Where = append(q.Where, graph.Predicate{Served: true})
		served, err := s.Find(t.Context(), q)
		if got := fmt.Sprint(p.Total, " ", name, " ", served.Total); err != nil || got != step.want {
			t.Errorf("after %s: %s, %v; want %s", step.change, got, err, step.want)
		}
	}
	s.Close()
}

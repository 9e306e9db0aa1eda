package sqlite

import (
	"path/filepath"
	"testing"

	"pedigree/graph"
	"pedigree/registry"

	engine "zombiezen.com/go/sqlite"
)

// TestANewColumnIsFilled shows that nodes of before get the column that the field table has
// given to their kind, and that this happens once.
func TestANewColumnIsFilled(t *testing.T) {
	path := filepath.Join(t.TempDir(), "p.db")
	s, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	id := registry.NewID(registry.KindAlias, "a")
	err = s.Update(t.Context(), func(tx graph.Tx) error {
		if err := tx.Put(t.Context(), &graph.Node{ID: id, Kind: registry.KindAlias, Parent: "m", Name: "a", Doc: []byte(`{"version":"1.2.3"}`)}); err != nil {
			return err
		}
		return tx.Append(t.Context(), &registry.LogEntry{})
	})
	if err != nil {
		t.Fatal(err)
	}
	version, _ := registry.ParseVersion("1.2.3")
	for _, step := range []struct{ change, want string }{
		{"UPDATE meta SET value = '99' WHERE key = 'nothing'", ""},
		{"UPDATE meta SET value = replace(value, 'ALIAS.version_key', '') WHERE key = 'columns'", version.SortKey()},
		{"UPDATE node SET version_key = 'kept'", "kept"},
		{"DELETE FROM meta WHERE key = 'columns'", version.SortKey()},
	} {
		s.Close()
		c, err := openConn(path, engine.OpenReadWrite)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.execOnce(step.change); err != nil {
			t.Fatal(err)
		}
		c.close()
		if s, err = Open(t.Context(), path); err != nil {
			t.Fatal(err)
		}
		nodes, err := s.Nodes(t.Context(), graph.Instant{}, id)
		if err != nil || nodes[0].Text(registry.IndexVersion) != step.want {
			t.Errorf("after %s: %q, %v; want %q", step.change, nodes[0].Text(registry.IndexVersion), err, step.want)
		}
	}
	s.Close()
}

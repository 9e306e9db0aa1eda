package sqlite

import (
	"context"
	"path/filepath"
	"testing"

	engine "zombiezen.com/go/sqlite"

	"pedigree/graph"
	"pedigree/registry"
)

// checkTree compares the tree hashes that a store keeps with those of its leaves.
func checkTree(ctx context.Context, t *testing.T, s graph.Reader, size int64) {
	t.Helper()
	entries, err := s.Log(ctx, graph.LogQuery{Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	var f registry.LogFrontier
	for _, e := range entries {
		want, err := f.Append(e.LeafHash)
		if err != nil {
			t.Fatal(err)
		}
		if e.TreeHashes != want {
			t.Fatalf("entry %d keeps the tree hashes %q, not %q", e.Seq, e.TreeHashes, want)
		}
	}
	if f.Size != size {
		t.Fatalf("%d entries, not %d", f.Size, size)
	}
}

func appendEntries(t *testing.T, s graph.Store, n int) {
	t.Helper()
	for range n {
		if err := s.Update(t.Context(), func(tx graph.Tx) error { return tx.Append(t.Context(), &registry.LogEntry{Actor: "a"}) }); err != nil {
			t.Fatal(err)
		}
	}
}

// TestOlderLogsGetTheirTree opens a store from before the step that fills the tree hashes.
func TestOlderLogsGetTheirTree(t *testing.T) {
	path := filepath.Join(t.TempDir(), "p.db")
	s, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	appendEntries(t, s, 21)
	s.Close()
	c, err := openConn(path, engine.OpenReadWrite)
	if err != nil {
		t.Fatal(err)
	}
	for _, change := range []string{"UPDATE meta SET value = '9' WHERE key = 'schema'", "ALTER TABLE log DROP COLUMN tree"} {
		if err := c.execOnce(change); err != nil {
			t.Fatal(err)
		}
	}
	c.close()
	for n := int64(21); n < 24; n++ {
		if s, err = Open(t.Context(), path); err != nil {
			t.Fatal(err)
		}
		checkTree(t.Context(), t, s, n)
		appendEntries(t, s, 1)
		s.Close()
	}
}

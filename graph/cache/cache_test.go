package cache

import (
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"sync"
	"testing"

	"pedigree/graph"
	"pedigree/graph/graphtest"
	"pedigree/graph/sqlite"
	"pedigree/registry"
)

func open(t *testing.T, path string, opts ...sqlite.Option) *Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), path, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return New(s, 0)
}

func newPath(t *testing.T) string { return filepath.Join(t.TempDir(), "p.db") }

// TestStore runs the conformance suite on a store with a cache.
func TestStore(t *testing.T) {
	graphtest.Run(t, func(t *testing.T, fault func() error) graph.Store {
		return open(t, newPath(t), sqlite.WithFaultHook(fault))
	})
}

// TestTwoStoresOnOneFile: each cache notices what the other store writes.
func TestTwoStoresOnOneFile(t *testing.T) {
	path := newPath(t)
	graphtest.Race(t, open(t, path), open(t, path))
}

// TestConcurrentReadersSeeOneMoment: every Update moves the only edge of a node and
// renames it. Concurrent readers find one edge, to the node that the name says, and
// never an older one than before.
func TestConcurrentReadersSeeOneMoment(t *testing.T) {
	s := open(t, newPath(t))
	const moves = 60
	node := func(name string) *graph.Node {
		return &graph.Node{ID: registry.NewID(registry.KindDatasetVersion, name), Kind: registry.KindDatasetVersion, Name: name}
	}
	root := node("root").ID
	move := func(i int) error {
		return s.Update(t.Context(), func(tx graph.Tx) error {
			to, renamed := node(fmt.Sprint(i)), node("root")
			renamed.Name = fmt.Sprint(i)
			err := errors.Join(tx.Put(t.Context(), to, renamed), tx.Link(t.Context(), &graph.Edge{Kind: registry.EdgeDerivedFrom, From: root, To: to.ID}))
			if i > 0 {
				err = errors.Join(err, tx.Unlink(t.Context(), &graph.Edge{Kind: registry.EdgeDerivedFrom, From: root, To: node(fmt.Sprint(i - 1)).ID}))
			}
			return errors.Join(err, tx.Append(t.Context(), &registry.LogEntry{Actor: "t", Action: registry.LogImported}))
		})
	}
	if err := move(0); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			last, asked := 0, 0
			for over := false; !over || asked == 0; asked++ {
				select {
				case <-done:
					over = true
				default:
				}
				c, err := s.Closure(t.Context(), graph.ClosureQuery{Roots: []registry.ID{root}, Direction: graph.Upstream, Depth: 3, Fanout: 9, Limit: 9, Bare: true})
				if err != nil || len(c.Nodes) != 2 || c.Nodes[0].Node.Name != c.Nodes[1].Node.Name || len(c.Edges) != 1 || c.Edges[0].To != c.Nodes[1].Node.ID {
					t.Errorf("%+v, %v", c, err)
					return
				}
				now, _ := strconv.Atoi(c.Nodes[1].Node.Name)
				if now < last {
					t.Errorf("%d after %d", now, last)
				}
				last = now
			}
			if last != moves {
				t.Errorf("the last that was read is %d", last)
			}
		})
	}
	for i := 1; i <= moves; i++ {
		if err := move(i); err != nil {
			t.Error(err)
		}
	}
	close(done)
	all.Wait()
}

package sqlite

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	"pedigree/graph"
	"pedigree/registry"
)

// storePair holds two stores on one file, as in two processes.
type storePair struct {
	*testing.T
	one, other *Store
}

func newPair(t *testing.T) storePair {
	t.Helper()
	path := filepath.Join(t.TempDir(), "p.db")
	open := func() *Store {
		s, err := Open(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		return s
	}
	return storePair{t, open(), open()}
}

func newDataset(name string) *graph.Node {
	return &graph.Node{ID: registry.NewID(registry.KindDatasetVersion, name), Kind: registry.KindDatasetVersion, Name: name, Doc: []byte("{}")}
}

func derivedFrom(from, to *graph.Node) *graph.Edge {
	return &graph.Edge{Kind: registry.EdgeDerivedFrom, From: from.ID, To: to.ID}
}

func (p storePair) update(s *Store, fn func(ctx context.Context, tx graph.Tx) error) error {
	p.Helper()
	return s.Update(p.Context(), func(tx graph.Tx) error {
		if err := fn(p.Context(), tx); err != nil {
			return err
		}
		return tx.Append(p.Context(), &registry.LogEntry{Actor: "test"})
	})
}

func (p storePair) must(s *Store, fn func(ctx context.Context, tx graph.Tx) error) {
	p.Helper()
	if err := p.update(s, fn); err != nil {
		p.Fatal(err)
	}
}

func (p storePair) put(s *Store, nodes ...*graph.Node) {
	p.Helper()
	p.must(s, func(ctx context.Context, tx graph.Tx) error { return tx.Put(ctx, nodes...) })
}

func (p storePair) link(s *Store, edges ...*graph.Edge) error {
	p.Helper()
	return p.update(s, func(ctx context.Context, tx graph.Tx) error { return tx.Link(ctx, edges...) })
}

// recentNodesOf returns the cache of a store. No update may run meanwhile.
func recentNodesOf(s *Store) *recentNodes { return &s.recent }

// TestEdgesOfNewNodesAreNotLookedUp checks that the cache has the nodes of this update
// and of the one before, and knows which of them have edges.
func TestEdgesOfNewNodesAreNotLookedUp(t *testing.T) {
	p := newPair(t)
	a, b, c := newDataset("a"), newDataset("b"), newDataset("c")
	p.put(p.one, a, b)
	p.must(p.one, func(ctx context.Context, g graph.Tx) error {
		x := g.(*tx)
		if e := x.recentEndpoint(a.ID); e == nil || !e.unlinked || e.num != a.Number {
			t.Errorf("a node of the update before: %+v", e)
		}
		if err := g.Put(ctx, c); err != nil {
			return err
		}
		if err := g.Link(ctx, derivedFrom(a, c)); err != nil {
			return err
		}
		for _, n := range []*graph.Node{a, c} {
			if e := x.recentEndpoint(n.ID); e == nil || e.unlinked {
				t.Errorf("%s after it was linked: %+v", n.Name, e)
			}
		}
		return nil
	})
	for name, want := range map[string]bool{"a": true, "b": false, "c": true} {
		if n := recentNodesOf(p.one).nodes[newDataset(name).ID]; n == nil || n.linked != want {
			t.Errorf("%s: %+v", name, n)
		}
	}
	again := derivedFrom(a, c)
	if err := p.link(p.one, again); err != nil || again.Created {
		t.Errorf("an existing edge was created again: %v", err)
	}
	if err := p.link(p.one, derivedFrom(c, a)); registry.CodeOf(err) != registry.FailedPrecondition {
		t.Errorf("a cycle: %v", err)
	}
}

// TestChangesOfAnotherStoreAreLookedUp also shows that answers are wrong when the cache
// ignores the head.
func TestChangesOfAnotherStoreAreLookedUp(t *testing.T) {
	for _, ignoreHead := range []bool{false, true} {
		p := newPair(t)
		a, b, c := newDataset("a"), newDataset("b"), newDataset("c")
		p.put(p.one, a, b, c)
		recentNodesOf(p.one).ignoreHead = ignoreHead
		p.must(p.other, func(ctx context.Context, tx graph.Tx) error {
			if err := tx.Link(ctx, derivedFrom(a, b)); err != nil {
				return err
			}
			return tx.Delete(ctx, c)
		})
		wrong := 0
		if err := p.link(p.one, derivedFrom(a, c)); registry.CodeOf(err) != registry.NotFound {
			wrong++
		}
		again := derivedFrom(a, b)
		if err := p.link(p.one, again); err != nil || again.Created {
			wrong++
		}
		if (wrong > 0) != ignoreHead {
			t.Errorf("ignoreHead %v: %d answers are wrong", ignoreHead, wrong)
		}
	}
}

// TestFailedAndDeletedNodesAreNotRemembered checks that the cache has no nodes of a
// closure that failed, and no deleted nodes.
func TestFailedAndDeletedNodesAreNotRemembered(t *testing.T) {
	p := newPair(t)
	a, b := newDataset("a"), newDataset("b")
	p.put(p.one, a)
	errClosure := errors.New("no")
	if err := p.update(p.one, func(ctx context.Context, tx graph.Tx) error { return errors.Join(tx.Put(ctx, b), errClosure) }); !errors.Is(err, errClosure) {
		t.Fatal(err)
	}
	if err := p.link(p.one, derivedFrom(a, b)); registry.CodeOf(err) != registry.NotFound {
		t.Errorf("a node of a failed update: %v", err)
	}
	p.put(p.one, b)
	p.must(p.one, func(ctx context.Context, tx graph.Tx) error {
		if err := tx.Delete(ctx, b); err != nil {
			return err
		}
		if err := tx.Link(ctx, derivedFrom(a, b)); registry.CodeOf(err) != registry.NotFound {
			t.Errorf("a node that this update deleted: %v", err)
		}
		return nil
	})
	if err := p.link(p.one, derivedFrom(a, b)); registry.CodeOf(err) != registry.NotFound {
		t.Errorf("a deleted node: %v", err)
	}
}

func TestRecentNodesAreBounded(t *testing.T) {
	r := &recentNodes{}
	r.resetUnlessAt(1)
	for i := range int64(5) {
		c := recentChange{created: map[registry.ID]*recentNode{}}
		for n := range maxRecentNodes/2 + 1 {
			c.created[registry.NewID(registry.KindDatasetVersion, string(rune(n))+string(rune(i)))] = &recentNode{num: 1}
		}
		r.apply(c, i+2)
		if len(r.nodes) > maxRecentNodes || len(r.nodes) == 0 {
			t.Fatalf("%d nodes are remembered", len(r.nodes))
		}
	}
}

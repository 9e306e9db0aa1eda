package service_test

import (
	"context"
	"path/filepath"
	"testing"

	"pedigree/graph"
	"pedigree/graph/sqlite"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service"
	"pedigree/service/bulk"
)

// countingStore counts the updates of a store and the calls inside them.
type countingStore struct {
	graph.Store
	calls, updates int
}

func (w *countingStore) Update(ctx context.Context, fn func(graph.Tx) error) error {
	w.updates++
	return w.Store.Update(ctx, func(tx graph.Tx) error { return fn(&countingTx{tx, w}) })
}

type countingTx struct {
	graph.Tx
	w *countingStore
}

func (t *countingTx) Nodes(ctx context.Context, at graph.Instant, ids ...registry.ID) ([]*graph.Node, error) {
	t.w.calls++
	return t.Tx.Nodes(ctx, at, ids...)
}

func (t *countingTx) Find(ctx context.Context, q graph.Query) (graph.Page, error) {
	t.w.calls++
	return t.Tx.Find(ctx, q)
}

func (t *countingTx) Neighbors(ctx context.Context, q graph.NeighborQuery) ([]graph.Neighbors, error) {
	t.w.calls++
	return t.Tx.Neighbors(ctx, q)
}

func (t *countingTx) Put(ctx context.Context, nodes ...*graph.Node) error {
	t.w.calls++
	return t.Tx.Put(ctx, nodes...)
}

func (t *countingTx) Link(ctx context.Context, edges ...*graph.Edge) error {
	t.w.calls++
	return t.Tx.Link(ctx, edges...)
}

func (t *countingTx) Append(ctx context.Context, entries ...*registry.LogEntry) error {
	t.w.calls++
	return t.Tx.Append(ctx, entries...)
}

// TestABatchNeedsFewStoreCalls checks that a batch of 500 facts, new or known, needs at most 12
// store calls, while their mutations need more than 1500.
func TestABatchNeedsFewStoreCalls(t *testing.T) {
	store, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "p.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	table, err := policies.Load("")
	if err != nil {
		t.Fatal(err)
	}
	w := &countingStore{Store: store}
	gate, err := policies.NewGate(t.Context(), w, table, nil)
	if err != nil {
		t.Fatal(err)
	}
	s := service.New(gate)
	admin := func() context.Context {
		return service.As(t.Context(), registry.Actor{Subject: "root", Grants: []registry.Grant{{Role: registry.RoleAdmin, Scope: registry.ScopeAll}}}, "r")
	}
	var in bulk.RecordFactsInput
	for i := range 100 {
		in.Facts = append(in.Facts, pipeline(i)...)
	}
	cost := func(what string, limit int, fn func() error) {
		t.Helper()
		w.calls, w.updates = 0, 0
		if err := fn(); err != nil {
			t.Fatal(err)
		}
		t.Logf("PROOF %s: %d calls of the store in %d updates", what, w.calls, w.updates)
		if limit > 0 && (w.calls > limit || w.updates != 1) || limit < 0 && w.calls < -limit {
			t.Errorf("%s takes %d calls", what, w.calls)
		}
	}
	batch := func() error { _, err := s.RecordFacts(admin(), in); return err }
	cost("500 new facts in a batch", 12, batch)
	cost("the same 500 facts again", 12, batch)
	cost("500 facts one by one", -1500, func() error {
		for i := range 100 {
			for _, f := range pipeline(1000 + i) {
				var err error
				switch {
				case f.DatasetVersion != nil:
					_, err = s.RecordDatasetVersion(admin(), *f.DatasetVersion)
				case f.Run != nil:
					_, err = s.RecordRun(admin(), *f.Run)
				case i > 0 || f.Link.Kind == registry.EdgeDerivedFrom:
					_, err = s.LinkLineage(admin(), *f.Link)
				}
				if err != nil {
					return err
				}
			}
		}
		return nil
	})
}

package policies

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"pedigree/graph"
	"pedigree/graph/sqlite"
	"pedigree/registry"
)

// emptyGate returns a gate on an empty store, with the default policy and a clock, nil for that of the
// machine.
func emptyGate(t *testing.T, now func() time.Time) (graph.Store, *Gate) {
	t.Helper()
	s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "p.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	table, err := Load("")
	if err != nil {
		t.Fatal(err)
	}
	g, err := NewGate(t.Context(), s, table, now)
	if err != nil {
		t.Fatal(err)
	}
	return s, g
}

// TestEveryWriteForgetsWhatTheActorSees: after each kind of write in a transaction, visibility
// is computed anew.
func TestEveryWriteForgetsWhatTheActorSees(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	_, g := emptyGate(t, func() time.Time { return now })
	node := func(name string) *graph.Node {
		return &graph.Node{ID: registry.NewID(registry.KindDatasetVersion, name), Kind: registry.KindDatasetVersion, Name: name, ValidFrom: now, Doc: []byte("{}")}
	}
	a, b := node("a"), node("b")
	edge := &graph.Edge{Kind: registry.EdgeDerivedFrom, From: a.ID, To: b.ID}
	ctx := As(t.Context(), registry.Actor{Subject: "root", Grants: []registry.Grant{{Role: registry.RoleAdmin, Scope: registry.ScopeAll}}}, "")
	err := g.Write(ctx, registry.DatasetRecord, func(ctx context.Context, tx *Tx) error {
		for _, write := range []struct {
			name string
			do   func() error
		}{
			{"Put", func() error { return tx.Put(ctx, a, b) }},
			{"Link", func() error { return tx.Link(ctx, edge) }},
			{"Unlink", func() error { return tx.Unlink(ctx, edge) }},
			{"Delete", func() error { return tx.Delete(ctx, b) }},
		} {
			before := tx.scope.visibility
			if err := write.do(); err != nil {
				return err
			}
			if tx.scope.visibility == before {
				t.Errorf("%s keeps what was seen before", write.name)
			}
		}
		return tx.Log(ctx, registry.LogEntry{Action: registry.LogImported})
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestATransactionHasOneTime: it is later than every entry before it, although the clock
// stands still, and its entries are not earlier than what it records.
func TestATransactionHasOneTime(t *testing.T) {
	s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "p.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	table, err := Load("")
	if err != nil {
		t.Fatal(err)
	}
	clock := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	g, err := NewGate(t.Context(), s, table, func() time.Time { return clock })
	if err != nil {
		t.Fatal(err)
	}
	ctx := As(t.Context(), registry.Actor{Subject: "root", Grants: []registry.Grant{{Role: registry.RoleAdmin, Scope: registry.ScopeAll}}}, "")
	told := clock.Add(3 * time.Minute)
	var times []time.Time
	for i := range 4 {
		err := g.Write(ctx, registry.DatasetRecord, func(ctx context.Context, tx *Tx) error {
			times = append(times, tx.Now())
			if i == 1 {
				n := &graph.Node{ID: registry.NewID(registry.KindDatasetVersion, "a"), Kind: registry.KindDatasetVersion, Name: "a", ValidFrom: told, Doc: []byte("{}")}
				if err := tx.Put(ctx, n); err != nil {
					return err
				}
			}
			clock = clock.Add(-time.Second)
			return tx.Log(ctx, registry.LogEntry{Action: registry.LogImported})
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for i, want := range []time.Time{told.Add(-3 * time.Minute), told.Add(-3*time.Minute + graph.TimeUnit), told.Add(graph.TimeUnit), told.Add(2 * graph.TimeUnit)} {
		if !times[i].Equal(want) {
			t.Errorf("transaction %d is of %s, not of %s", i, times[i], want)
		}
	}
}

// TestACombinedWriteIsAsAnyOther: the gate knows that what it wrote is no new policy, and an error that
// comes to light with the last of the writes is that of the store.
func TestACombinedWriteIsAsAnyOther(t *testing.T) {
	s, g := emptyGate(t, nil)
	ctx := As(t.Context(), registry.Actor{Subject: "root", Grants: []registry.Grant{{Role: registry.RoleAdmin, Scope: registry.ScopeAll}}}, "")
	write := func(links ...[2]string) error {
		return g.WriteCombined(ctx, registry.DatasetRecord, func(ctx context.Context, tx *Tx) error {
			for _, l := range links {
				var ids [2]registry.ID
				for i, name := range l {
					n := &graph.Node{ID: registry.NewID(registry.KindDatasetVersion, name), Kind: registry.KindDatasetVersion, Name: name, ValidFrom: tx.Now(), Doc: []byte("{}")}
					if ids[i] = n.ID; tx.Put(ctx, n) != nil {
						t.Error("a node is not buffered")
					}
				}
				if err := tx.Link(ctx, &graph.Edge{Kind: registry.EdgeDerivedFrom, From: ids[0], To: ids[1]}); err != nil {
					t.Errorf("an edge of new nodes is not buffered: %v", err)
				}
			}
			return tx.Log(ctx, registry.LogEntry{Action: registry.LogImported})
		})
	}
	if err := write([2]string{"a", "b"}, [2]string{"b", "c"}); err != nil {
		t.Fatal(err)
	}
	info, err := s.Ping(t.Context())
	if err != nil || info.Head != 1 || g.policy.head != info.Head {
		t.Errorf("the head is %d, %v, and the gate has looked for a policy up to %d", info.Head, err, g.policy.head)
	}
	cycle, ok := write([2]string{"x", "y"}, [2]string{"y", "x"}).(*registry.Error)
	if !ok || cycle.Code != registry.FailedPrecondition || cycle.Details["path"] == nil {
		t.Errorf("a cycle: %v", cycle)
	}
}

package migrate_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	engine "zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"pedigree/graph"
	"pedigree/graph/migrate"
	"pedigree/graph/sqlite"
	"pedigree/registry"
)

func open(t *testing.T, path string) graph.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func newStore(t *testing.T) graph.Store { return open(t, filepath.Join(t.TempDir(), "p.db")) }

func node(name string, slots ...string) *graph.Node {
	return &graph.Node{ID: registry.NewID(registry.KindDatasetVersion, name), Kind: registry.KindDatasetVersion, Name: name, Slots: slots, Doc: []byte(`{"n":1}`)}
}

func update(t *testing.T, s graph.Store, fn func(tx graph.Tx) error) {
	t.Helper()
	err := s.Update(t.Context(), func(tx graph.Tx) error {
		return errors.Join(fn(tx), tx.Append(t.Context(), &registry.LogEntry{Actor: "tester", Action: registry.LogImported, Reason: "a test"}))
	})
	if err != nil {
		t.Fatal(err)
	}
}

// writeChain writes a chain of n nodes with two revisions each.
func writeChain(t *testing.T, s graph.Store, n int) {
	t.Helper()
	var nodes []*graph.Node
	var edges []*graph.Edge
	for i := range n {
		nodes = append(nodes, node(fmt.Sprint("n", i), fmt.Sprint("slot/", i)))
		if i > 0 {
			edges = append(edges, &graph.Edge{Kind: registry.EdgeDerivedFrom, From: nodes[i].ID, To: nodes[i-1].ID, By: "tester"})
		}
	}
	update(t, s, func(tx graph.Tx) error {
		return errors.Join(tx.Put(t.Context(), nodes...), tx.Put(t.Context(), nodes...), tx.Link(t.Context(), edges...))
	})
	for range 3 {
		update(t, s, func(graph.Tx) error { return nil })
	}
}

// busySource is a source that changes after each batch of its dump.
type busySource struct {
	graph.Store
	afterBatch func(part graph.Part)
}

func (s busySource) Dump(ctx context.Context, from graph.DumpPosition) (graph.Batch, error) {
	b, err := s.Store.Dump(ctx, from)
	s.afterBatch(from.Part)
	return b, err
}

// TestASourceInUseIsCopiedCompletely deletes, links, retracts and moves slots while
// the first pass runs.
func TestASourceInUseIsCopiedCompletely(t *testing.T) {
	from, to := newStore(t), newStore(t)
	writeChain(t, from, 3000)
	step, steps := 0, []func(tx graph.Tx) error{
		func(tx graph.Tx) error { return tx.Put(t.Context(), node("n0", "slot/1"), node("n1", "slot/0")) },
		func(tx graph.Tx) error { return tx.Delete(t.Context(), node("n2")) },
		func(tx graph.Tx) error {
			return tx.Put(t.Context(), node("n2999", "slot/2"), node("late", "slot/2999"))
		},
		func(tx graph.Tx) error {
			return tx.Link(t.Context(), &graph.Edge{Kind: registry.EdgeDerivedFrom, From: node("late").ID, To: node("n0").ID})
		},
		func(tx graph.Tx) error {
			return tx.Unlink(t.Context(), &graph.Edge{Kind: registry.EdgeDerivedFrom, From: node("n1").ID, To: node("n0").ID})
		},
	}
	report, err := migrate.Run(t.Context(), busySource{from, func(graph.Part) {
		if step < len(steps) {
			update(t, from, steps[step])
			step++
		}
	}}, to, nil)
	if err != nil || !report.Proof.Equal() || step != len(steps) || len(report.Passes) < 2 {
		t.Fatalf("%v after %d of %d writes: %+v", err, step, len(steps), report)
	}
	p := report.Proof.To
	if p.Log != 9 || p.Nodes != 3001 || p.Revisions != 6005 || p.Edges != 3000 || p.Head != 9 {
		t.Errorf("%+v", p)
	}
	if again, err := migrate.Verify(t.Context(), from, to, nil); err != nil || !again.Equal() || *again != *report.Proof {
		t.Errorf("%+v, %v", again, err)
	}
}

func TestASourceThatKeepsChangingIsRefused(t *testing.T) {
	from, to := newStore(t), newStore(t)
	writeChain(t, from, 10)
	report, err := migrate.Run(t.Context(), busySource{from, func(graph.Part) { update(t, from, func(graph.Tx) error { return nil }) }}, to, nil)
	if registry.CodeOf(err) != registry.FailedPrecondition || !strings.Contains(err.Error(), "stop its servers") {
		t.Fatal(err)
	}
	if _, err := to.Ping(t.Context()); registry.CodeOf(err) != registry.FailedPrecondition {
		t.Errorf("the destination is open: %v", err)
	}
	passes := len(report.Passes)
	if report, err = migrate.Run(t.Context(), from, to, nil); err != nil || !report.Proof.Equal() || passes < 3 || len(report.Passes) > 2 || report.Passes[0].Nodes != 0 {
		t.Errorf("%v: %+v", err, report)
	}
}

var errConnectionLost = errors.New("cut off")

// failingDestination fails after some batches. With loseLastAnswer it also loses the
// answer to the last batch that it has written.
type failingDestination struct {
	graph.Store
	batchesLeft    int
	loseLastAnswer bool
}

func (c *failingDestination) Restore(ctx context.Context, source string, b *graph.Batch) (graph.DumpPosition, error) {
	if b == nil {
		return c.Store.Restore(ctx, source, b)
	}
	if c.batchesLeft--; c.batchesLeft < 0 {
		return graph.DumpPosition{}, errConnectionLost
	}
	m, err := c.Store.Restore(ctx, source, b)
	if c.batchesLeft == 0 && c.loseLastAnswer && !b.Finish && err == nil {
		err = errConnectionLost
	}
	return m, err
}

// TestAnInterruptedMigrationResumes interrupts migrations after 1, 2 and 3 batches,
// reopens the destination, and checks that no row is copied twice.
func TestAnInterruptedMigrationResumes(t *testing.T) {
	from := newStore(t)
	writeChain(t, from, 3000)
	for _, loseLastAnswer := range []bool{false, true} {
		for batches := 1; batches <= 3; batches++ {
			path := filepath.Join(t.TempDir(), "p.db")
			var total migrate.RowCounts
			runs, resumed := 0, 0
			for {
				runs++
				to := open(t, path)
				report, err := migrate.Run(t.Context(), from, &failingDestination{to, batches, loseLastAnswer}, nil)
				for _, p := range report.Passes {
					total.Log, total.Revisions, total.Edges = total.Log+p.Log, total.Revisions+p.Revisions, total.Edges+p.Edges
					if p.Resumed {
						resumed++
					}
				}
				to.Close()
				if err == nil {
					if !report.Proof.Equal() {
						t.Errorf("%+v", report.Proof)
					}
					break
				}
				if !errors.Is(err, errConnectionLost) || runs > 20 {
					t.Fatalf("run %d: %v", runs, err)
				}
			}
			// The rows of a batch whose answer was lost are not counted.
			if want := (migrate.RowCounts{Log: 4, Revisions: 6000, Edges: 2999}); total != want && !loseLastAnswer || runs < 2 || resumed == 0 {
				t.Errorf("%d runs, %d resumed, copied %+v", runs, resumed, total)
			}
			if info, err := open(t, path).Ping(t.Context()); err != nil || info.Head != 4 {
				t.Errorf("%+v, %v", info, err)
			}
		}
	}
}

// TestVerifyFindsManualChanges changes one row of a table of the copy at a time.
func TestVerifyFindsManualChanges(t *testing.T) {
	from := newStore(t)
	writeChain(t, from, 40)
	update(t, from, func(tx graph.Tx) error {
		return errors.Join(tx.Unlink(t.Context(), &graph.Edge{Kind: registry.EdgeDerivedFrom, From: node("n9").ID, To: node("n8").ID}), tx.Delete(t.Context(), node("n30")))
	})
	for change, want := range map[string]string{
		"UPDATE node SET doc = '{\"n\":2}' WHERE num = 7":                                                                      "revision 2 of node 7,",
		"UPDATE node SET slots = '[]' WHERE num = 7":                                                                           "revision 2 of node 7,",
		"UPDATE revision SET name = 'x' WHERE num = 8 AND revision = 1":                                                        "revision 1 of node 8,",
		"UPDATE revision SET columns = '{\"role\":\"raw\"}' WHERE num = 9":                                                     "revision 1 of node 9,",
		"UPDATE revision SET recorded_seq = 2 WHERE num = 8":                                                                   "revision 1 of node 8,",
		"UPDATE revision SET doc = '{\"back\":1}' WHERE num = 31 AND revision=1":                                               "revision 1 of node 31,",
		"DELETE FROM revision WHERE num = 40 AND revision = 1":                                                                 "revision 1 of node 40, ",
		"UPDATE edge SET retracted_seq = 0 WHERE from_num = 10":                                                                "edge DERIVED_FROM from ",
		"UPDATE edge SET valid_from = 5 WHERE from_num = 11":                                                                   "edge DERIVED_FROM from ",
		"DELETE FROM edge WHERE from_num = 40":                                                                                 "is in the source only",
		"UPDATE subject SET name = 'nobody'":                                                                                   "edge DERIVED_FROM from ",
		"UPDATE log SET reason = 'another' WHERE seq = 3":                                                                      "log entry 3 is not the same",
		"UPDATE log SET leaf_hash = 'x' WHERE seq = 4":                                                                         "log entry 4 is not the same",
		"UPDATE log SET at = at + 1 WHERE seq = 4":                                                                             "log entry 4 is not the same",
		"DELETE FROM log WHERE seq = 5":                                                                                        "log entry 5 is in the source where",
		"UPDATE meta SET value = replace(value, substr(value, 1, 1), 'e') WHERE key = 'secret' AND substr(value, 1, 1) <> 'e'": "",
	} {
		path := filepath.Join(t.TempDir(), "p.db")
		to := open(t, path)
		if report, err := migrate.Run(t.Context(), from, to, nil); err != nil || !report.Proof.Equal() {
			t.Fatal(err)
		}
		db, err := engine.OpenConn(path, engine.OpenReadWrite)
		if err == nil {
			err = sqlitex.ExecuteTransient(db, change, nil)
		}
		changed := db.Changes()
		if closing := db.Close(); err != nil || closing != nil {
			t.Fatal(change, err, closing)
		}
		p, err := migrate.Verify(t.Context(), from, to, nil)
		if err != nil || changed == 0 && want != "" {
			t.Fatalf("%s changed %d rows: %v", change, changed, err)
		}
		if changed > 0 && (p.Equal() || p.Err() == nil || p.From.Digest == p.To.Digest || !strings.Contains(p.Difference, want)) {
			t.Errorf("%s is not found: %+v", change, p)
		}
	}
}

func TestAnEmptySourceIsRefused(t *testing.T) {
	from, to := newStore(t), newStore(t)
	if _, err := migrate.Run(t.Context(), from, to, nil); registry.CodeOf(err) != registry.FailedPrecondition {
		t.Error(err)
	}
	if _, err := migrate.Verify(t.Context(), from, to, nil); registry.CodeOf(err) != registry.FailedPrecondition {
		t.Error(err)
	}
	writeChain(t, from, 2)
	if _, err := migrate.Run(t.Context(), from, from, nil); registry.CodeOf(err) != registry.FailedPrecondition {
		t.Errorf("into itself: %v", err)
	}
	if _, err := to.Ping(t.Context()); err != nil {
		t.Errorf("a refused migration left something: %v", err)
	}
}

func TestProgressGoesUpToItsTotal(t *testing.T) {
	from, to := newStore(t), newStore(t)
	writeChain(t, from, 5000)
	latest := map[string]int{}
	var steps []string
	_, err := migrate.Run(t.Context(), from, to, func(step string, done, total int) {
		if done < latest[step] || done > total || total < 1 {
			t.Errorf("%s: %d of %d", step, done, total)
		}
		if latest[step] = done; !slices.Contains(steps, step) {
			steps = append(steps, step)
		}
	})
	if got := strings.Join(steps, ", "); err != nil || got != "copying log entries, copying nodes, copying edges, by node, comparing log entries, comparing nodes, comparing edges, by node" {
		t.Errorf("%s, %v", got, err)
	}
	if latest["copying nodes"] < 2000 || latest["copying edges, by node"] < 2000 {
		t.Errorf("%v", latest)
	}
}

// TestCountersAreCopied checks that a migration takes the counters with it, also when it runs twice.
func TestCountersAreCopied(t *testing.T) {
	from, to := newStore(t), newStore(t)
	writeChain(t, from, 3)
	key := graph.CountKey{Object: registry.NewID(registry.KindModelVersion, "v"), Subject: "eve"}
	var want []graph.Count
	for i := range 2500 {
		want = append(want, graph.Count{CountKey: key, Day: time.Date(2024, 1, 1+i, 0, 0, 0, 0, time.UTC).Format(time.DateOnly), Kind: "GET", N: int64(i + 1), Last: time.Unix(int64(i), 0).UTC()})
	}
	if err := graph.CountersOf(from).AddCounts(t.Context(), want...); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		report, err := migrate.Run(t.Context(), from, to, nil)
		if err != nil || report.Counters != int64(len(want)) {
			t.Fatalf("%+v: %v", report, err)
		}
		got, err := graph.CountersOf(to).Counts(t.Context(), "", key)
		if err != nil || fmt.Sprint(got[0]) != fmt.Sprint(want) {
			t.Fatalf("%d counters for %d: %v", len(got[0]), len(want), err)
		}
	}
}

package sqlite

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pedigree/graph"
	"pedigree/registry"
)

// TestAFailedUpdateDoesNotWaitForTheLock: the closure of one store fails while another store
// waits for the lock and then keeps it. The first Update returns nevertheless.
func TestAFailedUpdateDoesNotWaitForTheLock(t *testing.T) {
	p := newPair(t)
	errClosure := errors.New("no")
	asked, released, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		<-asked
		done <- p.other.Update(t.Context(), func(graph.Tx) error { <-released; return nil })
	}()
	err := p.one.Update(t.Context(), func(graph.Tx) error {
		close(asked)
		time.Sleep(50 * time.Millisecond) // The other store polls for the lock by now.
		return errClosure
	})
	close(released)
	if err != errClosure {
		t.Errorf("the failed update: %v", err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	p.put(p.one, newDataset("a"))
}

// TestALogReadHeedsItsContext reads a long log after the context has ended.
func TestALogReadHeedsItsContext(t *testing.T) {
	p := newPair(t)
	err := p.one.Update(t.Context(), func(tx graph.Tx) error {
		for range 3000 {
			if err := tx.Append(t.Context(), &registry.LogEntry{Actor: "test"}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	if out, err := p.one.Log(ctx, graph.LogQuery{Limit: 5000}); registry.CodeOf(err) != registry.Unavailable && !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%d entries, %v", len(out), err)
	}
	if out, err := p.one.Log(ctx, graph.LogQuery{Limit: 1}); err != nil || len(out) != 1 {
		t.Errorf("a short read after the deadline: %d entries, %v", len(out), err)
	}
}

// together runs updates in one batch: all of them wait while the first blocks the writer.
func together(t *testing.T, s *Store, updates []func(graph.Tx) error) []error {
	t.Helper()
	errs := make([]error, len(updates))
	started, release := make(chan struct{}), make(chan struct{})
	var all sync.WaitGroup
	all.Go(func() {
		s.Update(t.Context(), func(graph.Tx) error { close(started); <-release; return errMeasured })
	})
	<-started
	for i, fn := range updates {
		all.Go(func() {
			errs[i] = errors.New("it did not return")
			errs[i] = s.Update(t.Context(), fn)
		})
		for s.jobs.Len() <= i {
			time.Sleep(time.Millisecond)
		}
	}
	close(release)
	all.Wait()
	return errs
}

// putDataset returns an update that writes a dataset and then ends with an error, or by end.
func putDataset(t *testing.T, name string, runs *int, err error, end func()) func(graph.Tx) error {
	return func(tx graph.Tx) error {
		*runs++
		if err := tx.Append(t.Context(), &registry.LogEntry{Actor: name}); err != nil {
			return err
		}
		if err := tx.Put(t.Context(), newDataset(name)); err != nil {
			return err
		}
		if end != nil {
			end()
		}
		return err
	}
}

// usedSavepoints reports whether the writer has ever prepared a savepoint.
func usedSavepoints(t *testing.T, s *Store) (used bool) {
	s.Update(t.Context(), func(g graph.Tx) error {
		_, used = g.(*tx).c.stmts[savepointPerJob.begin]
		return errMeasured
	})
	return used
}

// TestABatchIsUndoneInParts runs updates in one batch, some of which fail before they write,
// after it, with a panic or without returning. The others are stored, each once.
func TestABatchIsUndoneInParts(t *testing.T) {
	s := testStore(t)
	errNo := errors.New("no")
	var runs [7]int
	updates := make([]func(graph.Tx) error, len(runs))
	for i := range updates {
		updates[i] = putDataset(t, fmt.Sprint(i), &runs[i], nil, nil)
	}
	updates[1] = func(graph.Tx) error { runs[1]++; return errNo }
	if errs := together(t, s, updates); errs[1] != errNo || slices.ContainsFunc(slices.Delete(errs, 1, 2), func(err error) bool { return err != nil }) {
		t.Errorf("the first batch: %v", errs)
	}
	if runs != [7]int{1, 1, 1, 1, 1, 1, 1} || usedSavepoints(t, s) {
		t.Errorf("nothing had to be undone, but the updates ran %v times, with savepoints: %v", runs, usedSavepoints(t, s))
	}
	for i := range updates {
		updates[i] = putDataset(t, fmt.Sprint("second ", i), &runs[i], nil, nil)
	}
	updates[2] = putDataset(t, "bad 1", &runs[2], errNo, nil)
	updates[3] = putDataset(t, "bad 2", &runs[3], nil, func() { panic("no") })
	updates[4] = putDataset(t, "bad 3", &runs[4], nil, runtime.Goexit)
	updates[5] = putDataset(t, "bad 4", &runs[5], errNo, nil)
	errs := together(t, s, updates)
	for i, err := range errs {
		if failed := i >= 2 && i <= 5; (err != nil) != failed {
			t.Errorf("update %d: %v", i, err)
		}
	}
	if !usedSavepoints(t, s) {
		t.Error("the batch was not run again with savepoints")
	}
	var names []string
	page, err := s.Find(t.Context(), graph.Query{Kinds: []registry.Kind{registry.KindDatasetVersion}, Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range page.Nodes {
		names = append(names, n.Name)
	}
	if want := []string{"0", "2", "3", "4", "5", "6", "second 0", "second 1", "second 6"}; !slices.Equal(names, want) {
		t.Errorf("stored are %q, want %q", names, want)
	}
	entries, err := s.Log(t.Context(), graph.LogQuery{Limit: 100})
	if err != nil || len(entries) != len(names) {
		t.Errorf("%d entries for %d datasets, %v", len(entries), len(names), err)
	}
}

// TestACommitTakesAlongWhatComesMeanwhile submits updates while the closure of another runs: all are in the same commit.
// One of them fails after it has written, and only its write is undone.
func TestACommitTakesAlongWhatComesMeanwhile(t *testing.T) {
	p := newPair(t)
	s := p.one
	errLater := errors.New("no")
	var later sync.WaitGroup
	var ran atomic.Int32
	failures := make(chan error, 3)
	once := sync.OnceFunc(func() {
		for i := range 3 {
			later.Go(func() {
				err := s.Update(t.Context(), func(tx graph.Tx) error {
					ran.Add(1)
					if err := errors.Join(tx.Put(t.Context(), newDataset(fmt.Sprint("later", i))), tx.Append(t.Context(), &registry.LogEntry{})); err != nil {
						return err
					}
					if i == 1 {
						return errLater
					}
					return nil
				})
				failures <- err
			})
		}
		for s.UpdatesWaiting() < 3 {
			runtime.Gosched()
		}
	})
	err := s.Update(t.Context(), func(tx graph.Tx) error {
		once()
		return errors.Join(tx.Put(t.Context(), newDataset("first")), tx.Append(t.Context(), &registry.LogEntry{}))
	})
	if err != nil || ran.Load() < 3 {
		t.Errorf("the first update returned %v after %d of those that came meanwhile", err, ran.Load())
	}
	later.Wait()
	failed := 0
	for range 3 {
		if err := <-failures; err != nil {
			failed++
		}
	}
	found, err := s.Nodes(t.Context(), graph.Instant{}, newDataset("first").ID, newDataset("later0").ID, newDataset("later1").ID, newDataset("later2").ID)
	if err != nil {
		t.Fatal(err)
	}
	if failed != 1 || found[0] == nil || found[1] == nil || found[2] != nil || found[3] == nil {
		t.Errorf("%d failed, nodes %v", failed, found)
	}
}

package sqlite_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"pedigree/graph"
	"pedigree/graph/sqlite"
	"pedigree/registry"
)

func TestTheFileIsPrivate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	s := open(t, filepath.Join(dir, "p.db"))
	if err := writeOne(t.Context(), s, "a", ""); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]os.FileMode{"": 0o700, "p.db": 0o600, "p.db-wal": 0o600, "p.db-shm": 0o600} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%q: %v, %v, want %v", name, info.Mode(), err, want)
		}
	}
}

func TestADeletedFileIsUnavailable(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secret-name.db")
	s := open(t, path)
	if _, err := s.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	_, ping := s.Ping(t.Context())
	for what, err := range map[string]error{"ping": ping, "update": writeOne(t.Context(), s, "a", "")} {
		if registry.CodeOf(err) != registry.Unavailable || strings.Contains(err.Error(), "secret-name") {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestInvalidPathsAreRefusedWithoutTheirNames(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "secret-name.txt")
	if err := os.WriteFile(text, []byte(strings.Repeat("this is no database\n", 500)), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]registry.Code{text: registry.Internal, dir: registry.Unavailable, "": registry.InvalidArgument, ":memory:": registry.InvalidArgument} {
		_, err := sqlite.Open(t.Context(), path)
		if registry.CodeOf(err) != want || strings.Contains(err.Error(), "secret-name") || strings.Contains(err.Error(), dir) {
			t.Errorf("%q: %v (%v)", path, err, registry.CodeOf(err))
		}
	}
}

func TestAnEntryWithoutATimeIsStampedByTheClock(t *testing.T) {
	now := time.Date(2030, 1, 2, 3, 4, 5, 6000, time.UTC)
	s := open(t, filepath.Join(t.TempDir(), "p.db"), sqlite.WithClock(func() time.Time { return now }))
	if err := writeOne(t.Context(), s, "a", ""); err != nil {
		t.Fatal(err)
	}
	got, err := s.Log(t.Context(), graph.LogQuery{Limit: 1})
	if err != nil || !got[0].At.Equal(now) {
		t.Fatalf("%+v, %v", got, err)
	}
}

// TestAClosureThatEndsItsGoroutine checks that the writer continues when a closure
// calls runtime.Goexit, as t.Fatal does.
func TestAClosureThatEndsItsGoroutine(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "p.db"))
	var wg sync.WaitGroup
	wg.Go(func() {
		s.Update(t.Context(), func(graph.Tx) error { runtime.Goexit(); return nil })
	})
	wg.Wait()
	if err := writeOne(t.Context(), s, "a", ""); err != nil {
		t.Fatal(err)
	}
}

// TestAQueuedUpdateIsDroppedWithItsContext checks that an update whose context ends
// while it waits for a slow one never runs.
func TestAQueuedUpdateIsDroppedWithItsContext(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "p.db"))
	running, release := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		s.Update(t.Context(), func(graph.Tx) error { close(running); <-release; return nil })
	})
	<-running
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	err := writeOne(ctx, s, "late", "")
	if !errors.Is(err, context.DeadlineExceeded) || registry.CodeOf(err) != registry.Unavailable {
		t.Fatalf("got %v", err)
	}
	close(release)
	wg.Wait()
	if err := writeOne(t.Context(), s, "a", ""); err != nil {
		t.Fatal(err)
	}
	if info, _ := s.Ping(t.Context()); info.Head != 1 {
		t.Fatalf("head %d", info.Head)
	}
}

func TestADeadlineEndsAWalkBetweenTwoLevels(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "p.db"))
	before := ""
	for i := range 5 {
		name := fmt.Sprint("n", i)
		if err := writeOne(t.Context(), s, name, before); err != nil {
			t.Fatal(err)
		}
		before = name
	}
	q := graph.ClosureQuery{Roots: []registry.ID{registry.NewID(registry.KindDatasetVersion, before)}, Direction: graph.Upstream, Depth: 9, Fanout: 9, Limit: 9}
	ctx, cancel := context.WithDeadline(t.Context(), time.Unix(1, 0))
	defer cancel()
	c, err := s.Closure(ctx, q)
	if err != nil || !c.TimedOut || len(c.Nodes) != 1 {
		t.Fatalf("%+v, %v", c, err)
	}
	stopped, stop := context.WithCancel(t.Context())
	stop()
	if _, err := s.Closure(stopped, q); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
}

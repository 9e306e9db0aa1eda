package core

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"pedigree/registry"
)

// object is a test's object. Loads answer with its number.
type object struct{ number int }

// counted is a fetch that counts its calls and the objects that they read for.
type counted struct{ calls, objects atomic.Int64 }

func (c *counted) fetch(_ context.Context, all []*object) ([]int, error) {
	c.calls.Add(1)
	c.objects.Add(int64(len(all)))
	out := make([]int, len(all))
	for i, o := range all {
		out[i] = o.number
	}
	return out, nil
}

func (c *counted) want(t *testing.T, calls, objects int64) {
	t.Helper()
	if c.calls.Load() != calls || c.objects.Load() != objects {
		t.Errorf("%d calls for %d objects, want %d for %d", c.calls.Load(), c.objects.Load(), calls, objects)
	}
}

func objects(n int) (out []*object) {
	for i := range n {
		out = append(out, &object{i})
	}
	return out
}

// loadAll loads a field of all objects concurrently and checks the values.
func loadAll(t *testing.T, ctx context.Context, all []*object, field any, c *counted) {
	t.Helper()
	var group sync.WaitGroup
	for _, o := range all {
		group.Go(func() {
			if v, err := Batch(ctx, o, field, c.fetch); err != nil || v != o.number {
				t.Errorf("object %d: %d %v", o.number, v, err)
			}
		})
	}
	group.Wait()
}

func withLoaders(t *testing.T) context.Context { return (&Core{}).WithLoaders(t.Context()) }

func TestSiblingsAreReadTogether(t *testing.T) {
	ctx, all := withLoaders(t), objects(200)
	Siblings(ctx, all[:100], all[100:])
	var c counted
	loadAll(t, ctx, all, "field", &c)
	c.want(t, 1, 200)
	loadAll(t, ctx, all, "field", &c) // Under another alias.
	c.want(t, 1, 200)
	loadAll(t, ctx, all, [2]string{"field", "another argument"}, &c)
	c.want(t, 2, 400)
}

// TestWithoutGroupsEachObjectIsRead is the opposite of TestSiblingsAreReadTogether.
func TestWithoutGroupsEachObjectIsRead(t *testing.T) {
	all := objects(20)
	for name, ctx := range map[string]context.Context{"no loaders": t.Context(), "switched off": (&Core{unbatched: true}).WithLoaders(t.Context()), "no siblings": withLoaders(t)} {
		if name != "no siblings" {
			Siblings(ctx, all)
		}
		var c counted
		loadAll(t, ctx, all, "field", &c)
		c.want(t, 20, 20)
	}
}

func TestAGroupIsBounded(t *testing.T) {
	ctx, all := withLoaders(t), objects(2*maxGroup+1)
	Siblings(ctx, all)
	var c counted
	loadAll(t, ctx, all[:1], "field", &c)
	c.want(t, 1, maxGroup)
	loadAll(t, ctx, all, "field", &c)
	c.want(t, 3, 2*maxGroup+1)
}

// TestOneGroupForAnObject checks that an object that comes twice, in one list or in two, is
// read once.
func TestOneGroupForAnObject(t *testing.T) {
	ctx, all := withLoaders(t), objects(6)
	Siblings(ctx, all[:4], all[:4])
	Siblings(ctx, all[2:])
	var c counted
	loadAll(t, ctx, all, "field", &c)
	c.want(t, 2, 6)
}

func TestOnlyObjectsOfOneTypeAreSiblings(t *testing.T) {
	ctx := withLoaders(t)
	runs, tags := []registry.Node{&registry.Run{}, &registry.Run{}}, []registry.Node{&registry.Tag{}, nil, (*registry.Tag)(nil)}
	Siblings(ctx, runs, tags)
	for _, c := range []struct {
		of   registry.Node
		want int
	}{{runs[1], 2}, {tags[0], 1}} {
		n, err := Batch(ctx, c.of, "field", func(_ context.Context, all []registry.Node) ([]int, error) {
			out := make([]int, len(all))
			for i := range out {
				out[i] = len(all)
			}
			return out, nil
		})
		if err != nil || n != c.want {
			t.Errorf("%T: %d siblings, want %d (%v)", c.of, n, c.want, err)
		}
	}
}

func TestAWriteForgetsWhatWasLoaded(t *testing.T) {
	ctx, all := withLoaders(t), objects(3)
	Siblings(ctx, all)
	var c counted
	loadAll(t, ctx, all, "field", &c)
	ClearLoaders(ctx)
	loadAll(t, ctx, all, "field", &c)
	c.want(t, 4, 6) // They are siblings no more: what a write answers is read anew.
	Siblings(ctx, all[:2])
	ClearLoaders(ctx)
	loadAll(t, ctx, all[:2], "other field", &c)
	c.want(t, 6, 8)
}

func TestAnErrorIsThatOfAllSiblings(t *testing.T) {
	ctx, all := withLoaders(t), objects(3)
	Siblings(ctx, all)
	calls := 0
	for _, o := range all {
		_, err := Batch(ctx, o, "field", func(context.Context, []*object) ([]int, error) {
			calls++
			return nil, errors.New("no store")
		})
		if fmt.Sprint(err) != "no store" {
			t.Error(err)
		}
	}
	if calls != 1 {
		t.Errorf("%d calls", calls)
	}
}

// waiting starts a load of the second object that waits for a load of the first one, which
// runs in inside. It returns the answer of the second.
func waiting(t *testing.T, first context.Context, inside func() error) error {
	t.Helper()
	ctx, all := withLoaders(t), objects(2)
	Siblings(ctx, all)
	started, release := make(chan struct{}), make(chan struct{})
	l, _ := loadersOf(ctx)
	p := l.placeOf(all[0])
	var group sync.WaitGroup
	group.Go(func() {
		defer func() { _ = recover() }()
		_, _ = Batch(context.WithValue(first, loadersKey{}, l), all[0], "field", func(context.Context, []*object) ([]int, error) {
			close(started)
			<-release
			return nil, inside()
		})
	})
	<-started
	answer := make(chan error, 1)
	group.Go(func() {
		close(release) // The first load ends while the second waits, or before: both must do.
		var c counted
		_, err := Batch(ctx, all[1], "field", c.fetch)
		answer <- err
	})
	group.Wait()
	if p.group == nil {
		t.Error("the objects have no group")
	}
	return <-answer
}

// TestACancelledCallerLeavesItsSiblings checks that those who wait for a caller that is
// cancelled load for themselves, and that a real error of it is theirs.
func TestACancelledCallerLeavesItsSiblings(t *testing.T) {
	cancelled, cancel := context.WithCancel(t.Context())
	if err := waiting(t, cancelled, func() error { cancel(); return cancelled.Err() }); err != nil {
		t.Errorf("cancelled: %v", err)
	}
	if err := waiting(t, t.Context(), func() error { return errors.New("no store") }); fmt.Sprint(err) != "no store" {
		t.Errorf("a real error: %v", err)
	}
}

func TestAPanicReleasesTheSiblings(t *testing.T) {
	if err := waiting(t, t.Context(), func() error { panic("at the disco") }); registry.CodeOf(err) != registry.Internal {
		t.Errorf("%v", err)
	}
}

func TestAWaitingCallerMayBeCancelled(t *testing.T) {
	ctx, all := withLoaders(t), objects(2)
	Siblings(ctx, all)
	started, release := make(chan struct{}), make(chan struct{})
	var group sync.WaitGroup
	group.Go(func() {
		_, _ = Batch(ctx, all[0], "field", func(context.Context, []*object) ([]int, error) {
			close(started)
			<-release
			return []int{0, 1}, nil
		})
	})
	<-started
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	var c counted
	if _, err := Batch(cancelled, all[1], "field", c.fetch); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	close(release)
	group.Wait()
	c.want(t, 0, 0)
}

package graphtest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"pedigree/graph"
	"pedigree/registry"
)

var errCaller = errors.New("the caller's own error")

var updateTests = []subtest{
	{"an error of the closure rolls back everything and is returned as it is", updateRollsBack},
	{"an update reads its own writes and nobody else does", ownWrites},
	{"an update that writes and appends nothing is INTERNAL", writeWithoutAppend},
	{"every write is stamped with the first entry of its update", recordedSeqs},
	{"a closure that panics is INTERNAL and leaves nothing", panickingUpdate},
	{"a transaction that is kept does not work", finishedTx},
	{"a cancelled update does nothing", cancelledUpdate},
	{"concurrent updates are serial", concurrentUpdates},
	{"a closed store is UNAVAILABLE", closedStore},
}

type faultTest struct {
	name string
	run  func(t *testing.T, open Opener)
}

var faultTests = []faultTest{
	{"a closure that runs twice is harmless", closureTwice},
	{"another failure before the commit fails the update", commitFault},
}

func updateRollsBack(k *kit) {
	a, b := slotted(dv("a"), "s/a"), dv("b")
	k.put(a, b)
	k.link(derived(b, a))
	err := k.Update(k.ctx, func(tx graph.Tx) error {
		x := slotted(dv("x"), "s/x")
		return errors.Join(tx.Put(k.ctx, x, slotted(dv("b"), "s/b")), tx.Link(k.ctx, derived(x, a)), tx.Unlink(k.ctx, derived(b, a)),
			tx.Delete(k.ctx, &graph.Node{ID: a.ID}), tx.Append(k.ctx, entry(a.ID)), errCaller)
	})
	if !errors.Is(err, errCaller) {
		k.Fatalf("got %v", err)
	}
	err = k.update(func(graph.Tx) error { return errCaller })
	if err != errCaller {
		k.Fatalf("got %#v", err)
	}
	k.wantEqual("head", k.head(), 2)
	k.wantEqual("nodes", names(k.find(graph.Query{Kinds: []registry.Kind{registry.KindDatasetVersion}, Deleted: true}).Nodes), "[a b]")
	k.wantEqual("slots", []string{k.slotHolder("s/a"), k.slotHolder("s/x"), k.slotHolder("s/b")}, "[a  ]")
	k.wantEqual("walk", reachedNames(k.closure(graph.ClosureQuery{Roots: ids(b), Depth: 2})), "[b:0 a:1]")
	k.wantEqual("log", len(k.log(graph.LogQuery{})), 2)
	k.wantEqual("revision", k.get(graph.Instant{}, b.ID).Revision, 1)
	k.put(dv("c"))
	k.wantEqual("number", k.get(graph.Instant{}, dv("c").ID).Number, 3)
}

func ownWrites(k *kit) {
	a, b := slotted(dv("a"), "s"), dv("b")
	k.mustUpdate(func(tx graph.Tx) error {
		if err := errors.Join(tx.Put(k.ctx, a, b), tx.Link(k.ctx, derived(b, a)), tx.Append(k.ctx, entry(a.ID))); err != nil {
			return err
		}
		n, err1 := tx.Nodes(k.ctx, graph.Instant{}, a.ID)
		p, err2 := tx.Find(k.ctx, graph.Query{Slots: []string{"s"}, Limit: 1, Count: true})
		h, err3 := tx.Neighbors(k.ctx, graph.NeighborQuery{IDs: ids(b), Direction: graph.Upstream, LimitPerNode: 1, Count: true})
		c, err4 := tx.Closure(k.ctx, graph.ClosureQuery{Roots: ids(b), Direction: graph.Upstream, Depth: 2, Fanout: 5, Limit: 5})
		l, err5 := tx.Log(k.ctx, graph.LogQuery{Object: a.ID, Limit: 5})
		if err := errors.Join(err1, err2, err3, err4, err5); err != nil {
			return err
		}
		got := fmt.Sprintln(names(n), names(p.Nodes), p.Total, names(h[0].Nodes), h[0].Degree, h[0].Edges[0].By, reachedNames(c), len(c.Edges), c.Head, len(l))
		if want := "[a] [a] 1 [a] 1 tester [b:0 a:1] 1 1 1\n"; got != want {
			k.Errorf("inside: got %s, want %s", got, want)
		}
		outside, err := k.Nodes(k.ctx, graph.Instant{}, a.ID)
		if err != nil || outside[0] != nil {
			k.Errorf("outside: %v, %v", outside, err)
		}
		return nil
	})
	k.wantEqual("after", names([]*graph.Node{k.get(graph.Instant{}, a.ID)}), "[a]")
}

func writeWithoutAppend(k *kit) {
	a := dv("a")
	k.wantCode(registry.Internal, k.Update(k.ctx, func(tx graph.Tx) error { return tx.Put(k.ctx, a) }))
	if k.get(graph.Instant{}, a.ID) != nil {
		k.Fatal("the node is there")
	}
	k.put(a, dv("b"))
	k.wantCode(registry.Internal, k.Update(k.ctx, func(tx graph.Tx) error { return tx.Link(k.ctx, derived(a, dv("b"))) }))
	k.wantCode(registry.Internal, k.Update(k.ctx, func(tx graph.Tx) error { return tx.Delete(k.ctx, dv("a")) }))
	if err := k.Update(k.ctx, func(tx graph.Tx) error { _, err := tx.Nodes(k.ctx, graph.Instant{}, a.ID); return err }); err != nil {
		k.Fatal(err)
	}
	k.wantEqual("head", k.head(), 1)
}

func recordedSeqs(k *kit) {
	k.put(dv("first"))
	a, b := dv("a"), dv("b")
	e := derived(b, a)
	err := k.Update(k.ctx, func(tx graph.Tx) error {
		return errors.Join(tx.Put(k.ctx, a), tx.Append(k.ctx, entry(), entry()), tx.Put(k.ctx, b), tx.Append(k.ctx, entry()), tx.Link(k.ctx, e))
	})
	k.wantCode("", err)
	k.wantEqual("stamps", []int64{a.RecordedSeq, b.RecordedSeq, e.RecordedSeq, k.head()}, "[2 2 2 4]")
	k.wantEqual("read", k.get(graph.Instant{}, b.ID).RecordedSeq, 2)
}

func panickingUpdate(k *kit) {
	err := k.update(func(tx graph.Tx) error {
		if err := tx.Put(k.ctx, dv("a")); err != nil {
			return err
		}
		panic("boom")
	})
	k.wantCode(registry.Internal, err)
	if k.get(graph.Instant{}, dv("a").ID) != nil {
		k.Fatal("the node is there")
	}
	k.put(dv("b"))
}

func finishedTx(k *kit) {
	var kept graph.Tx
	k.mustUpdate(func(tx graph.Tx) error { kept = tx; return nil })
	k.wantCode(registry.Internal, kept.Put(k.ctx, dv("a")))
	k.wantCode(registry.Internal, kept.Append(k.ctx, entry()))
	_, err := kept.Nodes(k.ctx, graph.Instant{}, "x")
	k.wantCode(registry.Internal, err)
	k.wantEqual("head", k.head(), 1)
}

func cancelledUpdate(k *kit) {
	ctx, cancel := context.WithCancel(k.ctx)
	cancel()
	err := k.Update(ctx, func(tx graph.Tx) error { return errors.Join(tx.Put(k.ctx, dv("a")), tx.Append(k.ctx, entry())) })
	if !errors.Is(err, context.Canceled) {
		k.Fatalf("got %v", err)
	}
	k.wantEqual("head", k.head(), 0)
}

func concurrentUpdates(k *kit) {
	const writers = 8
	each := 5 * min(Rounds(), 10)
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				err := k.Update(k.ctx, func(tx graph.Tx) error { return incrementCounter(k.ctx, tx, w, i) })
				if err != nil {
					k.Errorf("writer %d: %v", w, err)
				}
			}
		})
	}
	wg.Wait()
	got := k.get(graph.Instant{}, dv("counter").ID)
	k.wantEqual("counter", string(got.Doc), fmt.Sprint(writers*each))
	k.wantEqual("revision", got.Revision, writers*each)
	k.wantNoGaps(k.Store, writers*each)
}

// incrementCounter reads a counter and writes it increased by one.
func incrementCounter(ctx context.Context, tx graph.Tx, w, i int) error {
	n, err := tx.Nodes(ctx, graph.Instant{}, dv("counter").ID)
	if err != nil {
		return err
	}
	count := 0
	if n[0] != nil {
		fmt.Sscan(string(n[0].Doc), &count)
	}
	next := dv("counter")
	next.Doc = []byte(fmt.Sprint(count + 1))
	if err := tx.Put(ctx, next, dv(fmt.Sprintf("w%d-%d", w, i))); err != nil {
		return err
	}
	return tx.Append(ctx, entry(next.ID))
}

func (k *kit) wantNoGaps(s graph.Store, n int) {
	k.Helper()
	list, err := s.Log(k.ctx, graph.LogQuery{Limit: n + 10})
	if err != nil || len(list) != n {
		k.Fatalf("%d entries, want %d, %v", len(list), n, err)
	}
	for i, e := range list {
		hash := e.LeafHash
		if e.Seal(); e.Seq != int64(i+1) || e.LeafHash != hash {
			k.Fatalf("entry %d has sequence %d", i+1, e.Seq)
		}
	}
}

func closedStore(k *kit) {
	k.put(dv("a"))
	if err := k.Close(); err != nil {
		k.Fatal(err)
	}
	k.wantCode(registry.Unavailable, k.update(func(graph.Tx) error { return nil }))
	_, err := k.Nodes(k.ctx, graph.Instant{}, dv("a").ID)
	k.wantCode(registry.Unavailable, err)
	_, err = k.Ping(k.ctx)
	k.wantCode(registry.Unavailable, err)
	if err := k.Close(); err != nil {
		k.Fatalf("closing twice: %v", err)
	}
}

func closureTwice(t *testing.T, open Opener) {
	failures := 0
	k := newKit(t, open, func() error {
		if failures > 0 {
			failures--
			return fmt.Errorf("commit: %w", ErrRetry)
		}
		return nil
	})
	runs := 0
	for i, fail := range []int{0, 1, 2} {
		failures = fail
		a, b := slotted(dv(fmt.Sprint("a", i)), fmt.Sprint("s", i)), dv(fmt.Sprint("b", i))
		e, l := derived(b, a), entry(a.ID)
		err := k.Update(k.ctx, func(tx graph.Tx) error {
			runs++
			return errors.Join(tx.Put(k.ctx, a, b), tx.Link(k.ctx, e), tx.Append(k.ctx, l))
		})
		k.wantCode("", err)
		if !e.Created || l.Seq != int64(i+1) || a.Revision != 1 || a.Number != int64(2*i+1) || e.RecordedSeq != l.Seq {
			k.Fatalf("after %d failures: %+v, %+v, %+v", fail, a, e, l)
		}
		k.wantEqual("stored", reachedNames(k.closure(graph.ClosureQuery{Roots: ids(b), Depth: 2})), fmt.Sprintf("[b%d:0 a%d:1]", i, i))
	}
	k.wantEqual("runs", runs, 1+2+3)
	k.wantNoGaps(k.Store, 3)
}

func commitFault(t *testing.T, open Opener) {
	fail := false
	k := newKit(t, open, func() error {
		if fail {
			return errCaller
		}
		return nil
	})
	k.put(dv("a"))
	fail = true
	if err := k.update(func(tx graph.Tx) error { return tx.Put(k.ctx, dv("b")) }); err == nil {
		k.Fatal("the update succeeded")
	}
	fail = false
	if k.get(graph.Instant{}, dv("b").ID) != nil {
		k.Fatal("the node is there")
	}
	k.put(dv("c"))
	k.wantNoGaps(k.Store, 2)
}

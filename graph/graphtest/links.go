package graphtest

import (
	"fmt"
	"slices"
	"time"

	"pedigree/graph"
	"pedigree/registry"
)

var linkTests = []subtest{
	{"the same edge again is left as it is", linkTwice},
	{"an edge needs ends that exist", badEnds},
	{"an edge joins only the kinds it may", badKinds},
	{"a refused link leaves nothing and the update goes on", linkIsAtomic},
	{"linking again after a retraction is a new edge", relink},
	{"what is linked and unlinked in one update never was", linkUnlink},
	{"unlinking what does not exist is passed over", unlinkUnknown},
}

var cycleTests = []subtest{
	{"an edge to itself is refused", selfLoop},
	{"cycles of two to five nodes are refused with their path", cycles},
	{"a cycle within one batch is refused", batchCycle},
	{"a cycle through several edges of a batch and old ones is refused", mixedCycle},
	{"a retracted edge closes no cycle", retractedCycle},
	{"a diamond is no cycle", diamondIsNoCycle},
}

func linkTwice(k *kit) {
	a, b := dv("a"), dv("b")
	k.put(a, b)
	first, again := derived(b, a), derived(b, a)
	k.link(first)
	again.ValidFrom, again.By = sec(99), "somebody else"
	k.link(again)
	if !first.Created || again.Created || first.ID != again.ID || first.RecordedSeq != 2 ||
		first.ID != graph.EdgeID(registry.EdgeDerivedFrom, b.ID, a.ID, 2) {
		k.Fatalf("first %+v, again %+v", first, again)
	}
	h := k.hops(graph.HopQuery{IDs: ids(b)})[0]
	if len(h.Edges) != 1 || !h.Edges[0].ValidFrom.Equal(t0) || h.Edges[0].By != "tester" || h.Edges[0].ID != first.ID || h.Edges[0].RecordedSeq != 2 ||
		h.Edges[0].From != b.ID || h.Edges[0].To != a.ID || h.Edges[0].Kind != registry.EdgeDerivedFrom {
		k.Fatalf("stored %+v", h)
	}
	c := dv("c")
	k.put(c)
	x, y := derived(c, a), derived(c, a)
	k.link(x, y)
	if !x.Created || y.Created || x.ID != y.ID {
		k.Fatalf("twice in a batch: %+v, %+v", x, y)
	}
}

func badEnds(k *kit) {
	a, b := dv("a"), dv("b")
	k.put(a, b)
	for _, e := range []*graph.Edge{derived(a, dv("none")), derived(dv("none"), a), derived(dv("none"), dv("none2"))} {
		k.wantCode(registry.NotFound, k.try(func(tx graph.Tx) error { return tx.Link(k.ctx, derived(b, a), e) }))
	}
	k.wantEqual("edges", len(k.hops(graph.HopQuery{IDs: ids(b)})[0].Edges), 0)
	k.do(func(tx graph.Tx) error {
		c := dv("c")
		if err := tx.Put(k.ctx, c); err != nil {
			return err
		}
		return tx.Link(k.ctx, derived(c, a))
	})
}

func badKinds(k *kit) {
	all := map[registry.Kind]*graph.Node{}
	for _, kind := range registry.Kinds() {
		all[kind] = node(kind, "n")
		k.put(all[kind])
	}
	k.do(func(tx graph.Tx) error {
		for _, ek := range append(registry.EdgeKinds(), "LIKES") {
			for _, from := range registry.Kinds() {
				for _, to := range registry.Kinds() {
					want := registry.CodeOf(registry.CheckEdge(ek, from, to))
					if want == "" {
						continue
					}
					if err := tx.Link(k.ctx, edge(ek, all[from], all[to])); registry.CodeOf(err) != want {
						k.Errorf("%s from %s to %s: %v", ek, from, to, err)
					}
				}
			}
		}
		return nil
	})
}

func linkIsAtomic(k *kit) {
	a, b, c := dv("a"), dv("b"), dv("c")
	k.put(a, b, c)
	k.do(func(tx graph.Tx) error {
		k.wantLater(registry.FailedPrecondition, tx.Link(k.ctx, derived(c, a), derived(a, b), derived(b, a)))
		k.wantLater(registry.NotFound, tx.Link(k.ctx, derived(c, a), derived(c, dv("none"))))
		return tx.Link(k.ctx, derived(b, a))
	})
	k.wantEqual("edges", reachedNames(k.closure(graph.ClosureQuery{Roots: ids(c, b), Depth: 3})), "[b:0 c:0 a:1]")
	k.wantEqual("edges", len(k.closure(graph.ClosureQuery{Roots: ids(c, b), Depth: 3}).Edges), 1)
}

func relink(k *kit) {
	a, b := dv("a"), dv("b")
	k.put(a, b)
	first, second, third := derived(b, a), derived(b, a), derived(b, a)
	k.link(first)
	k.unlink(first)
	if first.RetractedSeq != 3 {
		k.Fatalf("retracted %+v", first)
	}
	k.wantEqual("none", len(k.hops(graph.HopQuery{IDs: ids(b)})[0].Edges), 0)
	k.link(second)
	if !second.Created || second.ID == first.ID || second.RecordedSeq != 4 {
		k.Fatalf("second %+v", second)
	}
	k.do(func(tx graph.Tx) error {
		if err := tx.Unlink(k.ctx, derived(b, a)); err != nil {
			return err
		}
		return tx.Link(k.ctx, third)
	})
	if !third.Created || third.RecordedSeq != 5 {
		k.Fatalf("third %+v", third)
	}
	for known, want := range map[int64]registry.ID{1: "", 2: first.ID, 3: "", 4: second.ID, 5: third.ID, 0: third.ID} {
		h := k.hops(graph.HopQuery{IDs: ids(b), At: graph.Instant{Known: known}, Count: true})[0]
		got := registry.ID("")
		if len(h.Edges) == 1 {
			got = h.Edges[0].ID
		}
		if got != want || h.Degree != int64(len(h.Edges)) || len(h.Edges) > 1 {
			k.Fatalf("known at %d: %+v, want %q", known, h, want)
		}
	}
}

func linkUnlink(k *kit) {
	a, b := dv("a"), dv("b")
	k.put(a, b)
	last := derived(b, a)
	k.do(func(tx graph.Tx) error {
		for range 3 {
			if err := tx.Link(k.ctx, derived(b, a)); err != nil {
				return err
			}
			if err := tx.Unlink(k.ctx, derived(b, a)); err != nil {
				return err
			}
		}
		return nil
	})
	k.wantEqual("edges", len(k.hops(graph.HopQuery{IDs: ids(b)})[0].Edges), 0)
	k.do(func(tx graph.Tx) error {
		if err := tx.Link(k.ctx, derived(b, a)); err != nil {
			return err
		}
		if err := tx.Unlink(k.ctx, derived(b, a)); err != nil {
			return err
		}
		return tx.Link(k.ctx, last)
	})
	h := k.hops(graph.HopQuery{IDs: ids(b), Count: true})[0]
	if !last.Created || len(h.Edges) != 1 || h.Degree != 1 || h.Edges[0].ID != last.ID {
		k.Fatalf("%+v, %+v", last, h)
	}
	k.wantEqual("before", len(k.hops(graph.HopQuery{IDs: ids(b), At: graph.Instant{Known: 2}})[0].Edges), 0)
}

func unlinkUnknown(k *kit) {
	a, b, c := dv("a"), dv("b"), dv("c")
	k.put(a, b, c)
	k.link(derived(b, a))
	other := derived(c, a)
	k.unlink(other, derived(a, b), derived(dv("none"), a), edge("LIKES", b, a), derived(b, a), derived(b, a))
	if other.RetractedSeq != 0 {
		k.Fatalf("%+v", other)
	}
	k.wantEqual("edges", len(k.hops(graph.HopQuery{IDs: ids(b)})[0].Edges), 0)
	// Nothing was written by an Unlink that found nothing, so nothing is asked for.
	if err := k.Update(k.ctx, func(tx graph.Tx) error { return tx.Unlink(k.ctx, derived(b, a)) }); err != nil {
		k.Fatal(err)
	}
}

func selfLoop(k *kit) {
	a, c := dv("a"), node(registry.KindCommit, "c")
	k.put(a, c)
	k.wantCycle(k.try(func(tx graph.Tx) error { return tx.Link(k.ctx, derived(a, a)) }), a.ID)
	k.wantCycle(k.try(func(tx graph.Tx) error { return tx.Link(k.ctx, edge(registry.EdgeParent, c, c)) }), c.ID)
}

// wantCycle holds an error to FAILED_PRECONDITION with a path that is the given
// cycle, started anywhere.
func (k *kit) wantCycle(err error, cycle ...registry.ID) {
	k.Helper()
	k.wantCode(registry.FailedPrecondition, err)
	path, ok := err.(*registry.Error).Details["path"].([]string)
	if !ok || len(path) != len(cycle) {
		k.Fatalf("path %v, want the cycle %v", err.(*registry.Error).Details["path"], cycle)
	}
	at := slices.Index(path, string(cycle[0]))
	for i, id := range cycle {
		if at < 0 || path[(at+i)%len(path)] != string(id) {
			k.Fatalf("path %v, want the cycle %v", path, cycle)
		}
	}
}

func cycles(k *kit) {
	for n := 2; n <= 5; n++ {
		nodes := many(registry.KindDatasetVersion, fmt.Sprint("ring", n, "-"), n)
		k.put(nodes...)
		for i := range n - 1 {
			k.link(derived(nodes[i], nodes[i+1]))
		}
		k.wantCycle(k.try(func(tx graph.Tx) error { return tx.Link(k.ctx, derived(nodes[n-1], nodes[0])) }), ids(nodes...)...)
		k.wantEqual("edges", len(k.closure(graph.ClosureQuery{Roots: ids(nodes...), Depth: 9}).Edges), n-1)
	}
	r, d := run("r"), dv("d")
	k.put(r, d)
	k.link(edge(registry.EdgeUsed, r, d))
	k.wantCycle(k.try(func(tx graph.Tx) error { return tx.Link(k.ctx, edge(registry.EdgeGeneratedBy, d, r)) }), d.ID, r.ID)
	ended := derived(dv("x"), d)
	ended.ValidTo = sec(1)
	k.put(dv("x"))
	k.link(ended)
	k.wantCycle(k.try(func(tx graph.Tx) error { return tx.Link(k.ctx, derived(d, dv("x"))) }), d.ID, dv("x").ID)
}

func batchCycle(k *kit) {
	n := many(registry.KindDatasetVersion, "n", 5)
	k.put(n...)
	err := k.try(func(tx graph.Tx) error {
		return tx.Link(k.ctx, derived(n[4], n[3]), derived(n[0], n[1]), derived(n[1], n[2]), derived(n[2], n[0]))
	})
	k.wantCycle(err, n[0].ID, n[1].ID, n[2].ID)
	k.wantEqual("edges", len(k.closure(graph.ClosureQuery{Roots: ids(n...), Depth: 9}).Edges), 0)
}

func mixedCycle(k *kit) {
	n := many(registry.KindDatasetVersion, "n", 6)
	k.put(n...)
	k.link(derived(n[0], n[1]), derived(n[2], n[3]), derived(n[4], n[5]))
	err := k.try(func(tx graph.Tx) error {
		return tx.Link(k.ctx, derived(n[1], n[2]), derived(n[3], n[4]), derived(n[5], n[0]))
	})
	k.wantCycle(err, ids(n...)...)
	k.link(derived(n[1], n[2]), derived(n[3], n[4]))
	k.do(func(tx graph.Tx) error {
		x := dv("x")
		if err := tx.Put(k.ctx, x); err != nil {
			return err
		}
		if err := tx.Link(k.ctx, derived(n[5], x)); err != nil {
			return err
		}
		k.wantLater(registry.FailedPrecondition, tx.Link(k.ctx, derived(x, n[0])))
		return nil
	})
}

func retractedCycle(k *kit) {
	a, b := dv("a"), dv("b")
	k.put(a, b)
	k.link(derived(b, a))
	k.unlink(derived(b, a))
	k.link(derived(a, b))
	k.wantCode(registry.FailedPrecondition, k.try(func(tx graph.Tx) error { return tx.Link(k.ctx, derived(b, a)) }))
	k.do(func(tx graph.Tx) error {
		if err := tx.Unlink(k.ctx, derived(a, b)); err != nil {
			return err
		}
		return tx.Link(k.ctx, derived(b, a))
	})
}

func diamondIsNoCycle(k *kit) {
	n := many(registry.KindDatasetVersion, "n", 4)
	k.put(n...)
	k.link(derived(n[0], n[1]), derived(n[0], n[2]))
	k.link(derived(n[1], n[3]), derived(n[2], n[3]))
	k.link(derived(n[0], n[3]))
	start := time.Now()
	k.lattice(8, 6, "deep")
	if took := time.Since(start); took > 30*time.Second {
		k.Fatalf("linking a lattice took %v", took)
	}
}

package graphtest

import (
	"maps"
	"slices"

	"pedigree/graph"
	"pedigree/registry"
)

var linkTests = []subtest{
	{"the same edge again is left as it is", linkTwice},
	{"an edge needs ends that exist", badEnds},
	{"an edge joins only the kinds it may", badKinds},
	{"a refused link leaves nothing and the update goes on", linkIsAtomic},
	{"linking again after a retraction is a new edge", linkAfterRetraction},
	{"what is linked and unlinked in one update never was", linkUnlink},
	{"unlinking what does not exist is passed over", unlinkUnknown},
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
	h := k.neighbors(graph.NeighborQuery{IDs: ids(b)})[0]
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
	if !again.ValidFrom.Equal(t0) {
		k.Errorf("the edge is valid from %s, and Link answers %s", t0, again.ValidFrom)
	}
	d := dv("d")
	k.put(d)
	x, y = derived(d, a), derived(d, a)
	y.ValidFrom, y.ValidTo = sec(99), sec(100)
	k.link(x, y)
	if !y.ValidFrom.Equal(t0) || !y.ValidTo.IsZero() {
		k.Errorf("twice in a batch, at other times: %+v, %+v", x, y)
	}
}

func badEnds(k *kit) {
	a, b := dv("a"), dv("b")
	k.put(a, b)
	for _, e := range []*graph.Edge{derived(a, dv("none")), derived(dv("none"), a), derived(dv("none"), dv("none2"))} {
		k.wantCode(registry.NotFound, k.update(func(tx graph.Tx) error { return tx.Link(k.ctx, derived(b, a), e) }))
	}
	k.wantEqual("edges", len(k.neighbors(graph.NeighborQuery{IDs: ids(b)})[0].Edges), 0)
	k.mustUpdate(func(tx graph.Tx) error {
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
	}
	// refused links each pair that one kind of edge must not join, up to some of them.
	refused := func(tx graph.Tx, ek registry.EdgeKind, most int) {
		for _, from := range registry.Kinds() {
			for _, to := range registry.Kinds() {
				want := registry.CodeOf(registry.CheckEdge(ek, from, to))
				if want == "" || most == 0 {
					continue
				}
				most--
				if err := tx.Link(k.ctx, edge(ek, all[from], all[to])); registry.CodeOf(err) != want {
					k.Errorf("%s from %s to %s: %v", ek, from, to, err)
				}
			}
		}
	}
	kinds := append(registry.EdgeKinds(), "LIKES")
	k.mustUpdate(func(tx graph.Tx) error {
		if err := tx.Put(k.ctx, slices.Collect(maps.Values(all))...); err != nil {
			return err
		}
		for _, ek := range kinds {
			refused(tx, ek, -1)
		}
		return nil
	})
	// A store may know more of nodes that it has just written than of those that it reads.
	k.mustUpdate(func(tx graph.Tx) error {
		for _, ek := range kinds {
			refused(tx, ek, 2)
		}
		return nil
	})
}

func linkIsAtomic(k *kit) {
	a, b, c := dv("a"), dv("b"), dv("c")
	k.put(a, b, c)
	k.mustUpdate(func(tx graph.Tx) error {
		k.checkCode(registry.FailedPrecondition, tx.Link(k.ctx, derived(c, a), derived(a, b), derived(b, a)))
		k.checkCode(registry.NotFound, tx.Link(k.ctx, derived(c, a), derived(c, dv("none"))))
		return tx.Link(k.ctx, derived(b, a))
	})
	k.wantEqual("edges", reachedNames(k.closure(graph.ClosureQuery{Roots: ids(c, b), Depth: 3})), "[b:0 c:0 a:1]")
	k.wantEqual("edges", len(k.closure(graph.ClosureQuery{Roots: ids(c, b), Depth: 3}).Edges), 1)
}

func linkAfterRetraction(k *kit) {
	a, b := dv("a"), dv("b")
	k.put(a, b)
	first, second, third := derived(b, a), derived(b, a), derived(b, a)
	k.link(first)
	k.unlink(first)
	if first.RetractedSeq != 3 {
		k.Fatalf("retracted %+v", first)
	}
	k.wantEqual("none", len(k.neighbors(graph.NeighborQuery{IDs: ids(b)})[0].Edges), 0)
	k.link(second)
	if !second.Created || second.ID == first.ID || second.RecordedSeq != 4 {
		k.Fatalf("second %+v", second)
	}
	k.mustUpdate(func(tx graph.Tx) error {
		if err := tx.Unlink(k.ctx, derived(b, a)); err != nil {
			return err
		}
		return tx.Link(k.ctx, third)
	})
	if !third.Created || third.RecordedSeq != 5 {
		k.Fatalf("third %+v", third)
	}
	for known, want := range map[int64]registry.ID{1: "", 2: first.ID, 3: "", 4: second.ID, 5: third.ID, 0: third.ID} {
		h := k.neighbors(graph.NeighborQuery{IDs: ids(b), At: graph.Instant{Known: known}, Count: true})[0]
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
	k.mustUpdate(func(tx graph.Tx) error {
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
	k.wantEqual("edges", len(k.neighbors(graph.NeighborQuery{IDs: ids(b)})[0].Edges), 0)
	k.mustUpdate(func(tx graph.Tx) error {
		if err := tx.Link(k.ctx, derived(b, a)); err != nil {
			return err
		}
		if err := tx.Unlink(k.ctx, derived(b, a)); err != nil {
			return err
		}
		return tx.Link(k.ctx, last)
	})
	h := k.neighbors(graph.NeighborQuery{IDs: ids(b), Count: true})[0]
	if !last.Created || len(h.Edges) != 1 || h.Degree != 1 || h.Edges[0].ID != last.ID {
		k.Fatalf("%+v, %+v", last, h)
	}
	k.wantEqual("before", len(k.neighbors(graph.NeighborQuery{IDs: ids(b), At: graph.Instant{Known: 2}})[0].Edges), 0)
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
	k.wantEqual("edges", len(k.neighbors(graph.NeighborQuery{IDs: ids(b)})[0].Edges), 0)
	// An Unlink that finds nothing writes nothing, so it needs no log entry.
	if err := k.Update(k.ctx, func(tx graph.Tx) error { return tx.Unlink(k.ctx, derived(b, a)) }); err != nil {
		k.Fatal(err)
	}
}

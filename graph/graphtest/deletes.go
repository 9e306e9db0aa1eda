package graphtest

import (
	"pedigree/graph"
	"pedigree/registry"
)

var deleteTests = []subtest{
	{"a tombstone is returned by id and left out of lists", tombstone},
	{"a delete frees slots and clears columns", deleteFrees},
	{"a delete erases the documents of earlier revisions", deleteErases},
	{"a tombstone takes no put", putOnTombstone},
	{"deleting what is not there or deleted is NOT_FOUND", deleteUnknown},
	{"the edges of a tombstone stay", tombstoneEdges},
}

func tombstone(k *kit) {
	a, b := dv("a"), dv("b")
	a.Parent, b.Parent = "ds_1", "ds_1"
	k.put(a, b)
	gone := &graph.Node{ID: a.ID, Doc: []byte(`{"deletedBy":"tester"}`), Since: sec(10)}
	k.delete(gone)
	got := k.get(graph.Instant{}, a.ID)
	if got == nil || !got.Deleted || string(got.Doc) != string(gone.Doc) || got.Name != "a" || got.Parent != "ds_1" || got.Kind != a.Kind ||
		got.Revision != 2 || got.Number != 1 || got.RecordedSeq != 2 || !got.ValidFrom.Equal(t0) {
		k.Fatalf("tombstone %+v", got)
	}
	if gone.Revision != 2 || !gone.Deleted {
		k.Fatalf("given back %+v", gone)
	}
	k.wantEqual("listed", names(k.find(graph.Query{Kinds: []registry.Kind{a.Kind}}).Nodes), "[b]")
	k.wantEqual("children", names(k.find(graph.Query{Parents: []registry.ID{"ds_1"}}).Nodes), "[b]")
	k.wantEqual("with tombstones", names(k.find(graph.Query{Kinds: []registry.Kind{a.Kind}, Deleted: true}).Nodes), "[a b]")
	k.wantEqual("count", k.find(graph.Query{Kinds: []registry.Kind{a.Kind}, Count: true}).Total, 1)
}

func deleteFrees(k *kit) {
	a := with(slotted(mv("a"), "s"), registry.IndexStage, "PRODUCTION", registry.IndexNumber, int64(3))
	k.put(a)
	k.delete(&graph.Node{ID: a.ID, Doc: []byte(`{}`)})
	got := k.get(graph.Instant{}, a.ID)
	if got.Text(registry.IndexStage) != "" || got.Int(registry.IndexNumber) != 0 || len(got.Slots) != 0 {
		k.Fatalf("got %+v", got)
	}
	k.put(slotted(mv("b"), "s"))
	k.wantEqual("holder", k.slotHolder("s"), "b")
	err := k.update(func(tx graph.Tx) error {
		if err := tx.Delete(k.ctx, &graph.Node{ID: mv("b").ID, Doc: []byte(`{}`)}); err != nil {
			return err
		}
		return tx.Put(k.ctx, slotted(mv("c"), "s"))
	})
	k.wantCode("", err)
	k.wantEqual("holder", k.slotHolder("s"), "c")
}

func deleteErases(k *kit) {
	a := dv("a")
	for i := range 3 {
		a.Since, a.Doc = sec(10*i), []byte(`{"secret":true}`)
		k.put(a)
	}
	k.delete(&graph.Node{ID: a.ID, Doc: []byte(`{"gone":true}`), Since: sec(30)})
	for _, at := range []graph.Instant{{Valid: sec(5)}, {Valid: sec(15)}, {Valid: sec(25)}, {Known: 1}, {Known: 2}, {Known: 3}} {
		if got := k.get(at, a.ID); got == nil || !got.Erased() || got.Deleted {
			k.Fatalf("at %+v: %+v", at, got)
		}
	}
	for _, at := range []graph.Instant{{}, {Valid: sec(30)}, {Known: 4}, {Valid: sec(40), Known: 4}} {
		if got := k.get(at, a.ID); got == nil || string(got.Doc) != `{"gone":true}` || !got.Deleted {
			k.Fatalf("at %+v: %+v", at, got)
		}
	}
}

func putOnTombstone(k *kit) {
	k.put(dv("a"))
	k.delete(dv("a"))
	k.wantCode(registry.FailedPrecondition, k.update(func(tx graph.Tx) error { return tx.Put(k.ctx, dv("a")) }))
	k.wantCode(registry.FailedPrecondition, k.update(func(tx graph.Tx) error {
		moved := dv("a")
		moved.Parent = "ds_other"
		return tx.Put(k.ctx, moved)
	}))
	if got := k.get(graph.Instant{}, dv("a").ID); !got.Deleted || got.Revision != 2 {
		k.Fatalf("got %+v", got)
	}
}

func deleteUnknown(k *kit) {
	k.put(dv("a"), dv("b"))
	k.delete(dv("a"))
	k.wantCode(registry.NotFound, k.update(func(tx graph.Tx) error { return tx.Delete(k.ctx, dv("nobody")) }))
	k.wantCode(registry.NotFound, k.update(func(tx graph.Tx) error { return tx.Delete(k.ctx, dv("b"), dv("a")) }))
	if got := k.get(graph.Instant{}, dv("b").ID); got.Deleted {
		k.Fatal("b was deleted by a refused delete")
	}
}

func tombstoneEdges(k *kit) {
	a, b, c := dv("a"), dv("b"), dv("c")
	k.put(a, b, c)
	k.link(derived(c, b), derived(b, a))
	k.delete(&graph.Node{ID: b.ID, Doc: []byte(`{}`)})
	cl := k.closure(graph.ClosureQuery{Roots: []registry.ID{c.ID}, Depth: 5})
	k.wantEqual("walk", reachedNames(cl), "[c:0 b:1 a:2]")
	if !cl.Nodes[1].Node.Deleted || len(cl.Edges) != 2 {
		k.Fatalf("closure %+v", cl)
	}
	k.wantCode(registry.NotFound, k.update(func(tx graph.Tx) error { return tx.Link(k.ctx, derived(dv("c"), b)) }))
	k.unlink(derived(c, b))
	k.wantEqual("after unlink", reachedNames(k.closure(graph.ClosureQuery{Roots: []registry.ID{c.ID}, Depth: 5})), "[c:0]")
}

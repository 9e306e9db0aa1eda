package graphtest

import (
	"pedigree/graph"
	"pedigree/registry"
)

var slotTests = []subtest{
	{"a slot that another node holds is a conflict", slotConflict},
	{"two nodes of a batch that want one slot are a conflict", slotBatchConflict},
	{"slots move within a batch, also in a circle", slotMove},
	{"a put replaces the slots of a node", slotReplace},
	{"a refused put leaves nothing and the update goes on", putIsAtomic},
}

func slotted(n *graph.Node, slots ...string) *graph.Node {
	n.Slots = slots
	return n
}

func (k *kit) slotHolder(slot string) string {
	k.Helper()
	p := k.find(graph.Query{Slots: []string{slot}})
	if len(p.Nodes) == 0 {
		return ""
	}
	return p.Nodes[0].Name
}

func slotConflict(k *kit) {
	k.put(slotted(dv("a"), "s/1", "s/2"))
	err := k.update(func(tx graph.Tx) error { return tx.Put(k.ctx, slotted(dv("b"), "s/3", "s/2")) })
	k.wantCode(registry.Conflict, err)
	k.wantEqual("holders", []string{k.slotHolder("s/1"), k.slotHolder("s/2"), k.slotHolder("s/3")}, "[a a ]")
	if k.get(graph.Instant{}, dv("b").ID) != nil {
		k.Fatal("the refused node is there")
	}
	k.put(slotted(dv("a"), "s/1", "s/2"))
}

func slotBatchConflict(k *kit) {
	err := k.update(func(tx graph.Tx) error { return tx.Put(k.ctx, slotted(dv("a"), "s"), slotted(dv("b"), "s")) })
	k.wantCode(registry.Conflict, err)
	k.wantEqual("holder", k.slotHolder("s"), "")
	k.put(slotted(dv("a"), "s"))
	err = k.update(func(tx graph.Tx) error { return tx.Put(k.ctx, slotted(dv("b"), "s"), slotted(dv("a"), "s")) })
	k.wantCode(registry.Conflict, err)
}

func slotMove(k *kit) {
	k.put(slotted(dv("a"), "s/1"), slotted(dv("b"), "s/2"), slotted(dv("c"), "s/3"))
	k.put(slotted(dv("a"), "s/2"), slotted(dv("b"), "s/3"), slotted(dv("c"), "s/1"))
	k.wantEqual("holders", []string{k.slotHolder("s/1"), k.slotHolder("s/2"), k.slotHolder("s/3")}, "[c a b]")
	k.put(slotted(dv("d"), "s/1"), slotted(dv("c")))
	k.wantEqual("holder", k.slotHolder("s/1"), "d")
}

func slotReplace(k *kit) {
	k.put(slotted(dv("a"), "s/1", "s/2"))
	k.put(slotted(dv("a"), "s/2", "s/3"))
	k.wantEqual("holders", []string{k.slotHolder("s/1"), k.slotHolder("s/2"), k.slotHolder("s/3")}, "[ a a]")
	k.put(slotted(dv("b"), "s/1"))
	k.wantEqual("found by slots", names(k.find(graph.Query{Slots: []string{"s/3", "s/1", "s/2", "s/4"}}).Nodes), "[a b]")
}

func putIsAtomic(k *kit) {
	k.put(slotted(dv("a"), "s"))
	k.mustUpdate(func(tx graph.Tx) error {
		k.checkCode(registry.Conflict, tx.Put(k.ctx, dv("x"), slotted(dv("b"), "s")))
		return tx.Put(k.ctx, dv("c"))
	})
	got, err := k.Nodes(k.ctx, graph.Instant{}, ids(dv("x"), dv("b"), dv("c"))...)
	if err != nil {
		k.Fatal(err)
	}
	k.wantEqual("names", names(got), "[<nil> <nil> c]")
	k.wantEqual("number", got[2].Number, 2)
}

// checkCode is wantCode for closures of an Update: it must not end the goroutine, which
// may belong to the store.
func (k *kit) checkCode(code registry.Code, err error) {
	k.Helper()
	if got := registry.CodeOf(err); got != code {
		k.Errorf("error %v has code %q, want %q", err, got, code)
	}
}

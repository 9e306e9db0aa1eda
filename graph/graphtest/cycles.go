package graphtest

import (
	"fmt"
	"slices"
	"time"

	"pedigree/graph"
	"pedigree/registry"
)

var cycleTests = []subtest{
	{"an edge to itself is refused", selfLoop},
	{"cycles of two to five nodes are refused with their path", cycles},
	{"a cycle within one batch is refused", batchCycle},
	{"a cycle through several edges of a batch and old ones is refused", mixedCycle},
	{"a retracted edge closes no cycle", retractedCycle},
	{"a diamond is no cycle", diamondIsNoCycle},
}

func selfLoop(k *kit) {
	a, c := dv("a"), node(registry.KindCommit, "c")
	k.put(a, c)
	k.wantCycle(k.update(func(tx graph.Tx) error { return tx.Link(k.ctx, derived(a, a)) }), a.ID)
	k.wantCycle(k.update(func(tx graph.Tx) error { return tx.Link(k.ctx, edge(registry.EdgeParent, c, c)) }), c.ID)
}

// wantCycle fails unless the error is FAILED_PRECONDITION with the given cycle as its
// path, starting at any node.
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
		k.wantCycle(k.update(func(tx graph.Tx) error { return tx.Link(k.ctx, derived(nodes[n-1], nodes[0])) }), ids(nodes...)...)
		k.wantEqual("edges", len(k.closure(graph.ClosureQuery{Roots: ids(nodes...), Depth: 9}).Edges), n-1)
	}
	r, d := run("r"), dv("d")
	k.put(r, d)
	k.link(edge(registry.EdgeUsed, r, d))
	k.wantCycle(k.update(func(tx graph.Tx) error { return tx.Link(k.ctx, edge(registry.EdgeGeneratedBy, d, r)) }), d.ID, r.ID)
	ended := derived(dv("x"), d)
	ended.ValidTo = sec(1)
	k.put(dv("x"))
	k.link(ended)
	k.wantCycle(k.update(func(tx graph.Tx) error { return tx.Link(k.ctx, derived(d, dv("x"))) }), d.ID, dv("x").ID)
}

func batchCycle(k *kit) {
	n := many(registry.KindDatasetVersion, "n", 5)
	k.put(n...)
	err := k.update(func(tx graph.Tx) error {
		return tx.Link(k.ctx, derived(n[4], n[3]), derived(n[0], n[1]), derived(n[1], n[2]), derived(n[2], n[0]))
	})
	k.wantCycle(err, n[0].ID, n[1].ID, n[2].ID)
	k.wantEqual("edges", len(k.closure(graph.ClosureQuery{Roots: ids(n...), Depth: 9}).Edges), 0)
}

func mixedCycle(k *kit) {
	n := many(registry.KindDatasetVersion, "n", 6)
	k.put(n...)
	k.link(derived(n[0], n[1]), derived(n[2], n[3]), derived(n[4], n[5]))
	err := k.update(func(tx graph.Tx) error {
		return tx.Link(k.ctx, derived(n[1], n[2]), derived(n[3], n[4]), derived(n[5], n[0]))
	})
	k.wantCycle(err, ids(n...)...)
	k.link(derived(n[1], n[2]), derived(n[3], n[4]))
	k.mustUpdate(func(tx graph.Tx) error {
		x := dv("x")
		if err := tx.Put(k.ctx, x); err != nil {
			return err
		}
		if err := tx.Link(k.ctx, derived(n[5], x)); err != nil {
			return err
		}
		k.checkCode(registry.FailedPrecondition, tx.Link(k.ctx, derived(x, n[0])))
		return nil
	})
}

func retractedCycle(k *kit) {
	a, b := dv("a"), dv("b")
	k.put(a, b)
	k.link(derived(b, a))
	k.unlink(derived(b, a))
	k.link(derived(a, b))
	k.wantCode(registry.FailedPrecondition, k.update(func(tx graph.Tx) error { return tx.Link(k.ctx, derived(b, a)) }))
	k.mustUpdate(func(tx graph.Tx) error {
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

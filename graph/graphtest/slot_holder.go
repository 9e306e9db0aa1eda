package graphtest

import (
	"fmt"
	"maps"
	"math/rand/v2"

	"pedigree/graph"
	"pedigree/registry"
)

var slotHolderTests = []subtest{
	{"the holder of a slot is the one of the last write", slotHolderStays},
}

// slotHolderStays asks for the holders of slots again and again, in Updates and outside of them, between random
// writes: nodes take slots, give them up, exchange them, change without them and are deleted, several in
// one Update, and some Updates fail.
func slotHolderStays(k *kit) {
	must := func(err error) {
		k.Helper()
		if err != nil {
			k.Fatal(err)
		}
	}
	const nodes, slots = 6, 4
	rng := rand.New(rand.NewPCG(9, 4))
	id := func(i int) registry.ID { return registry.ID(fmt.Sprint("n", i)) }
	slot := func(i int) string { return fmt.Sprint("slot ", i) }
	kind := func(i int) registry.Kind {
		return []registry.Kind{registry.KindModel, registry.KindDataset}[i%2]
	}
	holder := map[int]int{} // by slot, the node and 1
	deleted := map[int]bool{}
	revisions := map[int]int64{}
	check := func(r graph.Reader) {
		k.Helper()
		for s := range slots {
			for _, kinds := range [][]registry.Kind{nil, {kind(0)}, {kind(1)}} {
				page, err := r.Find(k.ctx, graph.SlotQuery(slot(s), kinds...))
				must(err)
				got, want := "none", "none"
				if len(page.Nodes) > 0 {
					got = fmt.Sprint(page.Nodes[0].ID, page.Nodes[0].Revision, len(page.Nodes), page.More)
				}
				if h := holder[s] - 1; h >= 0 && (kinds == nil || kinds[0] == kind(h)) {
					want = fmt.Sprint(id(h), revisions[h], 1, false)
				}
				if got != want {
					k.Fatalf("the holder of %s among %v is %s, want %s", slot(s), kinds, got, want)
				}
			}
		}
	}
	for range 150 {
		failed := rng.IntN(8) == 0
		holderBefore, deletedBefore, revisionsBefore := maps.Clone(holder), maps.Clone(deleted), maps.Clone(revisions)
		err := k.Update(k.ctx, func(tx graph.Tx) error {
			check(tx)
			for range 1 + rng.IntN(3) {
				i := rng.IntN(nodes)
				if deleted[i] {
					continue
				}
				n := &graph.Node{ID: id(i), Kind: kind(i), Name: string(id(i)), Doc: []byte(`{}`)}
				if rng.IntN(40) == 0 && revisions[i] > 0 {
					must(tx.Delete(k.ctx, n))
					deleted[i] = true
				}
				for s := range slots {
					switch {
					case holder[s] == i+1 && (deleted[i] || rng.IntN(4) == 0):
						delete(holder, s)
					case holder[s] == 0 && !deleted[i] && rng.IntN(3) == 0:
						holder[s] = i + 1
					}
					if holder[s] == i+1 {
						n.Slots = append(n.Slots, slot(s))
					}
				}
				if revisions[i]++; !deleted[i] {
					must(tx.Put(k.ctx, n))
				}
			}
			must(tx.Append(k.ctx, &registry.LogEntry{Actor: "a"}))
			if failed {
				return fmt.Errorf("this Update fails")
			}
			return nil
		})
		if failed {
			holder, deleted, revisions = holderBefore, deletedBefore, revisionsBefore
		} else {
			must(err)
		}
		check(k.Store)
	}
}

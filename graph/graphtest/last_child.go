package graphtest

import (
	"fmt"
	"math/rand/v2"

	"pedigree/graph"
	"pedigree/registry"
)

var lastChildTests = []subtest{
	{"the last child of a parent is the last one after any write", lastChildStays},
}

// lastChildStays asks for the last children of parents again and again, in Updates and outside of
// them, between random writes: children come at the end and in the middle, change their place, lose
// it, are deleted, several in one Update, and some Updates fail.
func lastChildStays(k *kit) {
	must := func(err error) {
		k.Helper()
		if err != nil {
			k.Fatal(err)
		}
	}
	rng := rand.New(rand.NewPCG(5, 8))
	parents := []registry.ID{"m1", "m2"}
	for _, p := range parents {
		k.put(&graph.Node{ID: p, Kind: registry.KindModel, Name: string(p), Doc: []byte(`{}`)})
	}
	live := map[registry.ID]*graph.Node{}
	check := func(r graph.Reader) {
		k.Helper()
		for _, p := range parents {
			for _, order := range []registry.Index{registry.IndexName, registry.IndexVersion, registry.IndexNumber} {
				all := graph.Query{Kinds: []registry.Kind{registry.KindModelVersion}, Parents: []registry.ID{p}, Order: order, Desc: true, Limit: 2, Bare: true}
				want, err := r.Find(k.ctx, all)
				must(err)
				got, err := r.Find(k.ctx, graph.LastChildQuery(registry.KindModelVersion, order, p))
				must(err)
				describe := func(nodes []*graph.Node, more bool) string {
					if len(nodes) == 0 {
						return "none"
					}
					n := nodes[0]
					return fmt.Sprint(n.ID, n.Name, n.Revision, n.Columns, n.Served, more)
				}
				if g, w := describe(got.Nodes, got.More), describe(want.Nodes, len(want.Nodes) > 1); g != w {
					k.Fatalf("the last child of %s by %q is %s, want %s", p, order, g, w)
				}
			}
		}
	}
	for step := range 150 {
		failed := rng.IntN(8) == 0
		err := k.Update(k.ctx, func(tx graph.Tx) error {
			check(tx)
			for range 1 + rng.IntN(3) {
				id := registry.ID(fmt.Sprintf("v%d", rng.IntN(12)))
				n := &graph.Node{ID: id, Kind: registry.KindModelVersion, Parent: parents[int(id[1])%2], Name: fmt.Sprintf("n%02d", rng.IntN(40)), Doc: []byte(`{}`),
					Columns: map[registry.Index]any{registry.IndexNumber: int64(step)}}
				if rng.IntN(4) > 0 {
					n.Columns[registry.IndexVersion] = fmt.Sprintf("%03d", step)
				}
				switch {
				case live[id] != nil && live[id].Deleted:
					continue
				case live[id] != nil && rng.IntN(10) == 0:
					must(tx.Delete(k.ctx, n))
				default:
					must(tx.Put(k.ctx, n))
				}
				if !failed {
					live[id] = n
				} else {
					break
				}
			}
			if failed {
				return fmt.Errorf("this Update fails")
			}
			return tx.Append(k.ctx, &registry.LogEntry{Actor: "a", Action: registry.LogImported})
		})
		if (err != nil) != failed {
			k.Fatal(err)
		}
		check(k.Store)
	}
}

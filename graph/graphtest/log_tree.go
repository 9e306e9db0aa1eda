package graphtest

import (
	"fmt"
	"slices"

	"pedigree/graph"
	"pedigree/registry"
)

var treeTests = []subtest{
	{"every entry keeps the tree hashes that it completes, also after failed updates", treeHashes},
	{"entries are read by their sequences", logBySequence},
}

// checkTree compares the tree hashes of the whole log with those computed anew.
func (k *kit) checkTree() registry.LogFrontier {
	k.Helper()
	var f registry.LogFrontier
	for _, e := range k.log(graph.LogQuery{}) {
		want, err := f.Append(e.LeafHash)
		if err != nil {
			k.Fatal(err)
		}
		if e.TreeHashes != want {
			k.Fatalf("entry %d keeps the tree hashes %q, not %q", e.Seq, e.TreeHashes, want)
		}
	}
	return f
}

func treeHashes(k *kit) {
	for i := range 40 {
		err := k.Update(k.ctx, func(tx graph.Tx) error {
			for range i % 4 {
				if err := tx.Append(k.ctx, entry()); err != nil {
					return err
				}
			}
			if i%3 == 1 {
				return errCaller
			}
			return nil
		})
		if (err != nil) != (i%3 == 1) {
			k.Fatal(err)
		}
	}
	done := make(chan error)
	const together = 24
	for i := range together { // In one batch, of which a third fails.
		go func() {
			done <- k.Update(k.ctx, func(tx graph.Tx) error {
				err := tx.Append(k.ctx, entry(), entry())
				if err == nil && i%3 == 0 {
					return errCaller
				}
				return err
			})
		}()
	}
	for range together {
		<-done
	}
	if f := k.checkTree(); f.Size != k.head() || f.Size < 50 {
		k.Errorf("the tree has %d entries, the log %d", f.Size, k.head())
	}
}

func logBySequence(k *kit) {
	if err := k.Update(k.ctx, func(tx graph.Tx) error {
		for i := range 9 {
			e := entry()
			e.Actor = fmt.Sprint("a", i%2)
			if err := tx.Append(k.ctx, e); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		k.Fatal(err)
	}
	seqs := func(q graph.LogQuery) (out []int64) {
		for _, e := range k.log(q) {
			out = append(out, e.Seq)
		}
		return out
	}
	for _, c := range []struct {
		q    graph.LogQuery
		want []int64
	}{
		{graph.LogQuery{Seqs: []int64{7, 2, 2, 99}}, []int64{2, 7}},
		{graph.LogQuery{Seqs: []int64{7, 2, 4}, Desc: true}, []int64{7, 4, 2}},
		{graph.LogQuery{Seqs: []int64{7, 2, 4}, Limit: 2}, []int64{2, 4}},
		{graph.LogQuery{Seqs: []int64{1, 2, 3, 4}, Actor: "a1"}, []int64{2, 4}},
		{graph.LogQuery{Seqs: []int64{1, 2, 3, 4}, After: 2}, []int64{3, 4}},
		{graph.LogQuery{Seqs: []int64{99}}, nil},
	} {
		if got := seqs(c.q); !slices.Equal(got, c.want) {
			k.Errorf("%+v: %v, want %v", c.q, got, c.want)
		}
	}
}

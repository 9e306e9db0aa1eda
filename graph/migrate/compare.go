package migrate

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"hash/maphash"

	"pedigree/graph"
	"pedigree/registry"
)

// StoreDigest summarizes the contents of a store.
type StoreDigest struct {
	Head int64
	RowCounts
	// Digest is the SHA-256, in hex, of the store's identifier (graph.StoreID) and of
	// every row of its dump in order, each as a line of canonical JSON.
	Digest string
}

// Comparison is the result of the comparison of two stores.
type Comparison struct {
	From, To StoreDigest
	// Difference describes the first row that differs, "" when there is none.
	Difference string
}

// Equal reports whether both stores have the same contents.
func (p *Comparison) Equal() bool { return p.From == p.To && p.Difference == "" }

// Err returns FAILED_PRECONDITION when the stores differ, else nil.
func (p *Comparison) Err() error {
	if p.Equal() {
		return nil
	}
	return registry.Errorf(registry.FailedPrecondition, "the stores differ: %s", p.Difference)
}

// Verify compares the current contents of two stores. Nobody may write to them
// meanwhile. Two empty stores are FAILED_PRECONDITION.
func Verify(ctx context.Context, from, to graph.Store, progress Progress) (*Comparison, error) {
	var heads [2]int64
	for i, s := range []graph.Store{from, to} {
		info, err := s.Ping(ctx)
		if err != nil {
			return nil, err
		}
		heads[i] = info.Head
	}
	if heads[0] == 0 && heads[1] == 0 {
		return nil, registry.Errorf(registry.FailedPrecondition, "neither store holds anything: check which stores are named")
	}
	return compare(ctx, from, to, 0, progress)
}

// compare reads both stores in parallel up to a head; 0 means the head of each.
func compare(ctx context.Context, from, to graph.Store, head int64, progress Progress) (*Comparison, error) {
	ctx, cancel := context.WithCancel(ctx)
	seed := maphash.MakeSeed()
	left, right := startDigest(ctx, from, head, seed, progress), startDigest(ctx, to, head, seed, nil)
	defer func() {
		cancel()
		left.drain()
		right.drain()
	}()
	p := &Comparison{}
	for {
		a, leftHas := <-left.rows
		b, rightHas := <-right.rows
		if !leftHas && (!rightHas || left.err != nil) || !rightHas && right.err != nil {
			break
		}
		if p.Difference == "" && (leftHas != rightHas || a.hash != b.hash) {
			p.Difference = describeDifference(a, b)
		}
	}
	if left.err != nil || right.err != nil {
		return nil, firstError(left.err, right.err)
	}
	p.From, p.To = left.storeDigest(), right.storeDigest()
	return p, nil
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// rowHash is the name and the hash of a row. It does not hold the text of the row,
// because many rows are buffered when one store is slower than the other.
type rowHash struct {
	name string
	hash uint64
}

// describeDifference describes how two rows at the same position differ. The zero
// rowHash stands for a missing row.
func describeDifference(a, b rowHash) string {
	switch {
	case a.name == "":
		return b.name + " is in the destination only"
	case b.name == "":
		return a.name + " is in the source only"
	case a.name == b.name:
		return a.name + " is not the same in both"
	}
	return fmt.Sprintf("%s is in the source where %s is in the destination", a.name, b.name)
}

// digestReader reads a store and computes its digest. The other fields may be read
// once rows is closed.
type digestReader struct {
	rows   chan rowHash
	err    error
	counts RowCounts
	head   int64
	digest hash.Hash
	seed   maphash.Seed
}

func (r *digestReader) storeDigest() StoreDigest {
	return StoreDigest{Head: r.head, RowCounts: r.counts, Digest: hex.EncodeToString(r.digest.Sum(nil))}
}

func (r *digestReader) drain() {
	for range r.rows {
	}
}

// maxRowsAhead is how many rows the reader of one store may be ahead of the other.
const maxRowsAhead = 4 * graph.BatchRows

func startDigest(ctx context.Context, s graph.Store, head int64, seed maphash.Seed, progress Progress) *digestReader {
	r := &digestReader{rows: make(chan rowHash, maxRowsAhead), digest: sha256.New(), seed: seed}
	go func() {
		defer close(r.rows)
		started := false
		var last registry.ID
		r.err = forEachBatch(ctx, s, graph.DumpPosition{Head: head}, func(b *graph.Batch) error {
			reportBatch(progress, "comparing", b)
			if !started {
				started, r.head = true, b.From.Head
				r.addRow(ctx, "the instance secret", []byte(`{"source":"`+graph.StoreID(b.Secret)+`"}`))
			}
			last = r.counts.add(b, last)
			return r.addBatch(ctx, b)
		})
	}()
	return r
}

func (r *digestReader) addRow(ctx context.Context, name string, text []byte) {
	r.digest.Write(text)
	r.digest.Write([]byte{'\n'})
	select {
	case r.rows <- rowHash{name, maphash.Bytes(r.seed, text)}:
	case <-ctx.Done():
	}
}

func (r *digestReader) addBatch(ctx context.Context, b *graph.Batch) error {
	add := func(name string, row map[string]any) error {
		text, err := canonicalJSON(row)
		if err == nil {
			r.addRow(ctx, name, text)
		}
		return err
	}
	for i := range b.Log {
		if err := add(entryRow(&b.Log[i])); err != nil {
			return err
		}
	}
	for _, n := range b.Nodes {
		if err := add(nodeRow(n)); err != nil {
			return err
		}
	}
	for i := range b.Edges {
		if err := add(edgeRow(&b.Edges[i])); err != nil {
			return err
		}
	}
	return nil
}

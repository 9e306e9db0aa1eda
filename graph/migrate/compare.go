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

// Side is what one of two compared stores holds.
type Side struct {
	Head int64
	Tally
	// Digest is the hex of SHA-256 over what the store is, as SourceOf names it, and
	// every row of its dump in order, each as a line of canonical JSON.
	Digest string
}

// Proof compares two stores.
type Proof struct {
	From, To Side
	// Difference names the first row that is not the same, "" where there is none.
	Difference string
}

// Equal reports whether both stores hold the same.
func (p *Proof) Equal() bool { return p.From == p.To && p.Difference == "" }

// Err is nil where both are equal, else FAILED_PRECONDITION.
func (p *Proof) Err() error {
	if p.Equal() {
		return nil
	}
	return registry.Errorf(registry.FailedPrecondition, "the stores differ: %s", p.Difference)
}

// Verify compares two stores as they are. Neither must be written to meanwhile.
func Verify(ctx context.Context, from, to graph.Store, tell Progress) (*Proof, error) {
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
	return compare(ctx, from, to, 0, tell)
}

// compare reads both stores side by side up to a head, 0 for that of each.
func compare(ctx context.Context, from, to graph.Store, head int64, tell Progress) (*Proof, error) {
	ctx, cancel := context.WithCancel(ctx)
	seed := maphash.MakeSeed()
	left, right := follow(ctx, from, head, seed, tell), follow(ctx, to, head, seed, nil)
	defer func() {
		cancel()
		left.drain()
		right.drain()
	}()
	p := &Proof{}
	for {
		a, okA := <-left.lines
		b, okB := <-right.lines
		if !okA && (!okB || left.err != nil) || !okB && right.err != nil {
			break
		}
		if p.Difference == "" && (okA != okB || a.sum != b.sum) {
			p.Difference = differ(a, b)
		}
	}
	if left.err != nil || right.err != nil {
		return nil, firstOf(left.err, right.err)
	}
	p.From, p.To = left.side(), right.side()
	return p, nil
}

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// line is a row that was digested: its name and a hash, not its text, for many wait
// where one store is slower than the other.
type line struct {
	name string
	sum  uint64
}

// differ tells how two rows in the same place differ; the zero line is none.
func differ(a, b line) string {
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

// reading is a store on its way to a digest. Its fields are set when lines ends.
type reading struct {
	lines chan line
	err   error
	tally Tally
	head  int64
	sum   hash.Hash
	seed  maphash.Seed
}

func (r *reading) side() Side {
	return Side{Head: r.head, Tally: r.tally, Digest: hex.EncodeToString(r.sum.Sum(nil))}
}

func (r *reading) drain() {
	for range r.lines {
	}
}

// ahead is how many lines a store may be read before the other.
const ahead = 4 * graph.BatchRows

func follow(ctx context.Context, s graph.Store, head int64, seed maphash.Seed, tell Progress) *reading {
	r := &reading{lines: make(chan line, ahead), sum: sha256.New(), seed: seed}
	go func() {
		defer close(r.lines)
		begun := false
		var last registry.ID
		r.err = each(ctx, s, graph.Mark{Head: head}, func(b *graph.Batch) error {
			report(tell, "comparing", b)
			if !begun {
				begun, r.head = true, b.From.Head
				r.take(ctx, "the instance secret", []byte(`{"source":"`+graph.SourceOf(b.Secret)+`"}`))
			}
			last = r.tally.add(b, last)
			return r.batch(ctx, b)
		})
	}()
	return r
}

func (r *reading) take(ctx context.Context, name string, text []byte) {
	r.sum.Write(text)
	r.sum.Write([]byte{'\n'})
	select {
	case r.lines <- line{name, maphash.Bytes(r.seed, text)}:
	case <-ctx.Done():
	}
}

func (r *reading) batch(ctx context.Context, b *graph.Batch) error {
	take := func(name string, row map[string]any) error {
		text, err := canonical(row)
		if err == nil {
			r.take(ctx, name, text)
		}
		return err
	}
	for i := range b.Log {
		if err := take(entryRow(&b.Log[i])); err != nil {
			return err
		}
	}
	for _, n := range b.Nodes {
		if err := take(nodeRow(n)); err != nil {
			return err
		}
	}
	for i := range b.Edges {
		if err := take(edgeRow(&b.Edges[i])); err != nil {
			return err
		}
	}
	return nil
}

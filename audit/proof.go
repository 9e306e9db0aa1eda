package audit

import (
	"golang.org/x/mod/sumdb/tlog"

	"pedigree/registry"
)

// Inclusion proves that an entry is in a log.
type Inclusion struct {
	// Seq is the sequence of the entry, from 1; its index in the tree is Seq - 1.
	Seq int64
	// Size and Root are those of the tree.
	Size int64
	Root Hash
	Leaf Hash
	// Proof lists the hashes beside the path from the leaf to the root, lowest first (RFC
	// 6962, 2.1.1).
	Proof []Hash
}

// Prove returns the proof that an entry is in the log of a size. INVALID_ARGUMENT when the log
// has no such entry.
func (h Hashes) Prove(seq, size int64) (*Inclusion, error) {
	if seq < 1 || seq > size {
		return nil, registry.Invalid("seq", "must be 1 to %d, the number of entries", size)
	}
	proof, err := tlog.ProveRecord(size, seq-1, h)
	if err != nil {
		return nil, err
	}
	root, err := h.Root(size)
	if err != nil {
		return nil, err
	}
	leaf, err := h([]int64{seq})
	if err != nil {
		return nil, err
	}
	return &Inclusion{Seq: seq, Size: size, Root: root, Leaf: leaf[0].Leaf, Proof: proof}, nil
}

// Check returns an error when the proof does not hold.
func (p *Inclusion) Check() error {
	return tlog.CheckRecord(p.Proof, p.Size, p.Root, p.Seq-1, p.Leaf)
}

// Consistency proves that a log grew out of an earlier one: nothing that stood in it was
// changed or removed.
type Consistency struct {
	From, To         int64
	FromRoot, ToRoot Hash
	// Proof lists hashes as RFC 6962, 2.1.2 orders them; none when a size is 0 or both are
	// equal.
	Proof []Hash
}

// ProveConsistency returns the proof that the log of the size to grew out of that of the size
// from. INVALID_ARGUMENT unless 0 <= from <= to.
func (h Hashes) ProveConsistency(from, to int64) (*Consistency, error) {
	if from < 0 || from > to {
		return nil, registry.Invalid("from", "must be 0 to %d, the other size", to)
	}
	p := &Consistency{From: from, To: to}
	var err error
	if p.FromRoot, err = h.Root(from); err != nil {
		return nil, err
	}
	if p.ToRoot, err = h.Root(to); err != nil {
		return nil, err
	}
	if from > 0 && from < to {
		p.Proof, err = tlog.ProveTree(to, from, h)
	}
	return p, err
}

// Check returns an error when the proof does not hold.
func (p *Consistency) Check() error {
	switch {
	case p.From == 0 && p.FromRoot == emptyRoot && p.To >= 0:
		return nil
	case p.From == p.To && p.FromRoot == p.ToRoot:
		return nil
	}
	return tlog.CheckTree(p.Proof, p.To, p.ToRoot, p.From, p.FromRoot)
}

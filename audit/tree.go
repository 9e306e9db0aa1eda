package audit

import (
	"encoding/hex"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"pedigree/registry"
)

// Hash is a SHA-256 hash of the tree.
type Hash = tlog.Hash

// EntryHashes are the hashes that a store keeps with an entry of the log.
type EntryHashes struct {
	// Leaf is the leaf hash of the entry.
	Leaf Hash
	// Completed are the hashes of the inner nodes whose last leaf is the entry, from level 1
	// upwards.
	Completed []Hash
}

// Hashes reads the hashes of entries by their sequences, which count from 1. The result has
// one for each sequence, in order.
type Hashes func(seqs []int64) ([]EntryHashes, error)

// ParseEntryHashes reads the hashes of an entry as a store keeps them, in hex.
func ParseEntryHashes(leaf, completed string) (e EntryHashes, err error) {
	b, err := hex.DecodeString(leaf + completed)
	if err != nil || len(leaf) != 2*tlog.HashSize || len(b)%tlog.HashSize != 0 {
		return e, fmt.Errorf("the hashes of a log entry are damaged: %.80q", leaf+completed)
	}
	copy(e.Leaf[:], b)
	for b = b[tlog.HashSize:]; len(b) > 0; b = b[tlog.HashSize:] {
		e.Completed = append(e.Completed, Hash(b[:tlog.HashSize]))
	}
	return e, nil
}

// ReadHashes implements tlog.HashReader: it finds each hash with the entry that completed it.
func (h Hashes) ReadHashes(indexes []int64) ([]Hash, error) {
	seqs := make([]int64, len(indexes))
	levels := make([]int, len(indexes))
	for i, index := range indexes {
		level, n := tlog.SplitStoredHashIndex(index)
		levels[i], seqs[i] = level, (n+1)<<uint(level)
	}
	found, err := h(seqs)
	if err != nil {
		return nil, err
	}
	if len(found) != len(seqs) {
		return nil, fmt.Errorf("%d entries of the log were read, not %d", len(found), len(seqs))
	}
	out := make([]Hash, len(indexes))
	for i, level := range levels {
		switch {
		case level == 0:
			out[i] = found[i].Leaf
		case level <= len(found[i].Completed):
			out[i] = found[i].Completed[level-1]
		default:
			return nil, fmt.Errorf("log entry %d has no tree hash of level %d", seqs[i], level)
		}
	}
	return out, nil
}

// Root returns the root of the tree over the first size entries. That of an empty log is the
// hash of nothing.
func (h Hashes) Root(size int64) (Hash, error) {
	if size == 0 {
		return emptyRoot, nil
	}
	return tlog.TreeHash(size, h)
}

// emptyRoot is the root of an empty tree.
var emptyRoot = Hash(new(registry.LogFrontier).Root())

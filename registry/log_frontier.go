package registry

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
)

// TreeHash is a hash of the Merkle tree over the log (RFC 6962).
type TreeHash [sha256.Size]byte

// ParseTreeHash reads a hash in hex. INTERNAL when it is none: stores keep nothing else.
func ParseTreeHash(text string) (h TreeHash, err error) {
	if n, err := hex.Decode(h[:], []byte(text[:min(len(text), 2*len(h))])); err != nil || n != len(h) || len(text) != 2*len(h) {
		return h, Errorf(Internal, "%q is no SHA-256 in hex", Shorten(text, 80))
	}
	return h, nil
}

// Hex returns the hash as 64 digits.
func (h TreeHash) Hex() string { return hex.EncodeToString(h[:]) }

// JoinTreeHashes returns the hash of a node with two children.
func JoinTreeHashes(left, right TreeHash) TreeHash {
	b := make([]byte, 0, 1+2*sha256.Size)
	return sha256.Sum256(append(append(append(b, 1), left[:]...), right[:]...))
}

// LogFrontier is the right edge of the Merkle tree over the leaf hashes of the log: the roots
// of its perfect subtrees, the largest first. It is all that a store needs to append an entry,
// and has at most one hash for each bit of Size. The zero value is that of an empty log.
type LogFrontier struct {
	// Size is the number of entries, which is the sequence of the newest.
	Size int64
	// Roots has one hash for each bit of Size that is set.
	Roots []TreeHash
}

// Append adds an entry by its leaf hash in hex. It returns the hashes of the inner nodes that
// the entry completes, from level 1 upwards, in hex and one after the other: "" for every
// second entry. A store keeps them with the entry.
func (f *LogFrontier) Append(leafHash string) (completed string, err error) {
	h, err := ParseTreeHash(leafHash)
	if err != nil {
		return "", err
	}
	for n := f.Size; n&1 == 1; n >>= 1 {
		last := len(f.Roots) - 1
		h = JoinTreeHashes(f.Roots[last], h)
		f.Roots = f.Roots[:last]
		completed += h.Hex()
	}
	f.Roots = append(f.Roots, h)
	f.Size++
	return completed, nil
}

// Root returns the root of the tree. That of an empty log is the hash of nothing.
func (f *LogFrontier) Root() TreeHash {
	if len(f.Roots) == 0 {
		return sha256.Sum256(nil)
	}
	h := f.Roots[len(f.Roots)-1]
	for i := len(f.Roots) - 2; i >= 0; i-- {
		h = JoinTreeHashes(f.Roots[i], h)
	}
	return h
}

// Clone returns a copy that shares nothing with f.
func (f *LogFrontier) Clone() LogFrontier {
	return LogFrontier{Size: f.Size, Roots: append([]TreeHash(nil), f.Roots...)}
}

// FrontierEntries returns the sequences of the entries that complete the perfect subtrees of
// a log of a size, the largest subtree first, and the level of each.
func FrontierEntries(size int64) (seqs []int64, levels []int) {
	done := int64(0)
	for level := 62; level >= 0; level-- {
		if size>>uint(level)&1 == 1 {
			done += 1 << uint(level)
			seqs, levels = append(seqs, done), append(levels, level)
		}
	}
	return seqs, levels
}

// FrontierOf returns the frontier of a log of a size. hashesOf returns the leaf hash of an
// entry and what Append returned for it. INTERNAL when an entry has too few of them.
func FrontierOf(size int64, hashesOf func(seq int64) (leafHash, completed string, err error)) (LogFrontier, error) {
	f := LogFrontier{Size: size}
	seqs, levels := FrontierEntries(size)
	for i, seq := range seqs {
		leaf, completed, err := hashesOf(seq)
		if err != nil {
			return LogFrontier{}, err
		}
		hashes, digits := leaf+completed, 2*sha256.Size
		if len(hashes) < (levels[i]+1)*digits {
			return LogFrontier{}, &Error{Code: Internal, Err: fmt.Errorf("log entry %d has no tree hash of level %d", seq, levels[i]), Message: "the log has no tree hashes"}
		}
		h, err := ParseTreeHash(hashes[levels[i]*digits : (levels[i]+1)*digits])
		if err != nil {
			return LogFrontier{}, err
		}
		f.Roots = append(f.Roots, h)
	}
	return f, nil
}

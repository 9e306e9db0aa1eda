// Package audit has the use cases that prove the log of the registry: checkpoints, proofs,
// tiles, and the whole log for a verification. Package access lists the log.
package audit

import (
	"context"
	"encoding/hex"
	"sync"

	"pedigree/audit"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service/core"
)

// Auditor proves the log. It is safe for concurrent use.
type Auditor struct {
	core *core.Core
	// signing is the key of this server; see SetLogKey.
	mu      sync.RWMutex
	signing *audit.Key
}

// New returns an Auditor on a core.
func New(c *core.Core) *Auditor { return &Auditor{core: c} }

// key returns the key that signs checkpoints, nil when this server has none.
func (a *Auditor) key() *audit.Key {
	a.mu.RLock()
	defer a.mu.RUnlock()
	return a.signing
}

// tree is the tree of the log, as one caller reads it.
type tree struct {
	size   int64
	hashes audit.Hashes
}

// readTree opens the tree of the log: FORBIDDEN for a caller who may not read the log.
func (a *Auditor) readTree(ctx context.Context) (*tree, error) {
	scope, err := a.core.Gate.Read(ctx, registry.LogRead)
	if err != nil {
		return nil, err
	}
	return openTree(ctx, scope)
}

func openTree(ctx context.Context, scope *policies.Scope) (*tree, error) {
	size, err := scope.LogSize(ctx)
	if err != nil {
		return nil, err
	}
	return &tree{size, func(seqs []int64) ([]audit.EntryHashes, error) {
		leaves, completed, err := scope.LogHashes(ctx, seqs)
		if err != nil {
			return nil, err
		}
		out := make([]audit.EntryHashes, len(seqs))
		for i := range seqs {
			if out[i], err = audit.ParseEntryHashes(leaves[i], completed[i]); err != nil {
				return nil, err
			}
		}
		return out, nil
	}}, nil
}

// sized returns the size that a caller asks for, by default that of the log. INVALID_ARGUMENT
// for a size that the log does not have.
func (t *tree) sized(field string, size *int64) (int64, error) {
	if size == nil {
		return t.size, nil
	}
	if *size < 0 || *size > t.size {
		return 0, registry.Invalid(field, "must be 0 to %d, the number of entries", t.size)
	}
	return *size, nil
}

func hexOf(hashes []audit.Hash) []string {
	out := make([]string, len(hashes))
	for i, h := range hashes {
		out[i] = hex.EncodeToString(h[:])
	}
	return out
}

// AuditProof proves that an entry is in the log of a size. Hashes are in hex.
type AuditProof struct {
	Seq, Size      int64
	LeafHash, Root string
	// Hashes are those beside the path from the leaf to the root, lowest first.
	Hashes []string
}

// AuditProof returns the proof that an entry is in the log of a size, by default the present
// one. Any caller who may read the log can ask for any entry: a proof has hashes alone.
func (a *Auditor) AuditProof(ctx context.Context, seq int64, size *int64) (*AuditProof, error) {
	t, err := a.readTree(ctx)
	if err != nil {
		return nil, err
	}
	n, err := t.sized("size", size)
	if err != nil {
		return nil, err
	}
	p, err := t.hashes.Prove(seq, n)
	if err != nil {
		return nil, err
	}
	return &AuditProof{Seq: p.Seq, Size: p.Size, LeafHash: hex.EncodeToString(p.Leaf[:]), Root: hex.EncodeToString(p.Root[:]), Hashes: hexOf(p.Proof)}, nil
}

// AuditConsistency proves that the log of the size To grew out of that of the size From.
type AuditConsistency struct {
	From, To         int64
	FromRoot, ToRoot string
	// Hashes are in the order of RFC 6962, 2.1.2.
	Hashes []string
}

// AuditConsistency returns the proof that the log of the size to, by default the present one,
// grew out of that of the size from.
func (a *Auditor) AuditConsistency(ctx context.Context, from int64, to *int64) (*AuditConsistency, error) {
	t, err := a.readTree(ctx)
	if err != nil {
		return nil, err
	}
	n, err := t.sized("to", to)
	if err != nil {
		return nil, err
	}
	p, err := t.hashes.ProveConsistency(from, n)
	if err != nil {
		return nil, err
	}
	return &AuditConsistency{From: p.From, To: p.To, FromRoot: hex.EncodeToString(p.FromRoot[:]), ToRoot: hex.EncodeToString(p.ToRoot[:]), Hashes: hexOf(p.Proof)}, nil
}

// LogTile returns the hashes of a tile by its path below /log/tile/, and whether the tile is
// full and never changes any more. NOT_FOUND when the log has no such tile.
func (a *Auditor) LogTile(ctx context.Context, path string) (hashes []byte, full bool, err error) {
	t, err := a.readTree(ctx)
	if err != nil {
		return nil, false, err
	}
	tile, err := audit.ParseTilePath(path)
	if err != nil {
		return nil, false, err
	}
	hashes, err = t.hashes.Tile(tile, t.size)
	return hashes, audit.Full(tile), err
}

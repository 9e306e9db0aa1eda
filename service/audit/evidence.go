package audit

import (
	"context"
	"slices"

	"pedigree/audit"
	"pedigree/graph"
	"pedigree/policies"
	"pedigree/registry"
)

// ProvenEntry is an entry of the log as the caller sees it, with its leaf hash and the hashes beside
// the path from it to the root, in hex.
type ProvenEntry struct {
	Entry registry.LogEntry
	Leaf  string
	Proof []string
	// Partial is true when the caller does not see all of the entry.
	Partial bool
}

// Evidence are entries of the log with proofs to one signed checkpoint.
type Evidence struct {
	Entries    []ProvenEntry
	Checkpoint *AuditCheckpoint
	// Cut is true when there are more entries than the limit, the oldest of which are left out.
	Cut bool
}

// EvidenceOf returns the entries of the log about any of the objects, and those that record a key of
// the log, oldest first, at most so many, with proofs to a checkpoint made now: of the log as it is, or
// with a size, of its first so many entries. Of more, the newest about the first objects are kept.
// FORBIDDEN for a caller who may not read the log.
func (a *Auditor) EvidenceOf(ctx context.Context, objects []registry.ID, limit int, size *int64) (*Evidence, error) {
	scope, err := a.core.Gate.Read(ctx, registry.LogRead)
	if err != nil {
		return nil, err
	}
	t, err := openTree(ctx, scope)
	if err != nil {
		return nil, err
	}
	if t.size, err = t.sized("size", size); err != nil {
		return nil, err
	}
	out := &Evidence{}
	if out.Checkpoint, err = a.checkpoint(t); err != nil {
		return nil, err
	}
	e := &evidenceReader{scope: scope, size: t.size, limit: limit, found: map[int64]registry.LogEntry{}}
	queries := []graph.LogQuery{{Actions: []registry.LogAction{registry.LogKeyAdded}}}
	for _, id := range objects {
		queries = append(queries, graph.LogQuery{Object: id})
	}
	for _, q := range queries {
		if err := e.read(ctx, q); err != nil {
			return nil, err
		}
	}
	out.Cut = e.cut
	every := registry.NounNamed("LogEntry").MaskOf(func(registry.Field) bool { return true })
	for _, entry := range e.sorted() {
		p, err := t.hashes.Prove(entry.Seq, t.size)
		if err != nil {
			return nil, err
		}
		out.Entries = append(out.Entries, ProvenEntry{Entry: entry, Leaf: hexOf([]audit.Hash{p.Leaf})[0], Proof: hexOf(p.Proof), Partial: entry.Mask&every != every})
	}
	return out, nil
}

// evidenceReader collects entries.
type evidenceReader struct {
	scope *policies.Scope
	size  int64
	limit int
	found map[int64]registry.LogEntry
	cut   bool
}

// read reads entries, newest first, up to the limit.
func (e *evidenceReader) read(ctx context.Context, q graph.LogQuery) error {
	q.Desc, q.Limit, q.Before = true, logPage, e.size+1
	for {
		entries, err := e.scope.Log(ctx, q)
		if err != nil {
			return err
		}
		for i := range entries {
			if _, known := e.found[entries[i].Seq]; !known && len(e.found) >= e.limit {
				e.cut = true
				return nil
			}
			e.found[entries[i].Seq] = entries[i]
		}
		if len(entries) < q.Limit {
			return nil
		}
		q.Before = entries[len(entries)-1].Seq
	}
}

func (e *evidenceReader) sorted() (out []registry.LogEntry) {
	for _, entry := range e.found {
		out = append(out, entry)
	}
	slices.SortFunc(out, func(a, b registry.LogEntry) int { return int(a.Seq - b.Seq) })
	return out
}

// Sealer returns what seals digests with this server's key, the name of the log and the public key.
// FAILED_PRECONDITION when this server has no key.
func (a *Auditor) Sealer(ctx context.Context) (seal func(what string, digest audit.Hash) (string, error), log, publicKey string, err error) {
	if _, err := a.core.Gate.Read(ctx, registry.CatalogRead); err != nil {
		return nil, "", "", err
	}
	key := a.key()
	if key == nil {
		return nil, "", "", errNoKey()
	}
	return key.Seal, key.Origin(), key.Public, nil
}

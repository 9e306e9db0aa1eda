package policies

import (
	"context"

	"pedigree/graph"
	"pedigree/registry"
)

// LogSize returns the number of entries of the whole log, also of those that the actor does
// not see: hashes and sizes tell nothing of their content.
func (s *Scope) LogSize(ctx context.Context) (int64, error) {
	newest, err := s.store.Log(ctx, graph.LogQuery{Desc: true, Limit: 1})
	if err != nil || len(newest) == 0 {
		return 0, err
	}
	return newest[0].Seq, nil
}

// LogHashes returns the leaf hash of each entry, and the tree hashes that it completes, as
// stores keep them. They are in the order of seqs; a sequence without an entry has none.
func (s *Scope) LogHashes(ctx context.Context, seqs []int64) (leaves, completed []string, err error) {
	leaves, completed = make([]string, len(seqs)), make([]string, len(seqs))
	if len(seqs) == 0 {
		return leaves, completed, nil
	}
	entries, err := s.store.Log(ctx, graph.LogQuery{Seqs: seqs, Limit: len(seqs)})
	if err != nil {
		return nil, nil, err
	}
	found := make(map[int64]int, len(entries))
	for i := range entries {
		found[entries[i].Seq] = i
	}
	for i, seq := range seqs {
		if at, ok := found[seq]; ok {
			leaves[i], completed[i] = entries[at].LeafHash, entries[at].TreeHashes
		}
	}
	return leaves, completed, nil
}

// SeesWholeLog reports whether the actor sees every entry of the log, with all fields.
func (s *Scope) SeesWholeLog() bool {
	every := registry.NounNamed("LogEntry").MaskOf(func(registry.Field) bool { return true })
	for _, c := range s.rowGrants {
		if c.coversAll() && c.masks["LogEntry"]&every == every {
			return true
		}
	}
	return false
}

package neo4j

import (
	"context"
	"math/bits"

	driver "github.com/neo4j/neo4j-go-driver/v5/neo4j"

	"pedigree/registry"
)

// rootsText writes the roots of a frontier as the head keeps them: in hex, one after the other.
func rootsText(f *registry.LogFrontier) string {
	out := ""
	for _, h := range f.Roots {
		out += h.Hex()
	}
	return out
}

// frontierOf reads the frontier of the log from the head.
func frontierOf(head row) (registry.LogFrontier, error) {
	f := registry.LogFrontier{Size: number(head, "seq")}
	const digits = 2 * len(registry.TreeHash{})
	roots := text(head, "roots")
	if len(roots) != digits*bits.OnesCount64(uint64(f.Size)) {
		return f, registry.Errorf(registry.Internal, "the head has no tree hashes of the log")
	}
	for ; roots != ""; roots = roots[digits:] {
		h, err := registry.ParseTreeHash(roots[:digits])
		if err != nil {
			return f, err
		}
		f.Roots = append(f.Roots, h)
	}
	return f, nil
}

// addToTree sets the tree hashes of entries.
func (t *txn) addToTree(entries []*registry.LogEntry) (err error) {
	for _, e := range entries {
		if e.TreeHashes, err = t.frontier.Append(e.LeafHash); err != nil {
			return err
		}
	}
	return nil
}

const (
	readLeaves = "MATCH (l:Log) USING INDEX SEEK l:Log(ns, seq) WHERE l.ns = $ns AND l.seq > $after RETURN l.seq AS seq, l.leaf_hash AS leaf ORDER BY l.seq LIMIT $limit"
	setTrees   = "UNWIND $rows AS row MATCH (l:Log {key: row.key}) USING INDEX SEEK l:Log(key) SET l.tree = row.tree"
	setRoots   = "MATCH (h:Head {key: $key}) USING INDEX SEEK h:Head(key) SET h.roots = $roots"
)

// backfillTree writes the tree hashes of entries that are older than them, one page in each
// transaction, and with the last page the roots of the head, all under the head's lock.
func backfillTree(ctx context.Context, s *Store, session driver.SessionWithContext) error {
	for f, done := (registry.LogFrontier{}), false; !done; {
		next, err := session.ExecuteWrite(ctx, func(tx driver.ManagedTransaction) (any, error) {
			v := &view{s: s, tx: tx, holdsLock: true}
			after := f.Clone()
			err := v.backfillTreePage(ctx, &after)
			return after, v.outcome(err)
		})
		if err != nil {
			return err
		}
		after := next.(registry.LogFrontier)
		done, f = after.Size == f.Size, after
	}
	return nil
}

func (v *view) backfillTreePage(ctx context.Context, f *registry.LogFrontier) error {
	if _, err := v.query(ctx, lockHead, map[string]any{"key": v.key("")}); err != nil {
		return err
	}
	found, err := v.query(ctx, readLeaves, map[string]any{"ns": v.s.ns, "after": f.Size, "limit": int64(batch)})
	if err != nil {
		return err
	}
	if len(found) == 0 {
		_, err := v.query(ctx, setRoots, map[string]any{"key": v.key(""), "roots": rootsText(f)})
		return err
	}
	rows := []row{}
	for _, r := range found {
		if number(r, "seq") != f.Size+1 {
			return registry.Errorf(registry.Internal, "log entry %d is missing", f.Size+1)
		}
		completed, err := f.Append(text(r, "leaf"))
		if err != nil {
			return err
		}
		if completed != "" {
			rows = append(rows, row{"key": v.key(seqKey(f.Size)), "tree": completed})
		}
	}
	_, err = v.query(ctx, setTrees, map[string]any{"rows": rows})
	return err
}

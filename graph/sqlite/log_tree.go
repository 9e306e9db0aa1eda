package sqlite

import (
	"fmt"

	"pedigree/registry"

	engine "zombiezen.com/go/sqlite"
)

// addToTree sets the tree hashes of the next entry of the log.
func (t *tx) addToTree(e *registry.LogEntry) (err error) {
	if t.frontier.Size != e.Seq-1 {
		if t.s.frontier.Size == e.Seq-1 {
			t.frontier = t.s.frontier.Clone()
		} else if t.frontier, err = t.frontierOf(e.Seq - 1); err != nil {
			return err
		}
	}
	e.TreeHashes, err = t.frontier.Append(e.LeafHash)
	return err
}

// frontierOf reads the frontier of the log of a size: a row for each bit of it.
func (v *view) frontierOf(size int64) (registry.LogFrontier, error) {
	return registry.FrontierOf(size, func(seq int64) (leaf, completed string, err error) {
		err = v.c.query("SELECT leaf_hash, tree FROM log WHERE seq = ?", func(st *engine.Stmt) error {
			leaf, completed = st.ColumnText(0), st.ColumnText(1)
			return nil
		}, seq)
		return leaf, completed, err
	})
}

// addTreeHashes adds the column of the tree hashes to the log, and fills it.
func addTreeHashes(c *conn) error {
	present, err := c.queryInt("SELECT count(*) FROM pragma_table_info('log') WHERE name = 'tree'")
	if err != nil {
		return err
	}
	if present == 0 {
		if err := c.execOnce("ALTER TABLE log ADD COLUMN tree TEXT NOT NULL DEFAULT ''"); err != nil {
			return err
		}
	}
	const page = 10_000
	for f := (registry.LogFrontier{}); ; {
		var leaves []string
		first := f.Size + 1
		err := c.query("SELECT seq, leaf_hash FROM log WHERE seq >= ? ORDER BY seq LIMIT ?+0", func(st *engine.Stmt) error {
			if seq := st.ColumnInt64(0); seq != first+int64(len(leaves)) {
				return fmt.Errorf("sqlite: log entry %d is missing", first+int64(len(leaves)))
			}
			leaves = append(leaves, st.ColumnText(1))
			return nil
		}, first, page)
		if err != nil || len(leaves) == 0 {
			return err
		}
		for _, leaf := range leaves {
			completed, err := f.Append(leaf)
			if err != nil {
				return err
			}
			if completed == "" {
				continue
			}
			if err := c.exec("UPDATE log SET tree = ? WHERE seq = ?", completed, f.Size); err != nil {
				return err
			}
		}
	}
}

package sqlite

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"strings"

	"pedigree/registry"

	engine "zombiezen.com/go/sqlite"
)

// The table log_key finds the log entries of an object and of a model. Its rows are grouped
// in clusters: those of a model and of all that is in it lie side by side. So the keys of one
// entry are on one page, and not on a page each. The rows are small, because they have hashes
// instead of ids. Reads compare the ids themselves, in the entry.

// hashOf returns a number of so many bits for a text.
func hashOf(text string, bits int) int64 {
	h := sha256.Sum256([]byte(text))
	return int64(binary.BigEndian.Uint64(h[:]) >> (64 - bits))
}

// clusterOf returns the number of the cluster of what is in a container. Containers may share one.
func clusterOf(container registry.ID) int64 { return hashOf(string(container), 31) }

// objectKey and modelKey return the keys of the entries of an object, and of a model as a
// whole, in their cluster.
func objectKey(object registry.ID) int64 { return hashOf("object "+string(object), 63) }
func modelKey(model registry.ID) int64   { return hashOf("model "+string(model), 63) }

// maxContainment bounds the containers of containers.
const maxContainment = 8

// parentsKnown returns the parent of a node, and false when it does not know.
type parentsKnown func(registry.ID) (registry.ID, bool)

func noParents(registry.ID) (registry.ID, bool) { return "", false }

// containersOf returns an object, what it is in, and so on, as far as they are nodes by now.
func (c *conn) containersOf(object registry.ID, known parentsKnown) (out []registry.ID, err error) {
	for next := object; next != "" && len(out) <= maxContainment; {
		out = append(out, next)
		parent, found := known(next)
		if next = parent; found {
			continue
		}
		err := c.query("SELECT parent FROM node WHERE id = ?", func(st *engine.Stmt) error { next = registry.ID(st.ColumnText(0)); return nil }, string(out[len(out)-1]))
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// clustersOf returns the clusters that may have entries of an object: that of its outermost
// container, and those of what was the outermost when an earlier entry was written, because
// the others were no nodes yet. An empty object has one that is not looked at.
func (v *view) clustersOf(object registry.ID) (out []int64, err error) {
	if object == "" {
		return []int64{0}, nil
	}
	containers, err := v.c.containersOf(object, noParents)
	for i, id := range containers {
		early := int64(1)
		if i < len(containers)-1 {
			early, err = v.c.queryInt("SELECT seq FROM log_key WHERE cluster = ? AND object = ? LIMIT 1", clusterOf(id), objectKey(object))
		}
		if err != nil {
			return nil, err
		}
		if early != 0 && !slices.Contains(out, clusterOf(id)) {
			out = append(out, clusterOf(id))
		}
	}
	return out, err
}

// loggedObject is an object of a log entry.
type loggedObject struct {
	object registry.ID
	seq    int64
}

// writeKeys writes the keys of the entries of this update. It comes last, when the nodes that
// the entries are about are there.
func (t *tx) writeKeys() error {
	objects, keys := t.logged, t.modelKeys
	t.logged, t.modelKeys = nil, nil
	var err error
	for _, o := range objects {
		if keys, err = t.c.appendObjectKey(keys, o, t.knownParent); err != nil {
			return err
		}
	}
	return t.c.writeLogKeys(keys)
}

// appendObjectKey appends the key of an object in the cluster of its outermost container. An empty object has none.
func (c *conn) appendObjectKey(keys []any, o loggedObject, known parentsKnown) ([]any, error) {
	containers, err := c.containersOf(o.object, known)
	if err != nil || len(containers) == 0 {
		return keys, err
	}
	return append(keys, clusterOf(containers[len(containers)-1]), objectKey(o.object), o.seq), nil
}

// maxKeys is the most keys that one statement writes.
const maxKeys = 8

// insertKeysSQL are the statements that write one key, two, and so on.
var insertKeysSQL = func() (out [maxKeys]string) {
	for i := range out {
		out[i] = "INSERT OR IGNORE INTO log_key(cluster, object, seq) VALUES(?, ?, ?)" + strings.Repeat(", (?, ?, ?)", i)
	}
	return out
}()

// writeLogKeys writes keys, each a cluster, an object and a sequence.
func (c *conn) writeLogKeys(keys []any) error {
	for len(keys) > 0 {
		n := min(len(keys)/3, maxKeys)
		if err := c.exec(insertKeysSQL[n-1], keys[:3*n]...); err != nil {
			return err
		}
		keys = keys[3*n:]
	}
	return nil
}

// clusterLogKeys replaces the table of objects and the index of models. It changes nothing in a
// store that has neither.
func clusterLogKeys(c *conn) error {
	if err := c.execOnce("CREATE TABLE IF NOT EXISTS log_key(cluster INTEGER NOT NULL, object INTEGER NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY(cluster, object, seq)) WITHOUT ROWID"); err != nil {
		return err
	}
	old, err := c.queryInt("SELECT count(*) FROM sqlite_master WHERE name = 'log_object'")
	if err != nil || old == 0 {
		return err
	}
	if err := c.fillLogKeys(); err != nil {
		return err
	}
	// A statement that stays prepared would keep the table.
	if err := c.finalizeAll(); err != nil {
		return err
	}
	for _, sql := range []string{"DROP TABLE log_object", "DROP INDEX IF EXISTS log_model"} {
		if err := c.execOnce(sql); err != nil {
			return err
		}
	}
	return nil
}

// fillLogKeys writes the keys of all entries.
func (c *conn) fillLogKeys() error {
	err := c.query("SELECT object, seq FROM log_object", func(st *engine.Stmt) error {
		keys, err := c.appendObjectKey(nil, loggedObject{registry.ID(st.ColumnText(0)), st.ColumnInt64(1)}, noParents)
		if err != nil {
			return err
		}
		return c.writeLogKeys(keys)
	})
	if err != nil {
		return err
	}
	return c.query("SELECT model, seq FROM log WHERE model <> ''", func(st *engine.Stmt) error {
		model := registry.ID(st.ColumnText(0))
		return c.writeLogKeys([]any{clusterOf(model), modelKey(model), st.ColumnInt64(1)})
	})
}

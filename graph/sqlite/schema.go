package sqlite

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"slices"

	"pedigree/registry"

	engine "zombiezen.com/go/sqlite"
)

// schemaSteps are the schema steps in order. The schema number is the number of steps
// that were applied. A released step must never change; add a further step instead.
var schemaSteps = []func(c *conn) error{createTables, addFulltextIndex, keepTimesIncreasing, addServed, replaceIndexes, addCrowded, keepEarlierRevisions, clusterLogKeys, addParentNumbers, addTreeHashes, addCounters, addLabels, addRevisionIndex}

// createTables creates the tables and the instance secret. syncWithRegistry creates
// the columns and indexes that depend on the field table, at every start.
func createTables(c *conn) error {
	for _, ddl := range []string{
		`CREATE TABLE kind(code INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE)`,
		`CREATE TABLE edge_kind(code INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE)`,
		`CREATE TABLE subject(num INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE)`,
		// slots repeats the node's rows of the table slot as JSON, so that reading a node
		// reads one row.
		`CREATE TABLE node(num INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, kind INTEGER NOT NULL, parent TEXT NOT NULL, name TEXT NOT NULL,
			slots TEXT NOT NULL, valid_from INTEGER NOT NULL, valid_to INTEGER NOT NULL, since INTEGER NOT NULL, revision INTEGER NOT NULL,
			recorded_seq INTEGER NOT NULL, deleted INTEGER NOT NULL, doc TEXT NOT NULL)`,
		// doc is '' when it was erased. The newest revision, which keepEarlierRevisions removes,
		// has NULL: its document is in node.
		`CREATE TABLE revision(num INTEGER NOT NULL, revision INTEGER NOT NULL, since INTEGER NOT NULL, recorded_seq INTEGER NOT NULL,
			valid_from INTEGER NOT NULL, valid_to INTEGER NOT NULL, name TEXT NOT NULL, deleted INTEGER NOT NULL, columns TEXT NOT NULL, doc TEXT,
			PRIMARY KEY(num, revision)) WITHOUT ROWID`,
		`CREATE TABLE slot(slot TEXT PRIMARY KEY, num INTEGER NOT NULL) WITHOUT ROWID`,
		// The primary key serves reads upstream, the index edge_in reads downstream. Both
		// cover the whole edge.
		`CREATE TABLE edge(from_num INTEGER NOT NULL, to_num INTEGER NOT NULL, kind INTEGER NOT NULL, recorded_seq INTEGER NOT NULL,
			retracted_seq INTEGER NOT NULL, valid_from INTEGER NOT NULL, valid_to INTEGER NOT NULL, subject INTEGER NOT NULL,
			PRIMARY KEY(from_num, to_num, kind, recorded_seq)) WITHOUT ROWID`,
		`CREATE INDEX edge_in ON edge(to_num, from_num, kind, recorded_seq, retracted_seq, valid_from, valid_to, subject)`,
		`CREATE TABLE log(seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, actor TEXT NOT NULL, action TEXT NOT NULL, objects TEXT NOT NULL,
			model TEXT NOT NULL, reason TEXT NOT NULL, approval TEXT NOT NULL, request_id TEXT NOT NULL, detail TEXT NOT NULL, leaf_hash TEXT NOT NULL)`,
		`CREATE INDEX log_actor ON log(actor, seq)`,
		`CREATE INDEX log_model ON log(model, seq) WHERE model <> ''`,
		`CREATE TABLE log_object(object TEXT NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY(object, seq)) WITHOUT ROWID`,
		`CREATE INDEX node_kind_name ON node(kind, name, id)`,
		`CREATE INDEX node_kind_valid_from ON node(kind, valid_from, id)`,
		`CREATE INDEX node_parent_name ON node(parent, kind, name, id)`,
		`CREATE INDEX node_parent_valid_from ON node(parent, kind, valid_from, id)`,
	} {
		if err := c.execOnce(ddl); err != nil {
			return err
		}
	}
	secret := make([]byte, 32)
	rand.Read(secret)
	return c.exec("INSERT INTO meta(key, value) VALUES('secret', ?)", hex.EncodeToString(secret))
}

// addFulltextIndex marks the full-text index as missing; syncWithRegistry then creates
// and fills it. This is a schema step because older programs, which do not update the
// index, must not open the store.
func addFulltextIndex(c *conn) error { return c.exec("DELETE FROM meta WHERE key = 'words'") }

// keepTimesIncreasing changes nothing. It is a schema step because older programs, whose
// log entries can be earlier than the one before, must not open the store.
func keepTimesIncreasing(*conn) error { return nil }

// addServed adds the columns that say which nodes a served version needs; see served.go.
// rebuildStaleServed then fills them.
func addServed(c *conn) error {
	existing, err := columnsOfNode(c)
	if err != nil {
		return err
	}
	for column, value := range map[string]int{"served": int(registry.NotServed), "support": 0} {
		if existing[column] {
			continue
		}
		if err := c.execOnce(fmt.Sprintf("ALTER TABLE node ADD COLUMN %s INTEGER NOT NULL DEFAULT %d", column, value)); err != nil {
			return err
		}
	}
	return nil
}

// addRevisionIndex finds the revision of a node that was valid at a time among all that it has had.
func addRevisionIndex(c *conn) error {
	return c.execOnce("CREATE INDEX IF NOT EXISTS revision_since ON revision(num, since, revision)")
}

// keepEarlierRevisions leaves the newest revision of a node to the table node, which has all
// of it. The others are rows in the order of their writing, found by an index: among the rows
// of other nodes, each would need a page of its own, and often split one.
func keepEarlierRevisions(c *conn) error {
	const columns = "num, revision, since, recorded_seq, valid_from, valid_to, name, deleted, columns, doc"
	for _, sql := range []string{
		`CREATE TABLE earlier(num INTEGER NOT NULL, revision INTEGER NOT NULL, since INTEGER NOT NULL, recorded_seq INTEGER NOT NULL,
			valid_from INTEGER NOT NULL, valid_to INTEGER NOT NULL, name TEXT NOT NULL, deleted INTEGER NOT NULL, columns TEXT NOT NULL, doc TEXT,
			PRIMARY KEY(num, revision))`,
		"INSERT INTO earlier(" + columns + ") SELECT " + columns + " FROM revision WHERE revision < (SELECT n.revision FROM node n WHERE n.num = revision.num) ORDER BY recorded_seq",
		"DROP TABLE revision",
		"ALTER TABLE earlier RENAME TO revision",
	} {
		if err := c.execOnce(sql); err != nil {
			return err
		}
	}
	return nil
}

func columnsOfNode(c *conn) (map[string]bool, error) {
	existing := map[string]bool{}
	err := c.query("SELECT name FROM pragma_table_info('node')", func(st *engine.Stmt) error { existing[st.ColumnText(0)] = true; return nil })
	return existing, err
}

// upgradeSchema brings a database to this program's schema in one write transaction.
// It can run again after any failure.
func (s *Store) upgradeSchema(c *conn) error {
	if err := c.beginImmediate(); err != nil {
		return err
	}
	err := s.upgradeSchemaLocked(c)
	if err == nil {
		if err = c.exec("COMMIT"); err == nil {
			return nil
		}
	}
	c.exec("ROLLBACK")
	return err
}

func (s *Store) upgradeSchemaLocked(c *conn) error {
	if err := c.execOnce("CREATE TABLE IF NOT EXISTS meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID"); err != nil {
		return err
	}
	done, err := c.queryInt("SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'schema'")
	if err != nil {
		return err
	}
	if done > int64(len(schemaSteps)) {
		return registry.Errorf(registry.FailedPrecondition,
			"the store has schema %d and this pedigree knows %d; upgrade pedigree to open it", done, len(schemaSteps))
	}
	for _, step := range schemaSteps[done:] {
		if err := step(c); err != nil {
			return err
		}
	}
	if done < int64(len(schemaSteps)) {
		if err := c.exec("INSERT OR REPLACE INTO meta(key, value) VALUES('schema', ?)", fmt.Sprint(len(schemaSteps))); err != nil {
			return err
		}
	}
	if err := s.syncWithRegistry(c); err != nil {
		return err
	}
	_, err = (&view{c: c, s: s}).secret()
	return err
}

// syncWithRegistry creates what depends on package registry: the codes of the kinds,
// the index columns and their values, and the indexes of lists.
func (s *Store) syncWithRegistry(c *conn) error {
	if err := s.codes.load(c); err != nil {
		return err
	}
	existing, err := columnsOfNode(c)
	if err != nil {
		return err
	}
	for _, col := range registry.IndexColumns() {
		if existing[string(col.Name)] {
			continue
		}
		decl := "TEXT NOT NULL DEFAULT ''"
		if col.Type == registry.IntIndex {
			decl = "INTEGER NOT NULL DEFAULT 0"
		}
		if err := c.execOnce(fmt.Sprintf("ALTER TABLE node ADD COLUMN %s %s", col.Name, decl)); err != nil {
			return err
		}
	}
	if err := s.fillColumns(c); err != nil {
		return err
	}
	if err := syncListIndexes(c, s.codes); err != nil {
		return err
	}
	if err := s.rebuildStaleServed(c); err != nil {
		return err
	}
	if err := s.rebuildStaleLabels(c); err != nil {
		return err
	}
	return s.rebuildStaleIndex(c)
}

// codes map kinds to the small integers that stand for them in the tables. The
// database assigns a code once, in the order of names; it never changes.
type codes struct {
	kind     map[registry.Kind]int
	edge     map[registry.EdgeKind]int
	kindName map[int]registry.Kind
	edgeName map[int]registry.EdgeKind
}

func (x *codes) load(c *conn) error {
	var err error
	if x.kind, x.kindName, err = loadCodes(c, "kind", registry.Kinds()); err != nil {
		return err
	}
	x.edge, x.edgeName, err = loadCodes(c, "edge_kind", registry.EdgeKinds())
	return err
}

func loadCodes[K ~string](c *conn, table string, known []K) (map[K]int, map[int]K, error) {
	slices.Sort(known)
	for _, k := range known {
		if err := c.exec("INSERT INTO "+table+"(name) SELECT ?1 WHERE NOT EXISTS (SELECT 1 FROM "+table+" WHERE name = ?1)", string(k)); err != nil {
			return nil, nil, err
		}
	}
	code, name := map[K]int{}, map[int]K{}
	err := c.query("SELECT code, name FROM "+table, func(st *engine.Stmt) error {
		k := K(st.ColumnText(1))
		code[k], name[st.ColumnInt(0)] = st.ColumnInt(0), k
		return nil
	})
	return code, name, err
}

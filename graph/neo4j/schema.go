package neo4j

import (
	"context"
	"crypto/rand"
	"regexp"
	"slices"

	driver "github.com/neo4j/neo4j-go-driver/v5/neo4j"

	"pedigree/graph"
	"pedigree/registry"
)

// step is one numbered change of the schema. Its texts can run again, so that an
// interrupted start, or two at the same time, do no harm.
type step struct {
	number int
	texts  []string
	// backfill, where it is set, converts existing data after the texts. It can run
	// again too.
	backfill func(ctx context.Context, s *Store, session driver.SessionWithContext) error
}

// steps only grows; a released step is never changed.
var steps = []step{{1, firstStep, nil}, {2, fulltextStep, backfillFulltext}, {3, namespaceStep, backfillNamespaces}, {4, nil, backfillPacked},
	// Step 5 changes nothing: it keeps out older programs, whose log entries can be earlier
	// than the one before.
	{5, nil, nil},
	// Step 6 splits texts as graph.TokenizerVersion 2 does.
	{6, nil, backfillFulltext},
	{7, servedStep, backfillServed},
	// Step 8 fills the column that aliases have got, by which a version finds its own.
	{8, nil, backfillColumns},
	{9, listStep, backfillAbsent},
	// Step 10 fills the tree hashes of the log.
	{10, logTimeStep, backfillTree},
	{11, counterStep, nil},
	// Step 12 adds the index of the uses of a dataset.
	{12, listStep, nil},
	// Step 13 adds the indexes by the numbers of nodes, and those of foreign records.
	{13, listStep, nil},
	// Step 14 adds the labels by which lists find the nodes with a tag.
	{14, labelStep, backfillLabels},
	// Step 15 has the words written after the commit. It also keeps out older programs, which do
	// not know the read lease.
	{15, fulltextAfterCommitStep, nil}}

var logTimeStep = []string{"CREATE INDEX log_at IF NOT EXISTS FOR (l:Log) ON (l.ns, l.at)", "CALL db.awaitIndexes(300)"}

var firstStep = []string{
	"CREATE CONSTRAINT node_key IF NOT EXISTS FOR (n:Node) REQUIRE n.key IS UNIQUE",
	"CREATE CONSTRAINT slot_key IF NOT EXISTS FOR (s:Slot) REQUIRE s.key IS UNIQUE",
	"CREATE CONSTRAINT log_key IF NOT EXISTS FOR (l:Log) REQUIRE l.key IS UNIQUE",
	"CREATE CONSTRAINT revision_key IF NOT EXISTS FOR (v:Revision) REQUIRE v.key IS UNIQUE",
	"CREATE INDEX node_kind_name IF NOT EXISTS FOR (n:Node) ON (n.kind_key, n.name)",
	"CREATE INDEX node_kind_since IF NOT EXISTS FOR (n:Node) ON (n.kind_key, n.valid_from)",
	"CREATE INDEX node_parent IF NOT EXISTS FOR (n:Node) ON (n.parent_key)",
	"CREATE INDEX revision_node IF NOT EXISTS FOR (v:Revision) ON (v.node_key)",
	"CREATE INDEX log_seq IF NOT EXISTS FOR (l:Log) ON (l.ns, l.seq)",
	"CREATE INDEX log_model IF NOT EXISTS FOR (l:Log) ON (l.model_key, l.seq)",
	"CREATE INDEX log_actor IF NOT EXISTS FOR (l:Log) ON (l.actor_key, l.seq)",
	"CREATE INDEX touch_object IF NOT EXISTS FOR (t:Touch) ON (t.object_key, t.seq)",
	"CALL db.awaitIndexes(300)",
}

// headConstraint comes first, so that there is one head to lock.
const headConstraint = "CREATE CONSTRAINT head_key IF NOT EXISTS FOR (h:Head) REQUIRE h.key IS UNIQUE"

const (
	// makeHead creates the head at the first start, with the instance secret.
	makeHead = `MERGE (h:Head {key: $key})
ON CREATE SET h.seq = 0, h.number = 0, h.roots = '', h.schema = 0, h.secret = $secret
SET h.locked = true`
	lockHead = "MATCH (h:Head {key: $key}) USING INDEX SEEK h:Head(key) SET h.locked = true"
	readHead = "MATCH (h:Head {key: $key}) USING INDEX SEEK h:Head(key) RETURN h.seq AS seq, h.number AS number, h.schema AS schema, h.secret AS secret, h.migration AS migration"
	// findHead has no hint, because the database may lack the index that it names.
	findHead = "MATCH (h:Head {key: $key}) RETURN h.seq AS seq"
	// setEmptySchema does nothing when there was ever a node or an entry.
	setEmptySchema = "MATCH (h:Head {key: $key}) USING INDEX SEEK h:Head(key) WHERE h.schema = 0 AND h.number = 0 AND h.seq = 0 SET h.schema = $schema RETURN h.key"
	setSchema      = "MATCH (h:Head {key: $key}) USING INDEX SEEK h:Head(key) SET h.schema = $schema"
)

// lockAndReadHead takes the lock, and then reads the head, the newest log entry and what a
// rehearsal has noted. The plan must not read a property before it waits for the lock:
// TestTheHeadIsReadUnderItsLock.
var lockAndReadHead = "MATCH (h:Head {key: $key}) USING INDEX SEEK h:Head(key) SET h.locked = true WITH h OPTIONAL MATCH (l:Log {key: $key + toString(h.seq)}) USING INDEX SEEK l:Log(key)\n" +
	"WITH h, l\n" + readForeseenLists +
	"RETURN h.seq AS seq, h.number AS number, h.roots AS roots, h.schema AS schema, h.repairs AS repairs, h.migration AS migration, h.lease AS lease, l {.*} AS entry, nodes, slots"

// checkExists returns NOT_FOUND when the namespace has no head.
func (s *Store) checkExists(ctx context.Context) error {
	return s.read(ctx, func(v *view) error {
		rows, err := v.query(ctx, findHead, map[string]any{"key": v.key("")})
		if err == nil && len(rows) == 0 {
			return registry.Errorf(registry.NotFound, "there is no registry in the database, or not in this namespace")
		}
		return err
	})
}

// migrate runs the steps that the database lacks. The lock on the head is the lock on
// the store: the number of a step is written under it and never falls. Of two servers
// that start together one creates the head, with the secret that both read.
func (s *Store) migrate(ctx context.Context) error {
	session := s.session(ctx, driver.AccessModeWrite)
	defer session.Close(context.WithoutCancel(ctx))
	online, err := s.onlineIndexes(ctx, session)
	if err != nil {
		return err
	}
	if err := s.createMissing(ctx, session, online, headConstraint); err != nil {
		return err
	}
	have, err := s.schema(ctx, session, 0)
	if err != nil {
		return err
	}
	if have == 0 {
		if have, err = s.skipSteps(ctx, session, online); err != nil {
			return err
		}
	}
	for _, st := range steps {
		if st.number <= have {
			continue
		}
		if err := s.createMissing(ctx, session, online, st.texts...); err != nil {
			return err
		}
		if st.backfill != nil {
			err := st.backfill(ctx, s, session)
			s.memory.ForgetAll()
			if err != nil {
				return err
			}
		}
		if have, err = s.schema(ctx, session, st.number); err != nil {
			return err
		}
	}
	return nil
}

// skipSteps creates the indexes of all steps, and takes a namespace without nodes to the newest step
// at once: there is nothing to convert. It returns the step that the namespace is at.
func (s *Store) skipSteps(ctx context.Context, session driver.SessionWithContext, online map[string]bool) (int, error) {
	for _, st := range steps {
		if err := s.createMissing(ctx, session, online, st.texts...); err != nil {
			return 0, err
		}
	}
	done, err := session.ExecuteWrite(ctx, func(tx driver.ManagedTransaction) (any, error) {
		v, newest := &view{s: s, tx: tx}, steps[len(steps)-1].number
		_, err := v.query(ctx, lockHead, map[string]any{"key": v.key("")})
		var set []row
		if err == nil {
			set, err = v.query(ctx, setEmptySchema, map[string]any{"key": v.key(""), "schema": int64(newest)})
		}
		return newest * len(set), v.outcome(err)
	})
	if err != nil {
		return 0, err
	}
	return done.(int), nil
}

// schema locks the head, creates it if need be, raises its step number to done and
// returns it. It refuses a number that this release does not know.
func (s *Store) schema(ctx context.Context, session driver.SessionWithContext, done int) (int, error) {
	secret := make([]byte, 32)
	rand.Read(secret)
	have, err := session.ExecuteWrite(ctx, func(tx driver.ManagedTransaction) (any, error) {
		v := &view{s: s, tx: tx}
		have, err := v.raiseSchema(ctx, secret, done)
		return have, v.outcome(err)
	})
	if err != nil {
		return 0, err
	}
	return have.(int), nil
}

func (v *view) raiseSchema(ctx context.Context, secret []byte, done int) (int, error) {
	if _, err := v.query(ctx, makeHead, map[string]any{"key": v.key(""), "secret": secret}); err != nil {
		return 0, err
	}
	rows, err := v.query(ctx, readHead, map[string]any{"key": v.key("")})
	if err != nil {
		return 0, err
	}
	have := int(rows[0]["schema"].(int64))
	newest := steps[len(steps)-1].number
	if have > newest {
		return 0, registry.Errorf(registry.FailedPrecondition,
			"the store has schema %d, and this release knows up to %d; run the newer release", have, newest)
	}
	if done > have {
		have = done
		_, err = v.query(ctx, setSchema, map[string]any{"key": v.key(""), "schema": int64(done)})
	}
	return have, err
}

const showIndexes = "SHOW INDEXES YIELD name, state WHERE state = 'ONLINE' RETURN name"

// onlineIndexes returns the names of the indexes that the database has and that are
// complete. The index of a constraint has the constraint's name.
func (s *Store) onlineIndexes(ctx context.Context, session driver.SessionWithContext) (map[string]bool, error) {
	names, err := session.ExecuteRead(ctx, func(tx driver.ManagedTransaction) (any, error) {
		v := &view{s: s, tx: tx}
		rows, err := v.query(ctx, showIndexes, nil)
		online := map[string]bool{}
		for _, r := range rows {
			online[r["name"].(string)] = true
		}
		return online, v.outcome(err)
	})
	if err != nil {
		return nil, err
	}
	return names.(map[string]bool), nil
}

// schemaName finds the name of what a schema text creates.
var schemaName = regexp.MustCompile(`^CREATE (?:CONSTRAINT|INDEX|FULLTEXT INDEX) (\w+) IF NOT EXISTS`)

// droppedIndex finds the name of the index that a schema text drops.
var droppedIndex = regexp.MustCompile(`^DROP INDEX (\w+) IF EXISTS`)

// createMissing runs the schema texts whose index is not online yet, so that a server that
// starts on an up-to-date database changes no schema, and those that drop one that is. A text
// without a name waits for the indexes that were just created.
func (s *Store) createMissing(ctx context.Context, session driver.SessionWithContext, online map[string]bool, texts ...string) error {
	created := false
	for _, text := range texts {
		name := schemaName.FindStringSubmatch(text)
		if old := droppedIndex.FindStringSubmatch(text); old != nil {
			if online[old[1]] {
				if err := s.ddl(ctx, session, text); err != nil {
					return err
				}
			}
			continue
		}
		if name != nil && online[name[1]] || name == nil && !created {
			continue
		}
		if err := s.ddl(ctx, session, text); err != nil {
			return err
		}
		created = true
	}
	return nil
}

// ddl runs one schema text in a transaction of its own, as Neo4j requires.
func (s *Store) ddl(ctx context.Context, session driver.SessionWithContext, text string) error {
	_, err := session.ExecuteWrite(ctx, func(tx driver.ManagedTransaction) (any, error) {
		v := &view{s: s, tx: tx}
		_, err := v.query(ctx, text, nil)
		return nil, v.outcome(err)
	})
	return err
}

// backfillPages converts the nodes of a query, one page in each transaction, under the
// head's lock.
func (s *Store) backfillPages(ctx context.Context, session driver.SessionWithContext, q graph.Query, fill func(*view, []*graph.Node) error) error {
	for {
		last, err := session.ExecuteWrite(ctx, func(tx driver.ManagedTransaction) (any, error) {
			v := &view{s: s, tx: tx, holdsLock: true}
			last, err := v.backfillPage(ctx, q, fill)
			return last, v.outcome(err)
		})
		if err != nil {
			return err
		}
		if q.After = last.(*graph.Key); q.After == nil {
			return nil
		}
	}
}

// setVersionKey writes the column of a semver.
const setVersionKey = "UNWIND $rows AS row MATCH (n:Node {key: row.key}) USING INDEX SEEK n:Node(key) SET n.version_key = row.value"

// backfillColumns fills the column of a semver in nodes that were written before their kind
// had it. Nodes that have ended may have given it up.
func backfillColumns(ctx context.Context, s *Store, session driver.SessionWithContext) error {
	q := graph.Query{Limit: batch}
	for _, noun := range registry.Nouns() {
		has := slices.ContainsFunc(noun.Fields, func(f registry.Field) bool { return f.Column == registry.IndexVersion })
		if has && !noun.Kind.Walked() {
			q.Kinds = append(q.Kinds, noun.Kind)
		}
	}
	return s.backfillPages(ctx, session, q, func(v *view, nodes []*graph.Node) error {
		rows := []row{}
		for _, n := range nodes {
			columns, err := registry.ColumnsOf(n.Kind, n.Doc)
			if err != nil {
				return err
			}
			if key, _ := columns[registry.IndexVersion].(string); key != "" && n.ValidTo.IsZero() {
				rows = append(rows, row{"key": v.key(string(n.ID)), "value": sortable(key)})
			}
		}
		_, err := v.query(ctx, setVersionKey, map[string]any{"rows": rows})
		return err
	})
}

// backfillPage converts one page and returns its last key, nil when it was the last
// page.
func (v *view) backfillPage(ctx context.Context, q graph.Query, fill func(*view, []*graph.Node) error) (*graph.Key, error) {
	if _, err := v.query(ctx, lockHead, map[string]any{"key": v.key("")}); err != nil {
		return nil, err
	}
	page, err := v.Find(ctx, q)
	if err == nil {
		err = fill(v, page.Nodes)
	}
	if err != nil || !page.More {
		return nil, err
	}
	last := page.Nodes[len(page.Nodes)-1]
	return &graph.Key{Value: last.Name, ID: last.ID}, nil
}

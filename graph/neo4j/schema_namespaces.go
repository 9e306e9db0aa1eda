package neo4j

import (
	"context"

	driver "github.com/neo4j/neo4j-go-driver/v5/neo4j"
)

// namespaceStep adds the index that dumps read nodes by.
var namespaceStep = []string{
	"CREATE INDEX node_number IF NOT EXISTS FOR (n:Node) ON (n.ns, n.number)",
	"CALL db.awaitIndexes(300)",
}

// setNamespaces writes the namespace of the next nodes by key. A key can begin like
// those of this namespace and belong to another one whose name contains the separator.
const setNamespaces = "MATCH (n:Node) USING INDEX SEEK n:Node(key) WHERE n.key > $after AND n.key < $end WITH n ORDER BY n.key LIMIT $limit\n" +
	"SET n.ns = CASE WHEN n.key = $ns + '|' + n.id THEN $ns ELSE n.ns END RETURN max(n.key) AS last"

// backfillNamespaces writes the namespace of nodes that are older than the index, one
// page in each transaction, under the head's lock.
func backfillNamespaces(ctx context.Context, s *Store, session driver.SessionWithContext) error {
	after := s.ns + "|"
	for after != "" {
		last, err := session.ExecuteWrite(ctx, func(tx driver.ManagedTransaction) (any, error) {
			v := &view{s: s, tx: tx, holdsLock: true}
			last, err := v.backfillNamespacePage(ctx, after)
			return last, v.outcome(err)
		})
		if err != nil {
			return err
		}
		after = last.(string)
	}
	return nil
}

// backfillNamespacePage converts a page and returns its last key, "" when there is
// none.
func (v *view) backfillNamespacePage(ctx context.Context, after string) (string, error) {
	if _, err := v.query(ctx, lockHead, map[string]any{"key": v.key("")}); err != nil {
		return "", err
	}
	rows, err := v.query(ctx, setNamespaces, map[string]any{"ns": v.s.ns, "after": after, "end": v.s.ns + "}", "limit": int64(batch)})
	if err != nil {
		return "", err
	}
	return text(rows[0], "last"), nil
}

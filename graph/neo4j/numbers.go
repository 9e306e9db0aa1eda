package neo4j

import (
	"context"

	driver "github.com/neo4j/neo4j-go-driver/v5/neo4j"
)

// numbersStep brings the order in which nodes are dumped.
var numbersStep = []string{
	"CREATE INDEX node_number IF NOT EXISTS FOR (n:Node) ON (n.ns, n.number)",
	"CALL db.awaitIndexes(300)",
}

// setNamespaces writes the namespace of the next nodes by key. A key may begin
// like those of this namespace and belong to another, whose name has the mark.
const setNamespaces = "MATCH (n:Node) USING INDEX n:Node(key) WHERE n.key > $after AND n.key < $end WITH n ORDER BY n.key LIMIT $limit\n" +
	"SET n.ns = CASE WHEN n.key = $ns + '|' + n.id THEN $ns ELSE n.ns END RETURN max(n.key) AS last"

// fillNumbers gives nodes that were written before there was the order their
// namespace, a page in each transaction, under the head's lock.
func fillNumbers(ctx context.Context, s *Store, session driver.SessionWithContext) error {
	after := s.ns + "|"
	for after != "" {
		last, err := session.ExecuteWrite(ctx, func(tx driver.ManagedTransaction) (any, error) {
			v := &view{s: s, tx: tx, own: true}
			last, err := v.fillNamespaces(ctx, after)
			return last, v.settle(err)
		})
		if err != nil {
			return err
		}
		after = last.(string)
	}
	return nil
}

// fillNamespaces fills a page and returns its last key, "" where there is none.
func (v *view) fillNamespaces(ctx context.Context, after string) (string, error) {
	if _, err := v.query(ctx, lockHead, map[string]any{"key": v.key("")}); err != nil {
		return "", err
	}
	rows, err := v.query(ctx, setNamespaces, map[string]any{"ns": v.s.ns, "after": after, "end": v.s.ns + "}", "limit": int64(batch)})
	if err != nil {
		return "", err
	}
	return text(rows[0], "last"), nil
}

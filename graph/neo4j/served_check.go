package neo4j

import (
	"context"
	"strings"

	driver "github.com/neo4j/neo4j-go-driver/v5/neo4j"

	"pedigree/registry"
)

// readSupport reads a page of nodes, with their values and how many nodes support them. When all
// nodes agree with those that support them, all values are right: support has no cycle.
var readSupport = func() string {
	var contents strings.Builder
	for _, k := range registry.Kinds() {
		if kinds := kindTexts(k.ServedContents()); len(kinds) > 0 {
			contents.WriteString(" WHEN '" + string(k) + "' THEN ['" + strings.Join(kinds, "', '") + "']")
		}
	}
	return servedWords.Replace(strings.Replace(
		`MATCH (n:Node) USING INDEX SEEK n:Node(ns, number) WHERE n.ns = $ns AND n.number > $after WITH n ORDER BY n.ns, n.number LIMIT $limit
WITH n, CASE n.kind$contents END AS contents
RETURN n.key AS key, n.number AS number, n.kind AS kind, coalesce(n.served, $no) AS served, coalesce(n.support, 0) AS support,
n.kind = $version AND NOT n.deleted AND n.stage IN $stages AS itself,
CASE WHEN n.served = $yes THEN n.served_kind = n.kind_key AND n.served_parent = n.parent_key ELSE n.served_kind IS NULL AND n.served_parent IS NULL END AS listed,
CASE n.kind WHEN $deployment THEN COUNT { MATCH (n)-[r:$deploys]->(m) WHERE r.retracted_seq = 0 AND m.kind = $version AND m.served = $yes }
ELSE COUNT { MATCH (n)<-[r:$above]-(m) WHERE r.retracted_seq = 0 AND m.kind <> $deployment AND m.served > $no } END +
CASE WHEN contents IS NULL THEN 0 ELSE COUNT { MATCH (c:Node) USING INDEX SEEK c:Node(parent_key) WHERE c.parent_key = n.key AND c.kind IN contents AND NOT c.deleted AND c.served = $yes } END AS counted`,
		"$contents", contents.String(), 1))
}()

// countRepair changes the state of the store, so that servers forget what they remember.
const countRepair = "MATCH (h:Head {key: $key}) USING INDEX SEEK h:Head(key) SET h.repairs = coalesce(h.repairs, 0) + 1"

// checkServed counts the nodes that do not agree with those that support them, page by page. With
// repair it changes their support, and passes the changes on: so a node that was read already
// stays right.
func (t *txn) checkServed(ctx context.Context, repair bool) (wrong int64, err error) {
	params := map[string]any{"ns": t.s.ns, "after": int64(0), "limit": int64(batch), "stages": servedStages()}
	for {
		rows, err := t.query(ctx, readSupport, params)
		if err != nil {
			return wrong, err
		}
		var repairs []row
		for _, r := range rows {
			itself, _ := r["itself"].(bool)
			listed, _ := r["listed"].(bool)
			served := registry.ServedOf(registry.Kind(text(r, "kind")), itself, number(r, "counted"))
			if delta := number(r, "counted") - number(r, "support"); delta != 0 || number(r, "served") != int64(served) || !listed {
				repairs = append(repairs, row{"key": text(r, "key"), "kind": "", "delta": delta})
			}
		}
		wrong += int64(len(repairs))
		if repair {
			if err := t.spreadServed(ctx, repairs); err != nil {
				return wrong, err
			}
		}
		if len(rows) < batch {
			break
		}
		params["after"] = number(rows[len(rows)-1], "number")
	}
	if repair && wrong > 0 {
		_, err = t.query(ctx, countRepair, map[string]any{"key": t.key("")})
	}
	return wrong, err
}

// CheckServed implements graph.ServedChecker.
func (s *Store) CheckServed(ctx context.Context, repair bool) (wrong int64, err error) {
	if repair { // Who holds the lease does not learn of a repair.
		if err := s.endForeignLease(ctx); err != nil {
			return 0, err
		}
	}
	session := s.session(ctx, driver.AccessModeWrite)
	defer session.Close(context.WithoutCancel(ctx))
	_, err = session.ExecuteWrite(ctx, func(tx driver.ManagedTransaction) (any, error) {
		t := &txn{view: &view{s: s, tx: tx, holdsLock: true, pending: &pendingWrites{}}}
		t.flush = t.flushPending
		_, err := t.query(ctx, lockHead, map[string]any{"key": t.key("")})
		if err == nil {
			wrong, err = t.checkServed(ctx, repair)
		}
		return nil, t.outcome(err)
	})
	if repair {
		s.memory.ForgetAll()
	}
	return wrong, storeError(err)
}

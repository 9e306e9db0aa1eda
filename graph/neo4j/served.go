package neo4j

import (
	"context"
	"slices"
	"strconv"
	"strings"

	driver "github.com/neo4j/neo4j-go-driver/v5/neo4j"

	"pedigree/graph"
	"pedigree/registry"
)

// The properties served and support of a Node hold registry.Served and how many nodes make
// it so. A node that is IsServed has served_kind and served_parent too, by which lists find
// it. Every write keeps them true in its transaction: it changes the support of the nodes
// that it concerns directly, and each node whose value changes passes the change on to its
// own causes and containers, one level in each query.

// servedWords replaces the words that stand for constants in the texts about served nodes.
var servedWords = func() *strings.Replacer {
	var above []string
	for _, k := range registry.EdgeKinds() {
		if k != registry.EdgeDeploys {
			above = append(above, string(k))
		}
	}
	var containers strings.Builder
	for _, k := range registry.Kinds() {
		if c := k.ServedContainer(); c != "" {
			containers.WriteString(" WHEN '" + string(k) + "' THEN '" + string(c) + "'")
		}
	}
	return strings.NewReplacer("$above", strings.Join(above, "|"), "$containers", containers.String(), "$version", "'"+string(registry.KindModelVersion)+"'",
		"$deployment", "'"+string(registry.KindDeployment)+"'", "$deploys", string(registry.EdgeDeploys), "$no", strconv.Itoa(int(registry.NotServed)),
		"$below", strconv.Itoa(int(registry.ServedBelow)), "$yes", strconv.Itoa(int(registry.IsServed)))
}()

// changeSupport changes the support of nodes, of a kind where row.kind is not empty, and
// returns the nodes whose support changes because of that.
var changeSupport = servedWords.Replace(
	`UNWIND $rows AS row MATCH (n:Node {key: row.key}) USING INDEX SEEK n:Node(key) WHERE row.kind = '' OR n.kind = row.kind
WITH n, coalesce(n.served, $no) AS before, coalesce(n.support, 0) + row.delta AS support, n.kind = $version AND NOT n.deleted AND n.stage IN $stages AS itself
WITH n, before, support, CASE WHEN itself THEN $yes WHEN support <= 0 THEN $no WHEN n.kind = $version THEN $below ELSE $yes END AS after
SET n.support = support, n.served = after, n.served_kind = CASE after WHEN $yes THEN n.kind_key END, n.served_parent = CASE after WHEN $yes THEN n.parent_key END
WITH n, before, after WHERE before <> after
WITH n, CASE WHEN n.kind = $deployment THEN 0 ELSE (CASE WHEN after > $no THEN 1 ELSE 0 END) - (CASE WHEN before > $no THEN 1 ELSE 0 END) END AS above,
(CASE after WHEN $yes THEN 1 ELSE 0 END) - (CASE before WHEN $yes THEN 1 ELSE 0 END) AS visible
CALL { WITH n, above MATCH (n)-[r:$above]->(m) WHERE above <> 0 AND r.retracted_seq = 0 RETURN m.key AS key, '' AS kind, above AS delta
UNION ALL WITH n, visible MATCH (n)<-[r:$deploys]-(m) WHERE visible <> 0 AND n.kind = $version AND r.retracted_seq = 0 RETURN m.key AS key, '' AS kind, visible AS delta
UNION ALL WITH n, visible WITH n, visible, CASE n.kind$containers END AS kind WHERE visible <> 0 AND kind IS NOT NULL AND NOT n.deleted
RETURN n.parent_key AS key, kind, visible AS delta }
RETURN key, kind, sum(delta) AS delta`)

// countContents counts the nodes that support new containers.
var countContents = servedWords.Replace(`UNWIND $rows AS row MATCH (c:Node) USING INDEX SEEK c:Node(parent_key) WHERE c.parent_key = row.key AND c.kind IN row.kinds AND c.served = $yes AND NOT c.deleted
RETURN row.key AS key, '' AS kind, count(*) AS delta`)

func servedStages() (out []string) {
	for _, s := range registry.ServedStages() {
		out = append(out, string(s))
	}
	return out
}

// supportRow is a change of the support of a node.
func (t *txn) supportRow(id registry.ID, kind registry.Kind, delta int64) row {
	return row{"key": t.key(string(id)), "kind": string(kind), "delta": delta}
}

// spreadServed changes the support of nodes, and passes the changes on until nothing
// changes any more. It ends, because edges form no cycle.
func (t *txn) spreadServed(ctx context.Context, rows []row) error {
	if t.rehearsal != nil {
		return nil
	}
	for len(rows) > 0 {
		t.hasWrites = true
		t.pending.sent()
		t.pending.forget()
		var next []row
		for part := range slices.Chunk(sumSupport(rows), batch) {
			found, err := t.query(ctx, changeSupport, map[string]any{"rows": part, "stages": servedStages()})
			if err != nil {
				return err
			}
			next = append(next, found...)
		}
		rows = next
	}
	return nil
}

// sumSupport adds up the changes of each node, in order of the first one.
func sumSupport(rows []row) (out []row) {
	first := map[string]row{}
	for _, r := range rows {
		if f := first[r["key"].(string)]; f != nil && f["kind"] == r["kind"] {
			f["delta"] = f["delta"].(int64) + r["delta"].(int64)
			continue
		}
		sum := row{"key": r["key"], "kind": r["kind"], "delta": r["delta"]}
		first[r["key"].(string)] = sum
		out = append(out, sum)
	}
	return out
}

// servePut follows a Put: versions that changed their stage, and new containers, whose
// nodes may be there already.
func (t *txn) servePut(ctx context.Context, nodes map[registry.ID]*storedNode) error {
	var containers, versions []row
	for id, s := range nodes {
		if kinds := s.kind.ServedContents(); s.isNew && len(kinds) > 0 {
			containers = append(containers, row{"key": t.key(string(id)), "kinds": kindTexts(kinds)})
		}
		itself := registry.ServesItself(s.kind, registry.Stage(unsortable(text(s.properties, string(registry.IndexStage)))), false)
		if s.kind == registry.KindModelVersion && itself != (s.served == int64(registry.IsServed)) {
			versions = append(versions, t.supportRow(id, "", 0))
		}
	}
	if len(containers) > 0 {
		found, err := t.countContents(ctx, containers)
		if err != nil {
			return err
		}
		versions = append(versions, found...)
	}
	return t.spreadServed(ctx, versions)
}

// countContents counts the nodes that support new containers. Pending writes that have no
// such node stay pending.
func (t *txn) countContents(ctx context.Context, containers []row) ([]row, error) {
	if t.rehearsal != nil {
		return nil, nil
	}
	for _, r := range containers {
		if t.pending.parents[text(r, "key")] {
			if err := t.flush(ctx); err != nil {
				return nil, err
			}
			break
		}
	}
	return rowsOf(t.send(ctx, countContents, map[string]any{"rows": containers}))
}

func kindTexts(kinds []registry.Kind) (out []string) {
	for _, k := range kinds {
		out = append(out, string(k))
	}
	return out
}

// above reports whether the causes of a node of a kind are served because of it.
func above(kind registry.Kind, served int64) bool {
	return kind != registry.KindDeployment && served > int64(registry.NotServed)
}

// edgeSupport appends the change that an edge makes (delta 1) or takes back (-1), given the
// values of its ends before it.
func (t *txn) edgeSupport(rows []row, e *graph.Edge, kind registry.Kind, from, to, delta int64) []row {
	switch {
	case e.Kind == registry.EdgeDeploys:
		if to == int64(registry.IsServed) {
			rows = append(rows, t.supportRow(e.From, "", delta))
		}
	case above(kind, from):
		rows = append(rows, t.supportRow(e.To, "", delta))
	}
	return rows
}

// serveDeleted follows the deletion of nodes, given as they were before.
func (t *txn) serveDeleted(ctx context.Context, nodes map[registry.ID]*storedNode) error {
	var rows []row
	for id, s := range nodes {
		if s.served == int64(registry.IsServed) {
			if container := s.kind.ServedContainer(); container != "" {
				rows = append(rows, t.supportRow(s.parent, container, -1))
			}
		}
		if s.kind == registry.KindModelVersion && s.served > int64(registry.NotServed) {
			rows = append(rows, t.supportRow(id, "", 0))
		}
	}
	return t.spreadServed(ctx, rows)
}

// servedStep adds the indexes of the lists of served nodes.
var servedStep = []string{
	"CREATE INDEX node_served_name IF NOT EXISTS FOR (n:Node) ON (n.served_kind, n.name)",
	"CREATE INDEX node_served_since IF NOT EXISTS FOR (n:Node) ON (n.served_kind, n.valid_from)",
	"CREATE INDEX node_served_parent IF NOT EXISTS FOR (n:Node) ON (n.served_parent)",
	"CALL db.awaitIndexes(300)",
}

// backfillServed gives the nodes of an older store their values.
func backfillServed(ctx context.Context, s *Store, _ driver.SessionWithContext) error {
	_, err := s.CheckServed(ctx, true)
	return err
}

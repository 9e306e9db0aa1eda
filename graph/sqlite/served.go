package sqlite

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"pedigree/graph"
	"pedigree/registry"

	engine "zombiezen.com/go/sqlite"
)

// The columns served and support of the table node hold registry.Served of a node and how
// many nodes make it so. Every write keeps them true in its transaction: it changes the
// support of the nodes that it concerns directly, and each node whose value changes passes
// the change on to its own causes and containers. So a write costs as much as it changes,
// and not as much as hangs on it.

// servedNode is what deciding registry.Served needs to know of a node.
type servedNode struct {
	num     int64
	id      registry.ID
	kind    registry.Kind
	parent  registry.ID
	stage   registry.Stage
	deleted bool
	support int64
	served  registry.Served
}

// above reports whether the causes of the node are served because of it.
func (n *servedNode) above() bool {
	return n.kind != registry.KindDeployment && n.served > registry.NotServed
}

const servedColumns = "SELECT num, id, kind, parent, stage, deleted, support, served FROM node WHERE "

func (t *tx) servedNode(sql string, args ...any) (n *servedNode, err error) {
	err = t.c.query(servedColumns+sql, func(st *engine.Stmt) error {
		n = &servedNode{st.ColumnInt64(0), registry.ID(st.ColumnText(1)), t.s.codes.kindName[st.ColumnInt(2)], registry.ID(st.ColumnText(3)),
			registry.Stage(st.ColumnText(4)), st.ColumnBool(5), st.ColumnInt64(6), registry.Served(st.ColumnInt(7))}
		return nil
	}, args...)
	return n, err
}

// servedChange is a node whose registry.Served changed from the value before.
type servedChange struct {
	servedNode
	before registry.Served
}

// support changes how many nodes make a node served, and passes on what follows from it.
func (t *tx) support(num, delta int64) error {
	changes, err := t.changeSupport(nil, num, delta)
	if err != nil {
		return err
	}
	return t.spreadServed(changes)
}

// changeSupport appends the node to changes when its value changes.
func (t *tx) changeSupport(changes []servedChange, num, delta int64) ([]servedChange, error) {
	n, err := t.servedNode("num = ?", num)
	if err != nil || n == nil {
		return changes, err
	}
	before := n.served
	n.support += delta
	n.served = registry.ServedOf(n.kind, registry.ServesItself(n.kind, n.stage, n.deleted), n.support)
	if delta != 0 {
		if err := t.c.exec("UPDATE node SET support = ?2 WHERE num = ?1", num, n.support); err != nil {
			return changes, err
		}
	}
	if n.served != before { // Apart, because it writes in the indexes of what is served.
		t.writesNode(n.id, n.parent, n.kind)
		if err := t.c.exec("UPDATE node SET served = ?2 WHERE num = ?1", num, int64(n.served)); err != nil {
			return changes, err
		}
		if err := t.serveLabels(n); err != nil {
			return changes, err
		}
		changes = append(changes, servedChange{*n, before})
	}
	return changes, nil
}

// spreadServed passes changes on until nothing changes any more. It ends, because edges
// form no cycle.
func (t *tx) spreadServed(changes []servedChange) error {
	for ; len(changes) > 0; changes = changes[1:] {
		c := changes[0]
		targets, err := t.supported(c)
		if err != nil {
			return err
		}
		for _, to := range targets {
			if changes, err = t.changeSupport(changes, to.num, to.delta); err != nil {
				return err
			}
		}
	}
	return nil
}

// supportChange is a change of the support of a node.
type supportChange struct{ num, delta int64 }

// supported returns the nodes whose support a change alters.
func (t *tx) supported(c servedChange) (out []supportChange, err error) {
	old := c.servedNode
	old.served = c.before
	if d := difference(old.above(), c.above()); d != 0 {
		if out, err = t.appendEnds(out, d, "SELECT to_num FROM edge WHERE from_num = ? AND retracted_seq = 0 AND kind <> ?", c.num); err != nil {
			return nil, err
		}
	}
	d := difference(c.before == registry.IsServed, c.served == registry.IsServed)
	if d == 0 {
		return out, nil
	}
	if c.kind == registry.KindModelVersion {
		if out, err = t.appendEnds(out, d, "SELECT from_num FROM edge WHERE to_num = ? AND retracted_seq = 0 AND kind = ?", c.num); err != nil {
			return nil, err
		}
	}
	if c.deleted {
		return out, nil
	}
	container, err := t.containerOf(c.kind, c.parent)
	if err == nil && container != nil {
		out = append(out, supportChange{container.num, d})
	}
	return out, err
}

// appendEnds appends the far ends of the edges that a statement selects by a node and the
// code of DEPLOYS.
func (t *tx) appendEnds(out []supportChange, delta int64, sql string, num int64) ([]supportChange, error) {
	err := t.c.query(sql, func(st *engine.Stmt) error {
		out = append(out, supportChange{st.ColumnInt64(0), delta})
		return nil
	}, num, t.s.codes.edge[registry.EdgeDeploys])
	return out, err
}

func difference(before, after bool) int64 {
	switch {
	case after && !before:
		return 1
	case before && !after:
		return -1
	}
	return 0
}

// containerOf returns the node with an id if nodes of a kind support it.
func (t *tx) containerOf(kind registry.Kind, id registry.ID) (*servedNode, error) {
	container := kind.ServedContainer()
	if container == "" || id == "" {
		return nil, nil
	}
	return t.servedNode("id = ? AND kind = ?", string(id), t.s.codes.kind[container])
}

// servePut follows a Put: versions that changed their stage, and new containers, whose
// nodes may be there already.
func (t *tx) servePut(nodes []*graph.Node, plan map[registry.ID]*plannedPut) error {
	done := map[registry.ID]bool{}
	for _, n := range nodes {
		if p := plan[n.ID]; p.isNew && !done[n.ID] && len(n.Kind.ServedContents()) > 0 {
			if err := t.countContents(n, p.num); err != nil {
				return err
			}
			done[n.ID] = true
		}
	}
	for i := len(nodes) - 1; i >= 0; i-- { // The last one of an id is what is stored.
		n := nodes[i]
		if done[n.ID] || n.Kind != registry.KindModelVersion {
			continue
		}
		done[n.ID] = true
		was := plan[n.ID].served == registry.IsServed
		if was != registry.ServesItself(n.Kind, registry.Stage(n.Text(registry.IndexStage)), false) {
			if err := t.support(plan[n.ID].num, 0); err != nil {
				return err
			}
		}
	}
	return nil
}

// countContents counts the nodes that support a new container.
func (t *tx) countContents(n *graph.Node, num int64) error {
	for _, kind := range n.Kind.ServedContents() {
		count, err := t.c.queryInt(fmt.Sprintf("SELECT count(*) FROM node INDEXED BY %s WHERE parent_num = ? AND parent_num<>0 AND kind = ? AND served=%d AND deleted = 0",
			byParent.ofServed().name(), registry.IsServed),
			num, t.s.codes.kind[kind])
		if err != nil {
			return err
		}
		if count > 0 {
			if err := t.support(num, count); err != nil {
				return err
			}
		}
	}
	return nil
}

// serveEdge follows a new edge (delta 1) or one that is gone (-1).
func (t *tx) serveEdge(key edgeKey, delta int64) error {
	decides, supported := key.from, key.to
	if key.kind == t.s.codes.edge[registry.EdgeDeploys] {
		decides, supported = key.to, key.from
	}
	n, err := t.servedNode("num = ?", decides)
	if err != nil || n == nil {
		return err
	}
	if decides == key.from && n.above() || decides == key.to && n.served == registry.IsServed {
		return t.support(supported, delta)
	}
	return nil
}

// serveDeleted follows the deletion of a node, given as it was before.
func (t *tx) serveDeleted(was *storedNode) error {
	if was.served == registry.IsServed {
		container, err := t.containerOf(was.kind, was.parent)
		if err == nil && container != nil {
			err = t.support(container.num, -1)
		}
		if err != nil {
			return err
		}
	}
	return t.support(was.num, 0)
}

// servedFormat names the rule by which served and support were computed.
const servedFormat = "1"

// rebuildStaleServed computes served and support anew when the store has none, or such of
// an older rule.
func (s *Store) rebuildStaleServed(c *conn) error {
	format := ""
	err := c.query("SELECT value FROM meta WHERE key = 'served'", func(st *engine.Stmt) error { format = st.ColumnText(0); return nil })
	if err != nil || format == servedFormat {
		return err
	}
	if err := s.rebuildServed(c); err != nil {
		return err
	}
	return c.exec("INSERT OR REPLACE INTO meta(key, value) VALUES('served', ?)", servedFormat)
}

// rebuildServed computes served and support of every node from the stages and the edges.
func (s *Store) rebuildServed(c *conn) error {
	var stages, containers []string
	for _, st := range registry.ServedStages() {
		stages = append(stages, "'"+string(st)+"'")
	}
	for _, k := range registry.Kinds() {
		if container := k.ServedContainer(); container != "" {
			containers = append(containers, fmt.Sprintf("(c.kind = %d AND node.kind = %d)", s.codes.kind[k], s.codes.kind[container]))
		}
	}
	names := strings.NewReplacer("$version", fmt.Sprint(s.codes.kind[registry.KindModelVersion]), "$deployment", fmt.Sprint(s.codes.kind[registry.KindDeployment]),
		"$deploys", fmt.Sprint(s.codes.edge[registry.EdgeDeploys]), "$stages", strings.Join(stages, ", "), "$contains", strings.Join(containers, " OR "),
		"$children", byParent.name(), "$no", fmt.Sprint(int(registry.NotServed)), "$below", fmt.Sprint(int(registry.ServedBelow)), "$yes", fmt.Sprint(int(registry.IsServed)))
	for _, sql := range []string{
		"DROP TABLE IF EXISTS temp.reached",
		"CREATE TEMP TABLE reached(num INTEGER PRIMARY KEY)",
		`INSERT INTO temp.reached WITH RECURSIVE up(num) AS (SELECT num FROM node WHERE kind = $version AND deleted = 0 AND stage IN ($stages)
			UNION SELECT e.to_num FROM up CROSS JOIN edge e ON e.from_num = up.num WHERE e.retracted_seq = 0) SELECT num FROM up`,
		"UPDATE node SET served = $no, support = 0 WHERE served <> $no OR support <> 0",
		`UPDATE node SET served = CASE WHEN kind = $version AND (deleted = 1 OR stage NOT IN ($stages)) THEN $below ELSE $yes END,
			support = (SELECT count(*) FROM edge e WHERE e.to_num = node.num AND e.retracted_seq = 0 AND e.kind <> $deploys AND e.from_num IN (SELECT num FROM temp.reached))
			WHERE num IN (SELECT num FROM temp.reached)`,
		`UPDATE node SET support = (SELECT count(*) FROM edge e CROSS JOIN node v ON v.num = e.to_num WHERE e.from_num = node.num AND e.retracted_seq = 0 AND e.kind = $deploys
			AND v.served = $yes AND v.kind = $version) WHERE kind = $deployment`,
		"UPDATE node SET support = (SELECT count(*) FROM node c INDEXED BY $children WHERE c.parent_num = node.num AND c.parent_num<>0 AND c.deleted = 0 AND c.served = $yes AND ($contains)) WHERE kind IN ($containers)",
		"UPDATE node SET served = $yes WHERE support > 0 AND kind IN ($deployment, $containers)",
		copyServedToLabels,
		"DROP TABLE temp.reached",
		"INSERT INTO meta(key, value) VALUES('repairs', '1') ON CONFLICT(key) DO UPDATE SET value = value + 1",
	} {
		sql = strings.ReplaceAll(sql, "$containers", s.containerCodes())
		if err := c.execOnce(names.Replace(sql)); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) containerCodes() string {
	var codes []string
	for _, k := range registry.Kinds() {
		if len(k.ServedContents()) > 0 {
			codes = append(codes, fmt.Sprint(s.codes.kind[k]))
		}
	}
	return strings.Join(codes, ", ")
}

// CheckServed implements graph.ServedChecker.
func (s *Store) CheckServed(ctx context.Context, repair bool) (wrong int64, err error) {
	err = s.updateRestoring(ctx, func(t *tx) error {
		t.unlogged = true
		wrong, err = t.checkServed()
		if err == nil && !repair {
			return errOnlyChecked
		}
		return publicError(err)
	})
	if errors.Is(err, errOnlyChecked) {
		err = nil
	}
	return wrong, err
}

// errOnlyChecked undoes what a check has written.
var errOnlyChecked = errors.New("sqlite: only checked")

func (t *tx) checkServed() (wrong int64, err error) {
	for _, sql := range []string{"DROP TABLE IF EXISTS temp.stored", "CREATE TEMP TABLE stored AS SELECT num, served, support FROM node"} {
		if err := t.c.execOnce(sql); err != nil {
			return 0, err
		}
	}
	if err := t.s.rebuildServed(t.c); err != nil {
		return 0, err
	}
	st, _, err := t.c.raw.PrepareTransient("SELECT count(*) FROM temp.stored s CROSS JOIN node n ON n.num = s.num WHERE n.served <> s.served OR n.support <> s.support")
	if err != nil {
		return 0, err
	}
	if _, err = st.Step(); err == nil {
		wrong = st.ColumnInt64(0)
	}
	if done := st.Finalize(); err == nil {
		err = done
	}
	if err != nil {
		return 0, err
	}
	return wrong, t.c.execOnce("DROP TABLE temp.stored")
}

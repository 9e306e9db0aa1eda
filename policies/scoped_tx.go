package policies

import (
	"context"
	"time"

	"pedigree/graph"
	"pedigree/registry"
)

// Tx is a transaction as one actor may write it. Reads through it see whole
// rows, for rules decide on them, but rows out of the actor's sight are absent
// (nil). Writes outside the models that the grants for the action cover are
// FORBIDDEN.
type Tx struct {
	scope   *Scope
	tx      graph.Tx
	granted []actionGrant
	gate    *Gate
}

func newTx(g *Gate, s *Scope, tx graph.Tx, granted []actionGrant) *Tx {
	return &Tx{scope: s.withReader(tx), tx: tx, granted: granted, gate: g}
}

// Subject returns who writes.
func (t *Tx) Subject() string { return t.scope.actor.Subject }

// Now returns the time of the gate's clock.
func (t *Tx) Now() time.Time { return t.gate.Now() }

// May reports whether the actor may do a further action in a model ("" for
// something that belongs to none).
func (t *Tx) May(action registry.Action, model registry.ID) bool {
	return allowed(t.scope.grantsFor(action), model)
}

func allowed(as []actionGrant, model registry.ID) bool {
	for _, a := range as {
		if a.model == "" || a.model == model {
			return true
		}
	}
	return false
}

// OwnOnly reports whether the action that opened the transaction is allowed on
// the subject's own facts alone.
func (t *Tx) OwnOnly() bool {
	for _, a := range t.granted {
		if a.rows != RowsOwn {
			return false
		}
	}
	return true
}

// Nodes returns whole nodes in order; nil where there is none or it is hidden.
func (t *Tx) Nodes(ctx context.Context, ids ...registry.ID) ([]*graph.Node, error) {
	nodes, err := t.tx.Nodes(ctx, graph.Instant{}, ids...)
	if err != nil {
		return nil, err
	}
	return nodes, t.hideInvisible(ctx, nodes)
}

// hide sets nodes out of sight to nil. Kinds that no door shows are the house's
// own and stay.
func (t *Tx) hideInvisible(ctx context.Context, nodes []*graph.Node) error {
	masks, err := t.scope.masks(ctx, nodes)
	if err != nil {
		return err
	}
	for i, n := range nodes {
		if n != nil && masks[i] == 0 && registry.NounOf(n.Kind) != nil {
			nodes[i] = nil
		}
	}
	return nil
}

// House returns whole nodes whatever the actor sees: for rules that must hold
// over everything, such as one PRODUCTION a model. It never reaches an answer.
func (t *Tx) House(ctx context.Context, ids ...registry.ID) ([]*graph.Node, error) {
	return t.tx.Nodes(ctx, graph.Instant{}, ids...)
}

// Holder returns the node that holds a slot, nil for a free one, whatever the
// actor sees.
func (t *Tx) Holder(ctx context.Context, slot string) (*graph.Node, error) {
	page, err := t.tx.Find(ctx, graph.Query{Slots: []string{slot}, Limit: 1})
	if err != nil || len(page.Nodes) == 0 {
		return nil, err
	}
	return page.Nodes[0], nil
}

// Children returns all nodes of a kind under parents, by a column's order,
// whatever the actor sees.
func (t *Tx) Children(ctx context.Context, kind registry.Kind, order registry.Index, parents ...registry.ID) ([]*graph.Node, error) {
	return All(ctx, t.tx, graph.Query{Kinds: []registry.Kind{kind}, Parents: parents, Order: order, Limit: 1000})
}

// All pages through a query to its end.
func All(ctx context.Context, r graph.Reader, q graph.Query) (out []*graph.Node, err error) {
	for {
		page, err := r.Find(ctx, q)
		if err != nil {
			return nil, err
		}
		out = append(out, page.Nodes...)
		if !page.More {
			return out, nil
		}
		q.After = KeyOf(page.Nodes[len(page.Nodes)-1], q.Order)
	}
}

// Neighbors returns one hop over today's facts, whatever the actor sees.
func (t *Tx) Neighbors(ctx context.Context, q graph.HopQuery) ([]graph.Hops, error) {
	return t.tx.Neighbors(ctx, q)
}

// Put writes nodes after checking that each lies where the actor may write.
func (t *Tx) Put(ctx context.Context, nodes ...*graph.Node) error {
	if err := t.checkWritable(ctx, nodes); err != nil {
		return err
	}
	t.scope.visibility = newRowVisibility(t.tx, t.gate.visibilityBudget) // What is seen may change by what is written.
	return t.tx.Put(ctx, nodes...)
}

// Delete turns nodes into tombstones, under the same check as Put.
func (t *Tx) Delete(ctx context.Context, nodes ...*graph.Node) error {
	if err := t.checkWritable(ctx, nodes); err != nil {
		return err
	}
	return t.tx.Delete(ctx, nodes...)
}

// check refuses writes outside the granted models.
func (t *Tx) checkWritable(ctx context.Context, nodes []*graph.Node) error {
	if allowed(t.granted, "") {
		return nil
	}
	for _, n := range nodes {
		if registry.NounOf(n.Kind) == nil {
			continue
		}
		model, err := t.modelOf(ctx, n)
		if err != nil {
			return err
		}
		if model == "" || !allowed(t.granted, model) {
			return registry.Errorf(registry.Forbidden, "your grant does not cover this %s; ask an administrator for a grant on its model", n.Kind)
		}
	}
	return nil
}

// modelOf finds the model that a node belongs to, "" for none.
func (t *Tx) modelOf(ctx context.Context, n *graph.Node) (registry.ID, error) {
	version := n.Parent
	switch n.Kind {
	case registry.KindModel:
		return n.ID, nil
	case registry.KindModelVersion, registry.KindAlias:
		return n.Parent, nil
	case registry.KindDeployment:
		version = versionOf(n)
	case registry.KindCard, registry.KindArtifact, registry.KindTransition:
	default:
		return "", nil
	}
	vs, err := t.tx.Nodes(ctx, graph.Instant{}, version)
	if err != nil || vs[0] == nil {
		return "", err
	}
	return vs[0].Parent, nil
}

// Link records edges between nodes that the actor sees: a hidden end is
// NOT_FOUND, as an unknown one. The effect must lie where the actor may write.
func (t *Tx) Link(ctx context.Context, edges ...*graph.Edge) error {
	ids := make([]registry.ID, 0, 2*len(edges))
	for _, e := range edges {
		ids = append(ids, e.From, e.To)
	}
	ends, err := t.Nodes(ctx, ids...)
	if err != nil {
		return err
	}
	for i, n := range ends {
		if n == nil || n.Deleted {
			return registry.Errorf(registry.NotFound, "there is no node %s to link; record it first", ids[i])
		}
	}
	for i, e := range edges {
		if err := t.checkWritable(ctx, ends[2*i:2*i+1]); err != nil {
			return err
		}
		e.By = t.Subject()
		if e.ValidFrom.IsZero() {
			e.ValidFrom = ends[2*i].ValidFrom // It was so from when the effect came to be.
		}
	}
	t.scope.visibility = newRowVisibility(t.tx, t.gate.visibilityBudget)
	return t.tx.Link(ctx, edges...)
}

// Unlink retracts edges.
func (t *Tx) Unlink(ctx context.Context, edges ...*graph.Edge) error {
	return t.tx.Unlink(ctx, edges...)
}

// Log appends one entry for what the transaction did, by its subject, now.
func (t *Tx) Log(ctx context.Context, e registry.LogEntry) error {
	e.At, e.Actor, e.RequestID = t.gate.Now(), t.Subject(), t.scope.reqID
	return t.tx.Append(ctx, &e)
}

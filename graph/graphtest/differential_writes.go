package graphtest

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"time"

	"pedigree/graph"
	"pedigree/registry"
)

// generator makes random operations.
type generator struct {
	*rand.Rand
	live, deleted []*graph.Node
	created       int
	head          int64
	shapes        *queryShapes
}

var (
	randomKinds = append(registry.LineageKinds(), registry.KindModel, registry.KindDataset, registry.KindAlias)
	// newNodeKinds are the kinds of new nodes. Kinds with many edges are repeated.
	newNodeKinds = append(append([]registry.Kind{registry.KindDatasetVersion, registry.KindRun, registry.KindDatasetVersion, registry.KindCommit}, randomKinds...),
		registry.KindModelVersion, registry.KindDatasetVersion, registry.KindRun, registry.KindCommit)
	randomOrders = []registry.Index{"", registry.IndexValidFrom, registry.IndexStage, registry.IndexVersion, registry.IndexNumber, registry.IndexOwner,
		registry.IndexNamespace, registry.IndexEnvironment, registry.IndexRunKind, registry.IndexRole, registry.IndexEnded}
	randomTexts = []string{"", "a", "A", "ab", "a b", "é", "e\u0301", "日本", "\uE000", "\uFFFD", "\uFFFD😀", "\uFFFF", "😀", "😀\uFFFD", "\U0010FFFF", "zoë", "%_'\"`\\$", "Z"}
	randomInts  = []int64{0, 1, -5, 7, 1 << 53, 1<<53 + 1, 1<<62 + 1}
)

func choose[T any](g *generator, list []T) T { return list[g.IntN(len(list))] }

// some makes 1 to most things.
func some[T any](g *generator, most int, one func() T) []T {
	out := make([]T, 1+g.IntN(most))
	for i := range out {
		out[i] = one()
	}
	return out
}

func (g *generator) time() time.Time {
	if g.IntN(20) == 0 {
		return time.Time{}
	}
	// Few moments, so that boundaries meet; now and then a microsecond beside one.
	t := sec(g.IntN(20))
	if g.IntN(6) == 0 {
		t = t.Add(time.Microsecond)
	}
	return t
}

// write makes one write, or a read that must see the writes before it.
func (g *generator) write() txOp {
	switch n := g.IntN(100); {
	case n < 38 || len(g.live) < 12:
		return g.put()
	case n < 72:
		return g.link()
	case n < 82:
		return g.unlink()
	case n < 87:
		return g.delete()
	default:
		r := g.read()
		return txOp{r.name + " inside", func(ctx context.Context, tx graph.Tx) (any, error) { return r.run(ctx, tx) }}
	}
}

func (g *generator) put() txOp {
	nodes := some(g, 4, g.node)
	return txOp{"put", func(ctx context.Context, tx graph.Tx) (any, error) {
		copies := clones(nodes)
		err := tx.Put(ctx, copies...)
		return copies, err
	}}
}

func clones[T any](list []*T) []*T {
	out := make([]*T, len(list))
	for i, x := range list {
		c := *x
		out[i] = &c
	}
	return out
}

// node is a new node, or an old one with other fields; now and then one that may
// not be: a tombstone, or of another kind or parent.
func (g *generator) node() *graph.Node {
	n := &graph.Node{}
	switch {
	case len(g.live) > 0 && g.IntN(2) == 0:
		old := choose(g, g.live)
		n.ID, n.Kind, n.Parent = old.ID, old.Kind, old.Parent
	case len(g.deleted) > 0 && g.IntN(30) == 0:
		old := choose(g, g.deleted)
		n.ID, n.Kind, n.Parent = old.ID, old.Kind, old.Parent
	default:
		g.created++
		n.Kind = choose(g, newNodeKinds)
		n.ID = registry.NewID(n.Kind, fmt.Sprint(g.created))
		if len(g.live) > 0 && g.IntN(2) == 0 {
			n.Parent = choose(g, g.live).ID
		}
	}
	if g.IntN(60) == 0 {
		n.Parent = "model_other"
	}
	n.Name = choose(g, randomTexts) + choose(g, randomTexts)
	n.ValidFrom = g.time()
	if g.IntN(5) == 0 {
		n.ValidTo = n.ValidFrom.Add(time.Duration(g.IntN(30)) * time.Second)
	}
	if g.IntN(2) == 0 {
		n.Since = g.time()
	}
	for range max(0, g.IntN(5)-2) {
		n.Slots = append(n.Slots, fmt.Sprint("slot/", g.IntN(120)))
	}
	n.Columns = g.columns(n.Kind)
	n.Doc = g.document()
	return n
}

// document has texts to find in some of the searched fields.
func (g *generator) document() []byte {
	doc := map[string]any{"made": g.created, "name": "x"}
	for range g.IntN(4) {
		doc[choose(g, registry.SearchFields())] = choose(g, randomTexts) + choose(g, []string{" ", "-", "", "_x ", "/"}) + choose(g, randomTexts)
	}
	if g.IntN(3) == 0 {
		doc["tags"] = []registry.KeyValue{{Key: choose(g, randomTexts[:4]), Value: choose(g, randomTexts[:4])}}
	}
	b, err := json.Marshal(doc)
	if err != nil {
		panic(err)
	}
	return b
}

// columns fills some of the columns that the kind has.
func (g *generator) columns(kind registry.Kind) map[registry.Index]any {
	out := map[registry.Index]any{}
	for _, f := range registry.NounOf(kind).Fields {
		for _, c := range registry.IndexColumns() {
			if f.Column != c.Name || g.IntN(3) == 0 {
				continue
			}
			switch {
			case c.Type == registry.IntIndex:
				out[c.Name] = choose(g, randomInts)
			case c.Name == registry.IndexStage && g.IntN(4) > 0: // Half of them are served.
				out[c.Name] = string(choose(g, []registry.Stage{registry.Production, registry.Deprecated, registry.Staging, registry.Archived}))
			default:
				out[c.Name] = choose(g, randomTexts)
			}
		}
	}
	return out
}

// link makes edges between nodes that the kinds allow. Most run from newer to
// older nodes; the others are the attempts at cycles.
func (g *generator) link() txOp {
	var edges []*graph.Edge
	for range 1 + g.IntN(6) {
		edges = append(edges, g.edge())
	}
	return txOp{"link", func(ctx context.Context, tx graph.Tx) (any, error) {
		copies := clones(edges)
		err := tx.Link(ctx, copies...)
		return linkResults(copies), err
	}}
}

// linkResults is what Link and Unlink promise to give back.
func linkResults(edges []*graph.Edge) (out []graph.Edge) {
	for _, e := range edges {
		out = append(out, graph.Edge{ID: e.ID, Created: e.Created, RecordedSeq: e.RecordedSeq, RetractedSeq: e.RetractedSeq, ValidFrom: e.ValidFrom, ValidTo: e.ValidTo})
	}
	return out
}

func (g *generator) edge() *graph.Edge {
	e := &graph.Edge{Kind: choose(g, registry.EdgeKinds()), ValidFrom: g.time(), By: choose(g, randomTexts)}
	if g.IntN(3) == 0 {
		e.ValidTo = e.ValidFrom.Add(time.Duration(g.IntN(12)) * time.Second)
	}
	for range 300 {
		from, to := choose(g, g.live), choose(g, g.live)
		if from.Number < to.Number && g.IntN(8) > 0 {
			from, to = to, from
		}
		e.From, e.To, e.Kind = from.ID, to.ID, choose(g, registry.EdgeKinds())
		if registry.CheckEdge(e.Kind, from.Kind, to.Kind) == nil && (from != to || g.IntN(30) == 0) {
			break
		}
	}
	switch n := g.IntN(150); {
	case n == 0:
		e.To = "dv_nobody"
	case n == 1 && len(g.deleted) > 0:
		e.From = choose(g, g.deleted).ID
	case n == 2:
		e.Kind = "LIKES"
	}
	return e
}

func (g *generator) unlink() txOp {
	edges := some(g, 5, g.edge)
	if g.IntN(3) > 0 {
		// Among all pairs few have an edge: take those of some node.
		return g.unlinkOf(choose(g, g.live).ID, 1+g.IntN(3))
	}
	return txOp{"unlink", func(ctx context.Context, tx graph.Tx) (any, error) {
		copies := clones(edges)
		err := tx.Unlink(ctx, copies...)
		return linkResults(copies), err
	}}
}

func (g *generator) unlinkOf(id registry.ID, most int) txOp {
	return txOp{"unlink of a node", func(ctx context.Context, tx graph.Tx) (any, error) {
		h, err := tx.Neighbors(ctx, graph.NeighborQuery{IDs: []registry.ID{id}, Direction: graph.Upstream, LimitPerNode: most})
		if err != nil {
			return nil, err
		}
		var edges []*graph.Edge
		for _, e := range h[0].Edges {
			edges = append(edges, &e)
		}
		err = tx.Unlink(ctx, edges...)
		return linkResults(edges), err
	}}
}

func (g *generator) delete() txOp {
	nodes := some(g, 2, func() *graph.Node {
		n := &graph.Node{ID: choose(g, g.live).ID, Doc: []byte(fmt.Sprintf(`{"gone":%d}`, g.created)), Since: g.time()}
		if g.IntN(20) == 0 {
			n.ID = "dv_nobody"
		}
		return n
	})
	return txOp{"delete", func(ctx context.Context, tx graph.Tx) (any, error) {
		copies := clones(nodes)
		err := tx.Delete(ctx, copies...)
		return nil, err
	}}
}

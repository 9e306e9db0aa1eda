package graphtest

import (
	"context"

	"pedigree/graph"
	"pedigree/registry"
)

// read makes one random read of any kind.
func (g *generator) read() readOp {
	switch n := g.IntN(100); {
	case n < 15 || len(g.live) == 0:
		ids, at := some(g, 6, g.id), g.instant()
		return readOp{"nodes", at, func(ctx context.Context, r graph.Reader) (any, error) { return r.Nodes(ctx, at, ids...) }}
	case n < 33:
		q := g.query()
		return readOp{"find", q, func(ctx context.Context, r graph.Reader) (any, error) { return readPages(ctx, r, q, 3) }}
	case n < 42:
		q := g.search()
		return readOp{"search", q, func(ctx context.Context, r graph.Reader) (any, error) { return readPages(ctx, r, q, 3) }}
	case n < 60:
		q := g.hopQuery()
		return readOp{"neighbors", q, func(ctx context.Context, r graph.Reader) (any, error) { return r.Neighbors(ctx, q) }}
	case n < 90:
		q := g.closureQuery()
		return readOp{"closure", q, func(ctx context.Context, r graph.Reader) (any, error) { return r.Closure(ctx, q) }}
	}
	q := g.logQuery()
	return readOp{"log", q, func(ctx context.Context, r graph.Reader) (any, error) { return r.Log(ctx, q) }}
}

// id returns a node's id, mostly of a node that exists.
func (g *generator) id() registry.ID {
	switch n := g.IntN(20); {
	case n == 0 || len(g.live) == 0:
		return "dv_nobody"
	case n < 3 && len(g.deleted) > 0:
		return choose(g, g.deleted).ID
	}
	return choose(g, g.live).ID
}

func (g *generator) instant() (at graph.Instant) {
	if g.IntN(2) == 0 {
		at.Valid = g.time()
	}
	if g.IntN(3) == 0 {
		at.Known = 1 + int64(g.IntN(int(g.head)+2))
	}
	return at
}

func (g *generator) direction() graph.Direction {
	return choose(g, []graph.Direction{graph.Upstream, graph.Downstream})
}

func (g *generator) edgeKinds() []registry.EdgeKind {
	if g.IntN(3) > 0 {
		return nil
	}
	if g.IntN(40) == 0 {
		return []registry.EdgeKind{"LIKES"}
	}
	if !fullRun() { // A store may keep a statement for each list; see queryShapes.
		return choose(g, [][]registry.EdgeKind{{registry.EdgeUsed, registry.EdgeGeneratedBy}, {registry.EdgeDerivedFrom}, {registry.EdgeParent},
			{registry.EdgePointsAt, registry.EdgeReleasedFrom}, {registry.EdgeDeploys, registry.EdgeUsesFeature, registry.EdgeDefinedOn, registry.EdgeRanCode}})
	}
	return some(g, 4, func() registry.EdgeKind { return choose(g, registry.EdgeKinds()) })
}

func (g *generator) hopQuery() graph.NeighborQuery {
	q := graph.NeighborQuery{IDs: some(g, 5, g.id), Direction: g.direction(), Edges: g.edgeKinds(), At: g.instant(), LimitPerNode: 1 + g.IntN(6),
		Bare: g.IntN(2) == 0, Count: g.IntN(2) == 0}
	if g.IntN(3) == 0 {
		q.After = int64(g.IntN(len(g.live) + 1))
	}
	if g.IntN(50) == 0 {
		q.LimitPerNode = 0
	}
	return g.shapes.hop(g.Rand, q)
}

func (g *generator) closureQuery() graph.ClosureQuery {
	q := graph.ClosureQuery{Roots: some(g, 3, g.id), Direction: g.direction(), Edges: g.edgeKinds(), Depth: g.IntN(9), Fanout: 1000, Limit: 1000,
		At: g.instant(), Bare: g.IntN(2) == 0}
	if g.IntN(2) == 0 {
		q.Roots = q.Roots[:1]
	}
	if g.IntN(4) == 0 {
		q.Through = some(g, 4, func() registry.Kind { return choose(g, registry.LineageKinds()) })
	}
	switch g.IntN(4) {
	case 0:
		q.Fanout = 1 + g.IntN(5)
	case 1:
		q.Limit = 1 + g.IntN(40)
	}
	switch g.IntN(60) {
	case 0:
		q.Depth = -1
	case 1:
		q.Limit = 0
	case 2, 3, 4, 5:
		q.Depth = 10000
	}
	if g.IntN(3) == 0 {
		q.Stages = randomStages(g.Rand)
	}
	return g.shapes.closure(g.Rand, q)
}

func (g *generator) logQuery() graph.LogQuery {
	q := graph.LogQuery{Limit: 1 + g.IntN(30), Desc: g.IntN(2) == 0, WithModel: g.IntN(5) == 0}
	bound := func() int64 { return int64(g.IntN(int(g.head) + 2)) }
	if g.IntN(3) == 0 {
		q.After = bound()
	}
	if g.IntN(3) == 0 {
		q.Before = bound()
	}
	if g.IntN(3) == 0 {
		q.Object = g.logObject()
	} else if g.IntN(4) == 0 {
		q.Objects = some(g, 4, g.logObject)
	}
	if g.IntN(3) == 0 {
		q.Actor = g.logActor()
	}
	if g.IntN(4) == 0 {
		q.Actions = []registry.LogAction{choose(g, []registry.LogAction{registry.LogImported, registry.LogStageChanged, "none"})}
	}
	if g.IntN(4) == 0 {
		q.Models = some(g, 3, func() registry.ID { return registry.NewID(registry.KindModel, choose(g, []string{"0", "2", "4", "x"})) })
	}
	if g.IntN(5) == 0 {
		q.KnownAt = sec(g.IntN(100))
	}
	return g.shapes.log(g, q)
}

func (g *generator) logObject() registry.ID {
	return registry.NewID(registry.KindRun, choose(g, []string{"0", "1", "2", "6", "none"}))
}

func (g *generator) logActor() string { return choose(g, []string{"ann", "bob", "zoë 😀", "Ann"}) }

// query makes a Find with random filters and order; some are invalid.
func (g *generator) query() graph.Query {
	q := graph.Query{Order: choose(g, randomOrders), Desc: g.IntN(2) == 0, Limit: 1 + g.IntN(20), Deleted: g.IntN(4) == 0,
		Count: g.IntN(3) == 0, Bare: g.IntN(2) == 0}
	if g.IntN(5) > 0 {
		q.Kinds = some(g, 4, func() registry.Kind { return choose(g, randomKinds) })
	}
	if g.IntN(5) == 0 || len(q.Kinds) == 0 && g.IntN(10) > 0 {
		q.Parents = some(g, 6, g.id)
		q.PerParent = g.IntN(3) == 0
	}
	if g.IntN(8) == 0 {
		q.Slots = some(g, 8, g.slot)
	}
	for range g.IntN(3) {
		q.Where = append(q.Where, g.predicate())
	}
	if g.IntN(4) == 0 {
		q.AnyOf = some(g, 3, func() []graph.Predicate { return some(g, 2, g.predicate) })
	}
	switch g.IntN(60) {
	case 0:
		q.Limit = 1001
	case 1:
		q.Order = "doc"
	}
	return g.shapes.find(g, q)
}

func (g *generator) slot() string {
	return "slot/" + choose(g, []string{"0", "1", "2", "3", "4", "5", "6", "7", "none"})
}

// search makes a Find by words; some are invalid.
func (g *generator) search() graph.Query {
	q := graph.Query{Order: choose(g, randomOrders), Desc: g.IntN(2) == 0, Limit: 1 + g.IntN(20), Count: g.IntN(2) == 0, Bare: g.IntN(2) == 0, Deleted: g.IntN(3) == 0}
	q.Kinds = some(g, 10, func() registry.Kind { return choose(g, randomKinds) })
	q.Text = &graph.TextQuery{Words: graph.Tokenize(choose(g, randomTexts)+" "+choose(g, randomTexts), 9), Fields: map[registry.Kind][]string{}}
	for _, k := range registry.SearchableKinds() {
		fields := registry.NounOf(k).SearchFields(registry.AllFields)
		if g.IntN(3) == 0 {
			fields = fields[:g.IntN(len(fields)+1)]
		}
		q.Text.Fields[k] = fields
	}
	for range g.IntN(2) {
		q.Where = append(q.Where, g.predicate())
	}
	if g.IntN(5) == 0 {
		q.AnyOf = some(g, 3, func() []graph.Predicate { return some(g, 2, g.predicate) })
	}
	switch g.IntN(60) {
	case 0:
		q.Parents = some(g, 3, g.id)
	case 1:
		q.Text.Words = []string{"two words"}
	}
	return g.shapes.find(g, q)
}

func (g *generator) predicate() graph.Predicate {
	var p graph.Predicate
	switch g.IntN(10) {
	case 0:
		p.Served = true
	case 2:
		return graph.Predicate{Label: g.label()}
	case 1:
		p.Self, p.Op = choose(g, []graph.SelfField{graph.SelfID, graph.SelfParent}), graph.In
		for range g.IntN(6) {
			p.Values = append(p.Values, string(g.id()))
		}
	default:
		p = g.comparison(choose(g, randomOrders))
	}
	if g.IntN(4) == 0 {
		p.Child = choose(g, randomKinds)
	}
	return p
}

func (g *generator) label() string {
	return registry.TagLabel(registry.KeyValue{Key: choose(g, randomTexts[:4]), Value: choose(g, randomTexts[:4])})
}

func (g *generator) comparison(c registry.Index) graph.Predicate {
	if c == "" {
		c = registry.IndexName
	}
	value := g.valueOf(c)
	ops := []graph.Op{graph.In, graph.NotIn, graph.Less, graph.AtMost, graph.Greater, graph.AtLeast, graph.Prefix}
	if c == registry.IndexValidFrom || c == registry.IndexNumber || c == registry.IndexEnded {
		ops = ops[:6]
	}
	p := graph.Predicate{Column: c, Op: choose(g, ops), Values: []any{value()}}
	if p.Op == graph.In || p.Op == graph.NotIn {
		for range g.IntN(4) {
			p.Values = append(p.Values, value())
		}
	}
	if g.IntN(80) == 0 {
		p.Op = "~"
	}
	return p
}

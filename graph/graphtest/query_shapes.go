package graphtest

import (
	"math/rand/v2"
	"slices"

	"pedigree/graph"
	"pedigree/registry"
)

// How many shapes of a kind of query a run uses when it is not a full run.
const (
	closureShapeCount = 12
	findShapeCount    = 24
	searchShapeCount  = 16
	hopShapeCount     = 10
	logShapeCount     = 16
)

// queryShapes limits how many different queries a random run sends. A store may keep a
// statement for every shape (for a closure: direction, edges, depth, stages, with
// documents or not), as Neo4j does, where planning one takes longer than running it a
// hundred times. The values that are parameters of a statement stay random in every
// query. A full run uses a new shape for every query.
type queryShapes struct {
	closures []graph.ClosureQuery
	finds    []graph.Query
	searches []graph.Query
	hops     []graph.NeighborQuery
	logs     []graph.LogQuery
}

// differentialShapes are the shapes of all differential runs, whatever their seed: a
// store plans each once.
func differentialShapes() *queryShapes {
	s := &queryShapes{}
	g := &generator{Rand: rand.New(rand.NewPCG(1, 1)), shapes: s}
	for !fullRun() && (len(s.closures) < closureShapeCount || len(s.finds) < findShapeCount || len(s.searches) < searchShapeCount ||
		len(s.hops) < hopShapeCount || len(s.logs) < logShapeCount) {
		g.closureQuery()
		g.query()
		g.search()
		g.hopQuery()
		g.logQuery()
	}
	return s
}

// pooled returns one of the shapes in the list, or adds q as a new one.
func pooled[Q any](r *rand.Rand, list *[]Q, most int, q Q) Q {
	if len(*list) < most {
		*list = append(*list, q)
		return q
	}
	return (*list)[r.IntN(len(*list))]
}

// closure gives a random query one of the shapes. The first queries make the shapes.
func (s *queryShapes) closure(r *rand.Rand, q graph.ClosureQuery) graph.ClosureQuery {
	if fullRun() || q.Depth < 0 || slices.Contains(q.Edges, "LIKES") { // Invalid queries stay rare.
		return q
	}
	shape := pooled(r, &s.closures, closureShapeCount, q)
	q.Direction, q.Edges, q.Depth, q.Bare = shape.Direction, shape.Edges, shape.Depth, shape.Bare
	q.Stages = nil
	for _, stage := range shape.Stages {
		stage.Fanout, stage.Limit = 1+r.IntN(5), 1+r.IntN(50)
		q.Stages = append(q.Stages, stage)
	}
	return q
}

// hop is closure for a hop.
func (s *queryShapes) hop(r *rand.Rand, q graph.NeighborQuery) graph.NeighborQuery {
	if fullRun() || q.LimitPerNode == 0 || slices.Contains(q.Edges, "LIKES") {
		return q
	}
	shape := pooled(r, &s.hops, hopShapeCount, q)
	q.Direction, q.Edges, q.At, q.Bare, q.Count = shape.Direction, shape.Edges, sameInstantShape(shape.At, q.At), shape.Bare, shape.Count
	return q
}

// sameInstantShape is an instant that sets the same fields as shape, with the values of
// at where it has them.
func sameInstantShape(shape, at graph.Instant) graph.Instant {
	if !shape.Valid.IsZero() && !at.Valid.IsZero() {
		shape.Valid = at.Valid
	}
	if shape.Known != 0 && at.Known != 0 {
		shape.Known = at.Known
	}
	return shape
}

// find gives a random query one of the shapes with new values.
func (s *queryShapes) find(g *generator, q graph.Query) graph.Query {
	if fullRun() || q.Limit > 1000 || q.Order == "doc" || q.Text != nil && (len(q.Parents) > 0 || slices.Contains(q.Text.Words, "two words")) {
		return q
	}
	list, most := &s.finds, findShapeCount
	if q.Text != nil {
		list, most = &s.searches, searchShapeCount
	}
	shape := pooled(g.Rand, list, most, q)
	shape.Limit, shape.Text = q.Limit, q.Text
	shape.Parents = fresh(shape.Parents, g.id)
	shape.Slots = fresh(shape.Slots, g.slot)
	shape.Where = g.newValues(shape.Where)
	shape.AnyOf = slices.Clone(shape.AnyOf)
	for i, row := range shape.AnyOf {
		shape.AnyOf[i] = g.newValues(row)
	}
	return shape
}

// log is closure for a page of the log.
func (s *queryShapes) log(g *generator, q graph.LogQuery) graph.LogQuery {
	if fullRun() {
		return q
	}
	shape := pooled(g.Rand, &s.logs, logShapeCount, q)
	shape.Limit = q.Limit
	for _, bound := range []*int64{&shape.After, &shape.Before} {
		if *bound != 0 {
			*bound = 1 + int64(g.IntN(int(g.head)+1))
		}
	}
	if shape.Object != "" {
		shape.Object = g.logObject()
	}
	shape.Objects = fresh(shape.Objects, g.logObject)
	if shape.Actor != "" {
		shape.Actor = g.logActor()
	}
	return shape
}

// fresh is as many new values as list has.
func fresh[T any](list []T, one func() T) []T {
	list = slices.Clone(list)
	for i := range list {
		list[i] = one()
	}
	return list
}

// newValues are the predicates with other values.
func (g *generator) newValues(list []graph.Predicate) []graph.Predicate {
	list = slices.Clone(list)
	for i, p := range list {
		one := func() any { return string(g.id()) }
		if p.Self == "" {
			one = g.valueOf(p.Column)
		}
		list[i].Values = fresh(p.Values, one)
		if p.Label != "" {
			list[i].Label = g.label()
		}
	}
	return list
}

// valueOf makes values to compare a column with.
func (g *generator) valueOf(c registry.Index) func() any {
	switch c {
	case registry.IndexValidFrom:
		return func() any { return sec(g.IntN(60)).UnixMicro() }
	case registry.IndexNumber, registry.IndexEnded:
		return func() any { return choose(g, randomInts) }
	}
	return func() any { return choose(g, randomTexts) }
}

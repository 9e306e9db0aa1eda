package graphtest

import (
	"math/rand/v2"
	"slices"

	"pedigree/graph"
)

// shapesPerRun is how many closure shapes a run uses when it is not a full run.
const shapesPerRun = 12

// closureShapes limits how many different closures a random run sends. A store may keep
// a statement for every shape (direction, edges, depth, stages, with documents or not),
// as Neo4j does, where planning one takes longer than running it a hundred times. The
// values that are parameters of a statement stay random in every query. A full run uses
// a new shape for every query.
type closureShapes struct{ list []graph.ClosureQuery }

// apply gives a random query one of the shapes. The first queries make the shapes.
func (s *closureShapes) apply(r *rand.Rand, q graph.ClosureQuery) graph.ClosureQuery {
	if fullRun() || q.Depth < 0 || slices.Contains(q.Edges, "LIKES") { // Invalid queries stay rare.
		return q
	}
	if len(s.list) < shapesPerRun {
		s.list = append(s.list, q)
		return q
	}
	shape := s.list[r.IntN(len(s.list))]
	q.Direction, q.Edges, q.Depth, q.Bare = shape.Direction, shape.Edges, shape.Depth, shape.Bare
	q.Stages = nil
	for _, stage := range shape.Stages {
		stage.Fanout, stage.Limit = 1+r.IntN(5), 1+r.IntN(50)
		q.Stages = append(q.Stages, stage)
	}
	return q
}

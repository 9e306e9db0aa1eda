package policies

import (
	"context"
	"errors"
	"slices"

	"pedigree/graph"
	"pedigree/registry"
)

// hopNodes is how many nodes one query of the search asks for their far ends, and
// hopPage how many it takes from each.
const (
	hopNodes = 200
	hopPage  = 100
)

// search walks downstream from the open nodes, level by level, until each has
// met a covered version or all that lies downstream is seen. It gives up, and
// leaves the rest undecided, when its budget or the context's time has run out.
func (s *sight) search(ctx context.Context, c cover, known map[registry.ID]bool, open []registry.ID) error {
	w := walkDown{cover: c, known: known, causes: map[registry.ID][]registry.ID{}, visited: map[registry.ID]bool{}}
	for _, id := range open {
		w.visited[id] = true
	}
	unresolved := func() bool {
		return slices.ContainsFunc(open, func(id registry.ID) bool { return !known[id] })
	}
	for frontier := slices.Clone(open); len(frontier) > 0 && unresolved(); {
		w.next = nil
		for part := range slices.Chunk(frontier, hopNodes) {
			done, err := s.hop(ctx, &w, graph.HopQuery{IDs: part, Direction: graph.Downstream, Cap: hopPage, Bare: true})
			if err != nil || !done {
				return err
			}
		}
		frontier = slices.DeleteFunc(w.next, func(id registry.ID) bool { return known[id] })
	}
	if unresolved() {
		// All that lies downstream was walked: what met none reaches none.
		for id := range w.visited {
			if !known[id] {
				known[id] = false
			}
		}
	}
	return nil
}

// hop takes all far ends of some nodes; false when time or budget ended it.
func (s *sight) hop(ctx context.Context, w *walkDown, q graph.HopQuery) (bool, error) {
	queries := []graph.HopQuery{q}
	for ; len(queries) > 0; queries = queries[1:] {
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			s.late++
			return false, nil
		}
		if s.left <= 0 {
			s.short++
			return false, nil
		}
		hops, err := s.store.Neighbors(ctx, queries[0])
		if err != nil {
			if errors.Is(ctx.Err(), context.DeadlineExceeded) {
				s.late++
				return false, nil
			}
			return false, err
		}
		for _, h := range hops {
			s.left -= len(h.Nodes)
			w.take(h)
			if h.More && !w.known[h.Of] {
				more := q
				more.IDs, more.After, more.Cap = []registry.ID{h.Of}, h.Nodes[len(h.Nodes)-1].Number, 10*hopPage
				queries = append(queries, more)
			}
		}
	}
	return true, nil
}

// walkDown is the state of one search.
type walkDown struct {
	cover   cover
	known   map[registry.ID]bool
	causes  map[registry.ID][]registry.ID // far end → where it was reached from
	visited map[registry.ID]bool
	next    []registry.ID
}

// take notes one page of far ends.
func (w *walkDown) take(h graph.Hops) {
	for _, far := range h.Nodes {
		if far.Kind == registry.KindDeployment {
			continue // Nothing comes from it, and its version is met on its own.
		}
		w.causes[far.ID] = append(w.causes[far.ID], h.Of)
		if far.Kind == registry.KindModelVersion && !far.Deleted && w.cover.version(far) {
			w.mark(far.ID)
		}
		reaches, walked := w.known[far.ID]
		if reaches {
			w.mark(h.Of)
		}
		if !walked && !w.visited[far.ID] {
			w.visited[far.ID] = true
			w.next = append(w.next, far.ID)
		}
	}
}

// mark notes that a node reaches a covered version, and so do its causes.
func (w *walkDown) mark(id registry.ID) {
	if w.known[id] {
		return
	}
	w.known[id] = true
	for _, up := range w.causes[id] {
		w.mark(up)
	}
}

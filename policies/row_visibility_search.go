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
	searchBatch    = 200
	searchPageSize = 100
)

// search walks downstream from the open nodes, level by level, until each has
// met a covered version or all that lies downstream is seen. It gives up, and
// leaves the rest undecided, when its budget or the context's time has run out.
func (s *rowVisibility) searchDownstream(ctx context.Context, c rowGrant, known map[registry.ID]bool, undecided []registry.ID) error {
	w := downstreamSearch{grant: c, known: known, causes: map[registry.ID][]registry.ID{}, visited: map[registry.ID]bool{}}
	for _, id := range undecided {
		w.visited[id] = true
	}
	unresolved := func() bool {
		return slices.ContainsFunc(undecided, func(id registry.ID) bool { return !known[id] })
	}
	for frontier := slices.Clone(undecided); len(frontier) > 0 && unresolved(); {
		w.next = nil
		for part := range slices.Chunk(frontier, searchBatch) {
			done, err := s.readEffects(ctx, &w, graph.HopQuery{IDs: part, Direction: graph.Downstream, Cap: searchPageSize, Bare: true})
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
func (s *rowVisibility) readEffects(ctx context.Context, w *downstreamSearch, q graph.HopQuery) (bool, error) {
	queries := []graph.HopQuery{q}
	for ; len(queries) > 0; queries = queries[1:] {
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			s.timedOut++
			return false, nil
		}
		if s.budget <= 0 {
			s.overBudget++
			return false, nil
		}
		hops, err := s.store.Neighbors(ctx, queries[0])
		if err != nil {
			if errors.Is(ctx.Err(), context.DeadlineExceeded) {
				s.timedOut++
				return false, nil
			}
			return false, err
		}
		for _, h := range hops {
			s.budget -= len(h.Nodes)
			w.addHops(h)
			if h.More && !w.known[h.Of] {
				more := q
				more.IDs, more.After, more.Cap = []registry.ID{h.Of}, h.Nodes[len(h.Nodes)-1].Number, 10*searchPageSize
				queries = append(queries, more)
			}
		}
	}
	return true, nil
}

// walkDown is the state of one search.
type downstreamSearch struct {
	grant   rowGrant
	known   map[registry.ID]bool
	causes  map[registry.ID][]registry.ID // far end → where it was reached from
	visited map[registry.ID]bool
	next    []registry.ID
}

// take notes one page of far ends.
func (w *downstreamSearch) addHops(h graph.Hops) {
	for _, far := range h.Nodes {
		if far.Kind == registry.KindDeployment {
			continue // Nothing comes from it, and its version is met on its own.
		}
		w.causes[far.ID] = append(w.causes[far.ID], h.Of)
		if far.Kind == registry.KindModelVersion && !far.Deleted && w.grant.coversVersion(far) {
			w.markReachable(far.ID)
		}
		reaches, walked := w.known[far.ID]
		if reaches {
			w.markReachable(h.Of)
		}
		if !walked && !w.visited[far.ID] {
			w.visited[far.ID] = true
			w.next = append(w.next, far.ID)
		}
	}
}

// mark notes that a node reaches a covered version, and so do its causes.
func (w *downstreamSearch) markReachable(id registry.ID) {
	if w.known[id] {
		return
	}
	w.known[id] = true
	for _, up := range w.causes[id] {
		w.markReachable(up)
	}
}

package policies

import (
	"context"
	"errors"
	"slices"

	"pedigree/graph"
	"pedigree/registry"
)

// searchBatch is how many nodes one query reads the neighbors of, searchPageSize how
// many neighbors of each it reads.
const (
	searchBatch    = 200
	searchPageSize = 100
)

// searchDownstream runs a breadth-first search downstream from the undecided nodes,
// until each reaches a covered version or there is nothing left to visit. When the
// budget or the deadline is used up, it stops and leaves the rest undecided.
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
			done, err := s.readEffects(ctx, &w, graph.NeighborQuery{IDs: part, Direction: graph.Downstream, LimitPerNode: searchPageSize, Bare: true})
			if err != nil || !done {
				return err
			}
		}
		frontier = slices.DeleteFunc(w.next, func(id registry.ID) bool { return known[id] })
	}
	if unresolved() {
		// Everything downstream was visited: the other nodes reach no covered version.
		for id := range w.visited {
			if !known[id] {
				known[id] = false
			}
		}
	}
	return nil
}

// readEffects reads all downstream neighbors of some nodes; false when the deadline or
// the budget ended it.
func (s *rowVisibility) readEffects(ctx context.Context, w *downstreamSearch, q graph.NeighborQuery) (bool, error) {
	queries := []graph.NeighborQuery{q}
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
			if h.More && !w.known[h.NodeID] {
				more := q
				more.IDs, more.After, more.LimitPerNode = []registry.ID{h.NodeID}, h.Nodes[len(h.Nodes)-1].Number, 10*searchPageSize
				queries = append(queries, more)
			}
		}
	}
	return true, nil
}

// downstreamSearch is the state of one search.
type downstreamSearch struct {
	grant   rowGrant
	known   map[registry.ID]bool
	causes  map[registry.ID][]registry.ID // visited neighbor → the nodes that led to it
	visited map[registry.ID]bool
	next    []registry.ID
}

// addHops adds one page of neighbors.
func (w *downstreamSearch) addHops(h graph.Neighbors) {
	for _, far := range h.Nodes {
		if far.Kind == registry.KindDeployment {
			continue // It has no effects, and its version is visited anyway.
		}
		w.causes[far.ID] = append(w.causes[far.ID], h.NodeID)
		if far.Kind == registry.KindModelVersion && !far.Deleted && w.grant.coversVersion(far) {
			w.markReachable(far.ID)
		}
		reaches, walked := w.known[far.ID]
		if reaches {
			w.markReachable(h.NodeID)
		}
		if !walked && !w.visited[far.ID] {
			w.visited[far.ID] = true
			w.next = append(w.next, far.ID)
		}
	}
}

// markReachable records that a node and all its causes reach a covered version.
func (w *downstreamSearch) markReachable(id registry.ID) {
	if w.known[id] {
		return
	}
	w.known[id] = true
	for _, up := range w.causes[id] {
		w.markReachable(up)
	}
}

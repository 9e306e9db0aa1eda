package graph

import "pedigree/registry"

// MaxCyclePath is how many nodes of a cycle its error names. A cycle can go through the
// whole store.
const MaxCyclePath = 20

// CycleEnds brings a cycle, in order from effect to cause, to what its error names. It
// begins with the last of the added edges that lies on the cycle: that edge closed it. Of
// a longer cycle than MaxCyclePath, the middle is left out.
func CycleEnds[N comparable](cycle []N, added [][2]N) []N {
	at := make(map[N]int, len(cycle))
	for i, n := range cycle {
		at[n] = i
	}
	start := 0
	for i := len(added) - 1; i >= 0; i-- {
		from, on := at[added[i][0]]
		if on && cycle[(from+1)%len(cycle)] == added[i][1] {
			start = from
			break
		}
	}
	rotated := append(append(make([]N, 0, len(cycle)), cycle[start:]...), cycle[:start]...)
	if len(rotated) <= MaxCyclePath {
		return rotated
	}
	return append(rotated[:MaxCyclePath/2:MaxCyclePath/2], rotated[len(rotated)-MaxCyclePath/2:]...)
}

// CycleError is the error of an edge that closes a cycle. ends are the ids from CycleEnds,
// the edge's own first; length is the number of nodes of the whole cycle. The text names
// only the ends of the edge: the caller may not see the other nodes.
func CycleError(ends []string, length int) error {
	from, to := ends[0], ends[min(1, len(ends)-1)]
	e := registry.Errorf(registry.FailedPrecondition, "the edge from %s to %s would close a cycle of %d nodes: nothing comes from itself", from, to, length)
	e.Details = map[string]any{"path": ends, "length": length}
	return e
}

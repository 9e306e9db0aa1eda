package sqlite

import (
	"strconv"
	"strings"

	"pedigree/graph"
	"pedigree/registry"

	engine "zombiezen.com/go/sqlite"
)

// checkCycles returns an error when the new edges of a batch would close a cycle. The
// stored graph has no cycle, so that a cycle must contain a new edge. A cycle within the
// batch is found in memory. Any other cycle returns from the stored graph to the batch
// at the effect of a new edge that is the cause of a stored edge. Only if there is such
// an effect, the search also reads stored edges, of the kinds that can lead there.
func (t *tx) checkCycles(added []edgeKey, endpoints map[registry.ID]*endpoint) error {
	byNumber := make(map[int64]*endpoint, len(endpoints))
	for _, e := range endpoints {
		byNumber[e.num] = e
	}
	s := cycleSearch{t: t, batch: map[int64][]int64{}, state: map[int64]int{}}
	targets := map[registry.Kind]bool{}
	for _, key := range added {
		s.batch[key.from] = append(s.batch[key.from], key.to)
	}
	checked := map[int64]bool{}
	for _, key := range added {
		if checked[key.from] || byNumber[key.from].unlinked {
			continue
		}
		checked[key.from] = true
		isCause, err := t.c.queryInt("SELECT 1 FROM edge WHERE to_num = ? AND retracted_seq = 0 LIMIT 1", key.from)
		if err != nil {
			return err
		}
		if isCause != 0 {
			targets[byNumber[key.from].kind] = true
		}
	}
	if len(targets) > 0 {
		s.storedCausesSQL = storedCausesSQL(t.s.codes, targets)
	}
	for _, key := range added {
		cycle, err := s.findCycle(key.from)
		if err != nil {
			return err
		}
		if cycle != nil {
			return t.cycleError(cycle, added)
		}
	}
	return nil
}

// storedCausesSQL returns the statement that reads the causes of a node, over the edge
// kinds that can lead to one of the target kinds.
func storedCausesSQL(x codes, targets map[registry.Kind]bool) string {
	reachesTarget := map[registry.Kind]bool{}
	for k := range targets {
		reachesTarget[k] = true
	}
	lineage := registry.LineageKinds()
	usedKinds := map[registry.EdgeKind]bool{}
	for grown := true; grown; {
		grown = false
		for _, ek := range registry.EdgeKinds() {
			for _, from := range lineage {
				for _, to := range lineage {
					if !reachesTarget[to] || registry.CheckEdge(ek, from, to) != nil || usedKinds[ek] && reachesTarget[from] {
						continue
					}
					usedKinds[ek], reachesTarget[from], grown = true, true, true
				}
			}
		}
	}
	var kindCodes []string
	for _, ek := range registry.EdgeKinds() {
		if usedKinds[ek] {
			kindCodes = append(kindCodes, strconv.Itoa(x.edge[ek]))
		}
	}
	return "SELECT to_num FROM edge WHERE from_num = ? AND retracted_seq = 0 AND kind IN (" + strings.Join(kindCodes, ",") + ")"
}

// cycleSearch is a depth-first search from effects to causes over stored and new
// edges.
type cycleSearch struct {
	t               *tx
	storedCausesSQL string // "" searches the batch only
	batch           map[int64][]int64
	state           map[int64]int // 1 on the path, 2 done
}

type frame struct {
	num  int64
	next []int64
}

// findCycle returns a cycle that can be reached from a node, in the order of its edges,
// or nil when there is none.
func (s *cycleSearch) findCycle(start int64) ([]int64, error) {
	if s.state[start] != 0 {
		return nil, nil
	}
	var path []frame
	enter := func(num int64) error {
		next, err := s.causes(num)
		s.state[num] = 1
		path = append(path, frame{num, next})
		return err
	}
	if err := enter(start); err != nil {
		return nil, err
	}
	for len(path) > 0 {
		top := &path[len(path)-1]
		if len(top.next) == 0 {
			s.state[top.num] = 2
			path = path[:len(path)-1]
			continue
		}
		num := top.next[0]
		top.next = top.next[1:]
		switch s.state[num] {
		case 0:
			if err := enter(num); err != nil {
				return nil, err
			}
		case 1:
			var cycle []int64
			for _, f := range path {
				if f.num == num || cycle != nil {
					cycle = append(cycle, f.num)
				}
			}
			return cycle, nil
		}
	}
	return nil, nil
}

func (s *cycleSearch) causes(num int64) ([]int64, error) {
	next := append([]int64(nil), s.batch[num]...)
	if s.storedCausesSQL == "" {
		return next, nil
	}
	err := s.t.c.query(s.storedCausesSQL, func(st *engine.Stmt) error { next = append(next, st.ColumnInt64(0)); return nil }, num)
	return next, err
}

func (t *tx) cycleError(cycle []int64, added []edgeKey) error {
	pairs := make([][2]int64, len(added))
	for i, key := range added {
		pairs[i] = [2]int64{key.from, key.to}
	}
	ends := graph.CycleEnds(cycle, pairs)
	path := make([]string, 0, len(ends))
	for _, num := range ends {
		err := t.c.query("SELECT id FROM node WHERE num = ?", func(st *engine.Stmt) error { path = append(path, st.ColumnText(0)); return nil }, num)
		if err != nil {
			return err
		}
	}
	return graph.CycleError(path, len(cycle))
}

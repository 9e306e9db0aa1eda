package graph

import (
	"cmp"
	"slices"
	"sync"

	"pedigree/registry"
)

// Arc is an edge as a walk meets it: by the Numbers of its ends, near first. Its
// Edge may lack ID, From and To, which Replay then fills in.
type Arc struct {
	Near, Far int64
	Edge
}

// CompareArcs orders arcs as a walk takes them: by near end, far end and kind.
func CompareArcs(a, b Arc) int {
	return compareArcs(&a, &b)
}

func compareArcs(a, b *Arc) int {
	switch {
	case a.Near != b.Near:
		return cmp.Compare(a.Near, b.Near)
	case a.Far != b.Far:
		return cmp.Compare(a.Far, b.Far)
	}
	return cmp.Compare(a.Kind, b.Kind)
}

// Held is a part of the graph that is held in memory, at one instant and head, as
// one walk sees it.
type Held interface {
	// Node returns the node of a Number, nil for one that is not held, and whether it
	// is there at the instant.
	Node(number int64) (*Node, bool)
	// Arcs returns the arcs of a node in the walk's direction and kinds that stand at
	// the instant, in order; false where they are not all held.
	Arcs(number int64) ([]Arc, bool)
}

// replay is a walk over what is held.
type replay struct {
	*scratch
	held  Held
	q     ClosureQuery
	out   Closure
	whole bool
}

// scratch is what a walk needs until it is done; it is used again.
type scratch struct {
	spots map[int64]spot
	// arcs are those of the nodes that are held, by place, as far as they were asked for.
	arcs [][]Arc
	next []int64
}

// mostScratch is how many nodes a scratch may have held to be used again.
const mostScratch = 256

var scratches = sync.Pool{New: func() any { return &scratch{spots: make(map[int64]spot, 64)} }}

func (s *scratch) release() {
	if len(s.spots) > mostScratch || cap(s.next) > 4*mostScratch {
		return
	}
	clear(s.spots)
	clear(s.arcs)
	s.arcs, s.next = s.arcs[:0], s.next[:0]
	scratches.Put(s)
}

// spot is a node that was met: nil where it is not there, and its place in out.Nodes,
// -1 before it has one.
type spot struct {
	node  *Node
	place int
}

// Replay walks from roots, by Number, over a part of the graph as ClosureQuery
// defines it, stages left out. It reports false where something is missing that the
// walk asked for: the answer may then be too small. The nodes are those that are
// held, not copies.
func Replay(q ClosureQuery, roots []int64, held Held) (Closure, bool) {
	return replayed(q, roots, held, 64)
}

// replayed is Replay with a guess of how many nodes there will be.
func replayed(q ClosureQuery, roots []int64, held Held, guess int) (Closure, bool) {
	s := scratches.Get().(*scratch)
	defer s.release()
	r := &replay{held: held, q: q, scratch: s, whole: true}
	r.out.Nodes = make([]Reached, 0, guess)
	r.enter(roots, 0)
	for d, from := 0, 0; d < q.Depth && from < len(r.out.Nodes); d++ {
		to := len(r.out.Nodes)
		next := r.expand(from, to, d)
		from = to
		r.enter(next, d+1)
	}
	r.finish()
	return r.out, r.whole
}

// look returns a node that may be there.
func (r *replay) look(number int64) spot {
	s, ok := r.spots[number]
	if !ok {
		n, seen := r.held.Node(number)
		r.whole = r.whole && n != nil
		if s = (spot{n, -1}); !seen {
			s.node = nil
		}
		r.spots[number] = s
	}
	return s
}

// enter takes new nodes into a level by Number, until Limit are held.
func (r *replay) enter(level []int64, depth int) {
	slices.Sort(level)
	for _, number := range slices.Compact(level) {
		s := r.look(number)
		if s.place >= 0 || s.node == nil {
			continue
		}
		if len(r.out.Nodes) == r.q.Limit {
			r.out.Full = true
			break
		}
		r.spots[number] = spot{s.node, len(r.out.Nodes)}
		r.out.Nodes = append(r.out.Nodes, Reached{Node: s.node, Depth: depth})
		r.arcs = append(r.arcs, nil)
	}
}

// arcsOf are those of a held node, to far ends that are there.
func (r *replay) arcsOf(place int) []Arc {
	if r.arcs[place] != nil {
		return r.arcs[place]
	}
	all, whole := r.held.Arcs(r.out.Nodes[place].Node.Number)
	r.whole = r.whole && whole
	for i := range all {
		if r.look(all[i].Far).node == nil {
			all = slices.DeleteFunc(slices.Clone(all), func(a Arc) bool { return r.look(a.Far).node == nil })
			break
		}
	}
	r.arcs[place] = all
	return all
}

// expand returns the first Fanout far ends of the nodes of a level, by place.
func (r *replay) expand(from, to, depth int) []int64 {
	next := r.next[:0]
	for place := from; place < to; place++ {
		n := r.out.Nodes[place].Node
		if depth > 0 && len(r.q.Through) > 0 && !slices.Contains(r.q.Through, n.Kind) {
			continue
		}
		arcs := r.arcsOf(place)
		if len(arcs) > r.q.Fanout {
			r.out.Wide = append(r.out.Wide, n.ID)
			arcs = arcs[:r.q.Fanout]
		}
		for i := range arcs {
			next = append(next, arcs[i].Far)
		}
	}
	r.next = next
	return next
}

// finish adds the edges between held nodes, and names those at Depth that lead on.
func (r *replay) finish() {
	among := make([]*Arc, 0, len(r.out.Nodes)+len(r.out.Nodes)/2)
	for place, n := range r.out.Nodes {
		deep := false
		arcs := r.arcsOf(place)
		for i := range arcs {
			if r.spots[arcs[i].Far].place >= 0 {
				among = append(among, &arcs[i])
			} else {
				deep = n.Depth == r.q.Depth
			}
		}
		if deep {
			r.out.Deep = append(r.out.Deep, n.Node.ID)
		}
	}
	if len(among) == 0 {
		return
	}
	down := r.q.Direction == Downstream
	slices.SortFunc(among, func(a, b *Arc) int { // By the effect's Number, then the cause's.
		if down {
			return cmp.Or(cmp.Compare(a.Far, b.Far), cmp.Compare(a.Near, b.Near), cmp.Compare(a.Kind, b.Kind))
		}
		return compareArcs(a, b)
	})
	// Who joins walks adds a few more.
	r.out.Edges = make([]Edge, len(among), len(among)+len(among)/8+4)
	for i, a := range among {
		e := &r.out.Edges[i]
		if *e = a.Edge; e.ID != "" {
			continue
		}
		e.From, e.To = r.spots[a.Near].node.ID, r.spots[a.Far].node.ID
		if down {
			e.From, e.To = e.To, e.From
		}
		e.ID = EdgeID(e.Kind, e.From, e.To, e.RecordedSeq)
	}
}

// ReplayStages walks the stages of a query, each from the walk before it, over what
// is held for it. It reports false where something is missing.
func ReplayStages(q ClosureQuery, first *Closure, held func(stage int) Held) bool {
	last, whole := first, true
	for i, s := range q.Then {
		var roots []int64
		for _, n := range last.OfKind(s.From) {
			roots = append(roots, n.Number)
		}
		next, ok := replayed(s.Query(q, nil), roots, held(i), len(roots))
		next.Head = first.Head
		first.Then = append(first.Then, next)
		last, whole = &next, whole && ok
	}
	return whole
}

// NearKinds are the kinds of node that edges of some kinds (none: of any) lead on
// from in a direction; nodes of others have none.
func NearKinds(d Direction, edges []registry.EdgeKind) (out []registry.Kind) {
	if len(edges) == 0 {
		edges = registry.EdgeKinds()
	}
	for _, e := range edges {
		from, to := registry.EdgeEnds(e)
		if d == Downstream {
			from = to
		}
		for _, k := range from {
			if !slices.Contains(out, k) {
				out = append(out, k)
			}
		}
	}
	return out
}

package cache

import (
	"slices"
	"sync"

	"pedigree/graph"
	"pedigree/registry"
)

// way is a direction and the kinds of edges, as bits of their places in
// registry.EdgeKinds; 0 bits are all.
type way struct {
	down  bool
	kinds uint32
}

func wayOf(d graph.Direction, kinds []registry.EdgeKind) way {
	w := way{down: d == graph.Downstream}
	for _, k := range kinds {
		w.kinds |= 1 << slices.Index(allEdges, k)
	}
	return w
}

var allEdges = registry.EdgeKinds()

// entry is what is kept of a node. It is never changed, but replaced.
type entry struct {
	node *graph.Node
	arcs []known
}

// known are all arcs of a node on one way, in order, whatever they are valid for.
type known struct {
	way  way
	arcs []graph.Arc
}

func (e *entry) on(w way) ([]graph.Arc, bool) {
	for i := range e.arcs {
		if e.arcs[i].way == w {
			return e.arcs[i].arcs, true
		}
	}
	return nil, false
}

// size is how many arcs an entry has; none is 0.
func (e *entry) size() (arcs int) {
	if e != nil {
		for i := range e.arcs {
			arcs += len(e.arcs[i].arcs)
		}
	}
	return arcs
}

// generation is a bounded map of entries by Number.
type generation struct {
	entries map[int64]*entry
	numbers map[registry.ID]int64
	// arcs counts those of all entries, and of some that were forgotten.
	arcs int
}

func newGeneration() *generation {
	return &generation{entries: map[int64]*entry{}, numbers: map[registry.ID]int64{}}
}

// mostHard is how many hard closures are remembered.
const mostHard = 1000

// mostDone is how many Updates may wait for one before them.
const mostDone = 100

// question tells closures apart that memory does not help with.
type question struct {
	of            registry.ID
	way           way
	depth, fanout int
}

func questionOf(q graph.ClosureQuery) question {
	return question{q.Roots[0], wayOf(q.Direction, q.Edges), q.Depth, q.Fanout}
}

// kept is what is known of the graph at one head. It is two generations: what is
// asked for moves to the young one, and when that is full the old one goes.
type kept struct {
	mu         sync.RWMutex
	size       int
	young, old *generation
	// head is the sequence that all entries are known at; -1: of none yet.
	head int64
	// writing counts the Updates under way; done are those that are committed and
	// follow on others that are not known to be.
	writing int
	done    []writes
	// hard are closures that memory did not help with, a hub's for example: a hint,
	// which a new generation drops.
	hard map[question]bool
	// deaf, which tests set, lets writes pass unheard.
	deaf bool
}

func newKept(size int) *kept {
	k := &kept{size: size}
	k.reset()
	return k
}

func (k *kept) reset() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.clear(-1)
}

func (k *kept) clear(head int64) {
	k.young, k.old, k.head, k.done, k.hard = newGeneration(), newGeneration(), head, nil, map[question]bool{}
}

func (k *kept) isHard(q graph.ClosureQuery) bool {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return k.hard[questionOf(q)]
}

func (k *kept) setHard(q graph.ClosureQuery) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.hard) >= mostHard {
		clear(k.hard)
	}
	k.hard[questionOf(q)] = true
}

func (k *kept) begin() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.writing++
}

// end takes in what an Update wrote. Updates may come in another order than that of
// their commits: each waits for those before it. When none is under way and one is
// still missing, another Store wrote it. An Update that failed at its commit may
// have happened all the same.
func (k *kept) end(w writes, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.writing--
	switch {
	case k.deaf:
		k.head = max(k.head, w.last)
		return
	case err != nil && w.ran:
		k.clear(-1)
		return
	case err == nil && w.first > 0 && k.head >= 0:
		k.done = append(k.done, w)
	}
	for again := true; again; {
		again = false
		k.done = slices.DeleteFunc(k.done, func(w writes) bool {
			if w.first == k.head+1 {
				k.forget(w)
				again = true
			}
			return w.last <= k.head
		})
	}
	if k.writing == 0 && len(k.done) > 0 || len(k.done) > mostDone {
		k.clear(-1)
	}
}

// forget drops what the next Update made wrong.
func (k *kept) forget(w writes) {
	k.head = w.last
	for _, g := range []*generation{k.young, k.old} {
		for _, id := range w.nodes {
			if n, ok := g.numbers[id]; ok {
				delete(g.numbers, id)
				delete(g.entries, n)
			}
		}
		for place, ids := range w.ends {
			for _, id := range ids {
				g.dropArcs(id, place == 1)
			}
		}
	}
}

// dropArcs drops the arcs of a node in one direction.
func (g *generation) dropArcs(id registry.ID, down bool) {
	n, ok := g.numbers[id]
	if !ok {
		return
	}
	was := g.entries[n]
	g.entries[n] = &entry{node: was.node, arcs: slices.DeleteFunc(slices.Clone(was.arcs), func(k known) bool { return k.way.down == down })}
}

// knows reports whether all of these nodes are kept.
func (k *kept) knows(ids []registry.ID) bool {
	k.mu.RLock()
	defer k.mu.RUnlock()
	m := memory{young: k.young, old: k.old}
	return !slices.ContainsFunc(ids, func(id registry.ID) bool {
		_, ok := m.number(id)
		return !ok
	})
}

// answer walks over what is kept; false where something is missing, or where it is
// not of that head.
func (k *kept) answer(q graph.ClosureQuery, head int64) (graph.Closure, bool) {
	if !k.at(head) {
		return graph.Closure{}, false
	}
	k.mu.RLock()
	m := memory{young: k.young, old: k.old}
	var out graph.Closure
	ok := k.head == head
	if ok {
		out, ok = m.closure(q, k.head)
	}
	k.mu.RUnlock()
	if ok && len(m.aged) > 0 {
		k.renew(head, m.aged)
	}
	return out, ok
}

// at reports whether what is kept is of a head, and begins anew at one that came
// from elsewhere. While an Update is under way a newer head may be its own.
func (k *kept) at(head int64) bool {
	k.mu.RLock()
	same, wait := k.head == head, k.head >= 0 && (k.writing > 0 || head < k.head)
	k.mu.RUnlock()
	if same || wait {
		return same
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.head < 0 || k.writing == 0 && head > k.head {
		k.clear(head)
	}
	return k.head == head
}

// renew moves entries that were used to the young generation.
func (k *kept) renew(head int64, numbers []int64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.head != head {
		return
	}
	for _, n := range numbers {
		if e := k.old.entries[n]; e != nil && k.young.entries[n] == nil {
			k.put(n, e)
		}
	}
}

// put keeps an entry in the young generation. Most nodes have one or two arcs; where
// they have many, fewer nodes are kept.
func (k *kept) put(n int64, e *entry) {
	if len(k.young.entries) >= k.size || k.young.arcs >= 3*k.size {
		k.old, k.young, k.hard = k.young, newGeneration(), map[question]bool{}
	}
	k.young.arcs += e.size() - k.young.entries[n].size()
	k.young.entries[n], k.young.numbers[e.node.ID] = e, n
}

// learn answers a closure by its surroundings, and keeps them when they are of this
// head. It reports false where they do not hold all that the walk asks for. What was
// found before time ran out is the answer as far as it goes, and is not kept.
func (k *kept) learn(q graph.ClosureQuery, around graph.Closure) (graph.Closure, bool) {
	late := around.TimedOut || slices.ContainsFunc(around.Then, func(c graph.Closure) bool { return c.TimedOut })
	found, whole := surveyed(q, around)
	if !whole && !late {
		return graph.Closure{}, false
	}
	m := memory{young: found}
	out, ok := m.closure(q, around.Head)
	if late {
		out.TimedOut = true
		return out, true
	}
	if len(found.entries) <= maxClosure && k.at(around.Head) {
		k.mu.Lock()
		defer k.mu.Unlock()
		if k.head == around.Head {
			for n, e := range found.entries {
				k.add(n, e)
			}
		}
	}
	return out, ok
}

// add keeps what an entry tells beyond what is kept of its node already.
func (k *kept) add(n int64, e *entry) {
	was := k.young.entries[n]
	if was == nil {
		if was = k.old.entries[n]; was == nil {
			k.put(n, &entry{node: e.node, arcs: ownArcs(nil, e.arcs)})
			return
		}
		k.put(n, was)
	}
	fresh := slices.DeleteFunc(slices.Clone(e.arcs), func(a known) bool {
		_, ok := was.on(a.way)
		return ok
	})
	if len(fresh) > 0 {
		k.put(n, &entry{node: was.node, arcs: ownArcs(slices.Clone(was.arcs), fresh)})
	}
}

// ownArcs adds copies of arcs, which are parts of one piece until then: a few that are
// kept would keep all of it.
func ownArcs(to, from []known) []known {
	for _, a := range from {
		to = append(to, known{a.way, slices.Clone(a.arcs)})
	}
	return to
}

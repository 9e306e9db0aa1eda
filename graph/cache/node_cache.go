package cache

import (
	"slices"
	"sync"

	"pedigree/graph"
	"pedigree/registry"
)

// maxBypass is the maximum number of bypassed closures that are remembered.
const maxBypass = 1000

// maxPending is the maximum number of committed Updates that wait for an earlier one.
const maxPending = 100

// bypassKey identifies a closure that the cache could not answer.
type bypassKey struct {
	root          registry.ID
	filter        edgeFilter
	depth, fanout int
}

func bypassKeyOf(q graph.ClosureQuery) bypassKey {
	return bypassKey{q.Roots[0], edgeFilterOf(q.Direction, q.Edges), q.Depth, q.Fanout}
}

// nodeCache holds nodes and their edges as of one head, in two generations. Entries
// that are used move to the young generation; when it is full, the old one is dropped.
type nodeCache struct {
	mu         sync.RWMutex
	maxNodes   int
	young, old *generation
	// head is the log sequence that all entries are valid at, -1 before the first one.
	head int64
	// activeUpdates counts the Updates under way. pending are those that are committed
	// while an earlier one is not known to be.
	activeUpdates int
	pending       []writeSet
	// bypass holds closures that the cache could not answer, such as those of a hub:
	// they go straight to the store. It is a hint, and starts empty with every new
	// generation.
	bypass map[bypassKey]bool
	// ignoreWrites makes the cache ignore Updates. Only tests set it.
	ignoreWrites bool
}

func newNodeCache(size int) *nodeCache {
	k := &nodeCache{maxNodes: size}
	k.reset()
	return k
}

func (k *nodeCache) reset() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.clear(-1)
}

func (k *nodeCache) clear(head int64) {
	k.young, k.old, k.head, k.pending, k.bypass = newGeneration(), newGeneration(), head, nil, map[bypassKey]bool{}
}

func (k *nodeCache) shouldBypass(q graph.ClosureQuery) bool {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return k.bypass[bypassKeyOf(q)]
}

func (k *nodeCache) setBypass(q graph.ClosureQuery) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.bypass) >= maxBypass {
		clear(k.bypass)
	}
	k.bypass[bypassKeyOf(q)] = true
}

func (k *nodeCache) beginUpdate() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.activeUpdates++
}

// endUpdate applies what an Update wrote. Updates may end in another order than that of
// their commits, so each waits for those before it. When none is under way and one is
// still missing, another Store wrote it. An Update that failed at its commit may have
// been committed all the same.
func (k *nodeCache) endUpdate(w writeSet, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.activeUpdates--
	switch {
	case k.ignoreWrites:
		k.head = max(k.head, w.last)
		return
	case err != nil && w.succeeded:
		k.clear(-1)
		return
	case err == nil && w.first > 0 && k.head >= 0:
		k.pending = append(k.pending, w)
	}
	for again := true; again; {
		again = false
		k.pending = slices.DeleteFunc(k.pending, func(w writeSet) bool {
			if w.first == k.head+1 {
				k.invalidate(w)
				again = true
			}
			return w.last <= k.head
		})
	}
	if k.activeUpdates == 0 && len(k.pending) > 0 || len(k.pending) > maxPending {
		k.clear(-1)
	}
}

// invalidate drops the entries that the next Update has changed.
func (k *nodeCache) invalidate(w writeSet) {
	k.head = w.last
	for _, g := range []*generation{k.young, k.old} {
		for _, id := range w.nodes {
			if n, ok := g.numbers[id]; ok {
				delete(g.numbers, id)
				delete(g.entries, n)
			}
		}
		for end, ids := range w.edgeEnds {
			for _, id := range ids {
				g.dropArcs(id, end == 1)
			}
		}
	}
}

// hasNodes reports whether all of these nodes are cached.
func (k *nodeCache) hasNodes(ids []registry.ID) bool {
	k.mu.RLock()
	defer k.mu.RUnlock()
	m := cacheView{young: k.young, old: k.old}
	return !slices.ContainsFunc(ids, func(id registry.ID) bool {
		_, ok := m.number(id)
		return !ok
	})
}

// cachedClosure walks over the cache. It returns false when something is missing, or
// when the cache is not at that head.
func (k *nodeCache) cachedClosure(q graph.ClosureQuery, head int64) (graph.Closure, bool) {
	if !k.validAt(head) {
		return graph.Closure{}, false
	}
	k.mu.RLock()
	m := cacheView{young: k.young, old: k.old}
	var out graph.Closure
	ok := k.head == head
	if ok {
		out, ok = m.closure(q, k.head)
	}
	k.mu.RUnlock()
	if ok && len(m.oldHits) > 0 {
		k.promote(head, m.oldHits)
	}
	return out, ok
}

// validAt reports whether the cache is at a head. It drops the cache when another Store
// has moved the head. While an Update is under way, a newer head may be its own.
func (k *nodeCache) validAt(head int64) bool {
	k.mu.RLock()
	same, wait := k.head == head, k.head >= 0 && (k.activeUpdates > 0 || head < k.head)
	k.mu.RUnlock()
	if same || wait {
		return same
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.head < 0 || k.activeUpdates == 0 && head > k.head {
		k.clear(head)
	}
	return k.head == head
}

// promote moves used entries to the young generation.
func (k *nodeCache) promote(head int64, numbers []int64) {
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

// put stores an entry in the young generation. Most nodes have one or two arcs; where
// nodes have many, fewer nodes fit.
func (k *nodeCache) put(n int64, e *entry) {
	if len(k.young.entries) >= k.maxNodes || k.young.arcCount >= 3*k.maxNodes {
		k.old, k.young, k.bypass = k.young, newGeneration(), map[bypassKey]bool{}
	}
	k.young.arcCount += e.arcCount() - k.young.entries[n].arcCount()
	k.young.entries[n], k.young.numbers[e.node.ID] = e, n
}

// answerAndStore answers a closure from its neighborhood, and caches the neighborhood
// when it is of the current head. It returns false when the neighborhood does not hold
// all that the walk needs. An answer that was cut short by time is returned as far as
// it goes, and is not cached.
func (k *nodeCache) answerAndStore(q graph.ClosureQuery, neighborhood graph.Closure) (graph.Closure, bool) {
	timedOut := neighborhood.TimedOut || slices.ContainsFunc(neighborhood.Stages, func(c graph.Closure) bool { return c.TimedOut })
	found, complete := entriesOf(q, neighborhood)
	if !complete && !timedOut {
		return graph.Closure{}, false
	}
	m := cacheView{young: found}
	out, ok := m.closure(q, neighborhood.Head)
	if timedOut {
		out.TimedOut = true
		return out, true
	}
	if len(found.entries) <= maxCachedClosure && k.validAt(neighborhood.Head) {
		k.mu.Lock()
		defer k.mu.Unlock()
		if k.head == neighborhood.Head {
			for n, e := range found.entries {
				k.merge(n, e)
			}
		}
	}
	return out, ok
}

// merge adds the arc lists that the cache does not yet have for a node.
func (k *nodeCache) merge(n int64, e *entry) {
	old := k.young.entries[n]
	if old == nil {
		if old = k.old.entries[n]; old == nil {
			k.put(n, &entry{node: e.node, lists: appendCopies(nil, e.lists)})
			return
		}
		k.put(n, old)
	}
	added := slices.DeleteFunc(slices.Clone(e.lists), func(a arcList) bool {
		_, ok := old.arcsFor(a.filter)
		return ok
	})
	if len(added) > 0 {
		k.put(n, &entry{node: old.node, lists: appendCopies(slices.Clone(old.lists), added)})
	}
}

// appendCopies appends copies of arc lists. The originals are slices of one large
// array, and a few cached ones would keep all of it in memory.
func appendCopies(to, from []arcList) []arcList {
	for _, a := range from {
		to = append(to, arcList{a.filter, slices.Clone(a.arcs)})
	}
	return to
}

package neo4j

import (
	"sync"
	"time"

	"pedigree/graph"
	"pedigree/registry"
)

// readMemory remembers what reads of the present returned, as of the newest state that
// the store is known to have had. Whoever uses it has to know that this still is the
// newest one: a reader by reading the state, an Update by holding the head's lock.
//
// An answer is true as long as nothing is written that it needs: a node, a slot, the
// children of a node, the nodes of a kind. What this Store writes makes it forget the
// answers that need it; what another Store writes makes it forget all.
type readMemory struct {
	mu sync.Mutex
	// off is true when nothing is remembered. It is set before the first use.
	off bool
	// state is the state of the answers. known is false when there is none. proven is true
	// when an Update held the lock on that state, so that all of it was written.
	state         headState
	known, proven bool
	// seen is another Store's state and since when it has been the newest.
	seen  headState
	since time.Time
	// generation counts the commits. floor is the first generation whose answers are valid,
	// written has the generation in which something was last written.
	generation, floor int64
	written           map[string]int64
	// young and old are two generations of answers: what young has no room for drops old.
	young, old map[string]*remembered
	bytes      int
	// asked is when a state was last asked for because none is known.
	asked time.Time
}

// remembered is one answer.
type remembered struct {
	generation int64
	needs      []string
	size       int
	node       metNode
	holder     registry.ID
	page       *graph.Page
}

// metNode is a node of the present, and what is stored of it; both are nil when there is
// none.
type metNode struct {
	node   *graph.Node
	stored *storedNode
}

// What an answer needs and an Update writes, and the names of answers.
func nodeName(key string) string        { return "n" + key }
func slotName(key string) string        { return "s" + key }
func childrenName(parent string) string { return "p" + parent }
func kindName(k registry.Kind) string   { return "k" + string(k) }
func queryName(text string) string      { return "q" + text }

// Bounds of the memory: answers and bytes of one generation, bytes of one answer, and how
// many written names are told apart.
const (
	maxRemembered      = 20_000
	maxRememberedBytes = 48 << 20
	maxAnswerBytes     = 1 << 20
	maxWrittenNames    = 200_000
)

// settleTime is how long another Store's state has to be the newest before it counts as
// written completely. askPause is the pause between questions for a state.
const settleTime, askPause = localCommitWait, 200 * time.Millisecond

// begin returns the generation for an answer that is read from now on, -1 when it may not
// be remembered.
func (m *readMemory) begin() int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.known {
		return -1
	}
	return m.generation
}

// needsState reports whether the memory should be told a state, at most once a pause.
func (m *readMemory) needsState() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.known && m.seen.seq <= m.state.seq || time.Since(m.asked) < askPause {
		return false
	}
	m.asked = time.Now()
	return true
}

// remember keeps an answer that was read in a generation.
func (m *readMemory) remember(name string, generation int64, r *remembered) {
	if generation < 0 || r.size > maxAnswerBytes || m.off {
		return
	}
	r.generation = generation
	m.mu.Lock()
	defer m.mu.Unlock()
	if generation < m.floor {
		return
	}
	m.keep(name, r)
}

func (m *readMemory) keep(name string, r *remembered) {
	if m.young == nil || len(m.young) >= maxRemembered || m.bytes >= maxRememberedBytes {
		m.young, m.old, m.bytes = map[string]*remembered{}, m.young, 0
	}
	m.young[name] = r
	m.bytes += r.size + len(name)
}

// valid returns an answer that nothing was written to since, nil when there is none.
func (m *readMemory) valid(name string) *remembered {
	r, young := m.young[name]
	if !young {
		r = m.old[name]
	}
	if r == nil || r.generation < m.floor {
		return nil
	}
	for _, need := range r.needs {
		if m.written[need] > r.generation {
			return nil
		}
	}
	if !young {
		m.keep(name, r)
	}
	return r
}

// has reports whether all of these answers may be in the memory.
func (m *readMemory) has(names ...string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.known || m.seen.seq > m.state.seq {
		return false
	}
	for _, name := range names {
		if m.valid(name) == nil {
			return false
		}
	}
	return true
}

// answers returns answers that are true in a state or a later one; false when one is
// missing.
func (m *readMemory) answers(state headState, names ...string) ([]*remembered, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.known || !m.state.covers(state) || m.seen.seq > m.state.seq {
		return nil, false
	}
	out := make([]*remembered, len(names))
	for i, name := range names {
		if out[i] = m.valid(name); out[i] == nil {
			return nil, false
		}
	}
	return out, true
}

// underLock returns an answer for an Update that began in a generation, nil when there is
// none.
func (m *readMemory) underLock(generation int64, name string) *remembered {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.known || generation < m.floor {
		return nil
	}
	return m.valid(name)
}

// lock is told the state on which an Update holds the lock, and returns its generation.
func (m *readMemory) lock(state headState) int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.known || !m.proven || m.state != state {
		m.begins(state, true)
	}
	return m.generation
}

// newest returns the state of the memory; false when there is none.
func (m *readMemory) newest() (headState, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.state, m.known
}

// begins forgets everything, and begins anew with a state.
func (m *readMemory) begins(state headState, proven bool) {
	m.forget()
	m.state, m.known, m.proven, m.seen = state, true, proven, headState{}
}

func (m *readMemory) forget() {
	m.generation++
	m.floor, m.written = m.generation, map[string]int64{}
	m.young, m.old, m.bytes, m.known = nil, nil, 0, false
}

// forgetAll forgets everything, after a write that it was not told of.
func (m *readMemory) forgetAll() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.forget()
}

// commit is told what an Update of a generation wrote, and the sequence that it reached.
func (m *readMemory) commit(generation int64, p *pendingWrites, seq int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if generation < m.floor {
		m.forget()
		return
	}
	m.generation++
	m.state.seq = seq
	if m.off {
		return
	}
	if p.wroteAnything || len(m.written)+len(p.wrote) > maxWrittenNames {
		m.begins(m.state, true)
	}
	if p.wroteAnything { // What it has met may have changed since.
		return
	}
	for name := range p.wrote {
		m.written[name] = m.generation
	}
	for key, n := range p.nodesMet.base {
		if p.wrote[nodeName(key)] {
			m.keep(nodeName(key), nodeAnswer(m.generation, key, n))
		}
	}
	for key, holder := range p.slotsMet.base {
		if p.wrote[slotName(key)] {
			m.keep(slotName(key), slotAnswer(m.generation, key, holder))
		}
	}
}

// tell is told a state that a reader has read. That of another Store becomes the state of
// the memory when it has been the newest for long enough.
func (m *readMemory) tell(state headState, committing bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case committing || m.known && m.state.covers(state):
	case m.known && m.state.seq > state.seq:
	case m.seen != state:
		m.seen, m.since = state, time.Now()
	case time.Since(m.since) >= settleTime:
		m.begins(state, false)
	}
}

// notice is told what a reader has read from the store. Neo4j can show a node before the head that
// was committed with it: until a state is known that has the node, nothing is answered from
// memory, so that who has seen the node never sees what was before it.
func (m *readMemory) notice(nodes ...*graph.Node) {
	newest := int64(0)
	for _, n := range nodes {
		if n != nil {
			newest = max(newest, n.RecordedSeq)
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.known && newest > m.state.seq && newest > m.seen.seq {
		m.seen, m.since = headState{seq: newest}, time.Now()
	}
}

func nodeAnswer(generation int64, key string, n metNode) *remembered {
	r := &remembered{generation: generation, needs: []string{nodeName(key)}, node: n, size: 200}
	if n.node != nil {
		r.size += sizeOf(n.node) * 2
	}
	return r
}

func slotAnswer(generation int64, key string, holder registry.ID) *remembered {
	return &remembered{generation: generation, needs: []string{slotName(key)}, holder: holder, size: 200}
}

// sizeOf estimates the memory of a node.
func sizeOf(n *graph.Node) int { return 1000 + len(n.Doc) + 2*len(n.Name) }

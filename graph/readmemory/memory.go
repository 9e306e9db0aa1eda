// Package readmemory keeps what reads of the present returned: nodes, holders of slots and
// pages. Both stores use it, so that a question that was asked a moment ago is not asked
// of the engine again.
//
// An answer is true as long as nothing is written that it needs: a node, a slot, the
// children of a node, the nodes of a kind. What a store writes makes its memory forget the
// answers that need it; what another store writes moves the head of the log, and makes it
// forget all. Whoever uses an answer has to know that the state of the memory still is
// the newest: a reader by reading the state of the store, an Update by holding the lock.
package readmemory

import (
	"sync"
	"time"

	"pedigree/graph"
	"pedigree/registry"
)

// State names a state of a store: what was written by log sequence Seq. The other fields
// change when something is written that has no log entry.
type State struct {
	Seq, Schema, Repairs int64
	Migration            string
}

// Covers reports whether a state is at least as new as another one.
func (s State) Covers(other State) bool {
	newer := s.Seq >= other.Seq
	s.Seq = other.Seq
	return newer && s == other
}

// Memory holds answers as of the newest state that its store is known to have had. The
// zero Memory is empty, and knows no state.
type Memory struct {
	// Off is true when nothing is remembered. MaxBytes bounds a generation of answers, by
	// an estimate of their size; 0 means 48 MiB. Both are set before the first use.
	Off      bool
	MaxBytes int
	// IgnoreWrites makes it remember what has been overwritten. Only tests set it.
	IgnoreWrites bool

	mu sync.Mutex
	// state is the state of the answers. known is false when there is none. proven is true
	// when an Update held the lock on that state, so that all of it was written.
	state         State
	known, proven bool
	// seen is another Store's state and since when it has been the newest.
	seen  State
	since time.Time
	// generation counts the commits. floor is the first generation whose answers are valid,
	// written has the generation in which something was last written.
	generation, floor int64
	written           map[string]int64
	// young and old are two generations of answers: what young has no room for drops old.
	young, old map[string]*Answer
	bytes      int
	// asked is when a state was last asked for because none is known.
	asked time.Time
}

// Answer is what a read returned, by the name under which it is remembered.
type Answer struct {
	// Needs are the names of what the answer depends on; see NodeName and the others.
	Needs []string
	// Size is an estimate of its memory in bytes.
	Size int
	// Value is never changed once it is remembered.
	Value any

	// generation is that in which it was read. Nothing that it needs was written up to
	// generation checked.
	generation, checked int64
}

// Writes is what an Update has written.
type Writes struct {
	// Names are the names of it. Everything says that more may have changed than that.
	Names      map[string]bool
	Everything bool
	// Known are answers of the state after the write, by name.
	Known map[string]*Answer
	// Nodes are all nodes that were written, as they are now, when the store can tell: what is
	// known of their siblings stays known. They are not changed any more. Key makes an id
	// unique.
	Nodes []*graph.Node
	Key   func(registry.ID) string
}

// Bounds of a memory: answers and bytes of one generation, bytes of one answer, and how many
// written names are told apart.
const (
	maxAnswers      = 20_000
	maxBytes        = 48 << 20
	maxAnswerBytes  = 1 << 20
	maxWrittenNames = 200_000
)

// MaxNodes is how many nodes of one read by id are remembered. More are read by those who walk
// through everything, and do not come back.
const MaxNodes = 1000

// SettleTime is how long another Store's state has to be the newest before it counts as
// written completely. askPause is the pause between questions for a state.
const SettleTime, askPause = time.Second, 200 * time.Millisecond

// Begin returns the generation for an answer that is read from now on, -1 when it may not
// be remembered.
func (m *Memory) Begin() int64 {
	if m.Off {
		return -1
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.known {
		return -1
	}
	return m.generation
}

// NeedsState reports whether the memory should be told a state, at most once in 200 ms.
func (m *Memory) NeedsState() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.known && m.seen.Seq <= m.state.Seq || time.Since(m.asked) < askPause {
		return false
	}
	m.asked = time.Now()
	return true
}

// Remember keeps an answer that was read in a generation.
func (m *Memory) Remember(name string, generation int64, r *Answer) {
	if generation < 0 || r.Size > maxAnswerBytes || m.Off {
		return
	}
	r.generation, r.checked = generation, generation
	m.mu.Lock()
	defer m.mu.Unlock()
	if generation < m.floor {
		return
	}
	m.keep(name, r)
}

func (m *Memory) keep(name string, r *Answer) {
	bound := m.MaxBytes
	if bound == 0 {
		bound = maxBytes
	}
	if m.young == nil || len(m.young) >= maxAnswers || m.bytes >= bound {
		m.young, m.old, m.bytes = map[string]*Answer{}, m.young, 0
	}
	m.young[name] = r
	m.bytes += r.Size + len(name)
}

// valid returns an answer that nothing was written to since, nil when there is none.
func (m *Memory) valid(name string) *Answer {
	r, young := m.young[name]
	if !young {
		r = m.old[name]
	}
	if r == nil || r.generation < m.floor {
		return nil
	}
	if r.checked < m.generation {
		for _, need := range r.Needs {
			if m.written[need] > r.generation {
				return nil
			}
		}
		r.checked = m.generation
	}
	if !young {
		m.keep(name, r)
	}
	if CheckNode != nil {
		checkNodes(r)
	}
	return r
}

// Has reports whether all of these answers may be in the memory.
func (m *Memory) Has(names ...string) bool {
	if m.Off {
		return false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.known || m.seen.Seq > m.state.Seq {
		return false
	}
	for _, name := range names {
		if m.valid(name) == nil {
			return false
		}
	}
	return true
}

// Answers returns answers that are true in a state or a later one; nil when one is missing.
func (m *Memory) Answers(state State, names ...string) []*Answer {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.known || !m.state.Covers(state) || m.seen.Seq > m.state.Seq {
		return nil
	}
	out := make([]*Answer, len(names))
	for i, name := range names {
		if out[i] = m.valid(name); out[i] == nil {
			return nil
		}
	}
	return out
}

// UnderLock returns an answer for an Update that began in a generation, nil when there is
// none.
func (m *Memory) UnderLock(generation int64, name string) *Answer {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.known || generation < m.floor {
		return nil
	}
	return m.valid(name)
}

// Lock is told the state on which an Update holds the lock, and returns its generation.
func (m *Memory) Lock(state State) int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.known || !m.proven || m.state != state {
		m.begins(state, true)
	}
	return m.generation
}

// Newest returns the state of the memory; false when there is none.
func (m *Memory) Newest() (State, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.state, m.known
}

// Behind reports whether the memory cannot answer before it is told a newer state.
func (m *Memory) Behind() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return !m.known || m.seen.Seq > m.state.Seq
}

// begins forgets everything, and begins anew with a state.
func (m *Memory) begins(state State, proven bool) {
	m.forget()
	m.state, m.known, m.proven, m.seen = state, true, proven, State{}
}

func (m *Memory) forget() {
	m.generation++
	m.floor, m.written = m.generation, map[string]int64{}
	m.young, m.old, m.bytes, m.known = nil, nil, 0, false
}

// ForgetAll forgets everything, after a write that it was not told of.
func (m *Memory) ForgetAll() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.forget()
}

// Commit is told what an Update of a generation wrote, and the sequence that it reached.
func (m *Memory) Commit(generation int64, w Writes, seq int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if generation < m.floor {
		m.forget()
		return
	}
	var lastChildren, slotHolders map[string]*Answer
	if !m.Off && !m.IgnoreWrites {
		lastChildren, slotHolders = m.lastChildren(w), m.slotHolders(w)
	}
	m.generation++
	m.state.Seq = seq
	if m.Off || m.IgnoreWrites {
		return
	}
	if w.Everything || len(m.written)+len(w.Names) > maxWrittenNames {
		m.begins(m.state, true)
	}
	if w.Everything { // What it knows may have changed since.
		return
	}
	for name := range w.Names {
		m.written[name] = m.generation
	}
	for _, answers := range []map[string]*Answer{w.Known, lastChildren, slotHolders} {
		for name, r := range answers {
			r.generation, r.checked = m.generation, m.generation
			m.keep(name, r)
		}
	}
}

// Tell is told a state that a reader has read, of a store that can show a state before all of
// it is there. That of another Store becomes the state of the memory when it has been the
// newest for SettleTime.
func (m *Memory) Tell(state State, committing bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case committing || m.known && m.state.Covers(state):
	case m.known && m.state.Seq > state.Seq:
	case m.seen != state:
		m.seen, m.since = state, time.Now()
	case time.Since(m.since) >= SettleTime:
		m.begins(state, false)
	}
}

// Adopt is told a state that a reader has read, of a store that shows each state as a whole. It
// becomes the state of the memory unless that covers it. The caller knows that no commit of
// its own Store is under way.
func (m *Memory) Adopt(state State) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.known || !m.state.Covers(state) {
		m.begins(state, true)
	}
}

// Notice is told what a reader has read from the store: until a state is known that has these
// nodes, nothing is answered from memory, so that who has seen a node never sees what was
// before it. Another Store may have written it, and Neo4j can show a node before the head that
// was committed with it.
func (m *Memory) Notice(nodes ...*graph.Node) {
	newest := int64(0)
	for _, n := range nodes {
		if n != nil {
			newest = max(newest, n.RecordedSeq)
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.known && newest > m.state.Seq && newest > m.seen.Seq {
		m.seen, m.since = State{Seq: newest}, time.Now()
	}
}

package readmemory

import (
	"testing"
	"time"

	"pedigree/graph"
)

// TestAnotherServersStateSettles: a store that only reads remembers again when another
// server's state has been the newest for long enough, and not before.
func TestAnotherServersStateSettles(t *testing.T) {
	var m Memory
	m.Lock(State{Seq: 1})
	m.Remember("q", m.Begin(), &Answer{})
	m.Tell(State{Seq: 2}, false)
	m.Tell(State{Seq: 2}, false)
	if state, known := m.Newest(); !known || state.Seq != 1 || m.Has("q") {
		t.Errorf("%+v %v", state, known)
	}
	m.since = time.Now().Add(-SettleTime)
	m.Tell(State{Seq: 2}, true) // A commit of this store is under way.
	if state, _ := m.Newest(); state.Seq != 1 {
		t.Errorf("%+v", state)
	}
	m.Tell(State{Seq: 2}, false)
	if state, known := m.Newest(); !known || state.Seq != 2 || m.proven {
		t.Errorf("%+v %v", state, known)
	}
	m.Remember("q", m.Begin(), &Answer{})
	if !m.Has("q") {
		t.Error("nothing is remembered")
	}
	if m.Lock(State{Seq: 2}); m.Has("q") {
		t.Error("an update trusts what was read without a lock")
	}
	m.Remember("q", m.Begin(), &Answer{})
	m.Tell(State{Seq: 2, Repairs: 1}, false)
	m.since = time.Now().Add(-SettleTime)
	if m.Tell(State{Seq: 2, Repairs: 1}, false); m.Has("q") {
		t.Error("a repair leaves what it changed")
	}
}

// TestWhoHasSeenANodeIsNotAnsweredFromBeforeIt: a node is read before the head that was committed
// with it.
func TestWhoHasSeenANodeIsNotAnsweredFromBeforeIt(t *testing.T) {
	var m Memory
	state := State{Seq: 1}
	generation := m.Lock(state)
	m.Remember("q", m.Begin(), &Answer{})
	if m.Answers(state, "q") == nil || !m.Has("q") {
		t.Fatal("nothing is remembered")
	}
	m.Notice(nil, &graph.Node{RecordedSeq: 1})
	if !m.Has("q") {
		t.Error("a node of the same state forbids the memory")
	}
	m.Notice(&graph.Node{RecordedSeq: 2})
	if m.Answers(state, "q") != nil || m.Has("q") {
		t.Error("an answer of state 1 after a node of state 2")
	}
	m.Commit(generation, Writes{}, 2)
	if m.Answers(State{Seq: 2}, "q") == nil || !m.Has("q") {
		t.Error("the memory is not used again")
	}
}

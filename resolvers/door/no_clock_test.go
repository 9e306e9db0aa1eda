package door

import (
	"testing"
	"testing/synctest"
	"time"
)

// moved asks a world for all fields of all objects of every root field, and returns how far the
// clock of a bubble moved meanwhile. It moves only when everything that runs waits for it.
func moved(w *world) (took time.Duration, answers int) {
	r := reader{w.Handler.(*httpHandler).documents.schema}
	start := time.Now()
	for _, root := range r.schema.Query.Fields {
		for _, p := range r.positionsOf(root) {
			for _, call := range w.roots()[root.Name] {
				for _, typ := range r.concrete(p.typ) {
					w.ask("{ " + call + " { " + p.open + r.fieldsOf(typ)(p.typ) + p.shut + " } }")
					answers++
				}
			}
		}
	}
	w.ask(`{ viewer { subject } auditLog { totalCount edges { node { seq } } } search(text: "common") { totalCount facets { complete } } }`)
	return time.Since(start), answers + 1
}

// TestNoAnswerWaitsOnAClock checks that no read waits for a timer: all fields of all objects are
// answered while the clock stands still.
func TestNoAnswerWaitsOnAClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		took, answers := moved(newWorld(t, 3))
		if took != 0 {
			t.Errorf("the clock moved by %s", took)
		}
		t.Logf("PROOF %d answers, in which the clock moved by %s", answers, took)
	})
}

// TestAWaitMovesTheClock is the opposite of TestNoAnswerWaitsOnAClock: a timer of a millisecond
// in the way of the reads is noticed.
func TestAWaitMovesTheClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1)
		w.store.pause = func() { <-time.After(time.Millisecond) }
		if took, _ := moved(w); took == 0 {
			t.Error("the clock stood still")
		}
	})
}

package sqlite

import (
	"maps"

	"pedigree/registry"
)

// mostLately is about how many nodes the writer remembers: two batches of an import.
const mostLately = 20_000

// lately is what the writer remembers of nodes that it has made, so that edges between
// them need not look them up again: an import writes nodes and then their edges. It
// holds for one head of the log; where another has written, it is empty.
type lately struct {
	head  int64
	nodes map[registry.ID]*made
	// deaf, which tests set, lets it hold whatever the head is.
	deaf bool
}

// made is a node that was made lately. linked tells that it was an end of an edge
// since: before, it has none.
type made struct {
	num    int64
	kind   registry.Kind
	linked bool
}

// at empties it where it is not of a head.
func (l *lately) at(head int64) {
	if l.head != head && !l.deaf || l.nodes == nil {
		l.forget(head)
	}
}

func (l *lately) forget(head int64) { l.head, l.nodes = head, map[registry.ID]*made{} }

// change is what one update does to what is remembered. It holds within the update
// at once, and behind it when its closure has succeeded.
type change struct {
	made   map[registry.ID]*made
	linked map[registry.ID]bool
	gone   map[registry.ID]bool
}

// take takes in what an update did, whose last entry is the head now.
func (l *lately) take(c change, head int64) {
	if len(l.nodes)+len(c.made) > mostLately {
		l.nodes = map[registry.ID]*made{}
	}
	l.head = head
	if len(c.made) <= mostLately {
		maps.Copy(l.nodes, c.made)
	}
	for id := range c.linked {
		if m := l.nodes[id]; m != nil {
			m.linked = true
		}
	}
	for id := range c.gone {
		delete(l.nodes, id)
	}
}

// noteMade remembers a node that this update made.
func (t *tx) noteMade(id registry.ID, num int64, kind registry.Kind) {
	if t.change.made == nil {
		t.change.made = map[registry.ID]*made{}
	}
	t.change.made[id] = &made{num: num, kind: kind}
}

// noteLinked remembers that a node is an end of an edge.
func (t *tx) noteLinked(id registry.ID) {
	if t.change.linked == nil {
		t.change.linked = map[registry.ID]bool{}
	}
	t.change.linked[id] = true
}

// noteGone forgets a node that this update deleted.
func (t *tx) noteGone(id registry.ID) {
	if t.change.gone == nil {
		t.change.gone = map[registry.ID]bool{}
	}
	t.change.gone[id] = true
}

// known is an end that is remembered, nil where it is to be looked up.
func (t *tx) known(id registry.ID) *end {
	m := t.change.made[id]
	if m == nil {
		m = t.s.lately.nodes[id]
	}
	if m == nil || t.change.gone[id] {
		return nil
	}
	return &end{num: m.num, kind: m.kind, bare: !m.linked && !t.change.linked[id]}
}

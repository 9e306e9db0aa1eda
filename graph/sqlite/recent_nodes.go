package sqlite

import (
	"maps"

	"pedigree/registry"
)

// mostLately is about how many nodes the writer remembers: two batches of an import.
const maxRecentNodes = 20_000

// lately is what the writer remembers of nodes that it has made, so that edges between
// them need not look them up again: an import writes nodes and then their edges. It
// holds for one head of the log; where another has written, it is empty.
type recentNodes struct {
	head  int64
	nodes map[registry.ID]*recentNode
	// deaf, which tests set, lets it hold whatever the head is.
	ignoreHead bool
}

// made is a node that was made lately. linked tells that it was an end of an edge
// since: before, it has none.
type recentNode struct {
	num    int64
	kind   registry.Kind
	linked bool
}

// at empties it where it is not of a head.
func (r *recentNodes) resetUnlessAt(head int64) {
	if r.head != head && !r.ignoreHead || r.nodes == nil {
		r.reset(head)
	}
}

func (r *recentNodes) reset(head int64) { r.head, r.nodes = head, map[registry.ID]*recentNode{} }

// change is what one update does to what is remembered. It holds within the update
// at once, and behind it when its closure has succeeded.
type recentChange struct {
	created map[registry.ID]*recentNode
	linked  map[registry.ID]bool
	deleted map[registry.ID]bool
}

// take takes in what an update did, whose last entry is the head now.
func (r *recentNodes) apply(c recentChange, head int64) {
	if len(r.nodes)+len(c.created) > maxRecentNodes {
		r.nodes = map[registry.ID]*recentNode{}
	}
	r.head = head
	if len(c.created) <= maxRecentNodes {
		maps.Copy(r.nodes, c.created)
	}
	for id := range c.linked {
		if n := r.nodes[id]; n != nil {
			n.linked = true
		}
	}
	for id := range c.deleted {
		delete(r.nodes, id)
	}
}

// noteMade remembers a node that this update made.
func (t *tx) recordCreated(id registry.ID, num int64, kind registry.Kind) {
	if t.change.created == nil {
		t.change.created = map[registry.ID]*recentNode{}
	}
	t.change.created[id] = &recentNode{num: num, kind: kind}
}

// noteLinked remembers that a node is an end of an edge.
func (t *tx) recordLinked(id registry.ID) {
	if t.change.linked == nil {
		t.change.linked = map[registry.ID]bool{}
	}
	t.change.linked[id] = true
}

// noteGone forgets a node that this update deleted.
func (t *tx) recordDeleted(id registry.ID) {
	if t.change.deleted == nil {
		t.change.deleted = map[registry.ID]bool{}
	}
	t.change.deleted[id] = true
}

// known is an end that is remembered, nil where it is to be looked up.
func (t *tx) recentEndpoint(id registry.ID) *endpoint {
	n := t.change.created[id]
	if n == nil {
		n = t.s.recent.nodes[id]
	}
	if n == nil || t.change.deleted[id] {
		return nil
	}
	return &endpoint{num: n.num, kind: n.kind, unlinked: !n.linked && !t.change.linked[id]}
}

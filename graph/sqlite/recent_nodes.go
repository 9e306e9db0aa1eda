package sqlite

import (
	"maps"

	"pedigree/registry"
)

// maxRecentNodes is the maximum number of cached nodes: about two batches of an import.
const maxRecentNodes = 20_000

// recentNodes caches the nodes that the writer has created recently, so that Link does
// not need to look them up: an import writes nodes and then their edges. The cache is
// valid for one head of the log. When another writer has moved the head, it is reset.
type recentNodes struct {
	head  int64
	nodes map[registry.ID]*recentNode
	// nextNum is the number of the next new node, 0 when it is not known.
	nextNum int64
	// noOrphans is true when it is known that every parent of a node is a node.
	noOrphans bool
	// ignoreHead is for tests: the cache is not reset when another writer has written.
	ignoreHead bool
}

// recentNode is a recently created node. linked says that it was an end of an edge
// since then; a new node has no edges.
type recentNode struct {
	num    int64
	kind   registry.Kind
	linked bool
}

// resetUnlessAt resets the cache unless it is valid for head.
func (r *recentNodes) resetUnlessAt(head int64) {
	if r.head != head && !r.ignoreHead || r.nodes == nil {
		r.reset(head)
	}
}

func (r *recentNodes) reset(head int64) {
	*r = recentNodes{head: head, nodes: map[registry.ID]*recentNode{}, ignoreHead: r.ignoreHead}
}

// recentChange is the change of the cache by one update. The update itself sees it at
// once; the cache gets it when the closure has succeeded.
type recentChange struct {
	created map[registry.ID]*recentNode
	linked  map[registry.ID]bool
	deleted map[registry.ID]bool
	// nextNum is the number of the next new node, 0 when it is not known. noOrphans is true when every parent of a
	// node was found to be a node, addedOrphan when the update has added one whose parent is not.
	nextNum                int64
	noOrphans, addedOrphan bool
}

// apply adds the change of an update, whose last entry is the new head.
func (r *recentNodes) apply(c recentChange, head int64) {
	if len(r.nodes)+len(c.created) > maxRecentNodes {
		r.nodes = map[registry.ID]*recentNode{}
	}
	r.head = head
	if c.nextNum != 0 {
		r.nextNum = c.nextNum
	}
	r.noOrphans = (r.noOrphans || c.noOrphans) && !c.addedOrphan
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

// recordCreated records that this update created a node.
func (t *tx) recordCreated(id registry.ID, num int64, kind registry.Kind) {
	if t.change.created == nil {
		t.change.created = map[registry.ID]*recentNode{}
	}
	t.change.created[id] = &recentNode{num: num, kind: kind}
}

// recordLinked records that this update made a node an end of an edge.
func (t *tx) recordLinked(id registry.ID) {
	if t.change.linked == nil {
		t.change.linked = map[registry.ID]bool{}
	}
	t.change.linked[id] = true
}

// recordDeleted records that this update deleted a node.
func (t *tx) recordDeleted(id registry.ID) {
	if t.change.deleted == nil {
		t.change.deleted = map[registry.ID]bool{}
	}
	t.change.deleted[id] = true
}

// recentEndpoint returns a cached node, or nil when it must be looked up.
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

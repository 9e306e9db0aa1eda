package neo4j

import (
	"context"
	"maps"
	"slices"
	"strings"

	"pedigree/registry"
)

// pendingWrites are the writes of a transaction that are not sent yet. They are sent
// together, in one statement: before a read that could meet them, and before the commit.
// So a write costs few round trips, and the updates of a batch share them.
type pendingWrites struct {
	lists map[string][]any
	// nodes and slots have the keys of what is written, unsent the names of all that is.
	nodes, slots, unsent map[string]bool
	// parents has the keys of the parents of these nodes.
	parents map[string]bool
	rows    int
	// nodesMet and slotsMet have, by key, what the transaction has read or written of the
	// present. The lock on the head keeps it true.
	nodesMet overlay[metNode]
	slotsMet overlay[registry.ID]
	// words has, by key, the search properties of the nodes that the transaction has written:
	// the full-text index has them after the commit.
	words overlay[row]
	// wrote has the names of all that was written, whether it was sent or dropped.
	// wroteAnything is true when more may have changed than that.
	wrote         map[string]bool
	wroteAnything bool
	// created has the keys of the nodes that the transaction creates, linked those of the
	// ends of its edges.
	created, linked map[string]bool
	// generation is that of the store's memory when the lock was taken.
	generation int64
	// owner is the closure that is running. mark is where its writes begin, by list.
	owner *txn
	mark  map[string]int
}

// overlay is a map with changes that can be dropped.
type overlay[V any] struct{ base, own map[string]V }

func (o *overlay[V]) get(key string) (V, bool) {
	if v, ok := o.own[key]; ok {
		return v, true
	}
	v, ok := o.base[key]
	return v, ok
}

func (o *overlay[V]) set(key string, v V) {
	if o.own == nil {
		o.own = map[string]V{}
	}
	o.own[key] = v
}

// all is the map with its changes.
func (o *overlay[V]) all() map[string]V {
	if len(o.own) == 0 {
		return o.base
	}
	all := maps.Clone(o.own)
	for key, v := range o.base {
		if _, changed := all[key]; !changed {
			all[key] = v
		}
	}
	return all
}

// keep takes over the changes, and drop forgets them.
func (o *overlay[V]) keep() {
	if o.base == nil {
		o.base, o.own = o.own, nil
		return
	}
	maps.Copy(o.base, o.own)
	o.own = nil
}

func (o *overlay[V]) drop() { o.own = nil }

// The lists of pending writes, in the order in which the statement writes them. A list of
// nodes or edges is one for each kind, because labels and types cannot be parameters.
const (
	freedSlots = "freed"
	replaced   = "replaced"
	revisions  = "revisions"
	takenSlots = "taken"
	logEntries = "log"
	touches    = "touches"
	tagLabels  = "labels"
)

func createdList(k registry.Kind) string  { return "node_" + string(k) }
func edgeList(k registry.EdgeKind) string { return "edge_" + string(k) }

var isEdgeList = func() map[string]bool {
	m := map[string]bool{}
	for _, k := range registry.EdgeKinds() {
		m[edgeList(k)] = true
	}
	return m
}()

// pendingLists are the names of all lists.
var pendingLists = func() []string {
	names := []string{freedSlots, replaced, revisions, takenSlots, logEntries, touches, tagLabels}
	for _, k := range registry.Kinds() {
		names = append(names, createdList(k))
	}
	for _, k := range registry.EdgeKinds() {
		names = append(names, edgeList(k))
	}
	return names
}()

// writePending writes one part of every list, and the head. It is one text for all writes,
// so that the server plans it once.
var writePending = func() string {
	var b strings.Builder
	b.WriteString("MATCH (h:Head {key: $key}) USING INDEX SEEK h:Head(key) SET h.seq = $seq, h.number = $number, h.roots = $roots WITH h\n")
	call := func(text string) { b.WriteString("CALL { " + text + " }\n") }
	call("UNWIND $in." + freedSlots + " AS row MATCH (s:Slot {key: row.key}) USING INDEX SEEK s:Slot(key) DELETE s")
	for _, k := range registry.Kinds() {
		b.WriteString("FOREACH (row IN $in." + createdList(k) + " | CREATE (n:Node:" + string(k) + ") SET n = row)\n")
	}
	b.WriteString("WITH h\n")
	call("UNWIND $in." + replaced + " AS row MATCH (n:Node {key: row.key}) USING INDEX SEEK n:Node(key) SET n = row")
	call("UNWIND $in." + tagLabels + deleteLabels)
	b.WriteString("FOREACH (row IN $in." + tagLabels + " | FOREACH (label IN row.labels | CREATE (l:TagLabel) SET l = label))\n")
	b.WriteString("FOREACH (row IN $in." + revisions + " | CREATE (v:Revision) SET v = row)\n")
	b.WriteString("FOREACH (row IN $in." + takenSlots + " | MERGE (s:Slot {key: row.key}) SET s.node = row.node, s.node_key = row.node_key)\n")
	b.WriteString("FOREACH (row IN $in." + logEntries + " | CREATE (l:Log) SET l = row)\n")
	b.WriteString("FOREACH (row IN $in." + touches + " | CREATE (t:Touch) SET t = row)\nWITH h\n")
	for _, k := range registry.EdgeKinds() {
		call(strings.Replace(createEdges[k], "$in.rows", "$in."+edgeList(k), 1))
	}
	b.WriteString("RETURN count(*) AS written")
	return b.String()
}()

// add appends rows to a list.
func (p *pendingWrites) add(list string, rows ...any) {
	if p.lists == nil {
		p.lists, p.nodes, p.slots, p.parents, p.unsent = map[string][]any{}, map[string]bool{}, map[string]bool{}, map[string]bool{}, map[string]bool{}
	}
	p.lists[list] = append(p.lists[list], rows...)
	p.rows += len(rows)
}

// writes says what the rows that were just added change.
func (p *pendingWrites) writes(names ...string) {
	if p.wrote == nil {
		p.wrote, p.created, p.linked = map[string]bool{}, map[string]bool{}, map[string]bool{}
	}
	for _, name := range names {
		p.wrote[name], p.unsent[name] = true, true
	}
}

// wroteAny reports whether the transaction may have changed one of these.
func (p *pendingWrites) wroteAny(names ...string) bool {
	return p.wroteAnything || slices.ContainsFunc(names, func(name string) bool { return p.wrote[name] })
}

// begin says whose writes follow.
func (p *pendingWrites) begin(owner *txn) {
	p.owner, p.mark = owner, map[string]int{}
	for list, rows := range p.lists {
		p.mark[list] = len(rows)
	}
}

// accept keeps what the owner has written and met.
func (p *pendingWrites) accept() {
	p.nodesMet.keep()
	p.slotsMet.keep()
	p.words.keep()
}

// undo drops what the owner has written and not sent, and what it has met.
func (p *pendingWrites) undo() {
	p.rows = 0
	for list, rows := range p.lists {
		p.lists[list] = rows[:p.mark[list]]
		p.rows += p.mark[list]
	}
	// The names of what was dropped stay: they cost a round trip at most.
	p.nodesMet.drop()
	p.slotsMet.drop()
	p.words.drop()
}

// forget drops what the transaction knows, before a write that may change other nodes than
// those it names.
func (p *pendingWrites) forget() {
	p.nodesMet, p.slotsMet = overlay[metNode]{}, overlay[registry.ID]{}
	p.wroteAnything = true
}

// sent says that a statement of the owner has written to the store, so that dropping what
// is pending does not undo the closure.
func (p *pendingWrites) sent() {
	if p.owner != nil {
		p.owner.sent = true
	}
}

// touchesNodes reports whether a pending write concerns one of the nodes with these keys.
func (p *pendingWrites) touchesNodes(keys []string) bool {
	return p.rows > 0 && slices.ContainsFunc(keys, func(k string) bool { return p.nodes[k] })
}

// touchesSlots is touchesNodes for slots.
func (p *pendingWrites) touchesSlots(keys []string) bool {
	return p.rows > 0 && slices.ContainsFunc(keys, func(k string) bool { return p.slots[k] })
}

// flushPending sends what is pending, and the head of the log up to now. It sends at most batch
// rows of a list in one statement.
func (t *txn) flushPending(ctx context.Context) error {
	p := t.pending
	if p == nil || p.rows == 0 {
		return nil
	}
	if t.rehearsal != nil {
		return errRehearsed
	}
	if p.owner != nil {
		for list, rows := range p.lists {
			p.owner.sent = p.owner.sent || len(rows) > p.mark[list]
		}
	}
	lists := p.lists
	p.lists, p.rows, p.mark = nil, 0, nil
	lists[tagLabels] = newestLabels(lists[tagLabels])
	for more := true; more; {
		more = false
		in := make(map[string]any, len(pendingLists))
		edges := batch // Edges follow when all nodes are there.
		for _, k := range registry.Kinds() {
			if len(lists[createdList(k)]) > batch {
				edges = 0
			}
		}
		for _, name := range pendingLists {
			rows := lists[name]
			n := min(batch, len(rows))
			if isEdgeList[name] {
				n = min(edges, len(rows))
			}
			in[name], lists[name] = rows[:n:n], rows[n:]
			if rows == nil {
				in[name] = []any{}
			}
			more = more || len(rows) > n
		}
		if _, err := t.send(ctx, writePending, map[string]any{"key": t.key(""), "seq": t.head, "number": t.lastNumber, "roots": rootsText(&t.frontier), "in": in}); err != nil {
			return err
		}
	}
	return nil
}

package neo4j

import (
	"context"
	"slices"
	"strings"

	"pedigree/graph"
	"pedigree/registry"
)

// pendingWrites are the writes of a transaction that are not sent yet. They are sent
// together, in one statement: before a read that could meet them, and before the commit.
// So a write costs few round trips, and the updates of a batch share them.
type pendingWrites struct {
	lists map[string][]any
	// nodes and slots have the keys of what is written.
	nodes, slots map[string]bool
	// parents has the keys of the parents of these nodes.
	parents map[string]bool
	rows    int
	// known has, by key, what the transaction has read or written of nodes: nil for one that
	// does not exist. The lock on the head keeps it true.
	known map[string]*storedNode
	// read has, by key, whole nodes of the present as the transaction has read or written them:
	// nil for one that does not exist.
	read map[string]*graph.Node
	// owner is the closure that is running. mark is where its writes begin, by list.
	owner *txn
	mark  map[string]int
}

// The lists of pending writes, in the order in which the statement writes them. A list of
// nodes or edges is one for each kind, because labels and types cannot be parameters.
const (
	freedSlots = "freed"
	replaced   = "replaced"
	revisions  = "revisions"
	takenSlots = "taken"
	logEntries = "log"
	touches    = "touches"
)

func createdList(k registry.Kind) string  { return "node_" + string(k) }
func edgeList(k registry.EdgeKind) string { return "edge_" + string(k) }

// pendingLists are the names of all lists.
var pendingLists = func() []string {
	names := []string{freedSlots, replaced, revisions, takenSlots, logEntries, touches}
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
	b.WriteString("MATCH (h:Head {key: $key}) USING INDEX h:Head(key) SET h.seq = $seq, h.number = $number WITH h\n")
	call := func(text string) { b.WriteString("CALL { " + text + " }\n") }
	call("UNWIND $in." + freedSlots + " AS row MATCH (s:Slot {key: row.key}) USING INDEX s:Slot(key) DELETE s")
	for _, k := range registry.Kinds() {
		b.WriteString("FOREACH (row IN $in." + createdList(k) + " | CREATE (n:Node:" + string(k) + ") SET n = row)\n")
	}
	b.WriteString("WITH h\n")
	call("UNWIND $in." + replaced + " AS row MATCH (n:Node {key: row.key}) USING INDEX n:Node(key) SET n = row")
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
		p.lists, p.nodes, p.slots, p.parents = map[string][]any{}, map[string]bool{}, map[string]bool{}, map[string]bool{}
	}
	p.lists[list] = append(p.lists[list], rows...)
	p.rows += len(rows)
}

// begin says whose writes follow.
func (p *pendingWrites) begin(owner *txn) {
	p.owner, p.mark = owner, map[string]int{}
	for list, rows := range p.lists {
		p.mark[list] = len(rows)
	}
}

// undo drops what the owner has written and not sent.
func (p *pendingWrites) undo() {
	p.rows = 0
	for list, rows := range p.lists {
		p.lists[list] = rows[:p.mark[list]]
		p.rows += p.mark[list]
	}
	// The keys of what was dropped stay: they cost a round trip at most.
	p.forget()
}

// forget drops what the transaction knows of nodes, before a write that may change others
// than those it names.
func (p *pendingWrites) forget() { p.known, p.read = nil, nil }

// rememberNode records a whole node of the present; nil when it does not exist.
func (p *pendingWrites) rememberNode(key string, n *graph.Node) {
	if p.read == nil {
		p.read = map[string]*graph.Node{}
	}
	p.read[key] = n
}

// remember records what is stored of a node, once all that is pending is written; nil when
// it does not exist.
func (p *pendingWrites) remember(key string, n *storedNode) {
	if p.known == nil {
		p.known = map[string]*storedNode{}
	}
	p.known[key] = n
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
	if p.owner != nil {
		for list, rows := range p.lists {
			p.owner.sent = p.owner.sent || len(rows) > p.mark[list]
		}
	}
	lists := p.lists
	p.lists, p.rows, p.mark = nil, 0, nil
	for more := true; more; {
		more = false
		in := make(map[string]any, len(pendingLists))
		for _, name := range pendingLists {
			rows := lists[name]
			n := min(batch, len(rows))
			in[name], lists[name] = rows[:n:n], rows[n:]
			if rows == nil {
				in[name] = []any{}
			}
			more = more || len(rows) > n
		}
		if _, err := t.send(ctx, writePending, map[string]any{"key": t.key(""), "seq": t.head, "number": t.lastNumber, "in": in}); err != nil {
			return err
		}
	}
	return nil
}

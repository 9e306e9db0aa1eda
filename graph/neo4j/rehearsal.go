package neo4j

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"

	"pedigree/graph"
	"pedigree/graph/readmemory"
	"pedigree/registry"
)

// A closure reads step by step, and each step is a round trip. So a batch rehearses its
// closures first, each by itself: what the memory of the store lacks is taken to be absent,
// and noted. Then the statement that takes the lock reads all of it, for all closures. It
// is a guess at what they will read, never at what they will find: the closures run again
// under the lock, on what was read there, and read what the guess has missed.
type rehearsal struct {
	// nodes and slots have the keys of what was absent, finds the queries that were not
	// answered, by name.
	nodes, slots map[string]bool
	finds        map[string]graph.Query
	// surprised is true when something was there after all, so that a closure would have
	// read on.
	surprised bool
}

// maxRehearsed is how much a rehearsal notes. Who reads more reads it together already.
const maxRehearsed = 1000

// maxWaves is how often a batch rehearses: what is read after one rehearsal may lead to
// more in the next one. maxJoins is how often a transaction takes in jobs that came after it had
// begun: each time costs those that wait one more read.
const maxWaves, maxJoins = 3, 2

// errRehearsed ends a rehearsal that would send something.
var errRehearsed = errors.New("neo4j: a rehearsal sends nothing")

func newRehearsal() *rehearsal {
	return &rehearsal{nodes: map[string]bool{}, slots: map[string]bool{}, finds: map[string]graph.Query{}}
}

// lists are the parameters of the statements that read what was noted.
func (r *rehearsal) lists() map[string]any {
	if r == nil {
		r = newRehearsal()
	}
	keys := func(m map[string]bool) []string { return append([]string{}, slices.Sorted(maps.Keys(m))...) }
	return map[string]any{"nodes": keys(r.nodes), "slots": keys(r.slots)}
}

// noteNodes notes the keys of nodes that are not known.
func (r *rehearsal) noteNodes(keys []string) error {
	for _, key := range keys {
		r.nodes[key] = true
	}
	return r.checkSize()
}

// noteSlots is noteNodes for slots.
func (r *rehearsal) noteSlots(keys []string) error {
	for _, key := range keys {
		r.slots[key] = true
	}
	return r.checkSize()
}

// noteFind notes a query, which finds nothing for now.
func (r *rehearsal) noteFind(name string, q graph.Query) (graph.Page, error) {
	if name != "" && foreseeable(q) {
		r.finds[name] = q
	}
	return graph.Page{Total: -1}, r.checkSize()
}

func (r *rehearsal) checkSize() error {
	if len(r.nodes)+len(r.slots)+len(r.finds) > maxRehearsed {
		return errRehearsed
	}
	return nil
}

// add takes over what another closure has noted.
func (r *rehearsal) add(other *rehearsal) {
	maps.Copy(r.nodes, other.nodes)
	maps.Copy(r.slots, other.slots)
	maps.Copy(r.finds, other.finds)
}

// rehearse runs those closures of jobs that allow it, all at the same time, and returns what they
// would have to read. within is the transaction that they will run in, when it has begun.
func (b *jobBatch) rehearse(within *txn, jobs []*job) *rehearsal {
	s, all := b.store, newRehearsal()
	pending := pendingWrites{generation: s.memory.Begin()}
	newest := s.newestEntry.Load()
	if within != nil {
		pending.generation, newest = within.pending.generation, within.newest
		pending.nodesMet.base, pending.slotsMet.base = within.pending.nodesMet.base, within.pending.slotsMet.base
	}
	if newest == nil || s.unrehearsed {
		return all
	}
	var running []*job
	var notes []*txn
	for _, j := range jobs {
		if b.failed[j] != nil || !graph.Rehearsable(j.Context) {
			continue
		}
		own := pending
		v := &view{s: s, holdsLock: true, head: newest.Seq, pending: &own, rehearsal: newRehearsal()}
		t := &txn{view: v, seq: newest.Seq + 1, newest: newest, lastEntryAt: newest.At}
		v.flush = t.flushPending
		own.begin(t)
		running, notes = append(running, j), append(notes, t)
		j.Start(t)
	}
	for i, j := range running {
		err := j.Answer()
		notes[i].end()
		if j.Exited() {
			b.failed[j] = err
		}
		all.add(notes[i].rehearsal)
	}
	return all
}

// foresee reads what the closures of a batch will read, as far as further rehearsals tell
// it. What a single closure reads it reads by itself. While the transaction waited for the lock,
// more jobs have come as a rule: they join it, because a commit costs as much for one as for ten.
func (b *jobBatch) foresee(ctx context.Context, t *txn, r *rehearsal) error {
	for range maxJoins {
		joined := b.join()
		if len(joined) == 0 {
			break
		}
		own, err := b.rehearseAndRead(ctx, t, joined)
		if err != nil {
			return err
		}
		own.surprised = own.surprised || r.surprised
		maps.Copy(own.finds, r.finds)
		r = own
	}
	if len(b.jobs)-len(b.failed) < 2 {
		return nil
	}
	for wave := 1; wave < maxWaves && (r.surprised || len(r.finds) > 0); wave++ {
		err := t.findForeseen(ctx, r.finds)
		if err != nil {
			return err
		}
		if r, err = b.rehearseAndRead(ctx, t, b.jobs); err != nil {
			return err
		}
	}
	return nil
}

// rehearseAndRead rehearses jobs in their transaction, and reads the nodes and the slots that they
// lack there.
func (b *jobBatch) rehearseAndRead(ctx context.Context, t *txn, jobs []*job) (*rehearsal, error) {
	r := b.rehearse(t, jobs)
	if len(r.nodes)+len(r.slots) == 0 {
		return r, nil
	}
	rows, err := rowsOf(t.send(ctx, readForeseen, map[string]any{"in": r.lists()}))
	if err != nil {
		return nil, err
	}
	t.seed(r, rows[0])
	return r, nil
}

// readForeseenLists reads nodes and the holders of slots as two lists.
var readForeseenLists = "CALL { UNWIND $in.nodes AS key MATCH (n:Node {key: key}) USING INDEX SEEK n:Node(key) RETURN collect(" + projection("n", "n", false) + ") AS nodes }\n" +
	"CALL { UNWIND $in.slots AS key MATCH (s:Slot {key: key}) USING INDEX SEEK s:Slot(key) OPTIONAL MATCH (n:Node {key: s.node_key}) USING INDEX SEEK n:Node(key)\n" +
	"RETURN collect({key: s.key, node: s.node, holder: " + projection("n", "n", false) + "}) AS slots }\n"

var readForeseen = readForeseenLists + "RETURN nodes, slots"

// seed records what was read of a rehearsal's notes, before the first closure runs.
func (t *txn) seed(r *rehearsal, found row) {
	nodes := make(map[string]metNode, len(r.nodes))
	for key := range r.nodes {
		nodes[key] = metNode{}
	}
	list, _ := found["nodes"].([]any)
	for _, p := range list {
		n := metNodeOf(p.(row))
		nodes[t.key(string(n.node.ID))] = n
	}
	r.surprised = len(list) > 0
	holders := make(map[string]registry.ID, len(r.slots))
	for key := range r.slots {
		holders[key] = ""
	}
	list, _ = found["slots"].([]any)
	for _, p := range list {
		s := p.(row)
		holders[text(s, "key")] = registry.ID(text(s, "node"))
		if n, ok := s["holder"].(row); ok {
			nodes[t.key(text(s, "node"))] = metNodeOf(n)
		}
	}
	r.surprised = r.surprised || len(list) > 0
	t.meet(nodes)
	t.meetSlots(holders)
	t.pending.accept()
}

// findForeseen answers queries for the first children of one parent, those that are alike
// in one query. Their answers go into the memory of the store.
func (t *txn) findForeseen(ctx context.Context, finds map[string]graph.Query) error {
	alike := map[string][]graph.Query{}
	for _, q := range finds {
		one := q
		one.Parents = nil
		text, err := json.Marshal(one)
		if err != nil {
			return internal(err)
		}
		alike[string(text)] = append(alike[string(text)], q)
	}
	for _, group := range alike {
		all := group[0]
		all.PerParent, all.Parents = true, nil
		all.Limit++ // This shows whether there are more.
		for _, q := range group {
			all.Parents = append(all.Parents, q.Parents[0])
		}
		found, err := t.findInStore(ctx, all)
		if err != nil {
			return err
		}
		of := map[registry.ID][]*graph.Node{}
		for _, n := range found.Nodes {
			of[n.Parent] = append(of[n.Parent], n)
		}
		for _, q := range group {
			nodes := of[q.Parents[0]]
			page := graph.Page{Total: -1, More: len(nodes) > q.Limit, Nodes: nodes[:min(q.Limit, len(nodes))]}
			t.s.rememberPage(t.pending.generation, readmemory.QueryName(q), q, &page)
		}
	}
	return nil
}

// foreseeable reports whether findForeseen can answer a query.
func foreseeable(q graph.Query) bool {
	return len(q.Parents) == 1 && len(q.Slots) == 0 && q.Text == nil && q.After == nil && !q.PerParent && !q.Count && q.Limit < q.MaxLimit()
}

package neo4j

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"pedigree/graph"
	"pedigree/graph/readmemory"
	"pedigree/registry"
)

const (
	takeSlots = "UNWIND $rows AS row MERGE (s:Slot {key: row.key}) SET s.node = row.node, s.node_key = row.node_key"
	eraseDocs = "UNWIND $rows AS row MATCH (v:Revision {node_key: row.key}) USING INDEX SEEK v:Revision(node_key) SET v.doc = ''"
)

// readHolders reads which nodes hold slots, and these nodes.
var readHolders = "UNWIND $keys AS key MATCH (s:Slot {key: key}) USING INDEX SEEK s:Slot(key) OPTIONAL MATCH (n:Node {key: s.node_key}) USING INDEX SEEK n:Node(key)\n" +
	"RETURN s.key AS key, s.node AS node, " + projection("n", "n", false) + " AS holder"

// isKnownKind has the kinds that nodes can have.
var isKnownKind = func() map[registry.Kind]bool {
	m := map[registry.Kind]bool{}
	for _, k := range registry.Kinds() {
		m[k] = true
	}
	return m
}()

// storedNode is what a write needs to know of an existing node.
type storedNode struct {
	id               registry.ID
	kind             registry.Kind
	parent           registry.ID
	name             string
	number           int64
	revision         int64
	created          int64
	validFrom        int64
	validTo          int64
	slots            []string
	deleted          bool
	served, support  int64
	isNew            bool
	properties       row
	searchProperties row
	packed           any
}

// stored returns what is stored of nodes, without those that do not exist. It reads those
// that the transaction has not met yet.
func (t *txn) stored(ctx context.Context, nodes []*graph.Node) (map[registry.ID]*storedNode, error) {
	ids := make([]registry.ID, len(nodes))
	for i, n := range nodes {
		ids[i] = n.ID
	}
	met, err := t.meetNodes(ctx, ids)
	if err != nil {
		return nil, err
	}
	have := make(map[registry.ID]*storedNode, len(nodes))
	for _, id := range ids {
		if known := met[t.key(string(id))].stored; known != nil {
			own := *known
			have[id] = &own
		}
	}
	return have, nil
}

// storedNodeOf reads what the projection of a node returned.
func storedNodeOf(r row) *storedNode {
	s := &storedNode{id: registry.ID(text(r, "id")), kind: registry.Kind(text(r, "kind")), parent: registry.ID(text(r, "parent")),
		name: unsortable(text(r, "name")), number: number(r, "number"), revision: number(r, "revision"), created: number(r, "created_seq"),
		validFrom: number(r, "valid_from"), validTo: number(r, "valid_to"), served: number(r, "served"), support: number(r, "support")}
	s.deleted, _ = r["deleted"].(bool)
	slots, _ := r["slots"].([]any)
	for _, x := range slots {
		s.slots = append(s.slots, x.(string))
	}
	return s
}

// Put creates or replaces nodes. It checks everything before it writes anything, so
// that a closure can continue after a refused Put.
func (t *txn) Put(ctx context.Context, nodes ...*graph.Node) error {
	if len(nodes) == 0 {
		return nil
	}
	have, err := t.stored(ctx, nodes)
	if err != nil {
		return err
	}
	if err := checkPut(nodes, have); err != nil {
		return err
	}
	want, err := t.slotsWanted(ctx, nodes, have)
	if err != nil {
		return err
	}
	var revisions []any
	for _, n := range nodes {
		s := have[n.ID]
		if s == nil {
			t.lastNumber++
			s = &storedNode{id: n.ID, kind: n.Kind, number: t.lastNumber, created: t.seq, isNew: true}
			have[n.ID] = s
		}
		s.revision++
		n.Number, n.Revision, n.RecordedSeq, n.Deleted = s.number, s.revision, t.seq, false
		revisions = append(revisions, t.revisionRow(n, s))
	}
	if err := t.flushFreed(ctx, have); err != nil {
		return err
	}
	t.writeNodes(have, revisions)
	t.writeSlots(want, have)
	t.rememberPut(nodes, have)
	return t.servePut(ctx, have)
}

// flushFreed sends what is pending when a node gives up a slot that it takes there: the
// statement frees slots before it takes any.
func (t *txn) flushFreed(ctx context.Context, have map[registry.ID]*storedNode) error {
	for _, s := range have {
		if t.pending.touchesSlots(keysOf(t.view, s.slots)) {
			return t.flush(ctx)
		}
	}
	return nil
}

// rememberPut records what nodes are after a Put.
func (t *txn) rememberPut(nodes []*graph.Node, have map[registry.ID]*storedNode) {
	for _, n := range nodes {
		s := have[n.ID]
		t.pending.nodesMet.set(t.key(string(n.ID)), metNode{writtenNode(s), &storedNode{id: n.ID, kind: n.Kind, parent: n.Parent, name: n.Name, number: s.number,
			revision: s.revision, created: s.created, validFrom: micros(n.ValidFrom), validTo: micros(n.ValidTo), slots: sortedSlots(n.Slots), served: s.served, support: s.support}})
	}
}

// writtenNode is the node that a read of what was just written returns.
func writtenNode(s *storedNode) *graph.Node {
	p := maps.Clone(s.properties)
	slots, _ := p["slots"].([]string)
	list := make([]any, len(slots))
	for i, x := range slots {
		list[i] = x
	}
	p["slots"] = list
	n := nodeOf(p, false)
	n.Served = servedOf(p)
	return n
}

func checkPut(nodes []*graph.Node, have map[registry.ID]*storedNode) error {
	first := map[registry.ID]*graph.Node{}
	for _, n := range nodes {
		kind, parent := n.Kind, n.Parent
		if f := first[n.ID]; f != nil {
			kind, parent = f.Kind, f.Parent
		}
		first[n.ID] = n
		s := have[n.ID]
		if s != nil {
			kind, parent = s.kind, s.parent
		}
		switch {
		case n.ID == "" || !isKnownKind[n.Kind]:
			return internal(errors.New("a node without id or known kind"))
		case s != nil && s.deleted:
			return registry.Errorf(registry.FailedPrecondition, "%s is deleted and cannot be changed", n.ID)
		case kind != n.Kind || parent != n.Parent:
			return internal(errors.New("kind or parent of a node would change"))
		}
		if err := checkColumns(n); err != nil {
			return err
		}
	}
	return nil
}

// checkColumns refuses values that would be stored as absent.
func checkColumns(n *graph.Node) error {
	for c, v := range n.Columns {
		_, isText := v.(string)
		_, isInt := v.(int64)
		if t := columnType(c); t == registry.TextIndex && isText || t == registry.IntIndex && isInt {
			continue
		}
		return internal(fmt.Errorf("column %q of %s cannot hold a %T", c, n.ID, v))
	}
	return nil
}

// revisionRow is the row of a revision. It also sets what the node's row is made of.
func (t *txn) revisionRow(n *graph.Node, s *storedNode) row {
	s.properties, s.searchProperties, s.packed = properties(n), t.searchProperties(n), pack(n)
	r := row{"key": t.key(string(n.ID)) + "|" + seqKey(n.Revision), "node_key": t.key(string(n.ID))}
	for k, v := range s.properties {
		if k != "slots" {
			r[k] = v
		}
	}
	return r
}

// writeNodes writes the rows of nodes and their revisions.
func (t *txn) writeNodes(nodes map[registry.ID]*storedNode, written []any) {
	t.hasWrites = true
	for id, s := range nodes {
		p := s.properties
		p["key"], p["ns"], p["created_seq"] = t.key(string(id)), t.s.ns, s.created
		p["kind_key"], p["parent_key"] = t.key(text(p, "kind")), t.key(text(p, "parent"))
		p["packed"] = s.packed
		p["served"], p["support"] = max(s.served, int64(registry.NotServed)), s.support
		if s.served == int64(registry.IsServed) {
			p["served_kind"], p["served_parent"] = p["kind_key"], p["parent_key"]
		}
		maps.Copy(p, s.searchProperties)
		t.pending.words.set(t.key(string(id)), s.searchProperties)
		t.writeLabelsOf(s, p)
		list := replaced
		if s.isNew {
			list = createdList(s.kind)
		}
		t.pending.add(list, p)
		t.pending.nodes[text(p, "key")], t.pending.parents[text(p, "parent_key")] = true, true
		t.pending.writes(readmemory.NodeName(text(p, "key")), readmemory.ChildrenName(text(p, "parent_key")), readmemory.KindName(registry.Kind(text(p, "kind"))))
		if s.isNew {
			t.pending.created[text(p, "key")] = true
		}
	}
	t.pending.add(revisions, written...)
}

// slotsWanted returns the holder of each slot after the batch. It is CONFLICT when two
// nodes want one slot, or a node outside the batch holds it.
func (t *txn) slotsWanted(ctx context.Context, nodes []*graph.Node, have map[registry.ID]*storedNode) (map[string]registry.ID, error) {
	final := map[registry.ID][]string{}
	for _, n := range nodes {
		final[n.ID] = n.Slots
	}
	want, keys := map[string]registry.ID{}, []string{}
	for id, slots := range final {
		for _, s := range slots {
			if other, taken := want[s]; taken && other != id {
				return nil, slotTaken()
			}
			want[s] = id
			if have[id] == nil || !slices.Contains(have[id].slots, s) {
				keys = append(keys, t.key(s))
			}
		}
	}
	if len(keys) == 0 {
		return want, nil
	}
	holders, err := t.holders(ctx, keys)
	if err != nil {
		return nil, err
	}
	for _, key := range keys {
		if _, moves := final[holders[key]]; holders[key] != "" && !moves {
			return nil, slotTaken()
		}
	}
	return want, nil
}

// slotTaken does not name the slot, which may contain what the caller may not see.
func slotTaken() error {
	return registry.Errorf(registry.Conflict, "another node holds that place already")
}

// writeSlots frees slots that no node of the batch wants, and assigns the others.
func (t *txn) writeSlots(want map[string]registry.ID, have map[registry.ID]*storedNode) {
	write := func(list, slot string, holder registry.ID, r row) {
		t.pending.add(list, r)
		t.pending.slots[t.key(slot)] = true
		t.pending.writes(readmemory.SlotName(t.key(slot)))
		t.pending.slotsMet.set(t.key(slot), holder)
	}
	for _, s := range have {
		for _, slot := range s.slots {
			if want[slot] == "" {
				write(freedSlots, slot, "", row{"key": t.key(slot)})
			}
		}
	}
	for slot, id := range want {
		if !slices.Contains(have[id].slots, slot) {
			write(takenSlots, slot, id, row{"key": t.key(slot), "node": string(id), "node_key": t.key(string(id))})
		}
	}
}

// Delete turns nodes into tombstones by one more revision, and erases the documents of
// earlier revisions.
func (t *txn) Delete(ctx context.Context, nodes ...*graph.Node) error {
	if len(nodes) == 0 {
		return nil
	}
	have, err := t.stored(ctx, nodes)
	if err != nil {
		return err
	}
	var revisions []any
	var erase []row
	seen := map[registry.ID]bool{}
	for _, n := range nodes {
		if s := have[n.ID]; s == nil || s.deleted {
			return registry.Errorf(registry.NotFound, "there is no %s to delete", n.ID)
		}
		erase = append(erase, row{"key": t.key(string(n.ID))})
	}
	for _, n := range nodes {
		if seen[n.ID] {
			continue
		}
		seen[n.ID] = true
		s := have[n.ID]
		s.revision++
		n.Kind, n.Parent, n.Name, n.Number = s.kind, s.parent, s.name, s.number
		n.ValidFrom, n.ValidTo = instant(s.validFrom), instant(s.validTo)
		n.Revision, n.RecordedSeq, n.Deleted, n.Slots, n.Columns = s.revision, t.seq, true, nil, nil
		revisions = append(revisions, t.revisionRow(n, s))
	}
	if err := t.writeRows(ctx, eraseDocs, erase); err != nil { // This sends what is pending first.
		return err
	}
	t.pending.forget()
	t.writeNodes(have, revisions)
	t.writeSlots(nil, have)
	return t.serveDeleted(ctx, have)
}

func distinct(list []string) []string {
	seen := make(map[string]bool, len(list))
	return slices.DeleteFunc(slices.Clone(list), func(s string) bool {
		if seen[s] {
			return true
		}
		seen[s] = true
		return false
	})
}

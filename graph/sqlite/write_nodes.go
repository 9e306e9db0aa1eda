package sqlite

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"pedigree/graph"
	"pedigree/registry"

	engine "zombiezen.com/go/sqlite"
)

// Put creates or replaces nodes; see graph.Tx.
func (t *tx) Put(ctx context.Context, nodes ...*graph.Node) error {
	if err := t.checkUsable(ctx); err != nil {
		return err
	}
	plan, err := t.planPut(nodes)
	if err == nil {
		err = t.freeSlots(plan)
	}
	for i := 0; i < len(nodes) && err == nil; i++ {
		err = t.putNode(nodes[i], plan)
	}
	if err == nil {
		err = t.insertNew()
	}
	if err == nil {
		err = t.takeSlots(plan)
	}
	if err == nil {
		err = t.servePut(nodes, plan)
	}
	return publicError(err)
}

// plannedPut is a node of a batch: its stored state, and the slots that it will have.
type plannedPut struct {
	storedNode
	wanted   []string
	hadSlots bool
	isNew    bool
	// waits says that the row is among tx.newRows.
	waits bool
}

// slotsText is the stored form of slots.
func slotsText(slots []string) string {
	if len(slots) == 0 {
		return ""
	}
	return jsonArray(slots)
}

// keepsSlots reports whether a node holds the slots already that it will have, so that none
// of them has to be written.
func (p *plannedPut) keepsSlots() bool { return p.hadSlots && p.slots == slotsText(p.wanted) }

// planPut checks all nodes before anything is written.
func (t *tx) planPut(nodes []*graph.Node) (map[registry.ID]*plannedPut, error) {
	plan := make(map[registry.ID]*plannedPut, len(nodes))
	for _, n := range nodes {
		p := plan[n.ID]
		if p == nil {
			found, err := t.lookup(n.ID)
			if err != nil {
				return nil, err
			}
			p = &plannedPut{storedNode: storedNode{kind: n.Kind, parent: n.Parent}}
			if found != nil {
				p.storedNode, p.hadSlots = *found, found.slots != ""
			}
			p.isNew = found == nil
			plan[n.ID] = p
		}
		if err := t.checkPut(n, p); err != nil {
			return nil, err
		}
		p.wanted = slices.Compact(slices.Sorted(slices.Values(n.Slots)))
	}
	return plan, t.checkSlots(plan)
}

func (t *tx) checkPut(n *graph.Node, p *plannedPut) error {
	switch {
	case n.ID == "" || t.s.codes.kind[n.Kind] == 0:
		return registry.Errorf(registry.Internal, "a node needs an id and a kind that is known, not %q of kind %q", n.ID, n.Kind)
	case p.deleted:
		return registry.Errorf(registry.FailedPrecondition, "%s is deleted and cannot be written", n.ID)
	case p.kind != n.Kind || p.parent != n.Parent:
		return registry.Errorf(registry.Internal, "%s is a %s in %q and cannot become a %s in %q", n.ID, p.kind, p.parent, n.Kind, n.Parent)
	}
	for name, v := range n.Columns {
		typ, ok := columnType(name)
		if _, text := v.(string); ok && text != (typ == registry.TextIndex) {
			ok = false
		} else if _, number := v.(int64); ok && number != (typ == registry.IntIndex) {
			ok = false
		}
		if !ok {
			return registry.Errorf(registry.Internal, "column %q of %s cannot hold a %T", name, n.ID, v)
		}
	}
	return nil
}

// checkSlots returns CONFLICT for a slot that two nodes of the batch want, or that a
// node outside the batch holds.
func (t *tx) checkSlots(plan map[registry.ID]*plannedPut) error {
	wanted := map[string]registry.ID{}
	for id, p := range plan {
		for _, slot := range p.wanted {
			holder := wanted[slot]
			if holder == "" {
				var err error
				if holder, err = t.slotHolder(slot); err != nil {
					return err
				}
				if other := plan[holder]; holder != "" && other != nil {
					holder = ""
				}
			}
			if holder != "" && holder != id {
				e := registry.Errorf(registry.Conflict, "%q is taken", slot)
				e.Details = map[string]any{"slot": slot}
				return e
			}
			wanted[slot] = id
		}
	}
	return nil
}

func (t *tx) slotHolder(slot string) (id registry.ID, err error) {
	err = t.c.query("SELECT n.id FROM slot s JOIN node n ON n.num = s.num WHERE s.slot = ?", func(st *engine.Stmt) error {
		id = registry.ID(st.ColumnText(0))
		return nil
	}, slot)
	return id, err
}

// freeSlots frees the slots of the whole batch before any is taken, so that nodes can
// exchange slots.
func (t *tx) freeSlots(plan map[registry.ID]*plannedPut) error {
	for _, p := range plan {
		if p.hadSlots && !p.keepsSlots() {
			if err := t.freeSlotsOf(p.num); err != nil {
				return err
			}
		}
	}
	return nil
}

func (t *tx) freeSlotsOf(num int64) error {
	t.wrote = true
	return t.c.exec("DELETE FROM slot WHERE slot IN (SELECT value FROM json_each((SELECT slots FROM node WHERE num = ?)))", num)
}

func (t *tx) takeSlots(plan map[registry.ID]*plannedPut) error {
	for _, p := range plan {
		if p.keepsSlots() {
			continue
		}
		for _, slot := range p.wanted {
			if err := t.c.exec("INSERT INTO slot(slot, num) VALUES(?, ?)", slot, p.num); err != nil {
				return err
			}
		}
	}
	return nil
}

// clearNodeSQL makes a node a tombstone.
var clearNodeSQL = func() string {
	var clear strings.Builder
	for _, c := range registry.IndexColumns() {
		if c.Type == registry.IntIndex {
			clear.WriteString(", " + string(c.Name) + " = 0")
		} else {
			clear.WriteString(", " + string(c.Name) + " = ''")
		}
	}
	return "UPDATE node SET slots = '', since = ?2, revision = ?3, recorded_seq = ?4, deleted = 1, doc = ?5" + clear.String() + " WHERE num = ?1"
}()

// updateNode returns the statement that replaces a node, and the arguments after those of
// every node. It sets only those indexed columns that change: the engine would write the
// entry of a column anew in all its indexes, also where it stays as it is.
func updateNode(p *plannedPut, name string, validFrom int64, columns []any) (string, []any) {
	var set strings.Builder
	set.WriteString("UPDATE node SET slots = ?2, valid_to = ?3, since = ?4, revision = ?5, recorded_seq = ?6, doc = ?7")
	var args []any
	change := func(column string, value any) {
		args = append(args, value)
		set.WriteString(", " + column + " = ?" + strconv.Itoa(7+len(args)))
	}
	if name != p.name {
		change("name", name)
	}
	if validFrom != p.validFrom {
		change("valid_from", validFrom)
	}
	for i, c := range registry.IndexColumns() {
		if p.columns == nil || p.columns[i] != columns[i] {
			change(string(c.Name), columns[i])
		}
	}
	return set.String() + " WHERE num = ?1", args
}

// putNode replaces a node, or adds it to those that insertNew writes.
func (t *tx) putNode(n *graph.Node, plan map[registry.ID]*plannedPut) error {
	t.wrote = true
	p := plan[n.ID]
	if p.waits {
		if err := t.insertNew(); err != nil {
			return err
		}
	}
	t.writesNode(n.ID, n.Parent, n.Kind, p.wanted...)
	from, to, since := toMicros(n.ValidFrom), toMicros(n.ValidTo), toMicros(n.Since)
	if n.Since.IsZero() {
		since = from
	}
	slots := slotsText(p.wanted)
	values := t.indexColumnValues(n)
	enqueue, err := t.indexChange(n, p)
	if err != nil {
		return err
	}
	p.revision++
	if t.parents == nil {
		t.parents = map[registry.ID]registry.ID{}
	}
	t.parents[n.ID] = n.Parent
	if p.num == 0 {
		err = t.addNew(n, plan, slots, values, from, to, since)
	} else {
		err = t.replaceNode(n, p, slots, values, from, to, since)
	}
	if err != nil {
		return err
	}
	p.name, p.validFrom, p.columns, p.node = n.Name, from, slices.Clone(values), nil
	t.carry(n, p, from, to, since, p.columns)
	enqueue(p.num)
	n.Number, n.Revision, n.RecordedSeq, n.Deleted = p.num, p.revision, t.seq, false
	return nil
}

// replaceNode keeps the newest revision of a node, and writes the next.
func (t *tx) replaceNode(n *graph.Node, p *plannedPut, slots string, values []any, from, to, since int64) error {
	before, err := columnsText(p.columns)
	if err != nil {
		return err
	}
	if err := t.c.exec(keepRevisionSQL, p.num, p.revision-1, before); err != nil {
		return err
	}
	sql, args := updateNode(p, n.Name, from, values)
	if err := t.c.exec(sql, append([]any{p.num, slots, to, since, p.revision, t.seq, n.Doc}, args...)...); err != nil {
		return err
	}
	return t.putLabels(n, p, from, false)
}

// indexColumnValues returns the values of all index columns in order.
func (t *tx) indexColumnValues(n *graph.Node) []any {
	t.columnValues = t.columnValues[:0]
	for _, c := range registry.IndexColumns() {
		if c.Type == registry.IntIndex {
			t.columnValues = append(t.columnValues, n.Int(c.Name))
		} else {
			t.columnValues = append(t.columnValues, n.Text(c.Name))
		}
	}
	return t.columnValues
}

func (t *tx) newNumber(n *graph.Node) (int64, error) {
	if t.restoring {
		return n.Number, nil
	}
	next := &t.change.nextNum
	if *next == 0 {
		*next = t.s.recent.nextNum
	}
	if *next == 0 {
		last, err := t.c.queryInt("SELECT max(num) FROM node")
		if err != nil {
			return 0, err
		}
		*next = last + 1
	}
	*next++
	return *next - 1, nil
}

// Delete turns nodes into tombstones; see graph.Tx. A node that does not exist or is
// already deleted is NOT_FOUND. The tombstone gets the Since of the given node, or the
// stored valid_from when that is zero.
func (t *tx) Delete(ctx context.Context, nodes ...*graph.Node) error {
	if err := t.checkUsable(ctx); err != nil {
		return err
	}
	found := make([]*storedNode, len(nodes))
	for i, n := range nodes {
		var err error
		if found[i], err = t.lookup(n.ID); err != nil {
			return publicError(err)
		}
		if found[i] == nil || found[i].deleted {
			return registry.Errorf(registry.NotFound, "there is no %s to delete", n.ID)
		}
	}
	seen := map[registry.ID]bool{}
	for i, n := range nodes {
		if !seen[n.ID] {
			if err := t.deleteNode(n, found[i]); err != nil {
				return publicError(err)
			}
		}
		seen[n.ID] = true
	}
	return nil
}

func (t *tx) deleteNode(n *graph.Node, f *storedNode) error {
	t.wrote = true
	t.writesNode(n.ID, f.parent, f.kind)
	if f.slots != "" {
		if err := t.freeSlotsOf(f.num); err != nil {
			return err
		}
	}
	since := toMicros(n.Since)
	if n.Since.IsZero() {
		var err error
		if since, err = t.c.queryInt("SELECT valid_from FROM node WHERE num = ?", f.num); err != nil {
			return err
		}
	}
	if err := t.c.exec("UPDATE revision SET doc = '' WHERE num = ?", f.num); err != nil {
		return err
	}
	if err := t.c.exec(eraseRevisionSQL, f.num, f.revision); err != nil {
		return err
	}
	if err := t.c.exec(clearNodeSQL, f.num, since, f.revision+1, t.seq, n.Doc); err != nil {
		return err
	}
	if err := t.dropLabels(f.num); err != nil {
		return err
	}
	if !t.restoring {
		if err := t.serveDeleted(f); err != nil {
			return err
		}
	}
	t.recordDeleted(n.ID)
	t.pendingEntries[f.num] = indexEntry{}
	n.Number, n.Revision, n.RecordedSeq, n.Deleted = f.num, f.revision+1, t.seq, true
	return nil
}

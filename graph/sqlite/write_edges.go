package sqlite

import (
	"context"

	"pedigree/graph"
	"pedigree/registry"

	engine "zombiezen.com/go/sqlite"
)

// arc is an edge by the numbers of its ends.
type arc struct {
	from, to int64
	kind     int
}

// end is an end of an edge to be linked.
type end struct {
	num  int64
	kind registry.Kind
	// bare tells that it is an end of no edge yet.
	bare bool
}

// Link records edges; see graph.Tx.
func (t *tx) Link(ctx context.Context, edges ...*graph.Edge) error {
	if err := t.usable(ctx); err != nil {
		return err
	}
	ends := map[registry.ID]*end{}
	arcs := make([]arc, len(edges))
	standing := make([]int64, len(edges))
	firstOf := make(map[arc]bool, len(edges))
	leads := make(map[int64]bool, len(edges))
	var fresh []arc
	for i, e := range edges {
		a, err := t.arcOf(e, ends)
		if err != nil {
			return fault(err)
		}
		if arcs[i] = a; ends[e.From].bare {
			leads[a.from] = false
		}
		if standing[i], err = t.standing(a, leads); err != nil {
			return fault(err)
		}
		if standing[i] == 0 && !firstOf[a] {
			firstOf[a] = true
			fresh = append(fresh, a)
		}
	}
	if err := t.checkCycles(fresh, ends); err != nil {
		return fault(err)
	}
	for i, e := range edges {
		if err := t.linkOne(e, arcs[i], standing[i], firstOf); err != nil {
			return fault(err)
		}
	}
	return nil
}

// linkOne writes an edge unless it stands or was written in this batch.
func (t *tx) linkOne(e *graph.Edge, a arc, standing int64, pending map[arc]bool) error {
	e.Created, e.RecordedSeq = standing == 0 && pending[a], standing
	if standing == 0 {
		e.RecordedSeq = t.seq
	}
	e.ID = graph.EdgeID(e.Kind, e.From, e.To, e.RecordedSeq)
	if !e.Created {
		return nil
	}
	pending[a] = false
	e.RetractedSeq = 0
	t.noteLinked(e.From)
	t.noteLinked(e.To)
	by, err := t.subject(e.By)
	if err != nil {
		return err
	}
	t.wrote = true
	return t.c.exec("INSERT INTO edge(from_num, to_num, kind, recorded_seq, retracted_seq, valid_from, valid_to, subject) VALUES(?, ?, ?, ?, 0, ?, ?, ?)",
		a.from, a.to, a.kind, t.seq, micros(e.ValidFrom), micros(e.ValidTo), by)
}

func (t *tx) arcOf(e *graph.Edge, ends map[registry.ID]*end) (arc, error) {
	from, err := t.end(e.From, ends)
	if err != nil {
		return arc{}, err
	}
	to, err := t.end(e.To, ends)
	if err != nil {
		return arc{}, err
	}
	if err := registry.CheckEdge(e.Kind, from.kind, to.kind); err != nil {
		return arc{}, err
	}
	return arc{from.num, to.num, t.s.codes.edge[e.Kind]}, nil
}

func (t *tx) end(id registry.ID, ends map[registry.ID]*end) (*end, error) {
	if x := ends[id]; x != nil {
		return x, nil
	}
	if x := t.known(id); x != nil {
		ends[id] = x
		return x, nil
	}
	var found *end
	err := t.c.query("SELECT num, kind FROM node WHERE id = ? AND deleted = 0", func(st *engine.Stmt) error {
		found = &end{num: st.ColumnInt64(0), kind: t.s.codes.kindName[st.ColumnInt(1)]}
		return nil
	}, string(id))
	if err != nil {
		return nil, err
	}
	if found == nil {
		return nil, registry.Errorf(registry.NotFound, "there is no %q to link", registry.Shorten(string(id), 60))
	}
	ends[id] = found
	return found, nil
}

// standing is live for the edges of a batch. It asks once for each effect whether it
// has any, which new ones have not; leads keeps the answers.
func (t *tx) standing(a arc, leads map[int64]bool) (int64, error) {
	some, asked := leads[a.from]
	if !asked {
		n, err := t.c.number("SELECT 1 FROM edge WHERE from_num = ? LIMIT 1", a.from)
		if err != nil {
			return 0, err
		}
		some = n != 0
		leads[a.from] = some
	}
	if !some {
		return 0, nil
	}
	return t.live(a)
}

// live returns the sequence of the edge that stands, 0 for none.
func (t *tx) live(a arc) (int64, error) {
	return t.c.number("SELECT recorded_seq FROM edge WHERE from_num = ? AND to_num = ? AND kind = ? AND retracted_seq = 0", a.from, a.to, a.kind)
}

// subject returns the number of a name, giving it one.
func (t *tx) subject(name string) (int64, error) {
	if name == "" {
		return 0, nil
	}
	if num := t.subjects[name]; num != 0 {
		return num, nil
	}
	num, err := t.c.number("SELECT num FROM subject WHERE name = ?", name)
	if err == nil && num == 0 {
		err = t.c.exec("INSERT INTO subject(name) VALUES(?)", name)
		num = t.c.raw.LastInsertRowID()
	}
	if err != nil {
		return 0, err
	}
	if t.subjects == nil {
		t.subjects = map[string]int64{}
	}
	t.subjects[name] = num
	return num, nil
}

// Unlink retracts live edges; see graph.Tx. One that this same update recorded
// never was: its row goes.
func (t *tx) Unlink(ctx context.Context, edges ...*graph.Edge) error {
	if err := t.usable(ctx); err != nil {
		return err
	}
	for _, e := range edges {
		if err := t.unlink(e); err != nil {
			return fault(err)
		}
	}
	return nil
}

func (t *tx) unlink(e *graph.Edge) error {
	from, err := t.lookup(e.From)
	if err != nil || from == nil {
		return err
	}
	to, err := t.lookup(e.To)
	if err != nil || to == nil {
		return err
	}
	a := arc{from.num, to.num, t.s.codes.edge[e.Kind]}
	recorded, err := t.live(a)
	if err != nil || recorded == 0 {
		return err
	}
	t.wrote = true
	e.ID, e.RecordedSeq, e.RetractedSeq = graph.EdgeID(e.Kind, e.From, e.To, recorded), recorded, t.seq
	if recorded == t.seq {
		return t.c.exec("DELETE FROM edge WHERE from_num = ? AND to_num = ? AND kind = ? AND recorded_seq = ?", a.from, a.to, a.kind, recorded)
	}
	return t.c.exec("UPDATE edge SET retracted_seq = ?5 WHERE from_num = ?1 AND to_num = ?2 AND kind = ?3 AND recorded_seq = ?4",
		a.from, a.to, a.kind, recorded, t.seq)
}

package sqlite

import (
	"context"
	"time"

	"pedigree/graph"
	"pedigree/registry"

	engine "zombiezen.com/go/sqlite"
)

// edgeKey identifies an edge by the numbers of its ends and the code of its kind.
type edgeKey struct {
	from, to int64
	kind     int
}

// endpoint is an end of an edge that is to be linked.
type endpoint struct {
	num  int64
	kind registry.Kind
	// unlinked says that the node has no edges yet.
	unlinked bool
}

// Link records edges; see graph.Tx.
func (t *tx) Link(ctx context.Context, edges ...*graph.Edge) error {
	if err := t.checkUsable(ctx); err != nil {
		return err
	}
	endpoints := map[registry.ID]*endpoint{}
	keys := make([]edgeKey, len(edges))
	live := make([]liveEdge, len(edges))
	pending := make(map[edgeKey]*graph.Edge, len(edges))
	hasEdges := make(map[int64]bool, len(edges))
	var added []edgeKey
	for i, e := range edges {
		key, err := t.edgeKeyOf(e, endpoints)
		if err != nil {
			return publicError(err)
		}
		if keys[i] = key; endpoints[e.From].unlinked {
			hasEdges[key.from] = false
		}
		if live[i], err = t.liveEdgeInBatch(key, hasEdges); err != nil {
			return publicError(err)
		}
		if live[i].seq == 0 && pending[key] == nil {
			pending[key] = e
			added = append(added, key)
		}
	}
	if err := t.checkCycles(added, endpoints); err != nil {
		return publicError(err)
	}
	for i, e := range edges {
		if err := t.linkOne(e, keys[i], live[i], pending[keys[i]]); err != nil {
			return publicError(err)
		}
	}
	return nil
}

// linkOne writes an edge unless it exists. first is the first edge of the batch with this
// key.
func (t *tx) linkOne(e *graph.Edge, key edgeKey, live liveEdge, first *graph.Edge) error {
	e.Created, e.RecordedSeq = live.seq == 0 && first == e, live.seq
	if live.seq == 0 {
		e.RecordedSeq = t.seq
	}
	e.ID = graph.EdgeID(e.Kind, e.From, e.To, e.RecordedSeq)
	switch {
	case live.seq != 0:
		e.ValidFrom, e.ValidTo = live.validFrom, live.validTo
		return nil
	case !e.Created:
		e.ValidFrom, e.ValidTo = first.ValidFrom, first.ValidTo
		return nil
	}
	e.RetractedSeq = 0
	t.recordLinked(e.From)
	t.recordLinked(e.To)
	by, err := t.subjectNum(e.By)
	if err != nil {
		return err
	}
	t.wrote = true
	err = t.c.exec("INSERT INTO edge(from_num, to_num, kind, recorded_seq, retracted_seq, valid_from, valid_to, subject) VALUES(?, ?, ?, ?, 0, ?, ?, ?)",
		key.from, key.to, key.kind, t.seq, toMicros(e.ValidFrom), toMicros(e.ValidTo), by)
	if err != nil {
		return err
	}
	return t.serveEdge(key, 1)
}

func (t *tx) edgeKeyOf(e *graph.Edge, endpoints map[registry.ID]*endpoint) (edgeKey, error) {
	from, err := t.endpoint(e.From, endpoints)
	if err != nil {
		return edgeKey{}, err
	}
	to, err := t.endpoint(e.To, endpoints)
	if err != nil {
		return edgeKey{}, err
	}
	if err := registry.CheckEdge(e.Kind, from.kind, to.kind); err != nil {
		return edgeKey{}, err
	}
	return edgeKey{from.num, to.num, t.s.codes.edge[e.Kind]}, nil
}

func (t *tx) endpoint(id registry.ID, endpoints map[registry.ID]*endpoint) (*endpoint, error) {
	if x := endpoints[id]; x != nil {
		return x, nil
	}
	if x := t.recentEndpoint(id); x != nil {
		endpoints[id] = x
		return x, nil
	}
	var found *endpoint
	err := t.c.query("SELECT num, kind FROM node WHERE id = ? AND deleted = 0", func(st *engine.Stmt) error {
		found = &endpoint{num: st.ColumnInt64(0), kind: t.s.codes.kindName[st.ColumnInt(1)]}
		return nil
	}, string(id))
	if err != nil {
		return nil, err
	}
	if found == nil {
		return nil, registry.Errorf(registry.NotFound, "there is no %q to link", registry.Shorten(string(id), 60))
	}
	endpoints[id] = found
	return found, nil
}

// liveEdge is what Link tells of an edge that exists already; seq is 0 when there is none.
type liveEdge struct {
	seq                int64
	validFrom, validTo time.Time
}

// liveEdgeInBatch is liveEdgeOf for the edges of a batch. It first checks, once per effect,
// whether the node has edges to causes, because new nodes have none. hasEdges caches
// the answers.
func (t *tx) liveEdgeInBatch(key edgeKey, hasEdges map[int64]bool) (liveEdge, error) {
	has, known := hasEdges[key.from]
	if !known {
		n, err := t.c.queryInt("SELECT 1 FROM edge WHERE from_num = ? LIMIT 1", key.from)
		if err != nil {
			return liveEdge{}, err
		}
		has = n != 0
		hasEdges[key.from] = has
	}
	if !has {
		return liveEdge{}, nil
	}
	return t.liveEdgeOf(key)
}

// liveEdgeOf returns the live edge with a key.
func (t *tx) liveEdgeOf(key edgeKey) (live liveEdge, err error) {
	err = t.c.query("SELECT recorded_seq, valid_from, valid_to FROM edge WHERE from_num = ? AND to_num = ? AND kind = ? AND retracted_seq = 0", func(st *engine.Stmt) error {
		live = liveEdge{st.ColumnInt64(0), fromMicros(st.ColumnInt64(1)), fromMicros(st.ColumnInt64(2))}
		return nil
	}, key.from, key.to, key.kind)
	return live, err
}

// subjectNum returns the number of a subject, and assigns one to a new name.
func (t *tx) subjectNum(name string) (int64, error) {
	if name == "" {
		return 0, nil
	}
	if num := t.subjectNums[name]; num != 0 {
		return num, nil
	}
	num, err := t.c.queryInt("SELECT num FROM subject WHERE name = ?", name)
	if err == nil && num == 0 {
		err = t.c.exec("INSERT INTO subject(name) VALUES(?)", name)
		num = t.c.raw.LastInsertRowID()
	}
	if err != nil {
		return 0, err
	}
	if t.subjectNums == nil {
		t.subjectNums = map[string]int64{}
	}
	t.subjectNums[name] = num
	return num, nil
}

// Unlink retracts live edges; see graph.Tx. It deletes the row of an edge that this
// same update recorded.
func (t *tx) Unlink(ctx context.Context, edges ...*graph.Edge) error {
	if err := t.checkUsable(ctx); err != nil {
		return err
	}
	for _, e := range edges {
		if err := t.unlink(e); err != nil {
			return publicError(err)
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
	key := edgeKey{from.num, to.num, t.s.codes.edge[e.Kind]}
	live, err := t.liveEdgeOf(key)
	recorded := live.seq
	if err != nil || recorded == 0 {
		return err
	}
	t.wrote = true
	e.ID, e.RecordedSeq, e.RetractedSeq = graph.EdgeID(e.Kind, e.From, e.To, recorded), recorded, t.seq
	if recorded == t.seq {
		err = t.c.exec("DELETE FROM edge WHERE from_num = ? AND to_num = ? AND kind = ? AND recorded_seq = ?", key.from, key.to, key.kind, recorded)
	} else {
		err = t.c.exec("UPDATE edge SET retracted_seq = ?5 WHERE from_num = ?1 AND to_num = ?2 AND kind = ?3 AND recorded_seq = ?4",
			key.from, key.to, key.kind, recorded, t.seq)
	}
	if err != nil {
		return err
	}
	return t.serveEdge(key, -1)
}

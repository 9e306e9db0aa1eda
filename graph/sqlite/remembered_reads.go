package sqlite

import (
	"context"
	"errors"
	"strconv"
	"time"

	"pedigree/graph"
	"pedigree/graph/readmemory"
	"pedigree/registry"

	engine "zombiezen.com/go/sqlite"
)

// memoryBytes bounds each of the two generations of remembered answers.
const memoryBytes = 16 << 20

// stateSQL reads the state of the store; see readmemory.State.
const stateSQL = "SELECT (SELECT max(seq) FROM log), (SELECT value FROM meta WHERE key = 'schema'), (SELECT value FROM meta WHERE key = 'repairs'), (SELECT value FROM meta WHERE key = 'migration')"

func (c *conn) state() (state readmemory.State, err error) {
	err = c.query(stateSQL, func(st *engine.Stmt) (err error) {
		state.Seq, state.Migration = st.ColumnInt64(0), st.ColumnText(3)
		number := func(column int) (n int64) {
			if text := st.ColumnText(column); text != "" {
				var wrong error
				n, wrong = strconv.ParseInt(text, 10, 64)
				err = errors.Join(err, wrong)
			}
			return n
		}
		state.Schema, state.Repairs = number(1), number(2)
		return err
	})
	return state, err
}

// stateFor returns a state that the store had after the request of the context began. When another
// Store has written it, the memory begins anew.
func (s *Store) stateFor(ctx context.Context) (state readmemory.State, err error) {
	if state, seen := readmemory.MomentState(ctx, s); seen && !s.memory.Behind() {
		return state, nil
	}
	now := time.Now()
	err = s.withReader(ctx, func(c *conn) error {
		state, err = c.state()
		return err
	})
	if err != nil {
		return state, err
	}
	readmemory.SetMomentState(ctx, s, state, now)
	// What a commit under way has written, its Update will tell.
	if s.committing.Load() == 0 {
		s.memory.Adopt(state)
	}
	return state, nil
}

// recall returns answers from memory when all of them are there and true in the newest state
// of the store; nil when they have to be read.
func (s *Store) recall(ctx context.Context, names ...string) ([]*readmemory.Answer, error) {
	if ctx.Err() != nil || s.closed.Load() {
		return nil, nil // The read itself returns the error.
	}
	if !s.memory.Behind() && !s.memory.Has(names...) {
		return nil, nil
	}
	state, err := s.stateFor(ctx)
	if err != nil {
		return nil, err
	}
	return s.memory.Answers(state, names...), nil
}

// Nodes reads nodes by id; see graph.Reader.
func (s *Store) Nodes(ctx context.Context, at graph.Instant, ids ...registry.ID) (out []*graph.Node, err error) {
	read := func(v *view) error { out, err = v.nodes(ctx, at, ids); return err }
	if s.memory.Off || at != (graph.Instant{}) || len(ids) == 0 || len(ids) > readmemory.MaxNodes {
		err = s.read(ctx, read)
		return out, err
	}
	names := make([]string, len(ids))
	for i, id := range ids {
		names[i] = readmemory.NodeName(string(id))
	}
	found, err := s.recall(ctx, names...)
	if err != nil {
		return nil, err
	}
	if found != nil {
		out = make([]*graph.Node, len(ids))
		for i, r := range found {
			out[i], _ = r.Value.(*graph.Node)
		}
		return out, nil
	}
	generation := s.memory.Begin()
	if err = s.read(ctx, read); err != nil || generation < 0 {
		return out, err
	}
	s.memory.Notice(out...)
	for i, n := range out {
		s.memory.Remember(names[i], generation, readmemory.NodeAnswer(names[i], n))
	}
	return out, nil
}

// Find returns one page of nodes; see graph.Reader.
func (s *Store) Find(ctx context.Context, q graph.Query) (graph.Page, error) {
	recall := func(names ...string) ([]*readmemory.Answer, error) { return s.recall(ctx, names...) }
	return s.memory.Find(q, keyOfID, recall, func() (page graph.Page, err error) {
		err = s.read(ctx, func(v *view) error { page, err = v.find(ctx, q); return err })
		return page, err
	})
}

func keyOfID(id registry.ID) string { return string(id) }

// batchWrites is what the updates of a transaction have written, for the memory.
type batchWrites struct {
	generation int64
	names      map[string]bool
	head       int64
	// nodes are all nodes that were written, as they are now; nil for what is not known.
	nodes map[registry.ID]*graph.Node
	// unlogged says that nodes may have changed that are not named.
	unlogged bool
	// begun is the state on which the transaction began; restores says that an update may have changed the
	// migration since.
	begun    readmemory.State
	restores bool
}

// beginWrites is called when a transaction of the writer has begun.
func (s *Store) beginWrites(w *conn) error {
	s.writes = batchWrites{names: map[string]bool{}, nodes: map[registry.ID]*graph.Node{}}
	state, err := w.state()
	if err != nil {
		return err
	}
	if state != s.left && !s.recent.ignoreHead { // Another Store has written, perhaps without a log entry.
		s.forget()
	}
	s.writes.generation, s.writes.head, s.writes.begun = s.memory.Lock(state), state.Seq, state
	return nil
}

// rememberWrites is called when the transaction of the writer is over; err is that of the commit.
func (s *Store) rememberWrites(err error) {
	if err != nil || s.writes.unlogged { // An error may come from a commit that happened.
		s.memory.ForgetAll()
		return
	}
	w := s.writes.written()
	s.memory.Commit(s.writes.generation, w, s.writes.head)
	s.left = s.writes.begun
	s.left.Seq = s.writes.head
	if s.afterCommit != nil {
		s.afterCommit(w)
	}
}

// writesNode says that a node changes, and which slots it takes; what it frees, the answers that
// have the node depend on.
func (t *tx) writesNode(id, parent registry.ID, kind registry.Kind, slots ...string) {
	t.writesChildren(parent)
	t.names[readmemory.NodeName(string(id))] = true
	t.dropCarried(id)
	t.names[readmemory.KindName(kind)] = true
	for _, slot := range slots {
		t.names[readmemory.SlotName(slot)] = true
	}
}

// writesChildren says that the list of the children of a node changes.
func (t *tx) writesChildren(parent registry.ID) {
	if t.names == nil {
		t.names = map[string]bool{}
	}
	t.names[readmemory.ChildrenName(string(parent))] = true
}

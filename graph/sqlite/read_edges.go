package sqlite

import (
	"strconv"
	"strings"

	"pedigree/graph"
	"pedigree/registry"

	engine "zombiezen.com/go/sqlite"
)

// row is a row of edge.
type row struct {
	from, to                              int64
	kind                                  int
	recorded, retracted, validFrom, until int64
	subject                               int64
}

// walk reads the edges of one direction and some kinds at one instant.
type walk struct {
	v    *view
	when instant
	down bool
	*walkTexts
}

// walkTexts are the statements of a walk. They hold codes and no values of a
// caller, so that there are few of them and a Store keeps them.
type walkTexts struct {
	first  string // the first far ends of a node
	among  string // the far ends of a node that are in a list
	degree string
	// joined is first with the far nodes, whole and bare, and batch the same from
	// several nodes at once; "" where nodes come from earlier revisions.
	joined, batch [2]string
	// near are the kinds of node that have such edges.
	near map[registry.Kind]bool
}

// batchSize is how many near ends a batch has, batchFirst the parameter of its
// first; those that are not bound match nothing.
const batchSize, batchFirst = 16, 6

var batchList = func() string {
	list := make([]string, batchSize)
	for i := range list {
		list[i] = "(?" + strconv.Itoa(batchFirst+i) + ")"
	}
	return strings.Join(list, ",")
}()

// walkKey tells walks apart that need other texts.
type walkKey struct {
	down, byValid, byKnow bool
	past                  past
	kinds                 uint64 // bits of edge kind codes, 0 to 62; 0 for all
}

// walkOf finds or makes the texts of a walk. LIMIT takes an expression here and
// everywhere: with a bare parameter the engine prepares the statement anew at
// every binding, which is most of a walk's time.
func (v *view) walkOf(d graph.Direction, kinds []registry.EdgeKind, at graph.Instant) (*walk, error) {
	when := instantOf(at)
	w := &walk{v: v, when: when, down: d == graph.Downstream}
	if d != graph.Upstream && d != graph.Downstream {
		return nil, registry.Invalid("direction", "%q is neither UPSTREAM nor DOWNSTREAM", d)
	}
	key := walkKey{down: w.down, byValid: when.byValid, byKnow: when.byKnow, past: when.past}
	for _, k := range kinds {
		code, ok := v.s.codes.edge[k]
		if !ok || code > 62 {
			return nil, registry.Invalid("edges", "%q is no edge kind; use some of %v", k, registry.EdgeKinds())
		}
		key.kinds |= 1 << uint(code)
	}
	known, ok := v.s.walks.Load(key)
	if !ok {
		texts := textsOf(key)
		texts.near = map[registry.Kind]bool{}
		for _, k := range graph.NearKinds(d, kinds) {
			texts.near[k] = true
		}
		known, _ = v.s.walks.LoadOrStore(key, texts)
	}
	w.walkTexts = known.(*walkTexts)
	return w, nil
}

func textsOf(key walkKey) *walkTexts {
	near, far := "from_num", "to_num"
	if key.down {
		near, far = far, near
	}
	cond := edgeCondition(key)
	reach := farCondition(key, far)
	const columns = "e.from_num, e.to_num, e.kind, e.recorded_seq, e.retracted_seq, e.valid_from, e.valid_to, e.subject"
	const from = "SELECT " + columns + " FROM edge e WHERE e."
	order := " ORDER BY e." + far + ", e.kind LIMIT ?5+0"
	t := &walkTexts{first: from + near + " = ?1 AND e." + far + " > ?4" + cond + reach + order,
		among:  from + near + " = ?1 AND e." + far + " IN (SELECT value FROM json_each(?4))" + cond + reach,
		degree: "SELECT count(*) FROM edge e WHERE e." + near + " = ?1" + cond + reach}
	if key.past != present {
		return t
	}
	for b, doc := range []string{"n.doc", "''"} {
		all := "SELECT " + columns + ", " + presentColumns + ", " + doc + indexedColumns + " FROM "
		there := "edge e CROSS JOIN node n ON n.num = e." + far + " WHERE e." + near
		if key.byValid {
			cond += " AND n.valid_from <= ?2"
		}
		t.joined[b] = all + there + " = ?1 AND e." + far + " > ?4" + cond + order
		t.batch[b] = all + "(VALUES " + batchList + ") f CROSS JOIN " + there + " = f.column1" + cond + " LIMIT ?5+0"
	}
	return t
}

// edgeCondition is what an edge must meet at an instant; ?2 is Valid, ?3 Known.
func edgeCondition(key walkKey) string {
	var b strings.Builder
	if key.byKnow {
		b.WriteString(" AND e.recorded_seq <= ?3 AND (e.retracted_seq = 0 OR e.retracted_seq > ?3)")
	} else {
		b.WriteString(" AND e.retracted_seq = 0")
	}
	if key.byValid {
		b.WriteString(" AND e.valid_from <= ?2 AND (e.valid_to = 0 OR e.valid_to > ?2)")
	}
	if key.kinds != 0 {
		// Bits, not IN: that builds a table for the list at every run.
		b.WriteString(" AND " + strconv.FormatUint(key.kinds, 10) + ">>e.kind&1")
	}
	return b.String()
}

// farCondition holds an edge to be seen only where its far end is.
func farCondition(key walkKey, far string) string {
	if !key.byValid {
		return ""
	}
	var b strings.Builder
	b.WriteString(" AND (SELECT x.valid_from FROM ")
	switch key.past {
	case present:
		b.WriteString("node x WHERE x.num = e." + far)
	case newest:
		b.WriteString("revision x WHERE x.num = e." + far + " AND x.recorded_seq <= ?3 ORDER BY x.revision DESC LIMIT 1")
	case asOf:
		b.WriteString("revision x WHERE x.num = e." + far + " AND x.since <= ?2")
		if key.byKnow {
			b.WriteString(" AND x.recorded_seq <= ?3")
		}
		b.WriteString(" ORDER BY x.since DESC, x.revision DESC LIMIT 1")
	}
	b.WriteString(") <= ?2")
	return b.String()
}

// prepare readies a text for a near end.
func (w *walk) prepare(text string, near int64) (*engine.Stmt, error) {
	st, err := w.v.c.prepare(text)
	if err != nil {
		return nil, err
	}
	st.BindInt64(1, near)
	w.bindInstant(st)
	return st, nil
}

func (w *walk) bindInstant(st *engine.Stmt) {
	if w.when.byValid {
		st.BindInt64(2, w.when.valid)
	}
	if w.when.byKnow {
		st.BindInt64(3, w.when.known)
	}
}

// edges appends the first edges of a node with far ends beyond after.
func (w *walk) edges(rows []row, near, after int64, limit int) ([]row, error) {
	st, err := w.prepare(w.first, near)
	if err != nil {
		return rows, err
	}
	st.BindInt64(4, after)
	st.BindInt64(5, int64(limit))
	err = drain(st, func(st *engine.Stmt) error { rows = append(rows, scanRow(st)); return nil })
	return rows, err
}

// edgesAmong appends the edges of a node to far ends in a JSON list.
func (w *walk) edgesAmong(rows []row, near int64, far string) ([]row, error) {
	st, err := w.prepare(w.among, near)
	if err != nil {
		return rows, err
	}
	st.BindText(4, far)
	err = drain(st, func(st *engine.Stmt) error { rows = append(rows, scanRow(st)); return nil })
	return rows, err
}

// edgeColumns is how many columns scanRow takes.
const edgeColumns = 8

// nodesOver is edges with the far nodes: fn gets each row and a function that
// reads its far node. Not to be called where nodes come from earlier revisions.
func (w *walk) nodesOver(near, after int64, limit int, bare bool, fn func(row, func() (*graph.Node, error)) error) error {
	st, err := w.prepare(w.joined[flag(bare)], near)
	if err != nil {
		return err
	}
	st.BindInt64(4, after)
	st.BindInt64(5, int64(limit))
	return drain(st, func(st *engine.Stmt) error {
		return fn(scanRow(st), func() (*graph.Node, error) { return w.v.scanNode(st, edgeColumns, false, bare) })
	})
}

// batchOver is nodesOver from up to batchSize nodes, in no order.
func (w *walk) batchOver(near []int64, limit int, bare bool, fn func(row, func() (*graph.Node, error)) error) error {
	st, err := w.v.c.prepare(w.batch[flag(bare)])
	if err != nil {
		return err
	}
	w.bindInstant(st)
	st.BindInt64(5, int64(limit))
	for i := range batchSize {
		if i < len(near) {
			st.BindInt64(batchFirst+i, near[i])
		} else {
			st.BindNull(batchFirst + i)
		}
	}
	return drain(st, func(st *engine.Stmt) error {
		return fn(scanRow(st), func() (*graph.Node, error) { return w.v.scanNode(st, edgeColumns, false, bare) })
	})
}

func scanRow(st *engine.Stmt) row {
	return row{st.ColumnInt64(0), st.ColumnInt64(1), st.ColumnInt(2), st.ColumnInt64(3), st.ColumnInt64(4), st.ColumnInt64(5), st.ColumnInt64(6), st.ColumnInt64(7)}
}

func (w *walk) near(r row) int64 {
	if w.down {
		return r.to
	}
	return r.from
}

func (w *walk) far(r row) int64 {
	if w.down {
		return r.from
	}
	return r.to
}

// edge makes the edge of a row, given the ids of its ends.
func (w *walk) edge(r row, from, to registry.ID) (graph.Edge, error) {
	by, err := w.v.subjectName(r.subject)
	kind := w.v.s.codes.edgeName[r.kind]
	return graph.Edge{ID: graph.EdgeID(kind, from, to, r.recorded), Kind: kind, From: from, To: to, ValidFrom: stamp(r.validFrom), ValidTo: stamp(r.until),
		RecordedSeq: r.recorded, RetractedSeq: r.retracted, By: by}, err
}

func (v *view) subjectName(num int64) (name string, err error) {
	if num == 0 {
		return "", nil
	}
	if !v.writing {
		if n, ok := v.s.subjects.Load(num); ok {
			return n.(string), nil
		}
	}
	err = v.c.query("SELECT name FROM subject WHERE num = ?", func(st *engine.Stmt) error { name = st.ColumnText(0); return nil }, num)
	if err == nil && !v.writing {
		v.s.subjects.Store(num, name)
	}
	return name, err
}

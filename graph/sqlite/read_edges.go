package sqlite

import (
	"strconv"
	"strings"

	"pedigree/graph"
	"pedigree/registry"

	engine "zombiezen.com/go/sqlite"
)

// edgeRow is a row of the table edge.
type edgeRow struct {
	from, to                                int64
	kind                                    int
	recorded, retracted, validFrom, validTo int64
	subject                                 int64
}

// edgeReader reads edges of one direction and some kinds at one instant. The near end
// of an edge is the node that it is read from, the far end the other one.
type edgeReader struct {
	v          *view
	when       instant
	downstream bool
	*edgeSQL
}

// edgeSQL holds the statements of an edgeReader. They contain kind codes but no values
// of a caller, so that there are few of them and the Store can cache them.
type edgeSQL struct {
	firstFarEnds string // the first far ends of a node, in order
	toListed     string // the far ends of a node that are in a list of numbers
	batch        string // the far ends of several nodes, unordered
	degree       string
	// withNodes is firstFarEnds joined with the far nodes, with and without documents.
	// batchWithNodes is the same from several near ends, unordered. Both are "" when
	// nodes come from earlier revisions.
	withNodes, batchWithNodes [2]string
	// nearKinds are the kinds of nodes that can have such edges.
	nearKinds map[registry.Kind]bool
}

// nearEndsPerBatch is the number of near ends of batchWithNodes; firstBatchParam is the
// index of the parameter of the first. NULL parameters match nothing.
const nearEndsPerBatch, firstBatchParam = 16, 6

var batchParams = func() string {
	params := make([]string, nearEndsPerBatch)
	for i := range params {
		params[i] = "(?" + strconv.Itoa(firstBatchParam+i) + ")"
	}
	return strings.Join(params, ",")
}()

// edgeSQLKey identifies an edgeSQL.
type edgeSQLKey struct {
	downstream, byValid, byKnown bool
	source                       revisionSource
	kinds                        uint64 // bits of edge kind codes, 0 to 62; 0 for all
}

// newEdgeReader returns a reader with cached or new statements. Here and everywhere,
// LIMIT has an expression: with a bare parameter, SQLite prepares the statement again
// at every binding, which would take most of the time of a read.
func (v *view) newEdgeReader(d graph.Direction, kinds []registry.EdgeKind, at graph.Instant) (*edgeReader, error) {
	when, err := v.instantAt(at)
	if err != nil {
		return nil, err
	}
	er := &edgeReader{v: v, when: when, downstream: d == graph.Downstream}
	if d != graph.Upstream && d != graph.Downstream {
		return nil, registry.Invalid("direction", "%q is neither UPSTREAM nor DOWNSTREAM", d)
	}
	key := edgeSQLKey{downstream: er.downstream, byValid: when.byValid, byKnown: when.byKnown, source: when.source}
	for _, k := range kinds {
		code, ok := v.s.codes.edge[k]
		if !ok || code > 62 {
			return nil, registry.Invalid("edges", "%q is no edge kind; use some of %v", k, registry.EdgeKinds())
		}
		key.kinds |= 1 << uint(code)
	}
	cached, ok := v.s.edgeSQLCache.Load(key)
	if !ok {
		statements := buildEdgeSQL(key)
		statements.nearKinds = map[registry.Kind]bool{}
		for _, k := range graph.KindsWithEdges(d, kinds) {
			statements.nearKinds[k] = true
		}
		cached, _ = v.s.edgeSQLCache.LoadOrStore(key, statements)
	}
	er.edgeSQL = cached.(*edgeSQL)
	return er, nil
}

func buildEdgeSQL(key edgeSQLKey) *edgeSQL {
	near, far := "from_num", "to_num"
	if key.downstream {
		near, far = far, near
	}
	cond := edgeCondition(key)
	farExists := farExistsCondition(key, far)
	const columns = "e.from_num, e.to_num, e.kind, e.recorded_seq, e.retracted_seq, e.valid_from, e.valid_to, e.subject"
	const from = "SELECT " + columns + " FROM edge e WHERE e."
	order := " ORDER BY e." + far + ", e.kind LIMIT ?5+0"
	t := &edgeSQL{firstFarEnds: from + near + " = ?1 AND e." + far + " > ?4" + cond + farExists + order,
		toListed: from + near + " = ?1 AND e." + far + " IN (SELECT value FROM json_each(?4))" + cond + farExists,
		batch:    "SELECT " + columns + " FROM (VALUES " + batchParams + ") f CROSS JOIN edge e WHERE e." + near + " = f.column1" + cond + farExists + " LIMIT ?5+0",
		degree:   "SELECT count(*) FROM (SELECT 1 FROM edge e WHERE e." + near + " = ?1" + cond + farExists + " LIMIT ?5+0)"}
	if key.source != currentRow {
		return t
	}
	for b, doc := range []string{"n.doc", "''"} {
		all := "SELECT " + columns + ", " + currentColumns + ", " + doc + indexedColumns + " FROM "
		join := "edge e CROSS JOIN node n ON n.num = e." + far + " WHERE e." + near
		if key.byValid {
			cond += " AND n.valid_from <= ?2"
		}
		t.withNodes[b] = all + join + " = ?1 AND e." + far + " > ?4" + cond + order
		t.batchWithNodes[b] = all + "(VALUES " + batchParams + ") f CROSS JOIN " + join + " = f.column1" + cond + " LIMIT ?5+0"
	}
	return t
}

// edgeCondition returns the condition for edges of the kinds that exist at the
// instant; ?2 is Valid, ?3 is Known.
func edgeCondition(key edgeSQLKey) string {
	var b strings.Builder
	if key.byKnown {
		b.WriteString(" AND e.recorded_seq <= ?3 AND (e.retracted_seq = 0 OR e.retracted_seq > ?3)")
	} else {
		b.WriteString(" AND e.retracted_seq = 0")
	}
	if key.byValid {
		b.WriteString(" AND e.valid_from <= ?2 AND (e.valid_to = 0 OR e.valid_to > ?2)")
	}
	if key.kinds != 0 {
		// A bit test, because IN builds a temporary table at every run.
		b.WriteString(" AND " + strconv.FormatUint(key.kinds, 10) + ">>e.kind&1")
	}
	return b.String()
}

// farExistsCondition returns the condition that the far end exists at the instant.
func farExistsCondition(key edgeSQLKey, far string) string {
	if !key.byValid {
		return ""
	}
	newest := "y.since <= ?2"
	if key.byKnown {
		newest += " AND y.recorded_seq <= ?3"
	}
	return " AND (SELECT coalesce((SELECT x.valid_from" + earlierValid("y", key.byKnown) + "), CASE WHEN " + newest + " THEN y.valid_from END) FROM node y WHERE y.num = e." + far + ") <= ?2"
}

// prepare prepares a statement and binds the near end and the instant.
func (er *edgeReader) prepare(sql string, near int64) (*engine.Stmt, error) {
	st, err := er.v.c.prepare(sql)
	if err != nil {
		return nil, err
	}
	st.BindInt64(1, near)
	er.bindInstant(st)
	return st, nil
}

func (er *edgeReader) bindInstant(st *engine.Stmt) {
	if er.when.byValid {
		st.BindInt64(2, er.when.valid)
	}
	if er.when.byKnown {
		st.BindInt64(3, er.when.known)
	}
}

// edges appends the first edges of a node with far ends after the number after.
func (er *edgeReader) edges(rows []edgeRow, near, after int64, limit int) ([]edgeRow, error) {
	st, err := er.prepare(er.firstFarEnds, near)
	if err != nil {
		return rows, err
	}
	st.BindInt64(4, after)
	st.BindInt64(5, int64(limit))
	err = stepAll(st, func(st *engine.Stmt) error { rows = append(rows, scanRow(st)); return nil })
	return rows, err
}

// edgesToListed appends the edges of a node to far ends in a JSON array of numbers.
func (er *edgeReader) edgesToListed(rows []edgeRow, near int64, far string) ([]edgeRow, error) {
	st, err := er.prepare(er.toListed, near)
	if err != nil {
		return rows, err
	}
	st.BindText(4, far)
	err = stepAll(st, func(st *engine.Stmt) error { rows = append(rows, scanRow(st)); return nil })
	return rows, err
}

// edgeColumns is the number of columns that scanRow reads.
const edgeColumns = 8

// edgesWithNodes is edges joined with the far nodes. It calls fn with each row and a
// function that reads its far node. It must not be called when nodes come from earlier
// revisions.
func (er *edgeReader) edgesWithNodes(near, after int64, limit int, bare bool, fn func(edgeRow, func() (*graph.Node, error)) error) error {
	st, err := er.prepare(er.withNodes[boolIndex(bare)], near)
	if err != nil {
		return err
	}
	st.BindInt64(4, after)
	st.BindInt64(5, int64(limit))
	return stepAll(st, func(st *engine.Stmt) error {
		return fn(scanRow(st), func() (*graph.Node, error) { return er.v.scanNode(st, edgeColumns, false, bare) })
	})
}

// batchEdgesWithNodes is edgesWithNodes from up to nearEndsPerBatch nodes, unordered.
func (er *edgeReader) batchEdgesWithNodes(near []int64, limit int, bare bool, fn func(edgeRow, func() (*graph.Node, error)) error) error {
	st, err := er.prepareBatch(er.batchWithNodes[boolIndex(bare)], near, limit)
	if err != nil {
		return err
	}
	return stepAll(st, func(st *engine.Stmt) error {
		return fn(scanRow(st), func() (*graph.Node, error) { return er.v.scanNode(st, edgeColumns, false, bare) })
	})
}

// batchEdges appends edges of up to nearEndsPerBatch nodes, unordered.
func (er *edgeReader) batchEdges(rows []edgeRow, near []int64, limit int) ([]edgeRow, error) {
	st, err := er.prepareBatch(er.batch, near, limit)
	if err != nil {
		return rows, err
	}
	err = stepAll(st, func(st *engine.Stmt) error { rows = append(rows, scanRow(st)); return nil })
	return rows, err
}

// prepareBatch prepares a statement and binds up to nearEndsPerBatch near ends, the
// instant and the limit.
func (er *edgeReader) prepareBatch(sql string, near []int64, limit int) (*engine.Stmt, error) {
	st, err := er.v.c.prepare(sql)
	if err != nil {
		return nil, err
	}
	er.bindInstant(st)
	st.BindInt64(5, int64(limit))
	for i := range nearEndsPerBatch {
		if i < len(near) {
			st.BindInt64(firstBatchParam+i, near[i])
		} else {
			st.BindNull(firstBatchParam + i)
		}
	}
	return st, nil
}

func scanRow(st *engine.Stmt) edgeRow {
	return edgeRow{st.ColumnInt64(0), st.ColumnInt64(1), st.ColumnInt(2), st.ColumnInt64(3), st.ColumnInt64(4), st.ColumnInt64(5), st.ColumnInt64(6), st.ColumnInt64(7)}
}

func (er *edgeReader) nearEnd(r edgeRow) int64 {
	if er.downstream {
		return r.to
	}
	return r.from
}

func (er *edgeReader) farEnd(r edgeRow) int64 {
	if er.downstream {
		return r.from
	}
	return r.to
}

// edgeOf returns the edge of a row, given the ids of its ends.
func (er *edgeReader) edgeOf(r edgeRow, from, to registry.ID) (graph.Edge, error) {
	by, err := er.v.subjectName(r.subject)
	kind := er.v.s.codes.edgeName[r.kind]
	return graph.Edge{ID: graph.EdgeID(kind, from, to, r.recorded), Kind: kind, From: from, To: to, ValidFrom: fromMicros(r.validFrom), ValidTo: fromMicros(r.validTo),
		RecordedSeq: r.recorded, RetractedSeq: r.retracted, By: by}, err
}

func (v *view) subjectName(num int64) (name string, err error) {
	if num == 0 {
		return "", nil
	}
	if !v.inUpdate {
		if n, ok := v.s.subjectNames.Load(num); ok {
			return n.(string), nil
		}
	}
	err = v.c.query("SELECT name FROM subject WHERE num = ?", func(st *engine.Stmt) error { name = st.ColumnText(0); return nil }, num)
	if err == nil && !v.inUpdate {
		v.s.subjectNames.Store(num, name)
	}
	return name, err
}

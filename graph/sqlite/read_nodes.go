package sqlite

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"strings"
	"time"

	"pedigree/graph"
	"pedigree/registry"

	engine "zombiezen.com/go/sqlite"
)

// view reads on one connection, in a snapshot or in the transaction of an update.
type view struct {
	c *conn
	s *Store
	// inUpdate says that reads may see uncommitted rows, which must not be cached.
	inUpdate bool
}

func (v *view) head() (int64, error) { return v.c.queryInt("SELECT max(seq) FROM log") }

// lastEntry returns the sequence and the time of the newest log entry.
func (v *view) lastEntry() (seq int64, at time.Time, err error) {
	err = v.c.query("SELECT seq, at FROM log ORDER BY seq DESC LIMIT 1", func(st *engine.Stmt) error {
		seq, at = st.ColumnInt64(0), exactTime(st.ColumnInt64(1))
		return nil
	})
	return seq, at, err
}

// toMicros returns a time as it is stored: microseconds since 1970, 0 for the zero
// time. fromMicros is the inverse.
func toMicros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func fromMicros(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.UnixMicro(n).UTC()
}

// revisionSource says which revision of a node an instant selects.
type revisionSource int

const (
	currentRow     revisionSource = iota // the newest revision, in the table node
	newestRecorded                       // the newest revision with recorded_seq ≤ known
	latestValid                          // of those, the one with the latest since ≤ valid
)

// instant is a graph.Instant as statement parameters.
type instant struct {
	source           revisionSource
	valid, known     int64
	byValid, byKnown bool
	// served says that the nodes get their registry.Served, which only the present has.
	served bool
}

func instantOf(at graph.Instant) instant {
	i := instant{valid: math.MaxInt64, known: math.MaxInt64, byValid: !at.Valid.IsZero(), byKnown: at.Known > 0}
	if i.byValid {
		i.valid = at.Valid.UnixMicro()
	}
	if i.byKnown {
		i.known = at.Known
	}
	switch {
	case i.byValid:
		i.source = latestValid
	case i.byKnown:
		i.source = newestRecorded
	}
	return i
}

// instantAt is instantOf within a snapshot. An instant that is known at the head or
// later is the present of the snapshot, which needs no earlier revisions.
func (v *view) instantAt(at graph.Instant) (instant, error) {
	if at.Known > 0 && at.Valid.IsZero() {
		head, err := v.head()
		if err != nil {
			return instant{}, err
		}
		if head <= at.Known {
			at.Known = 0
		}
	}
	return instantOf(at), nil
}

// The table node has the newest revision of a node, the table revision those before it.

// revisionSQL reads one revision of a node: the newest if it meets a condition and the
// expression for an earlier one is NULL, otherwise that one.
func revisionSQL(key string, bare bool, newest, earlier string) string {
	columns := "n.num, n.id, n.kind, n.parent"
	for _, c := range []string{"name", "", "valid_from", "valid_to", "since", "revision", "recorded_seq", "deleted"} {
		if c == "" {
			columns += ", n.slots"
			continue
		}
		columns += ", coalesce(r." + c + ", n." + c + ")"
	}
	doc := "coalesce(r.doc, n.doc)"
	if bare {
		doc = "''"
	}
	return "SELECT " + columns + ", " + doc + ", coalesce(r.columns, " + columnsJSON + ") FROM node n LEFT JOIN revision r ON r.num = n.num AND r.revision = " + earlier +
		" WHERE " + key + " = ?1 AND (r.num IS NOT NULL OR " + newest + ") AND coalesce(r.valid_from, n.valid_from) <= ?2"
}

// earlierValid is the end of a statement that selects, of the revisions before the newest, the
// one that was valid at ?2, and was known at ?3 if known. It selects none if the newest was. It
// reads one row of the index, but for revisions that were not known yet.
func earlierValid(newest string, known bool) string {
	also, beyond := "", ""
	if known {
		also, beyond = " AND x.recorded_seq <= ?3", " OR "+newest+".recorded_seq > ?3"
	}
	after := "CASE WHEN " + newest + ".since > ?2" + beyond + " THEN -9223372036854775807 ELSE " + newest + ".since END"
	return " FROM revision x INDEXED BY revision_since WHERE x.num = " + newest + ".num AND x.since <= ?2 AND x.since > " + after + also +
		" ORDER BY x.since DESC, x.revision DESC LIMIT 1"
}

// columnsJSON is the expression for the index columns of the newest revision as JSON, as the
// table revision has them: without those that are absent.
var columnsJSON = func() string {
	var pairs []string
	for _, c := range registry.IndexColumns() {
		none := "''"
		if c.Type == registry.IntIndex {
			none = "0"
		}
		pairs = append(pairs, "'"+string(c.Name)+"', nullif(n."+string(c.Name)+", "+none+")")
	}
	return "json_patch('{}', json_object(" + strings.Join(pairs, ", ") + "))"
}()

// keepRevisionSQL copies the newest revision ?2 of a node to the table revision. The index columns, as
// JSON, are ?3: to make them of the row costs more than all else of it. eraseRevisionSQL copies it
// without its document.
var (
	keepRevisionSQL  = copyRevision("?3", "n.doc")
	eraseRevisionSQL = copyRevision(columnsJSON, "''")
)

func copyRevision(columns, doc string) string {
	return "INSERT INTO revision(num, revision, since, recorded_seq, valid_from, valid_to, name, deleted, columns, doc) " +
		"SELECT n.num, n.revision, n.since, n.recorded_seq, n.valid_from, n.valid_to, n.name, n.deleted, " + columns + ", " + doc + " FROM node n WHERE n.num = ?1 AND n.revision = ?2"
}

// columnsText is columnsJSON of values in the order of registry.IndexColumns; of none when they are nil.
func columnsText(values []any) (string, error) {
	present := map[registry.Index]any{}
	for i, c := range registry.IndexColumns() {
		if i < len(values) && values[i] != any("") && values[i] != any(int64(0)) {
			present[c.Name] = values[i]
		}
	}
	if len(present) == 0 {
		return "{}", nil
	}
	text, err := json.Marshal(present)
	return string(text), err
}

// nodeSQL reads one node: by revisionSource, key (id or number) and bare.
var nodeSQL = func() (out [3][2][2]string) {
	for k, key := range []string{"n.id", "n.num"} {
		for b, doc := range []string{"n.doc", "''"} {
			out[currentRow][k][b] = "SELECT " + currentColumns + ", " + doc + indexedColumns + ", n.served FROM node n WHERE " + key + " = ?1 AND n.valid_from <= ?2"
			out[newestRecorded][k][b] = revisionSQL(key, b == 1, "n.recorded_seq <= ?3", "CASE WHEN n.recorded_seq > ?3 THEN (SELECT max(x.revision) FROM revision x WHERE x.num = n.num AND x.recorded_seq <= ?3) END")
			out[latestValid][k][b] = revisionSQL(key, b == 1, "n.since <= ?2 AND n.recorded_seq <= ?3", "(SELECT x.revision"+earlierValid("n", true)+")")
		}
	}
	return out
}()

// indexedColumns lists the index columns, each after a comma.
var indexedColumns = func() string {
	var cols strings.Builder
	for _, c := range registry.IndexColumns() {
		cols.WriteString(", n." + string(c.Name))
	}
	return cols.String()
}()

const currentColumns = "n.num, n.id, n.kind, n.parent, n.name, n.slots, n.valid_from, n.valid_to, n.since, n.revision, n.recorded_seq, n.deleted"

const (
	docColumn        = 12
	firstIndexColumn = 13
)

// servedColumn follows the index columns.
var servedColumn = firstIndexColumn + len(registry.IndexColumns())

// nodes reads nodes by id. It returns nil for ids without a node.
func (v *view) nodes(ctx context.Context, at graph.Instant, ids []registry.ID) ([]*graph.Node, error) {
	out := make([]*graph.Node, len(ids))
	when, err := v.instantAt(at)
	if err != nil {
		return nil, err
	}
	when.served = at == (graph.Instant{})
	for i, id := range ids {
		if i%1024 == 1023 && ctx.Err() != nil {
			return nil, contextError(ctx)
		}
		n, err := v.nodeByID(when, id, false)
		if err != nil {
			return nil, err
		}
		out[i] = n
	}
	return out, nil
}

func (v *view) nodeByID(when instant, id registry.ID, bare bool) (*graph.Node, error) {
	st, err := v.c.prepare(nodeSQL[when.source][0][boolIndex(bare)])
	if err != nil {
		return nil, err
	}
	st.BindText(1, string(id))
	return v.readNode(st, when, bare)
}

// numberOf returns the number of a node, or 0 when it does not exist at the instant.
func (v *view) numberOf(when instant, id registry.ID) (num int64, err error) {
	if when.source != currentRow {
		n, err := v.nodeByID(when, id, true)
		if err != nil || n == nil {
			return 0, err
		}
		return n.Number, nil
	}
	st, err := v.c.prepare("SELECT num FROM node WHERE id = ?1 AND valid_from <= ?2")
	if err != nil {
		return 0, err
	}
	st.BindText(1, string(id))
	st.BindInt64(2, when.valid)
	return num, stepAll(st, func(st *engine.Stmt) error { num = st.ColumnInt64(0); return nil })
}

func (v *view) nodeByNum(when instant, num int64, bare bool) (*graph.Node, error) {
	st, err := v.c.prepare(nodeSQL[when.source][1][boolIndex(bare)])
	if err != nil {
		return nil, err
	}
	st.BindInt64(1, num)
	return v.readNode(st, when, bare)
}

func boolIndex(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (v *view) readNode(st *engine.Stmt, when instant, bare bool) (n *graph.Node, err error) {
	st.BindInt64(2, when.valid)
	if when.source != currentRow {
		st.BindInt64(3, when.known)
	}
	more, err := st.Step()
	if err == nil && more {
		n, err = v.scanNode(st, 0, when.source != currentRow, bare)
		if err == nil && when.served {
			n.Served = registry.Served(st.ColumnInt(servedColumn))
		}
	}
	if r := st.Reset(); err == nil {
		err = r
	}
	return n, err
}

// scanNode reads the columns of nodeSQL from a row, from offset on. Rows of the table
// revision have their index columns as JSON.
func (v *view) scanNode(st *engine.Stmt, offset int, fromRevision, bare bool) (*graph.Node, error) {
	n := &graph.Node{Number: st.ColumnInt64(offset), ID: registry.ID(st.ColumnText(offset + 1)), Kind: v.s.codes.kindName[st.ColumnInt(offset+2)],
		Parent: registry.ID(st.ColumnText(offset + 3)), Name: st.ColumnText(offset + 4), ValidFrom: fromMicros(st.ColumnInt64(offset + 6)), ValidTo: fromMicros(st.ColumnInt64(offset + 7)),
		Since: fromMicros(st.ColumnInt64(offset + 8)), Revision: st.ColumnInt64(offset + 9), RecordedSeq: st.ColumnInt64(offset + 10), Deleted: st.ColumnBool(offset + 11)}
	if !bare {
		n.Doc = make([]byte, st.ColumnLen(offset+docColumn))
		st.ColumnBytes(offset+docColumn, n.Doc)
	}
	if st.ColumnLen(offset+5) > 0 {
		if err := json.Unmarshal([]byte(st.ColumnText(offset+5)), &n.Slots); err != nil {
			return nil, err
		}
	}
	columns := columnsOf[n.Kind]
	if len(columns) == 0 {
		return n, nil
	}
	n.Columns = make(map[registry.Index]any, len(columns))
	if fromRevision {
		return n, readColumnsJSON(n, columns, st.ColumnText(offset+firstIndexColumn))
	}
	for _, c := range columns {
		if c.isText {
			n.Columns[c.name] = st.ColumnText(offset + firstIndexColumn + c.position)
		} else {
			n.Columns[c.name] = st.ColumnInt64(offset + firstIndexColumn + c.position)
		}
	}
	return n, nil
}

// kindColumn is an index column that a kind has, and its position among all index
// columns.
type kindColumn struct {
	name     registry.Index
	position int
	isText   bool
}

// columnsOf maps each kind to its index columns.
var columnsOf = func() map[registry.Kind][]kindColumn {
	out := map[registry.Kind][]kindColumn{}
	for _, noun := range registry.Nouns() {
		for _, f := range noun.Fields {
			for i, c := range registry.IndexColumns() {
				if c.Name == f.Column && noun.Kind != "" {
					out[noun.Kind] = append(out[noun.Kind], kindColumn{c.Name, i, c.Type == registry.TextIndex})
				}
			}
		}
	}
	return out
}()

// readColumnsJSON sets the columns of a row of the table revision, also absent ones.
func readColumnsJSON(n *graph.Node, columns []kindColumn, text string) error {
	stored := map[registry.Index]any{}
	if text != "" {
		d := json.NewDecoder(bytes.NewReader([]byte(text)))
		d.UseNumber()
		if err := d.Decode(&stored); err != nil {
			return err
		}
	}
	for _, c := range columns {
		switch x := stored[c.name].(type) {
		case string:
			n.Columns[c.name] = x
		case json.Number:
			i, err := x.Int64()
			if err != nil {
				return err
			}
			n.Columns[c.name] = i
		default:
			n.Columns[c.name] = any("")
			if !c.isText {
				n.Columns[c.name] = int64(0)
			}
		}
	}
	return nil
}

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

// view reads on one connection: a snapshot, or an update's own transaction.
type view struct {
	c *conn
	s *Store
	// writing tells that uncommitted rows may be seen, which no cache may keep.
	writing bool
}

func (v *view) head() (int64, error) { return v.c.number("SELECT max(seq) FROM log") }

// micros is how times are stored; stamp is the way back.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func stamp(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.UnixMicro(n).UTC()
}

// past says how an instant picks a node's revision.
type past int

const (
	present past = iota // the row in node
	newest              // the newest revision recorded by then
	asOf                // the latest revision since then, recorded by then
)

// instant is an Instant ready to be bound.
type instant struct {
	past            past
	valid, known    int64
	byValid, byKnow bool
}

func instantOf(at graph.Instant) instant {
	i := instant{valid: math.MaxInt64, known: math.MaxInt64, byValid: !at.Valid.IsZero(), byKnow: at.Known > 0}
	if i.byValid {
		i.valid = at.Valid.UnixMicro()
	}
	if i.byKnow {
		i.known = at.Known
	}
	switch {
	case i.byValid && !at.Current:
		i.past = asOf
	case i.byKnow:
		i.past = newest
	}
	return i
}

// Texts of reads by one key: past × key × bare.
var nodeText = func() (out [3][2][2]string) {
	revision := "n.num, n.id, n.kind, n.parent, r.name, n.slots, r.valid_from, r.valid_to, r.since, r.revision, r.recorded_seq, r.deleted"
	for k, key := range []string{"n.id", "n.num"} {
		for b, doc := range []string{"doc", "''"} {
			var d, rd = doc, doc
			if b == 0 {
				d, rd = "n.doc", "coalesce(r.doc, n.doc)"
			}
			out[present][k][b] = "SELECT " + presentColumns + ", " + d + indexedColumns + " FROM node n WHERE " + key + " = ?1 AND n.valid_from <= ?2"
			out[newest][k][b] = "SELECT " + revision + ", " + rd + ", r.columns FROM node n JOIN revision r ON r.num = n.num AND r.revision = " +
				"(SELECT max(x.revision) FROM revision x WHERE x.num = n.num AND x.recorded_seq <= ?3) WHERE " + key + " = ?1 AND r.valid_from <= ?2"
			out[asOf][k][b] = "SELECT " + revision + ", " + rd + ", r.columns FROM node n JOIN revision r ON r.num = n.num AND r.revision = " +
				"(SELECT x.revision FROM revision x WHERE x.num = n.num AND x.since <= ?2 AND x.recorded_seq <= ?3 " +
				"ORDER BY x.since DESC, x.revision DESC LIMIT 1) WHERE " + key + " = ?1 AND r.valid_from <= ?2"
		}
	}
	return out
}()

// indexedColumns lists the columns of the field table, behind a comma each.
var indexedColumns = func() string {
	var cols strings.Builder
	for _, c := range registry.IndexColumns() {
		cols.WriteString(", n." + string(c.Name))
	}
	return cols.String()
}()

const presentColumns = "n.num, n.id, n.kind, n.parent, n.name, n.slots, n.valid_from, n.valid_to, n.since, n.revision, n.recorded_seq, n.deleted"

const (
	docColumn   = 12
	indexColumn = 13
)

// nodes reads nodes by id, nil where there is none.
func (v *view) nodes(ctx context.Context, at graph.Instant, ids []registry.ID) ([]*graph.Node, error) {
	out := make([]*graph.Node, len(ids))
	when := instantOf(at)
	for i, id := range ids {
		if i%1024 == 1023 && ctx.Err() != nil {
			return nil, ended(ctx)
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
	st, err := v.c.prepare(nodeText[when.past][0][flag(bare)])
	if err != nil {
		return nil, err
	}
	st.BindText(1, string(id))
	return v.oneNode(st, when, bare)
}

// numberOf returns the number of a node that is seen at an instant, else 0.
func (v *view) numberOf(when instant, id registry.ID) (num int64, err error) {
	if when.past != present {
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
	return num, drain(st, func(st *engine.Stmt) error { num = st.ColumnInt64(0); return nil })
}

func (v *view) nodeByNum(when instant, num int64, bare bool) (*graph.Node, error) {
	st, err := v.c.prepare(nodeText[when.past][1][flag(bare)])
	if err != nil {
		return nil, err
	}
	st.BindInt64(1, num)
	return v.oneNode(st, when, bare)
}

func flag(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (v *view) oneNode(st *engine.Stmt, when instant, bare bool) (n *graph.Node, err error) {
	st.BindInt64(2, when.valid)
	if when.past != present {
		st.BindInt64(3, when.known)
	}
	more, err := st.Step()
	if err == nil && more {
		n, err = v.scanNode(st, 0, when.past != present, bare)
	}
	if r := st.Reset(); err == nil {
		err = r
	}
	return n, err
}

// scanNode reads the columns of nodeText that begin at a place of a row; old rows
// have their indexed columns as JSON.
func (v *view) scanNode(st *engine.Stmt, at int, old, bare bool) (*graph.Node, error) {
	n := &graph.Node{Number: st.ColumnInt64(at), ID: registry.ID(st.ColumnText(at + 1)), Kind: v.s.codes.kindName[st.ColumnInt(at+2)],
		Parent: registry.ID(st.ColumnText(at + 3)), Name: st.ColumnText(at + 4), ValidFrom: stamp(st.ColumnInt64(at + 6)), ValidTo: stamp(st.ColumnInt64(at + 7)),
		Since: stamp(st.ColumnInt64(at + 8)), Revision: st.ColumnInt64(at + 9), RecordedSeq: st.ColumnInt64(at + 10), Deleted: st.ColumnBool(at + 11)}
	if !bare {
		n.Doc = make([]byte, st.ColumnLen(at+docColumn))
		st.ColumnBytes(at+docColumn, n.Doc)
	}
	if st.ColumnLen(at+5) > 0 {
		if err := json.Unmarshal([]byte(st.ColumnText(at+5)), &n.Slots); err != nil {
			return nil, err
		}
	}
	uses := columnsOf[n.Kind]
	if len(uses) == 0 {
		return n, nil
	}
	n.Columns = make(map[registry.Index]any, len(uses))
	if old {
		return n, readColumns(n, uses, st.ColumnText(at+indexColumn))
	}
	for _, u := range uses {
		if u.text {
			n.Columns[u.name] = st.ColumnText(at + indexColumn + u.at)
		} else {
			n.Columns[u.name] = st.ColumnInt64(at + indexColumn + u.at)
		}
	}
	return n, nil
}

// use is an index column that a kind has, and its place among all of them.
type use struct {
	name registry.Index
	at   int
	text bool
}

// columnsOf holds the index columns of every kind, by the field table.
var columnsOf = func() map[registry.Kind][]use {
	out := map[registry.Kind][]use{}
	for _, noun := range registry.Nouns() {
		for _, f := range noun.Fields {
			for i, c := range registry.IndexColumns() {
				if c.Name == f.Column && noun.Kind != "" {
					out[noun.Kind] = append(out[noun.Kind], use{c.Name, i, c.Type == registry.TextIndex})
				}
			}
		}
	}
	return out
}()

// readColumns fills in the columns of an earlier revision, absent ones included.
func readColumns(n *graph.Node, uses []use, text string) error {
	stored := map[registry.Index]any{}
	if text != "" {
		d := json.NewDecoder(bytes.NewReader([]byte(text)))
		d.UseNumber()
		if err := d.Decode(&stored); err != nil {
			return err
		}
	}
	for _, u := range uses {
		switch x := stored[u.name].(type) {
		case string:
			n.Columns[u.name] = x
		case json.Number:
			i, err := x.Int64()
			if err != nil {
				return err
			}
			n.Columns[u.name] = i
		default:
			n.Columns[u.name] = any("")
			if !u.text {
				n.Columns[u.name] = int64(0)
			}
		}
	}
	return nil
}

package neo4j

import (
	"context"
	"strconv"
	"strings"
	"time"

	driver "github.com/neo4j/neo4j-go-driver/v5/neo4j"

	"pedigree/graph"
	"pedigree/registry"
)

// A lineage node and an edge also have one text property, packed, with all that a walk
// returns of them except documents: reading twenty properties of each was half of the
// server's cost of an answer. Nothing is searched by it.
//
// A node is: format; number; revision; recorded_seq; valid_from; valid_to; since;
// deleted; id, kind, parent and name; number of slots, and the slots; the columns of
// its kind. Numbers end with a semicolon; texts begin with their length in bytes and a
// colon. An edge is: number of from; of to; kind; valid_from; valid_to; recorded_seq;
// by, to the end.

// packFormat is raised when kindColumns or the format changes; a schema step then packs
// the existing nodes again. Walks read other formats column by column.
const packFormat = 1

type packer struct{ b []byte }

func (p *packer) number(n int64) { p.b = append(strconv.AppendInt(p.b, n, 10), ';') }

func (p *packer) text(s string) {
	p.b = append(append(strconv.AppendInt(p.b, int64(len(s)), 10), ':'), s...)
}

// pack is the packed form of a node, nil when nodes of its kind are not walked.
func pack(n *graph.Node) any {
	if !n.Kind.Walked() {
		return nil
	}
	since := n.Since
	if since.IsZero() {
		since = n.ValidFrom
	}
	deleted := int64(0)
	if n.Deleted {
		deleted = 1
	}
	var p packer
	for _, v := range []int64{packFormat, n.Number, n.Revision, n.RecordedSeq, micros(n.ValidFrom), micros(n.ValidTo), micros(since), deleted} {
		p.number(v)
	}
	for _, s := range []string{string(n.ID), string(n.Kind), string(n.Parent), n.Name} {
		p.text(s)
	}
	slots := sortedSlots(n.Slots)
	p.number(int64(len(slots)))
	for _, s := range slots {
		p.text(s)
	}
	for _, c := range kindColumns[n.Kind] {
		if c.Type == registry.TextIndex {
			p.text(n.Text(c.Name))
		} else {
			p.number(n.Int(c.Name))
		}
	}
	return string(p.b)
}

// unpacker reads what a packer wrote. failed is true once anything was malformed.
type unpacker struct {
	rest   string
	failed bool
}

func (u *unpacker) numberUntil(end byte) int64 {
	i := strings.IndexByte(u.rest, end)
	if i < 0 {
		u.failed = true
		return 0
	}
	n, err := strconv.ParseInt(u.rest[:i], 10, 64)
	u.failed = u.failed || err != nil
	u.rest = u.rest[i+1:]
	return n
}

func (u *unpacker) number() int64 { return u.numberUntil(';') }

func (u *unpacker) time() time.Time { return instant(u.number()) }

func (u *unpacker) text() string {
	n := u.numberUntil(':')
	if u.failed || n < 0 || n > int64(len(u.rest)) {
		u.failed = true
		return ""
	}
	s := u.rest[:n]
	u.rest = u.rest[n:]
	return s
}

// untilSemicolon is the text before the next semicolon.
func (u *unpacker) untilSemicolon() string {
	s, rest, ok := strings.Cut(u.rest, ";")
	u.rest, u.failed = rest, u.failed || !ok
	return s
}

// unpackNode reads a packed node. It returns false for another format, and for no
// packed node.
func unpackNode(packed any) (*graph.Node, bool) {
	s, ok := packed.(string)
	u := unpacker{rest: s}
	if !ok || u.number() != packFormat {
		return nil, false
	}
	n := &graph.Node{Number: u.number(), Revision: u.number(), RecordedSeq: u.number(), ValidFrom: u.time(), ValidTo: u.time(), Since: u.time(),
		Deleted: u.number() == 1, ID: registry.ID(u.text()), Kind: registry.Kind(u.text()), Parent: registry.ID(u.text()), Name: u.text()}
	for slots := u.number(); slots > 0 && !u.failed; slots-- {
		n.Slots = append(n.Slots, u.text())
	}
	columns := kindColumns[n.Kind]
	n.Columns = make(map[registry.Index]any, len(columns))
	for _, c := range columns {
		if c.Type == registry.TextIndex {
			n.Columns[c.Name] = u.text()
		} else {
			n.Columns[c.Name] = u.number()
		}
	}
	return n, !u.failed && u.rest == ""
}

// packEdge is the packed form of an edge between two nodes of these numbers.
func packEdge(from, to int64, e *graph.Edge) string {
	b := strconv.AppendInt(nil, from, 10)
	return string(strconv.AppendInt(append(b, ';'), to, 10)) + packEdgeTail(e)
}

// packEdgeTail is the packed form of an edge after the numbers of its ends, which the
// server knows.
func packEdgeTail(e *graph.Edge) string {
	p := packer{b: []byte(";" + string(e.Kind) + ";")}
	for _, v := range []int64{micros(e.ValidFrom), micros(e.ValidTo), e.RecordedSeq} {
		p.number(v)
	}
	return string(p.b) + e.By
}

// unpackArc reads a packed edge, except its id and the ids of its ends. It returns
// false when the edge is not packed.
func unpackArc(packed any, d graph.Direction) (graph.Arc, bool) {
	s, ok := packed.(string)
	u := unpacker{rest: s}
	a := graph.Arc{Near: u.number(), Far: u.number()}
	a.Kind, a.ValidFrom, a.ValidTo, a.RecordedSeq = registry.EdgeKind(u.untilSemicolon()), u.time(), u.time(), u.number()
	a.By = u.rest
	if d == graph.Downstream {
		a.Near, a.Far = a.Far, a.Near
	}
	return a, ok && !u.failed
}

const (
	// setPackedTail packs an edge between two nodes from its row's packEdgeTail.
	setPackedTail  = "r.packed = toString(a.number) + ';' + toString(b.number) + row.packed"
	setPacked      = "UNWIND $rows AS row MATCH (n:Node {key: row.key}) USING INDEX SEEK n:Node(key) SET n.packed = row.packed"
	setPackedEdges = "UNWIND $rows AS row MATCH (n:Node {key: row.key}) USING INDEX SEEK n:Node(key) MATCH (n)-[r]->(t)\n" +
		"SET r.packed = toString(n.number) + ';' + toString(t.number) + ';' + type(r) + ';' + toString(r.valid_from) + ';' + toString(r.valid_to) + ';' + toString(r.recorded_seq) + ';' + r.by"
)

// backfillPacked packs nodes and edges that are older than the packed property.
func backfillPacked(ctx context.Context, s *Store, session driver.SessionWithContext) error {
	q := graph.Query{Kinds: registry.LineageKinds(), Limit: batch, Deleted: true, Bare: true}
	return s.backfillPages(ctx, session, q, func(v *view, nodes []*graph.Node) error {
		var rows []row
		for _, n := range nodes {
			rows = append(rows, row{"key": v.key(string(n.ID)), "packed": pack(n)})
		}
		for _, text := range []string{setPacked, setPackedEdges} {
			if _, err := v.query(ctx, text, map[string]any{"rows": rows}); err != nil {
				return err
			}
		}
		return nil
	})
}

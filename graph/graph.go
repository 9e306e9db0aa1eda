// Package graph defines the storage interface of the provenance graph: nodes with
// revisions, edges between effects and causes, and the audit log. graph/sqlite and
// graph/neo4j implement it, and graph/graphtest tests that both behave the same. All
// methods take or return several objects at once. The interface must not depend on
// the kinds of nodes: a new kind adds no method.
package graph

import (
	"context"
	"slices"
	"strconv"
	"time"

	"pedigree/registry"
)

// Node is a node as it is stored: a few indexed columns, unique keys (slots) and
// one canonical JSON document.
type Node struct {
	ID     registry.ID
	Kind   registry.Kind
	Parent registry.ID
	// Number is a store-wide integer, 1, 2, 3… in order of creation. The store
	// assigns it at the first Put.
	Number int64
	Name   string
	// Slots are unique keys: only one node in the store can hold a given string.
	Slots []string
	// Columns holds the indexed fields: string for text columns, int64 for int
	// columns. An absent value is "" or 0. Readers always fill it, also with Bare.
	Columns map[registry.Index]any
	// ValidFrom and ValidTo are the period of validity in the world, in UTC with
	// microseconds. ValidTo is zero when the period has not ended.
	ValidFrom, ValidTo time.Time
	// Since is when this revision became valid; zero means ValidFrom.
	Since time.Time
	// Revision is 1, 2, 3…. The store assigns it at every Put.
	Revision int64
	// RecordedSeq is the log sequence of the Update that wrote this revision.
	RecordedSeq int64
	Deleted     bool
	// Served says whether a served version needs the node. The store keeps it, also
	// without a new revision, and ignores it in writes. Nodes of the present and Find
	// return it; other reads leave it unknown.
	Served registry.Served
	// Doc is the canonical JSON document. Readers leave it nil with Bare. It is empty
	// in the earlier revisions of a deleted node, whose documents are erased.
	Doc []byte
	// Mask is the set of fields that the caller may see. Hidden means that the caller
	// may not see the node. Package policies sets both; a store never does.
	Mask   registry.Mask
	Hidden bool
	// Kept holds what readers have made of the node, when a store remembers and shares it; nil in
	// all others. A node with a Kept is never changed.
	Kept *Kept
}

// Text returns a text column, "" when absent.
func (n *Node) Text(c registry.Index) string { s, _ := n.Columns[c].(string); return s }

// Int returns an int column, 0 when absent.
func (n *Node) Int(c registry.Index) int64 { i, _ := n.Columns[c].(int64); return i }

// Erased reports whether this is an earlier revision of a deleted node, whose
// document is erased.
func (n *Node) Erased() bool { return n.Doc != nil && len(n.Doc) == 0 }

// Edge records that the effect From came from the cause To.
type Edge struct {
	// ID is derived from kind, ends and RecordedSeq; see EdgeID.
	ID                        registry.ID
	Kind                      registry.EdgeKind
	From, To                  registry.ID
	ValidFrom, ValidTo        time.Time
	RecordedSeq, RetractedSeq int64
	// Created is set by Link. It is false when the same edge existed already.
	Created bool
	// By is the subject that recorded the edge.
	By string
}

// EdgeID returns the id of an edge. An edge that is linked again after a retraction
// has another id.
func EdgeID(kind registry.EdgeKind, from, to registry.ID, recordedSeq int64) registry.ID {
	return registry.HashID("edge", string(kind), string(from), string(to), strconv.FormatInt(recordedSeq, 10))
}

// Instant selects the state of the graph that a read sees, by valid time and by
// transaction time. The zero Instant selects everything that is recorded and not
// retracted, whatever its validity.
type Instant struct {
	// Valid keeps what was valid at that time: edges with ValidFrom ≤ Valid and no
	// ValidTo at or before it, nodes with ValidFrom ≤ Valid (also those that have
	// ended), and of each node the latest revision with Since ≤ Valid. Zero means no
	// filter, and the newest revision.
	Valid time.Time
	// Known keeps what was recorded with a sequence ≤ Known and not retracted by
	// then. 0 means the head.
	Known int64
}

// Op is a comparison of a column with values.
type Op string

// The operators of a Predicate.
const (
	In      Op = "in"     // equal to one of Values
	NotIn   Op = "not in" // equal to none of Values
	Less    Op = "<"
	AtMost  Op = "<="
	Greater Op = ">"
	AtLeast Op = ">="
	Prefix  Op = "prefix" // the text column starts with Values[0]
)

// Predicate compares one column of a node, or of any of its children, with values
// of the column's type (string or int64).
type Predicate struct {
	Column registry.Index
	Op     Op
	Values []any
	// Child, when set, applies the comparison to the children of that kind: nodes that
	// are not deleted and whose Parent is this node. At least one must match.
	Child registry.Kind
	// Self, when set, compares the node's own id or parent instead of a column:
	// SelfID or SelfParent, with In and string Values.
	Self SelfField
	// Served, when set, matches nodes that are registry.IsServed. The other fields, except
	// Child, are not read.
	Served bool
	// Label, when set, matches nodes with this registry.TagLabel. The other fields are not
	// read, and Child must not be set.
	Label string
}

// SelfField names an identity of a node for a Predicate.
type SelfField string

// The identities a Predicate may compare.
const (
	SelfID     SelfField = "id"
	SelfParent SelfField = "parent"
)

// Query selects nodes by kind and columns, one keyset page at a time.
type Query struct {
	// Kinds, Parents and Slots are filters; an empty one matches all. At least one must
	// be set.
	Kinds   []registry.Kind
	Parents []registry.ID
	Slots   []string
	// Where lists predicates that must all match.
	Where []Predicate
	// Text, when set, keeps nodes with these words. It needs Kinds and excludes Parents
	// and Slots; see CheckText.
	Text *TextQuery
	// Rows, when not empty, lists conjunctions of which at least one must match. It
	// restricts the result to the nodes that the caller's scope allows.
	AnyOf [][]Predicate
	// Order is the column to sort by, name by default; ties are sorted by id. After is
	// the key of the last node of the previous page.
	Order registry.Index
	Desc  bool
	After *Key
	// Limit is the page size, 1 to 1000; with Text up to MaxMatches.
	Limit int
	// PerParent applies Limit to each of Parents separately. The nodes of the page are
	// grouped in the order of Parents; After is ignored and More is not set. With Count
	// the page has TotalOf.
	PerParent bool
	// Deleted includes tombstones. Count requests Page.Total. Bare leaves out Doc.
	Deleted, Count, Bare bool
}

// LastChildQuery selects the last child of a parent in an order. A store that remembers answers
// may know this one also after a write; see package readmemory.
func LastChildQuery(kind registry.Kind, order registry.Index, parent registry.ID) Query {
	return Query{Kinds: []registry.Kind{kind}, Parents: []registry.ID{parent}, Order: order, Desc: true, Limit: 1}
}

// SlotQuery selects the node that holds a slot, if it is of one of some kinds, or of any when none is given. A store that
// remembers answers may know this one also after a write; see package readmemory.
func SlotQuery(slot string, kinds ...registry.Kind) Query {
	return Query{Kinds: kinds, Slots: []string{slot}, Limit: 1}
}

// Key is a position in a sorted list: the value of the order column and the id.
type Key struct {
	Value any
	ID    registry.ID
}

// Page is one page of a Find. More says whether further nodes follow. Total is the
// number of all matches, regardless of After and Limit, or -1 without Query.Count and when
// there are more than MaxCount.
//
// Truncated says that more nodes than are considered have the words of Query.Text, and only
// that many were considered.
type Page struct {
	Nodes []*Node
	More  bool
	Total int64
	// TotalOf is, for a query PerParent with Count, the number of all matches of each parent.
	TotalOf   map[registry.ID]int64
	Truncated bool
}

// MaxCount is the largest Page.Total. A larger one would cost more than the page.
const MaxCount = 10000

// Direction is the direction of a walk along edges.
type Direction string

// Upstream goes from effects to causes, Downstream from causes to effects.
const (
	Upstream   Direction = "UPSTREAM"
	Downstream Direction = "DOWNSTREAM"
)

// NeighborQuery selects the direct neighbors of many nodes.
type NeighborQuery struct {
	IDs []registry.ID
	// Numbers, when set, are those of the nodes of IDs, which exist at that instant: a
	// store need not look them up again.
	Numbers   []int64
	Direction Direction
	// Edges limits the edge kinds; empty means all.
	Edges []registry.EdgeKind
	At    Instant
	// After skips, for every node, the far ends up to and including that Number.
	After int64
	// Cap is the maximum number of far ends per node, ≥ 1. They are ordered by the
	// Number of the far node, then by edge kind.
	LimitPerNode int
	// Bare leaves out the documents of the far nodes. Count requests Degree.
	Bare, Count bool
	// CountLimit is the largest Degree, so that counting costs no more than that; 0 means no
	// limit.
	CountLimit int64
}

// Neighbors is the result of a NeighborQuery for one node.
type Neighbors struct {
	NodeID registry.ID
	// Nodes[i] is the far end of Edges[i].
	Edges []Edge
	Nodes []*Node
	// More says that Cap cut the list.
	More bool
	// Degree is the number of all edges of that direction and kinds, with Count, and at most
	// CountLimit.
	Degree int64
}

// ClosureQuery selects all nodes within a number of hops of the roots. A
// breadth-first walk defines the result, so that every store returns the same. A
// node at depth < Depth whose kind is in Through is expanded to its first Fanout far
// ends, in order of Number and edge kind; roots are always expanded. New far ends
// form the next level. Within a level, nodes are added in order of Number until the
// closure has Limit nodes.
type ClosureQuery struct {
	Roots     []registry.ID
	Direction Direction
	Edges     []registry.EdgeKind
	// Through are the kinds of nodes that are expanded; empty means all.
	Through []registry.Kind
	// Depth is 0 to 10000; Fanout and Limit are ≥ 1.
	Depth, Fanout, Limit int
	At                   Instant
	// Bare leaves out documents.
	Bare bool
	// Stages lists further walks. Each starts from nodes that the walk before it found,
	// and all see the same instant and head.
	Stages []Stage
}

// GoesThrough reports whether the walk goes on from a node that is not at Depth: a root,
// or a node of a kind in Through.
func (q *ClosureQuery) GoesThrough(n ClosureNode) bool {
	return n.Depth == 0 || len(q.Through) == 0 || slices.Contains(q.Through, n.Node.Kind)
}

// Stage is a closure whose roots are the nodes of kind From that the previous walk
// found. The other fields are as in ClosureQuery.
type Stage struct {
	From                 registry.Kind
	Direction            Direction
	Edges                []registry.EdgeKind
	Through              []registry.Kind
	Depth, Fanout, Limit int
}

// Query returns the closure query of the stage from the given roots, with the
// instant and Bare of q.
func (s Stage) Query(q ClosureQuery, roots []registry.ID) ClosureQuery {
	return ClosureQuery{Roots: roots, Direction: s.Direction, Edges: s.Edges, Through: s.Through, Depth: s.Depth, Fanout: s.Fanout, Limit: s.Limit,
		At: q.At, Bare: q.Bare}
}

// Closure is the result of a ClosureQuery. Roots that do not exist at that instant
// are left out.
type Closure struct {
	// Nodes are ordered by depth, then Number.
	Nodes []ClosureNode
	// Edges are all edges of the requested kinds between Nodes at that instant,
	// ordered by the Number of From, then of To, then by kind.
	Edges []Edge
	// OverFanout lists the expanded nodes that have more than Fanout far ends.
	OverFanout []registry.ID
	// CutAtDepth lists the nodes at Depth that have far ends outside the closure.
	CutAtDepth []registry.ID
	// CutEarly lists, when LimitReached or TimedOut, the nodes at less than Depth that
	// the walk goes on from and that have far ends outside the closure.
	CutEarly []registry.ID
	// LimitReached says that Limit kept nodes out. TimedOut says that the deadline of the
	// context ended the walk early.
	LimitReached, TimedOut bool
	// Head is the newest log sequence that the walk could see: that of the store, or
	// At.Known when that is older.
	Head int64
	// Stages are the closures of the query's stages, in order.
	Stages []Closure
}

// OfKind returns the nodes of a kind, in order.
func (c *Closure) OfKind(kind registry.Kind) (out []*Node) {
	for _, n := range c.Nodes {
		if n.Node.Kind == kind {
			out = append(out, n.Node)
		}
	}
	return out
}

// ClosureNode is a node and the smallest number of hops from a root to it.
type ClosureNode struct {
	Node  *Node
	Depth int
}

// LogQuery selects entries of the audit log.
type LogQuery struct {
	// After and Before are exclusive bounds of the sequence; 0 means no bound.
	After, Before int64
	// Seqs, when set, are the sequences of the entries that are wanted.
	Seqs  []int64
	Desc  bool
	Limit int
	// Object, Actor and Actions are filters; a zero value matches all. WithModel keeps
	// the entries that belong to a model, Models those that belong to one of these.
	Object    registry.ID
	Actor     string
	Actions   []registry.LogAction
	WithModel bool
	Models    []registry.ID
	// Objects, when set, keeps the entries about any of these, each once. A query has Object or
	// Objects.
	Objects []registry.ID
	// KnownAt, when set, keeps the entries written at or before that time, Since those
	// written at it or later.
	KnownAt, Since time.Time
}

// Reader reads the graph. Inside an Update it sees the writes of that Update.
type Reader interface {
	// Nodes returns the nodes in the order of ids, nil for an id without a node at
	// that instant. Tombstones are returned with Deleted set.
	Nodes(ctx context.Context, at Instant, ids ...registry.ID) ([]*Node, error)
	// Find returns one page of the nodes that match, in their current state.
	Find(ctx context.Context, q Query) (Page, error)
	// Neighbors returns one Hops per id, in order. It is empty for an unknown id.
	Neighbors(ctx context.Context, q NeighborQuery) ([]Neighbors, error)
	// Closure returns the nodes within several hops.
	Closure(ctx context.Context, q ClosureQuery) (Closure, error)
	// Log returns entries of the audit log, ordered by sequence.
	Log(ctx context.Context, q LogQuery) ([]registry.LogEntry, error)
}

// TimeUnit is the precision of stored times.
const TimeUnit = time.Microsecond

// EntryTime returns the time of a log entry: the wanted one, unless the log is there
// already. The first entry of an Update is later than every entry before it, so that
// the time of an entry names one state of the store for ever, on every server and when
// a clock steps back. The further entries of an Update are not earlier than the first.
func EntryTime(wanted, last time.Time, first bool) time.Time {
	wanted = wanted.UTC().Truncate(TimeUnit)
	if first && !last.IsZero() {
		last = last.Add(TimeUnit)
	}
	if wanted.Before(last) {
		return last
	}
	return wanted
}

// Tx is a Reader that can write. All writes of an Update get the sequence of the
// first log entry that the Update appends. An Update that writes but appends no
// entry fails with INTERNAL.
type Tx interface {
	Reader
	// Put creates or replaces nodes by id and writes a revision of each. It sets
	// Number and Revision. A node can take a slot that another node of the same batch
	// gives up; a slot that another node still holds is CONFLICT. Kind and Parent of an
	// existing node must not change.
	Put(ctx context.Context, nodes ...*Node) error
	// Link records edges and sets ID and Created. An end that does not exist or is
	// deleted is NOT_FOUND. The kinds of the ends must pass registry.CheckEdge. An edge
	// that closes a cycle is the error CycleError. Two nodes have at most one live edge of a kind: linking it again
	// changes nothing, and sets ValidFrom and ValidTo to those of the live edge.
	Link(ctx context.Context, edges ...*Edge) error
	// Unlink retracts the live edges with the given Kind, From and To and sets their
	// RetractedSeq. It skips edges that do not exist.
	Unlink(ctx context.Context, edges ...*Edge) error
	// Delete turns nodes into tombstones: it replaces Doc by the given one, clears
	// slots and columns, and erases the documents of earlier revisions. Edges stay.
	Delete(ctx context.Context, nodes ...*Node) error
	// Append writes log entries and sets At, Seq and LeafHash. An entry without a time
	// gets that of the store's clock; then EntryTime applies.
	Append(ctx context.Context, entries ...*registry.LogEntry) error
}

// Store is a Reader that can be updated. Several Stores, also in several processes,
// may use one database.
type Store interface {
	Reader
	// Update runs fn in one transaction. Updates are serial across Stores, and the
	// log sequence is the commit order. fn may run more than once and must not keep
	// anything from a run that did not commit. Update returns an error of fn unchanged.
	Update(ctx context.Context, fn func(Tx) error) error
	// Ping describes the store, or returns UNAVAILABLE when the store does not
	// answer. Ping and Update return FAILED_PRECONDITION while a migration into the
	// store is not finished.
	Ping(ctx context.Context) (Info, error)
	// Dump reads the next batch of all rows, or of those that were recorded or changed
	// after from.Since. The order is the same in every engine.
	Dump(ctx context.Context, from DumpPosition) (Batch, error)
	// Restore writes a batch of the dump of the store source (see StoreID) and, in the
	// same transaction, saves and returns the mark that the migration has reached.
	// Numbers, revisions, sequences and hashes are kept; indexes are rebuilt. Writing
	// the same batch again changes nothing. A nil batch only returns the mark. See
	// Filling.Take for the errors.
	Restore(ctx context.Context, source string, b *Batch) (DumpPosition, error)
	Close() error
}

// Info describes a store.
type Info struct {
	// Engine is "sqlite" or "neo4j"; Schema the number of the last schema step.
	Engine string
	Schema int
	// Head is the newest log sequence.
	Head int64
	// Secret is the instance secret, 32 bytes, made with the first schema step. Keys
	// for cursors and opaque ids are derived from it.
	Secret []byte
}

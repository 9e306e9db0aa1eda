// Package graph is the provenance graph as a store: a small, plural interface
// that graph/sqlite and graph/neo4j implement alike, and the suite graphtest that
// holds them to it. A new noun adds no method here.
package graph

import (
	"context"
	"strconv"
	"time"

	"pedigree/registry"
)

// Node is one node as it is stored: a few indexed columns, the slots it holds and
// one canonical JSON document.
type Node struct {
	ID     registry.ID
	Kind   registry.Kind
	Parent registry.ID
	// Number is a store-wide integer, 1, 2, 3… in order of creation; the store
	// gives it at the first Put.
	Number int64
	Name   string
	// Slots are store-wide unique strings that the node holds.
	Slots []string
	// Columns holds the indexed fields: string for text, int64 for int columns.
	// Absent is "" or 0. Readers always fill it, also where only Bare was asked.
	Columns map[registry.Index]any
	// ValidFrom and ValidTo say when it was so; microseconds, UTC. Zero ValidTo:
	// it has not ended.
	ValidFrom, ValidTo time.Time
	// Since is when this revision became true; zero means ValidFrom.
	Since time.Time
	// Revision is 1, 2, 3…; the store gives it at every Put.
	Revision int64
	// RecordedSeq is the log sequence of the Update that wrote this revision.
	RecordedSeq int64
	Deleted     bool
	// Doc is the canonical JSON document. Readers leave it nil where Bare; of an
	// earlier revision of what is a tombstone now it was erased, and is empty.
	Doc []byte
	// Mask and Hidden are set by policies, never by a store: the fields that the
	// caller may see, and that the whole node may not be seen.
	Mask   registry.Mask
	Hidden bool
}

// Text returns a text column, "" when absent.
func (n *Node) Text(c registry.Index) string { s, _ := n.Columns[c].(string); return s }

// Int returns an int column, 0 when absent.
func (n *Node) Int(c registry.Index) int64 { i, _ := n.Columns[c].(int64); return i }

// Erased reports whether this is an earlier revision of what is a tombstone now:
// its document is gone.
func (n *Node) Erased() bool { return n.Doc != nil && len(n.Doc) == 0 }

// Edge is one fact: effect From came from cause To.
type Edge struct {
	// ID is deterministic: kind, ends and RecordedSeq, see EdgeID.
	ID                        registry.ID
	Kind                      registry.EdgeKind
	From, To                  registry.ID
	ValidFrom, ValidTo        time.Time
	RecordedSeq, RetractedSeq int64
	// Created is set by Link: false where the same edge stood already.
	Created bool
	// By is the subject that recorded the fact.
	By string
}

// EdgeID is the id of an edge; re-linking after a retraction gives another.
func EdgeID(kind registry.EdgeKind, from, to registry.ID, recordedSeq int64) registry.ID {
	return registry.HashID("edge", string(kind), string(from), string(to), strconv.FormatInt(recordedSeq, 10))
}

// Instant says which past a read sees. The zero Instant is everything that is
// known and not retracted, whenever it was so.
type Instant struct {
	// Valid keeps what was so at that time: edges with ValidFrom ≤ Valid and no
	// ValidTo at or before it, nodes with ValidFrom ≤ Valid (an ended node stays),
	// and of each node the latest revision with Since ≤ Valid. Zero: no filter, and
	// the newest revision.
	Valid time.Time
	// Known keeps what was recorded with a sequence ≤ Known and not retracted by
	// then. 0: the head.
	Known int64
	// Current says that Valid is the present: nodes come from their newest
	// revision, the fast path; only validity of edges and nodes is filtered.
	Current bool
}

// Op compares a column with values.
type Op string

// The operators of a Predicate.
const (
	In      Op = "in"     // equal to one of Values
	NotIn   Op = "not in" // equal to none of Values
	Less    Op = "<"
	AtMost  Op = "<="
	More    Op = ">"
	AtLeast Op = ">="
	Prefix  Op = "prefix" // text column starts with Values[0]
)

// Predicate compares one column of a node, or of any of its children, with
// values of the column's type (string or int64).
type Predicate struct {
	Column registry.Index
	Op     Op
	Values []any
	// Child, when set, is the kind of the children (nodes whose Parent is this
	// node, not deleted) of which at least one must match.
	Child registry.Kind
	// Self, when set, compares the node's own id or parent instead of a column:
	// SelfID or SelfParent, with In and string Values.
	Self SelfField
}

// SelfField names an identity of a node for a Predicate.
type SelfField string

// The identities a Predicate may compare.
const (
	SelfID     SelfField = "id"
	SelfParent SelfField = "parent"
)

// Query asks for nodes by kind and columns, one keyset page at a time.
type Query struct {
	// Kinds, Parents and Slots narrow; empty means any. At least one is given.
	Kinds   []registry.Kind
	Parents []registry.ID
	Slots   []string
	// Where must all hold.
	Where []Predicate
	// Text, when set, keeps nodes with these words; Kinds and no Slots are given.
	Text *Match
	// Rows, when not empty, must hold for one of its conjunctions: what the scope
	// lets the caller see.
	Rows [][]Predicate
	// Order is a column (default name); ties break by id. After is the key of the
	// last node of the page before.
	Order registry.Index
	Desc  bool
	After *Key
	// Limit is the page size, 1 to 1000; with Text up to MaxMatches.
	Limit int
	// PerParent applies Limit to each of Parents by itself (After is not used): the
	// page's nodes come grouped in the order of Parents, and More is not set.
	PerParent bool
	// Deleted includes tombstones; Count asks for Page.Total; Bare leaves out Doc.
	Deleted, Count, Bare bool
}

// Key is a place in an ordered list: the value of the order column and the id.
type Key struct {
	Value any
	ID    registry.ID
}

// Page is one page of a Find. More tells whether nodes follow; Total counts all
// that match, without After and Limit, when Count was asked, else -1.
//
// Cut tells that more than MaxMatches nodes have the words of Query.Text, and that
// only so many were looked at.
type Page struct {
	Nodes []*Node
	More  bool
	Total int64
	Cut   bool
}

// Direction is which way a walk goes.
type Direction string

// Upstream goes from effects to causes, Downstream back.
const (
	Upstream   Direction = "UPSTREAM"
	Downstream Direction = "DOWNSTREAM"
)

// HopQuery asks for one hop from many nodes.
type HopQuery struct {
	IDs       []registry.ID
	Direction Direction
	// Edges narrows the edge kinds; empty means all.
	Edges []registry.EdgeKind
	At    Instant
	// After skips, for every node, far ends up to and including that Number.
	After int64
	// Cap is how many far ends a node gets at most, ≥ 1. They come in order of the
	// far node's Number, then edge kind.
	Cap int
	// Bare leaves out the far nodes' documents. Count asks for Degree.
	Bare, Count bool
}

// Hops is the answer for one node of a HopQuery.
type Hops struct {
	Of registry.ID
	// Edges and Nodes go together by position.
	Edges []Edge
	Nodes []*Node
	// More tells that Cap cut the list.
	More bool
	// Degree counts all edges of that direction and kinds, when Count was asked.
	Degree int64
}

// ClosureQuery asks for everything within a number of hops. The answer is
// defined by a breadth-first walk, level by level, so that every store gives the
// same: a node of depth < Depth whose kind is in Through (the roots always) is
// expanded over its first Fanout far ends in order of Number and edge kind; new
// far ends enter the next level; inside a level nodes are taken in order of
// Number; when Limit nodes are held no more enter.
type ClosureQuery struct {
	Roots     []registry.ID
	Direction Direction
	Edges     []registry.EdgeKind
	// Through are the kinds that are walked on from; empty means all.
	Through []registry.Kind
	// Depth is 0 to 10000; Fanout and Limit are ≥ 1.
	Depth, Fanout, Limit int
	At                   Instant
	// Bare leaves out documents.
	Bare bool
	// Then are walks that go on from what was found, each from the one before, all
	// at the same instant and head: one question asks for all of them.
	Then []Stage
}

// Stage is a closure whose roots are the nodes of kind From that the walk before it
// found; the rest is as in a ClosureQuery.
type Stage struct {
	From                 registry.Kind
	Direction            Direction
	Edges                []registry.EdgeKind
	Through              []registry.Kind
	Depth, Fanout, Limit int
}

// Query is the closure of a stage, as part of q, from its roots.
func (s Stage) Query(q ClosureQuery, roots []registry.ID) ClosureQuery {
	return ClosureQuery{Roots: roots, Direction: s.Direction, Edges: s.Edges, Through: s.Through, Depth: s.Depth, Fanout: s.Fanout, Limit: s.Limit,
		At: q.At, Bare: q.Bare}
}

// Closure is what a ClosureQuery found. Roots that do not exist (at that
// instant) are left out.
type Closure struct {
	// Nodes are ordered by depth, then Number.
	Nodes []Reached
	// Edges are all edges of the asked kinds between Nodes at that instant, ordered
	// by the Number of From, then To, then kind.
	Edges []Edge
	// Wide are expanded nodes that have more than Fanout far ends.
	Wide []registry.ID
	// Deep are nodes at Depth that have far ends that were not taken.
	Deep []registry.ID
	// Full tells that Limit kept nodes out; TimedOut that the context's deadline
	// ended the walk between two levels.
	Full, TimedOut bool
	// Head is the log sequence that the walk saw.
	Head int64
	// Then are the closures of the query's stages, in order.
	Then []Closure
}

// OfKind returns the found nodes of a kind, in order.
func (c *Closure) OfKind(kind registry.Kind) (out []*Node) {
	for _, n := range c.Nodes {
		if n.Node.Kind == kind {
			out = append(out, n.Node)
		}
	}
	return out
}

// Reached is a node and its fewest hops from a root.
type Reached struct {
	Node  *Node
	Depth int
}

// LogQuery asks for a stretch of the audit feed.
type LogQuery struct {
	// After and Before bound the sequence, exclusively; 0 means open.
	After, Before int64
	Desc          bool
	Limit         int
	// Object, Actor and Actions narrow; zero means any. WithModel keeps the entries
	// that belong to a model, Models those of one of these.
	Object    registry.ID
	Actor     string
	Actions   []registry.LogAction
	WithModel bool
	Models    []registry.ID
	// KnownAt, when set, keeps entries written at or before that time.
	KnownAt time.Time
}

// Reader reads the graph. Every read is plural. Inside an Update it sees the
// Update's own writes.
type Reader interface {
	// Nodes returns the nodes in the order of ids, nil where there is none at that
	// instant. Tombstones are returned with Deleted set.
	Nodes(ctx context.Context, at Instant, ids ...registry.ID) ([]*Node, error)
	// Find returns one page of the nodes that match, as they are now.
	Find(ctx context.Context, q Query) (Page, error)
	// Neighbors returns one Hops per id, in order; empty for an unknown id.
	Neighbors(ctx context.Context, q HopQuery) ([]Hops, error)
	// Closure walks several hops.
	Closure(ctx context.Context, q ClosureQuery) (Closure, error)
	// Log returns entries of the audit feed by sequence.
	Log(ctx context.Context, q LogQuery) ([]registry.LogEntry, error)
}

// Tx is a Reader that writes. Every write of an Update is stamped with the
// sequence of the first entry that the Update appends; an Update that writes
// and appends nothing fails with INTERNAL.
type Tx interface {
	Reader
	// Put creates or replaces nodes by id and writes a revision of each. It gives
	// Number and Revision, and moves slots: slots that a node of the batch gives up
	// can be taken by another of the same batch; a slot that another node holds is
	// CONFLICT. Kind and Parent of an existing node do not change.
	Put(ctx context.Context, nodes ...*Node) error
	// Link records edges, giving ID and Created. Ends must exist and not be deleted
	// (NOT_FOUND), be of kinds that CheckEdge allows, and close no cycle:
	// FAILED_PRECONDITION with Details["path"], the ids of the cycle in order.
	// Between two nodes there is one live edge of a kind: the same again is left as
	// it is.
	Link(ctx context.Context, edges ...*Edge) error
	// Unlink retracts live edges by Kind, From and To; those that do not exist are
	// passed over. It sets RetractedSeq of each.
	Unlink(ctx context.Context, edges ...*Edge) error
	// Delete turns nodes into tombstones: Doc is replaced by the given one, slots
	// and columns are cleared, and the documents of earlier revisions are erased.
	// The edges stay.
	Delete(ctx context.Context, nodes ...*Node) error
	// Append writes log entries, giving Seq and LeafHash.
	Append(ctx context.Context, entries ...*registry.LogEntry) error
}

// Store is a Reader that can be updated. Two Stores may work on one database,
// also from two processes.
type Store interface {
	Reader
	// Update runs fn in one transaction: all of its writes, or none. Updates are
	// serial across Stores, and sequence is commit order. fn may run more than once
	// and must not keep anything from a run that did not commit. An error of fn is
	// returned as it is.
	Update(ctx context.Context, fn func(Tx) error) error
	// Ping tells whether the store answers, and what it is: UNAVAILABLE if not. A
	// store that a migration has only half filled is FAILED_PRECONDITION, to Update
	// too.
	Ping(ctx context.Context) (Info, error)
	// Dump reads the next batch of all that the store holds, or of what was recorded
	// or changed after a mark's Since, in an order that is the same in every engine.
	Dump(ctx context.Context, from Mark) (Batch, error)
	// Restore writes a batch of the dump of a store, as SourceOf names it, and in the
	// same transaction how far this store has come with it, which it returns. Numbers,
	// revisions, sequences and hashes stay as they were; what a store derives is made
	// anew. The same batch again changes nothing; a nil one only asks. See
	// Filling.Take for what is refused.
	Restore(ctx context.Context, source string, b *Batch) (Mark, error)
	Close() error
}

// Info describes a store.
type Info struct {
	// Engine is "sqlite" or "neo4j"; Schema the number of the last schema step.
	Engine string
	Schema int
	// Head is the newest log sequence.
	Head int64
	// Secret is the 32-byte instance secret made with the first migration; keys for
	// cursors and opaque ids derive from it.
	Secret []byte
}

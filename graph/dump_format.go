package graph

import (
	"crypto/sha256"
	"encoding/hex"

	"pedigree/registry"
)

// Part is one of the sections of a dump; a dump has them in a fixed order.
type Part string

// The parts of a dump, in order.
const (
	PartLog   Part = ""      // log entries by sequence
	PartNodes Part = "nodes" // revisions by number and revision
	PartEdges Part = "edges" // edges by the numbers of their ends, kind and recorded sequence
	PartDone  Part = "done"  // nothing follows
)

// DumpPosition is a position in a dump. The zero DumpPosition is the start of the dump of a whole
// store. A store saves the Mark of the migration into it as JSON.
type DumpPosition struct {
	// Since leaves out the rows that were neither recorded nor changed after that
	// sequence.
	Since int64 `json:"since"`
	// Head is the newest sequence of the log entries and edges in the dump. If it is
	// 0, the first Dump sets it to the head of the store. Nodes are dumped in the
	// state that they have when they are read.
	Head int64 `json:"head"`
	Part Part  `json:"part"`
	// After is the key of the last row that was read: the sequence of a log entry;
	// the number and revision of a node; or the numbers of From and To and the recorded
	// sequence of an edge, whose key has Kind before the sequence.
	After [3]int64          `json:"after"`
	Kind  registry.EdgeKind `json:"kind,omitempty"`
}

// IsStart reports whether the mark is the start of a dump.
func (m DumpPosition) IsStart() bool { return m.Part == PartLog && m.After == [3]int64{} }

// NextDump returns the start of the next dump, which holds what was recorded or changed
// after this one, up to head.
func (m DumpPosition) NextDump(head int64) DumpPosition {
	return DumpPosition{Since: m.Head, Head: head}
}

// nextPart returns the start of the next part.
func (m DumpPosition) nextPart() DumpPosition {
	following := map[Part]Part{PartLog: PartNodes, PartNodes: PartEdges, PartEdges: PartDone, PartDone: PartDone}
	return DumpPosition{Since: m.Since, Head: m.Head, Part: following[m.Part]}
}

// Limits of a batch.
const (
	// BatchRows is the maximum number of rows.
	BatchRows = 2000
	// BatchBytes is the size of documents, in bytes, at which a batch of nodes ends.
	// The last document may exceed it.
	BatchBytes = 8 << 20
)

// Batch holds consecutive rows of one part of a dump.
type Batch struct {
	// Secret is the instance secret of the source store.
	Secret []byte
	// From is the start of the batch, Next the start of the next one.
	From, Next DumpPosition
	Log        []registry.LogEntry
	// Nodes has one element per revision, with the columns that are not absent. A dump
	// has all revisions of a node; only the newest one has the slots.
	Nodes []*Node
	Edges []DumpedEdge
	// Numbers is the highest node number in the store, for progress reports.
	MaxNumber int64
	// Finish ends the migration: from then on the store can be used. Such a batch has
	// From and nothing else.
	Finish bool
}

// DumpedEdge is an edge with the node numbers of its ends.
type DumpedEdge struct {
	Edge
	FromNumber, ToNumber int64
}

// SetNext sets Next. more says whether further rows of the same part follow.
func (b *Batch) SetNext(more bool) {
	b.Next = b.From
	switch {
	case !more:
		b.Next = b.From.nextPart()
	case len(b.Log) > 0:
		b.Next.After = [3]int64{b.Log[len(b.Log)-1].Seq}
	case len(b.Nodes) > 0:
		n := b.Nodes[len(b.Nodes)-1]
		b.Next.After = [3]int64{n.Number, n.Revision}
	case len(b.Edges) > 0:
		e := b.Edges[len(b.Edges)-1]
		b.Next.After, b.Next.Kind = [3]int64{e.FromNumber, e.ToNumber, e.RecordedSeq}, e.Kind
	}
}

// StoreID returns an identifier of a store: a hash of its instance secret, in hex.
func StoreID(secret []byte) string {
	sum := sha256.Sum256(append([]byte("pedigree store\x00"), secret...))
	return hex.EncodeToString(sum[:])
}

// MigrationState is the state of the migration into a store, as the store saves it. It is
// zero when there was no migration.
type MigrationState struct {
	Source   string       `json:"source"`
	Mark     DumpPosition `json:"mark"`
	Finished bool         `json:"finished"`
}

// CheckFinished returns FAILED_PRECONDITION when the migration is not finished.
func (f MigrationState) CheckFinished() error {
	if f.Source != "" && !f.Finished {
		return registry.Errorf(registry.FailedPrecondition,
			"a migration into this store was not finished: run pedigree migrate again, from the same source, and it goes on")
	}
	return nil
}

// Accept decides whether a batch is to be written into a store whose log has that
// head, and advances the mark if so. write is false when the batch was written
// before, or is nil. The error is FAILED_PRECONDITION when the store holds other
// data, and CONFLICT when the batch does not follow the mark because another
// migration is running.
func (f *MigrationState) Accept(source string, head int64, b *Batch) (write bool, err error) {
	switch {
	case f.Source == "" && head > 0:
		return false, registry.Errorf(registry.FailedPrecondition,
			"the destination holds a registry of its own: migrate into a new file, or another database or namespace")
	case f.Source != "" && f.Source != source:
		return false, registry.Errorf(registry.FailedPrecondition,
			"the destination was filled from another store: migrate from that one, or into a new file, or another database or namespace")
	case f.Finished && head > f.Mark.Head:
		return false, registry.Errorf(registry.FailedPrecondition,
			"the destination was written to after its migration was finished: migrate into a new file, or another database or namespace")
	case b == nil || b.Finish && f.Finished || !b.Finish && f.Source != "" && b.Next == f.Mark:
		return false, nil
	}
	follows := b.From == f.Mark && (f.Source != "" || b.From.IsStart())
	if !b.Finish && (f.Source == "" || f.Mark.Part == PartDone) {
		follows = b.From.IsStart() && b.From.Since == f.Mark.Head
	}
	if !follows || b.Finish && f.Mark.Part != PartDone {
		return false, registry.Errorf(registry.Conflict, "another migration into the destination is under way: let one of them end, then run it again")
	}
	f.Source, f.Finished = source, b.Finish
	if !b.Finish {
		f.Mark = b.Next
	}
	return true, nil
}

package graph

import (
	"crypto/sha256"
	"encoding/hex"

	"pedigree/registry"
)

// Part is a kind of rows of a dump.
type Part string

// The parts of a dump, in their order.
const (
	PartLog   Part = ""      // log entries by sequence
	PartNodes Part = "nodes" // revisions by number and revision
	PartEdges Part = "edges" // edges by the numbers of their ends, kind and recorded sequence
	PartDone  Part = "done"  // nothing follows
)

// Mark is a place in a dump. The zero Mark is where the dump of a whole store
// begins. A store keeps the Mark of a migration into it as JSON.
type Mark struct {
	// Since leaves out what was neither recorded nor changed after that sequence.
	Since int64 `json:"since"`
	// Head is the newest sequence that the dump takes log entries and edges of; the
	// first Dump pins it where it is 0. Nodes are as they are when they are read.
	Head int64 `json:"head"`
	Part Part  `json:"part"`
	// After is the key of the row before: a sequence; number and revision; or number
	// from, number to and recorded sequence, with Kind before the last.
	After [3]int64          `json:"after"`
	Kind  registry.EdgeKind `json:"kind,omitempty"`
}

// Begins tells whether a dump begins there.
func (m Mark) IsStart() bool { return m.Part == PartLog && m.After == [3]int64{} }

// Then is where the dump goes on that takes what came after this one, up to a head.
func (m Mark) Then(head int64) Mark { return Mark{Since: m.Head, Head: head} }

// next is where the part after this one begins.
func (m Mark) nextPart() Mark {
	following := map[Part]Part{PartLog: PartNodes, PartNodes: PartEdges, PartEdges: PartDone, PartDone: PartDone}
	return Mark{Since: m.Since, Head: m.Head, Part: following[m.Part]}
}

// The bounds of a batch.
const (
	// BatchRows is how many rows a batch has at most.
	BatchRows = 2000
	// BatchBytes is how many bytes of documents a batch has, but for one that is
	// larger by itself.
	BatchBytes = 8 << 20
)

// Batch is a stretch of a dump: rows of one part.
type Batch struct {
	// Secret is the instance secret of the store that was read.
	Secret []byte
	// From is where the batch begins, Next where the one after it does.
	From, Next Mark
	Log        []registry.LogEntry
	// Nodes are revisions, all of each node, with the columns that are not absent.
	// The newest holds the slots.
	Nodes []*Node
	Edges []DumpedEdge
	// Numbers is the newest number of a node: how far Nodes and Edges go.
	Numbers int64
	// Finish, with nothing else but From, ends the migration: the store is open to
	// all from then on.
	Finish bool
}

// DumpedEdge is an edge with the numbers of its ends.
type DumpedEdge struct {
	Edge
	FromNumber, ToNumber int64
}

// End sets Next, and whether rows of this part follow.
func (b *Batch) End(more bool) {
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

// SourceOf names a store without telling its secret.
func SourceOf(secret []byte) string {
	sum := sha256.Sum256(append([]byte("pedigree store\x00"), secret...))
	return hex.EncodeToString(sum[:])
}

// Filling is what a store keeps of the migration into it; the zero Filling is
// that of a store that none went into.
type Filling struct {
	Source   string `json:"source"`
	Mark     Mark   `json:"mark"`
	Finished bool   `json:"finished"`
}

// Open refuses a store that is only half filled.
func (f Filling) Open() error {
	if f.Source != "" && !f.Finished {
		return registry.Errorf(registry.FailedPrecondition,
			"a migration into this store was not finished: run pedigree migrate again, from the same source, and it goes on")
	}
	return nil
}

// Take says whether a batch is to be written into a store with that head, and
// moves the mark. One that was written already is not written again. What does not
// belong into the store is FAILED_PRECONDITION; CONFLICT is a batch that does not
// follow, since another migration came between. A nil batch is only asked about.
func (f *Filling) Take(source string, head int64, b *Batch) (write bool, err error) {
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

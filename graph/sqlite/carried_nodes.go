package sqlite

import (
	"pedigree/graph"
	"pedigree/graph/readmemory"
	"pedigree/registry"
)

// What an Update puts is what the next reader mostly asks for: the answer to the mutation, and the next
// write of the same thing. So a commit tells the memory the nodes that it wrote, as a read
// would return them, instead of only that they changed.

// maxCarried is the most nodes that one commit tells the memory: those of an import would drop all else.
// maxCarriedDoc is the most bytes of the document of one.
const maxCarried, maxCarriedDoc = 200, 64 << 10

// carry keeps a node that was put as a read of it returns it. values are those of its index columns.
func (t *tx) carry(n *graph.Node, p *plannedPut, from, to, since int64, values []any) {
	if len(t.carried) > maxCarried || len(n.Doc) > maxCarriedDoc || t.unlogged {
		return
	}
	c := &graph.Node{ID: n.ID, Kind: n.Kind, Parent: n.Parent, Number: p.num, Name: n.Name, ValidFrom: fromMicros(from), ValidTo: fromMicros(to), Since: fromMicros(since),
		Revision: p.revision, RecordedSeq: t.seq, Served: registry.NotServed, Doc: append(make([]byte, 0, len(n.Doc)), n.Doc...)}
	if !p.isNew {
		c.Served = p.served
	}
	if len(p.wanted) > 0 {
		c.Slots = p.wanted
	}
	if columns := columnsOf[n.Kind]; len(columns) > 0 {
		c.Columns = make(map[registry.Index]any, len(columns))
		for _, column := range columns {
			c.Columns[column.name] = values[column.position]
		}
	}
	t.carried[n.ID] = c
}

// dropCarried notes that a node changes in a way that is not known as a whole.
func (t *tx) dropCarried(id registry.ID) {
	if t.carried == nil {
		t.carried = map[registry.ID]*graph.Node{}
	}
	t.carried[id] = nil
}

// written is what the batch has written, for the memory.
func (b *batchWrites) written() readmemory.Writes {
	w := readmemory.Writes{Names: b.names}
	if len(b.nodes) > maxCarried {
		return w
	}
	w.Known, w.Key = make(map[string]*readmemory.Answer, len(b.nodes)), keyOfID
	all := true
	for id, n := range b.nodes {
		if n == nil {
			all = false
			continue
		}
		name := readmemory.NodeName(string(id))
		w.Known[name] = readmemory.NodeAnswer(name, n)
		w.Nodes = append(w.Nodes, n)
	}
	if !all { // What became of the siblings of a node can be told only when all are known.
		w.Nodes = nil
	}
	return w
}

package neo4j

import (
	"pedigree/graph"
	"pedigree/graph/readmemory"
	"pedigree/registry"
)

// metNode is a node of the present, and what is stored of it; both are nil when there is
// none.
type metNode struct {
	node   *graph.Node
	stored *storedNode
}

// The values of the answers that the memory of the store has: a metNode for a node, a
// registry.ID for the holder of a slot, a *graph.Page for a query.

func nodeAnswer(key string, n metNode) *readmemory.Answer {
	r := &readmemory.Answer{Needs: []string{readmemory.NodeName(key)}, Value: n, Size: 200}
	if readmemory.Keep(n.node); n.node != nil {
		r.Size += readmemory.SizeOf(n.node) * 2
	}
	return r
}

func slotAnswer(key string, holder registry.ID) *readmemory.Answer {
	return &readmemory.Answer{Needs: []string{readmemory.SlotName(key)}, Value: holder, Size: 200}
}

// committed is what a transaction tells the memory when it is committed, with what it knows of
// the nodes and slots that it wrote.
func (p *pendingWrites) committed() readmemory.Writes {
	w := readmemory.Writes{Names: p.wrote, Everything: p.wroteAnything, Known: map[string]*readmemory.Answer{}}
	for key, n := range p.nodesMet.base {
		if name := readmemory.NodeName(key); p.wrote[name] {
			w.Known[name] = nodeAnswer(key, n)
		}
	}
	for key, holder := range p.slotsMet.base {
		if name := readmemory.SlotName(key); p.wrote[name] {
			w.Known[name] = slotAnswer(key, holder)
		}
	}
	return w
}

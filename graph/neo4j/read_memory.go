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

// SharedNodes implements readmemory.SharesNodes.
func (m metNode) SharedNodes() []*graph.Node { return []*graph.Node{m.node} }

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
func (s *Store) committed(p *pendingWrites) readmemory.Writes {
	w := readmemory.Writes{Names: p.wrote, Everything: p.wroteAnything, Known: map[string]*readmemory.Answer{}, Key: s.key}
	unknown := 0 // the written nodes that it does not know
	for name := range p.wrote {
		if readmemory.IsNodeName(name) {
			unknown++
		}
	}
	for key, n := range p.nodesMet.base {
		name := readmemory.NodeName(key)
		if !p.wrote[name] {
			continue
		}
		unknown--
		w.Known[name] = nodeAnswer(key, n)
		if n.node != nil { // A closure that failed did not write it.
			w.Nodes = append(w.Nodes, n.node)
		}
	}
	if unknown > 0 {
		w.Nodes = nil
	}
	for key, holder := range p.slotsMet.base {
		if name := readmemory.SlotName(key); p.wrote[name] {
			w.Known[name] = slotAnswer(key, holder)
		}
	}
	return w
}

package readmemory

import (
	"pedigree/graph"
	"pedigree/registry"
)

// The holder of a slot, such as the model with a name, is asked for by every write of it, and each of these
// writes overwrites the answer. So a commit carries it on.

// slotHolders returns, by name, the answers to queries for the holders of slots that a write tells, as they
// are after it. Its memory has not been told of it yet.
func (m *Memory) slotHolders(w Writes) map[string]*Answer {
	if w.Everything || len(w.Nodes) > maxCarriedNodes {
		return nil
	}
	carried := map[string]*Answer{}
	for _, n := range w.Nodes {
		if n.Deleted {
			continue
		}
		for _, slot := range n.Slots {
			for _, kinds := range [][]registry.Kind{nil, {n.Kind}} {
				q := graph.SlotQuery(slot, kinds...)
				name := QueryName(q)
				if before := m.valid(name); before != nil {
					page := *before.Value.(*graph.Page)
					page.Nodes, page.More = []*graph.Node{n}, false
					carried[name] = PageAnswer(q, page, w.Key)
				}
			}
		}
	}
	return carried
}

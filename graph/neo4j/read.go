package neo4j

import (
	"context"

	"pedigree/graph"
	"pedigree/graph/readmemory"
	"pedigree/registry"
)

// Nodes returns the nodes as of the Update so far.
func (v *view) Nodes(ctx context.Context, at graph.Instant, ids ...registry.ID) ([]*graph.Node, error) {
	out := make([]*graph.Node, len(ids))
	if at == (graph.Instant{}) {
		met, err := v.meetNodes(ctx, ids)
		if err != nil {
			return nil, err
		}
		for i, id := range ids {
			out[i] = copyNode(met[v.key(string(id))].node)
		}
		return out, nil
	}
	byID, err := v.nodes(ctx, asOfInstant(at), ids, false)
	if err != nil {
		return nil, err
	}
	for i, id := range ids {
		if n := byID[id]; n != nil {
			c := *n
			c.Served = registry.ServedUnknown
			out[i] = &c
		}
	}
	return out, nil
}

// meetNodes returns nodes of the present by their keys. It reads those that the Update has
// not met, and that are not in the memory of the store.
func (v *view) meetNodes(ctx context.Context, ids []registry.ID) (map[string]metNode, error) {
	met := make(map[string]metNode, len(ids))
	var missing []string
	for _, key := range keysOf(v, ids) {
		if _, twice := met[key]; twice {
			continue
		}
		n, known := v.metNode(key)
		if met[key] = n; !known {
			missing = append(missing, key)
		}
	}
	if err := v.checkUsable(ctx); err != nil || len(missing) == 0 {
		return met, err
	}
	if v.rehearsal != nil {
		return met, v.rehearsal.noteNodes(missing)
	}
	l := asOfInstant(graph.Instant{})
	rows, err := v.queryNodes(ctx, missing, l.nodesText(false), l.with(map[string]any{"keys": missing}))
	if err != nil {
		return nil, err
	}
	read := make(map[string]metNode, len(missing))
	for _, key := range missing {
		read[key] = metNode{}
	}
	for _, r := range rows {
		n := metNodeOf(r["node"].(row))
		read[v.key(string(n.node.ID))] = n
	}
	v.meet(read)
	for key, n := range read {
		met[key] = n
	}
	return met, nil
}

// metNodeOf reads what a full projection of a node of the present returned.
func metNodeOf(p row) metNode {
	n := nodeOf(p, false)
	n.Served = servedOf(p)
	return metNode{n, storedNodeOf(p)}
}

// metNode returns a node that the Update has met, or that the store remembers.
func (v *view) metNode(key string) (metNode, bool) {
	p := v.pending
	if p == nil {
		return metNode{}, false
	}
	if n, met := p.nodesMet.get(key); met {
		return n, true
	}
	if p.wroteAny(readmemory.NodeName(key)) {
		return metNode{}, false
	}
	r := v.s.memory.UnderLock(p.generation, readmemory.NodeName(key))
	if r == nil {
		return metNode{}, false
	}
	return r.Value.(metNode), true
}

// meet records nodes that were read.
func (v *view) meet(nodes map[string]metNode) {
	p := v.pending
	if p == nil {
		return
	}
	for key, n := range nodes {
		p.nodesMet.set(key, n)
		if !p.wroteAny(readmemory.NodeName(key)) && len(nodes) <= readmemory.MaxNodes {
			v.s.memory.Remember(readmemory.NodeName(key), p.generation, nodeAnswer(key, n))
		}
	}
}

// holders returns the nodes that hold slots, by the keys of the slots; "" for a slot that is
// free.
func (v *view) holders(ctx context.Context, keys []string) (map[string]registry.ID, error) {
	p, out := v.pending, make(map[string]registry.ID, len(keys))
	var missing []string
	for _, key := range keys {
		if holder, met := p.slotsMet.get(key); met {
			out[key] = holder
		} else if r := v.rememberedSlot(key); r != nil {
			out[key] = r.Value.(registry.ID)
		} else {
			missing = append(missing, key)
		}
	}
	if err := v.checkUsable(ctx); err != nil || len(missing) == 0 {
		return out, err
	}
	if v.rehearsal != nil {
		return out, v.rehearsal.noteSlots(missing)
	}
	if p.touchesSlots(missing) {
		if err := v.flush(ctx); err != nil {
			return nil, err
		}
	}
	rows, err := rowsOf(v.send(ctx, readHolders, map[string]any{"keys": distinct(missing)}))
	if err != nil {
		return nil, err
	}
	for _, r := range rows {
		out[text(r, "key")] = registry.ID(text(r, "node"))
		if n, ok := r["holder"].(row); ok && !p.wroteAny(readmemory.NodeName(v.key(text(r, "node")))) {
			v.meet(map[string]metNode{v.key(text(r, "node")): metNodeOf(n)})
		}
	}
	read := make(map[string]registry.ID, len(missing))
	for _, key := range missing {
		read[key] = out[key]
	}
	v.meetSlots(read)
	return out, nil
}

// meetSlots records the holders of slots that were read.
func (v *view) meetSlots(holders map[string]registry.ID) {
	p := v.pending
	for key, holder := range holders {
		p.slotsMet.set(key, holder)
		if !p.wroteAny(readmemory.SlotName(key)) {
			v.s.memory.Remember(readmemory.SlotName(key), p.generation, slotAnswer(key, holder))
		}
	}
}

func (v *view) rememberedSlot(key string) *readmemory.Answer {
	if v.pending.wroteAny(readmemory.SlotName(key)) {
		return nil
	}
	return v.s.memory.UnderLock(v.pending.generation, readmemory.SlotName(key))
}

// nodes reads nodes at an instant.
func (v *view) nodes(ctx context.Context, l asOf, ids []registry.ID, bare bool) (map[registry.ID]*graph.Node, error) {
	byID := make(map[registry.ID]*graph.Node, len(ids))
	if len(ids) == 0 {
		return byID, nil
	}
	keys := distinct(keysOf(v, ids))
	rows, err := v.queryNodes(ctx, keys, l.nodesText(bare), l.with(map[string]any{"keys": keys}))
	if err != nil {
		return nil, err
	}
	for _, r := range rows {
		p := r["node"].(map[string]any)
		n := nodeOf(p, bare)
		n.Served = servedOf(p)
		byID[n.ID] = n
	}
	return byID, nil
}

// Neighbors returns one hop from many nodes.
func (s *Store) Neighbors(ctx context.Context, q graph.NeighborQuery) (hops []graph.Neighbors, err error) {
	err = s.read(ctx, func(v *view) error {
		hops, err = v.Neighbors(ctx, q)
		return err
	})
	return hops, err
}

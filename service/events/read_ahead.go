package events

import (
	"slices"
	"time"

	"pedigree/graph"
	"pedigree/openlineage"
	"pedigree/registry"
	"pedigree/service/core"
)

// maxAhead is the most nodes of one read.
const maxAhead = 1000

// readAhead reads in one call what the parts of an event ask for one by one. A dataset itself is asked
// for only when something new is told of it.
func (r *recording) readAhead(e *openlineage.Event) error {
	var ids []registry.ID
	add := func(noun registry.ID) { ids = append(ids, noun, stateID(noun)) }
	run := runID(e.RunID)
	port := func(p openlineage.Port, kind useKind, versions ...string) {
		dataset := datasetID(p.Name)
		ids = append(ids, stateID(dataset), nameID(p.Name))
		if e.Kind == openlineage.RunEvent && (kind == wroteUse || p.Version() == "") {
			ids = append(ids, useKey{Dataset: dataset, Kind: kind}.id(e.RunID))
		}
		if name := p.Version(); name != "" {
			versions = []string{name}
		}
		for _, name := range versions {
			add(registry.DatasetVersionID(dataset, name))
		}
	}
	switch e.Kind {
	case openlineage.DatasetEvent:
		ids = append(ids, datasetID(e.Dataset.Name))
		port(e.Dataset, "")
	case openlineage.RunEvent:
		add(run)
		for _, p := range e.Inputs {
			port(p, readUse, registry.Unversioned)
		}
		for _, p := range e.Outputs {
			port(p, wroteUse, string(run))
		}
	}
	slices.Sort(ids)
	for part := range slices.Chunk(slices.Compact(ids), maxAhead) {
		found, err := r.tx.NodesUnfiltered(r.ctx, part...)
		if err != nil {
			return err
		}
		for i, id := range part {
			r.nodes[id] = found[i]
		}
	}
	return nil
}

// node returns a node as the event has left it so far; nil when there is none.
func (r *recording) node(id registry.ID) (*graph.Node, error) {
	if n, known := r.nodes[id]; known {
		return n, nil
	}
	found, err := r.tx.NodesUnfiltered(r.ctx, id)
	if err != nil {
		return nil, err
	}
	r.nodes[id] = found[0]
	return found[0], nil
}

// putNode writes a node.
func (r *recording) putNode(n *graph.Node) error {
	if err := r.tx.Put(r.ctx, n); err != nil {
		return err
	}
	r.nodes[n.ID] = n
	return nil
}

// putNoun writes a noun whose canonical document is known.
func (r *recording) putNoun(noun registry.Node, doc []byte, since time.Time, slots ...string) error {
	n, err := core.EncodedNoun(noun, doc, since, slots...)
	if err != nil {
		return err
	}
	return r.putNode(n)
}

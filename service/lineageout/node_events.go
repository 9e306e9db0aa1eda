package lineageout

import (
	"bytes"
	"context"
	"encoding/json"

	"pedigree/graph"
	"pedigree/lineage/export"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service/bulk"
	"pedigree/service/core"
)

// The limits of one event: what is more goes into further events of the same node.
const (
	maxEventFacts = 400
	maxEventBytes = 512 << 10
	maxEventPorts = 1000
)

// writer makes events of nodes, as a caller sees them at an instant of what is known.
type writer struct {
	*Teller
	ctx    context.Context
	reader *bulk.FactReader
	at     graph.Instant
}

func (t *Teller) writer(ctx context.Context, scope *policies.Scope, at graph.Instant) *writer {
	return &writer{t, ctx, bulk.NewFactReader(scope, at), at}
}

// noted is a node with its facts and the event that describes it to others.
type noted struct {
	node  *graph.Node
	facts []bulk.FactInput
	event *export.Event
}

// describe returns the nodes that can be told, with their facts and an event each.
func (w *writer) describe(nodes []*graph.Node) (out []noted, err error) {
	facts, err := w.reader.Of(w.ctx, nodes)
	if err != nil {
		return nil, err
	}
	for _, n := range nodes {
		if facts[n.ID] == nil {
			continue
		}
		d, err := w.document(n)
		if err != nil {
			return nil, err
		}
		out = append(out, noted{n, facts[n.ID], export.EventOf(d)})
	}
	return out, nil
}

// document returns a node with its causes, and what it wrote.
func (w *writer) document(n *graph.Node) (*export.Document, error) {
	d := &export.Document{Root: n.ID}
	added := map[registry.ID]bool{}
	add := func(n *graph.Node) error {
		if added[n.ID] || len(d.Nodes) > 2*maxEventPorts {
			return nil
		}
		added[n.ID] = true
		noun, err := w.core.Decode(n, registry.Instant{Known: w.at.Known})
		if err != nil {
			return err
		}
		walked, ok := noun.(registry.ProvenanceNode)
		if !ok {
			return registry.Errorf(registry.Internal, "%s is no node of the lineage", n.Kind)
		}
		out := export.Node{Noun: walked}
		if c := w.reader.ContainerOf(n); c != nil {
			of, err := w.core.Decode(c, registry.Instant{Known: w.at.Known})
			if err != nil {
				return err
			}
			if repo, ok := of.(*registry.Repository); ok {
				out.Repository = repo
			} else {
				out.Of = c.Name
			}
		}
		d.Nodes = append(d.Nodes, out)
		return nil
	}
	if err := add(n); err != nil {
		return nil, err
	}
	for _, side := range [][]bulk.Cause{w.reader.CausesOf(n.ID), w.reader.OutputsOf(n.ID)} {
		for _, c := range side[:min(len(side), maxEventPorts)] {
			if err := add(c.Node); err != nil {
				return nil, err
			}
			d.Edges = append(d.Edges, export.Edge{ID: c.ID, From: c.From, To: c.To, Kind: c.Kind, ValidFrom: c.ValidFrom, ValidTo: c.ValidTo})
		}
	}
	return d, nil
}

// lines returns an event that tells facts, in several events when they are too many for one.
func lines(seq int64, e *export.Event, facts []bulk.FactInput) (out []LineageEvent, err error) {
	for len(facts) > 0 {
		var part []json.RawMessage
		size := 0
		for len(facts) > 0 && len(part) < maxEventFacts {
			raw, err := factJSON(facts[0])
			if err != nil {
				return nil, err
			}
			if len(part) > 0 && size+len(raw) > maxEventBytes {
				break
			}
			part, facts, size = append(part, raw), facts[1:], size+len(raw)
		}
		e := e.Copy()
		e.SetFacts(part)
		line, err := e.Line()
		if err != nil {
			return nil, err
		}
		out = append(out, LineageEvent{seq, e.Of, line})
	}
	return out, nil
}

func factJSON(f bulk.FactInput) (json.RawMessage, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(f)
	return bytes.TrimRight(b.Bytes(), "\n"), err
}

// runLines returns the events of a run: its start, unless that was told, and its end, if it ended
// since. before is the run as it was told the last time, nil when it was not.
func runLines(seq int64, n noted, before *graph.Node) ([]LineageEvent, error) {
	now, err := core.DecodeWhole(n.node, &registry.Run{})
	if err != nil {
		return nil, err
	}
	was := &registry.Run{}
	if before != nil {
		if was, err = core.DecodeWhole(before, was); err != nil {
			return nil, err
		}
	}
	var out []LineageEvent
	ended := now.Status != registry.RunRunning && now.Status != registry.RunUnknown
	if before == nil {
		start := n.event.Copy()
		start.SetType(export.RunStarts)
		if !now.StartedAt.IsZero() {
			start.SetTime(now.StartedAt)
		}
		if !ended {
			return lines(seq, start, n.facts)
		}
		key, err := bulk.KeyFact(n.node)
		if err != nil {
			return nil, err
		}
		if out, err = lines(seq, start, []bulk.FactInput{key}); err != nil {
			return nil, err
		}
	}
	e := n.event.Copy()
	switch {
	case !ended:
		e.SetType(export.RunGoesOn)
	case before != nil && was.Status == now.Status:
		e.SetType(export.RunToldMore)
	case now.Status == "":
		e.SetType("COMPLETE") // A run without a status is complete.
	}
	more, err := lines(seq, e, n.facts)
	return append(out, more...), err
}

package lineageout

import (
	"context"
	"slices"

	"pedigree/graph"
	"pedigree/lineage/export"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service/bulk"
	"pedigree/service/core"
)

// toldActions are the log actions that events tell of.
var toldActions = []registry.LogAction{registry.LogModelRegistered, registry.LogModelUpdated, registry.LogModelRenamed, registry.LogVersionRegistered, registry.LogVersionUpdated, registry.LogCardUpdated,
	registry.LogStageChanged, registry.LogModelDeployed, registry.LogModelDeprecated, registry.LogModelArchived, registry.LogAliasSet, registry.LogAliasDeleted,
	registry.LogDatasetRecorded, registry.LogRunRecorded, registry.LogTagRecorded, registry.LogFeatureRecorded, registry.LogDeploymentRecorded, registry.LogDeploymentEnded,
	registry.LogLineageLinked, registry.LogLineageRetracted}

// The limits of one read of the log.
const (
	maxEntries = 100
	maxEvents  = 500
)

// EventsAfter returns the next events after a sequence of the log, in order, and the sequence up to
// which there are no others. What an entry told is as it was known then; whether the caller sees it
// is decided now. An entry gives the same events each time.
func (t *Teller) EventsAfter(ctx context.Context, after int64) (out []LineageEvent, upTo int64, err error) {
	scope, err := t.core.Gate.Read(ctx, registry.LineageRead)
	if err != nil {
		return nil, 0, err
	}
	head, err := scope.LogSize(ctx)
	if err != nil || head <= after {
		return nil, max(head, after), err
	}
	var entries []registry.LogEntry
	err = t.core.Gate.Inspect(ctx, registry.LineageRead, func(ctx context.Context, tx *policies.Tx) error {
		entries, err = tx.LogUnfiltered(ctx, graph.LogQuery{After: after, Before: head + 1, Actions: toldActions, Limit: maxEntries})
		return err
	})
	if err != nil {
		return nil, 0, err
	}
	if upTo = head; len(entries) == maxEntries {
		upTo = entries[len(entries)-1].Seq
	}
	for _, e := range entries {
		events, err := t.entryEvents(ctx, scope, e)
		if err != nil {
			return nil, 0, err
		}
		if out = append(out, events...); len(out) >= maxEvents {
			return out, e.Seq, nil
		}
	}
	return out, upTo, nil
}

// aboutOf returns the nodes that the events of an entry are about.
func aboutOf(e registry.LogEntry) (out []registry.ID) {
	if e.Action == registry.LogLineageLinked || e.Action == registry.LogLineageRetracted {
		return e.Objects[:min(1, len(e.Objects))]
	}
	for _, id := range e.Objects {
		switch kind := id.Kind(); kind {
		case registry.KindModelVersion:
			if e.Action == registry.LogDeploymentRecorded || e.Action == registry.LogDeploymentEnded {
				continue // It did not change.
			}
		case registry.KindModel, registry.KindAlias, registry.KindRun, registry.KindDatasetVersion, registry.KindFeature, registry.KindTag, registry.KindDeployment:
		default:
			continue
		}
		if !slices.Contains(out, id) {
			out = append(out, id)
		}
	}
	return out
}

// entryEvents returns the events of one entry.
func (t *Teller) entryEvents(ctx context.Context, scope *policies.Scope, e registry.LogEntry) (out []LineageEvent, err error) {
	w := t.writer(ctx, scope, graph.Instant{Known: e.Seq})
	nodes, err := scope.Nodes(ctx, w.at, aboutOf(e)...)
	if err != nil {
		return nil, err
	}
	nodes = slices.DeleteFunc(nodes, func(n *graph.Node) bool { return n == nil || n.Hidden || n.Deleted })
	aliases, models := takeKind(&nodes, registry.KindAlias), takeKind(&nodes, registry.KindModel)
	if nodes, err = w.withVersions(scope, nodes, aliases); err != nil {
		return nil, err
	}
	before, err := w.before(scope, nodes)
	if err != nil {
		return nil, err
	}
	found, err := w.describe(nodes)
	if err != nil {
		return nil, err
	}
	if out, err = w.newModels(scope, e.Seq, models); err != nil {
		return nil, err
	}
	for _, n := range found {
		events, err := w.changed(e, n, before[n.node.ID], aliases)
		if err != nil {
			return nil, err
		}
		out = append(out, events...)
	}
	return out, nil
}

// takeKind removes the nodes of a kind from a list, and returns them.
func takeKind(nodes *[]*graph.Node, kind registry.Kind) (out []*graph.Node) {
	*nodes = slices.DeleteFunc(*nodes, func(n *graph.Node) bool {
		if n.Kind == kind {
			out = append(out, n)
		}
		return n.Kind == kind
	})
	return out
}

// withVersions adds the versions that aliases point at, or pointed at before they were removed.
func (w *writer) withVersions(scope *policies.Scope, nodes, aliases []*graph.Node) ([]*graph.Node, error) {
	for _, n := range aliases {
		a, err := core.DecodeWhole(n, &registry.Alias{})
		if err != nil {
			return nil, err
		}
		if a.VersionID == "" || slices.ContainsFunc(nodes, func(n *graph.Node) bool { return n.ID == a.VersionID }) {
			continue
		}
		found, err := scope.Nodes(w.ctx, w.at, a.VersionID)
		if err != nil {
			return nil, err
		}
		if v := found[0]; v != nil && !v.Hidden && !v.Deleted {
			nodes = append(nodes, v)
		}
	}
	return nodes, nil
}

// before returns the nodes as they were before the entry. An edge that one of them had then and has
// no more is told to be retracted.
func (w *writer) before(scope *policies.Scope, nodes []*graph.Node) (map[registry.ID]*graph.Node, error) {
	out := map[registry.ID]*graph.Node{}
	then := graph.Instant{Known: w.at.Known - 1}
	if then.Known == 0 || len(nodes) == 0 {
		return out, nil
	}
	ids := make([]registry.ID, len(nodes))
	for i, n := range nodes {
		ids[i] = n.ID
	}
	old, err := scope.Nodes(w.ctx, then, ids...)
	if err != nil {
		return nil, err
	}
	var known []registry.ID
	for _, n := range old {
		if n != nil && !n.Hidden {
			out[n.ID], known = n, append(known, n.ID)
		}
	}
	if len(known) == 0 {
		return out, nil
	}
	had, err := scope.Neighbors(w.ctx, graph.NeighborQuery{IDs: known, Direction: graph.Upstream, At: then, LimitPerNode: 1000, Bare: true})
	if err != nil {
		return nil, err
	}
	has, err := scope.Neighbors(w.ctx, graph.NeighborQuery{IDs: known, Direction: graph.Upstream, At: w.at, LimitPerNode: 1000, Bare: true})
	if err != nil {
		return nil, err
	}
	for i := range had {
		for k, edge := range had[i].Edges {
			still := slices.ContainsFunc(has[i].Edges, func(o graph.Edge) bool { return o.Kind == edge.Kind && o.To == edge.To })
			if !still && !had[i].Nodes[k].Hidden && !had[i].More && !has[i].More {
				w.reader.AlsoRetracted(edge)
			}
		}
	}
	return out, nil
}

// newModels returns the events of models by themselves, as they are now.
func (w *writer) newModels(scope *policies.Scope, seq int64, models []*graph.Node) (out []LineageEvent, err error) {
	for _, n := range models {
		now, err := scope.Nodes(w.ctx, graph.Instant{}, n.ID)
		if err != nil {
			return nil, err
		}
		if now[0] == nil {
			continue
		}
		fact, ok, err := bulk.ModelFact(now[0])
		if err != nil {
			return nil, err
		}
		if !ok {
			continue
		}
		m, err := core.NounAs[*registry.Model](w.core.Decode(now[0], registry.Instant{}))
		if err != nil {
			return nil, err
		}
		events, err := lines(seq, export.EventOfModel(n.ID, m), []bulk.FactInput{fact})
		if err != nil {
			return nil, err
		}
		out = append(out, events...)
	}
	return out, nil
}

// changed returns the events of a node of an entry.
func (w *writer) changed(e registry.LogEntry, n noted, before *graph.Node, aliases []*graph.Node) ([]LineageEvent, error) {
	switch n.node.Kind {
	case registry.KindRun:
		return runLines(e.Seq, n, before)
	case registry.KindModelVersion:
		for _, a := range aliases {
			fact, err := w.reader.OfAlias(a, n.node.ID)
			if err != nil {
				return nil, err
			}
			if fact.Alias != nil {
				n.facts = append(n.facts, fact)
			}
		}
		moved, err := w.reader.OfTransitions(w.ctx, n.node.ID)
		if err != nil {
			return nil, err
		}
		if n.facts = append(n.facts, moved...); len(moved) > 0 {
			n.event.SetTime(moved[len(moved)-1].Transition.At)
		}
	case registry.KindDeployment:
		d, err := core.DecodeWhole(n.node, &registry.Deployment{})
		if err != nil {
			return nil, err
		}
		if !d.EndedAt.IsZero() {
			n.event.SetTime(d.EndedAt)
		}
	}
	return lines(e.Seq, n.event, n.facts)
}

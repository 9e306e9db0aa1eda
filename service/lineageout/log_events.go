package lineageout

import (
	"context"
	"encoding/json"
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
	registry.LogDatasetRecorded, registry.LogRunRecorded, registry.LogTagRecorded, registry.LogCommitsRecorded, registry.LogFeatureRecorded, registry.LogDeploymentRecorded, registry.LogDeploymentEnded,
	registry.LogLineageLinked, registry.LogLineageRetracted}

// The limits of one read of the log.
const (
	maxEntries = 100
	maxEvents  = 500
	// maxTogether is how many entries before an entry are looked at for those of its transaction.
	maxTogether = 100
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
	var entries, all []registry.LogEntry
	err = t.core.Gate.Inspect(ctx, registry.LineageRead, func(ctx context.Context, tx *policies.Tx) error {
		entries, err = tx.LogUnfiltered(ctx, graph.LogQuery{After: after, Before: head + 1, Actions: toldActions, Limit: maxEntries})
		if err != nil || len(entries) == 0 {
			return err
		}
		from := max(entries[0].Seq-maxTogether, 0)
		all, err = tx.LogUnfiltered(ctx, graph.LogQuery{After: from, Before: entries[len(entries)-1].Seq + 1, Limit: 10 * maxEntries})
		return err
	})
	if err != nil {
		return nil, 0, err
	}
	before := beforeOf(all)
	if upTo = head; len(entries) == maxEntries {
		upTo = entries[len(entries)-1].Seq
	}
	for _, e := range entries {
		events, err := t.entryEvents(ctx, scope, e, before(e.Seq))
		if err != nil {
			return nil, 0, err
		}
		if out = append(out, events...); len(out) >= maxEvents {
			return out, e.Seq, nil
		}
	}
	return out, upTo, nil
}

// beforeOf returns a function that says which sequence came before the transaction of an entry: what
// one transaction wrote has one time.
func beforeOf(entries []registry.LogEntry) func(seq int64) int64 {
	began := map[int64]int64{}
	for i, e := range entries {
		began[e.Seq] = e.Seq
		if i > 0 && entries[i-1].At.Equal(e.At) && entries[i-1].Seq == e.Seq-1 {
			began[e.Seq] = began[e.Seq-1]
		}
	}
	return func(seq int64) int64 {
		if first, ok := began[seq]; ok {
			return first - 1
		}
		return seq - 1
	}
}

// aboutOf returns the nodes that the events of an entry are about.
func aboutOf(e registry.LogEntry) (out []registry.ID) {
	if e.Action == registry.LogLineageLinked || e.Action == registry.LogLineageRetracted {
		return e.Objects[:min(1, len(e.Objects))]
	}
	if e.Action == registry.LogCommitsRecorded {
		return commitsOf(e)
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

// commitsOf returns the commits that an entry lists: none when they were many, or when the entry is older
// than these lists.
func commitsOf(e registry.LogEntry) (out []registry.ID) {
	var detail struct {
		SHAs []string `json:"shas"`
	}
	if json.Unmarshal(e.Detail, &detail) != nil {
		return nil
	}
	for _, sha := range detail.SHAs {
		out = append(out, registry.CommitID(sha))
	}
	return out
}

// together returns the events of the commits of an entry: the event of the last one tells the facts of
// all.
func together(seq int64, found []noted) ([]LineageEvent, error) {
	if len(found) == 0 {
		return nil, nil
	}
	var all []bulk.FactInput
	for _, n := range found {
		all = append(all, n.facts...)
	}
	return lines(seq, found[len(found)-1].event, all)
}

// entryEvents returns the events of one entry.
func (t *Teller) entryEvents(ctx context.Context, scope *policies.Scope, e registry.LogEntry, seqBefore int64) (out []LineageEvent, err error) {
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
	before, err := w.before(scope, nodes, seqBefore)
	if err != nil {
		return nil, err
	}
	found, err := w.describe(nodes)
	if err != nil {
		return nil, err
	}
	if e.Action == registry.LogCommitsRecorded {
		return together(e.Seq, found)
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
func (w *writer) before(scope *policies.Scope, nodes []*graph.Node, seq int64) (map[registry.ID]*graph.Node, error) {
	out := map[registry.ID]*graph.Node{}
	then := graph.Instant{Known: seq}
	if then.Known == 0 || len(nodes) == 0 {
		return out, nil
	}
	w.reader.After(then)
	ids := make([]registry.ID, len(nodes))
	for i, n := range nodes {
		ids[i] = n.ID
	}
	old, err := scope.Nodes(w.ctx, then, ids...)
	if err != nil {
		return nil, err
	}
	for _, n := range old {
		if n != nil && !n.Hidden {
			out[n.ID] = n
		}
	}
	has, err := w.edgesOf(scope, w.at, ids)
	if err != nil {
		return nil, err
	}
	had, err := w.edgesOf(scope, then, ids)
	if err != nil {
		return nil, err
	}
	w.compareEdges(had, has, true)
	if last := w.at.Known - 1; last != then.Known { // Earlier entries of the transaction were told too.
		if had, err = w.edgesOf(scope, graph.Instant{Known: last}, ids); err != nil {
			return nil, err
		}
		w.compareEdges(had, has, false)
	}
	return out, nil
}

func (w *writer) edgesOf(scope *policies.Scope, at graph.Instant, ids []registry.ID) ([]graph.Neighbors, error) {
	return scope.Neighbors(w.ctx, graph.NeighborQuery{IDs: ids, Direction: graph.Upstream, At: at, LimitPerNode: 1000, Bare: true})
}

// compareEdges notes which edges that nodes had are told to be retracted, and which they still have.
func (w *writer) compareEdges(had, has []graph.Neighbors, told bool) {
	for i := range had {
		for k, edge := range had[i].Edges {
			still := slices.ContainsFunc(has[i].Edges, func(o graph.Edge) bool { return o.Kind == edge.Kind && o.To == edge.To })
			switch {
			case still && told:
				w.reader.AlsoKnown(edge)
			case !still && !had[i].Nodes[k].Hidden && !had[i].More && !has[i].More:
				w.reader.AlsoRetracted(edge)
			}
		}
	}
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

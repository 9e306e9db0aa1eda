package feed

import (
	"context"
	"slices"

	"pedigree/graph"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service/access"
	"pedigree/service/core"
)

// TransitionEvent tells that a version changed its stage. The time of the log entry is not told: it is
// for who may read the log, and the objects of events have times of their own.
type TransitionEvent struct {
	// Seq is the sequence of the event in the log; a stream goes on after it.
	Seq        int64
	Transition *registry.Transition
	Version    *registry.ModelVersion
}

// ApprovalEvent tells that a transition was requested, or what became of a request.
type ApprovalEvent struct {
	Seq     int64
	Action  string
	Request *registry.TransitionRequest
}

// DeprecationEvent tells that the deprecation of a version was announced, or what became of it.
type DeprecationEvent struct {
	Seq         int64
	Action      string
	Deprecation *registry.Deprecation
}

// RecallEvent tells that something was recalled, or what became of a recall.
type RecallEvent struct {
	Seq    int64
	Action string
	Recall *registry.Recall
}

// The log actions that each stream tells of.
var (
	transitionActions  = []registry.LogAction{registry.LogStageChanged, registry.LogModelDeployed, registry.LogModelDeprecated, registry.LogModelArchived}
	approvalActions    = []registry.LogAction{registry.LogRequested, registry.LogApproved, registry.LogRejected, registry.LogWithdrawn, registry.LogVoided}
	deprecationActions = []registry.LogAction{registry.LogDeprecationAnnounced, registry.LogDeprecationWithdrawn, registry.LogVersionRetired, registry.LogVersionCleanedUp}
	recallActions      = []registry.LogAction{registry.LogRecalled, registry.LogRecallClearingAsked, registry.LogRecallClearingDenied, registry.LogRecallCleared}
)

// Transitions tells of the transitions of versions that the caller sees.
func (f *Feed) Transitions(ctx context.Context, o Options) (<-chan *TransitionEvent, error) {
	return stream(ctx, f, o, f.transitions())
}

func (f *Feed) transitions() source[*TransitionEvent] {
	return source[*TransitionEvent]{action: registry.CatalogRead, noun: "Transition", field: "to", actions: transitionActions,
		read: objectsOf(f, registry.CatalogRead, registry.KindTransition, func(e registry.LogEntry, t *registry.Transition, parent registry.Node) *TransitionEvent {
			v, ok := parent.(*registry.ModelVersion)
			if !ok {
				return nil
			}
			return &TransitionEvent{e.Seq, t, v}
		})}
}

// Approvals tells of requests of transitions, and of decisions on them.
func (f *Feed) Approvals(ctx context.Context, o Options) (<-chan *ApprovalEvent, error) {
	return stream(ctx, f, o, f.approvals())
}

func (f *Feed) approvals() source[*ApprovalEvent] {
	return source[*ApprovalEvent]{action: registry.RequestRead, noun: "TransitionRequest", field: "status", actions: approvalActions,
		read: objectsOf(f, registry.RequestRead, registry.KindTransitionRequest, func(e registry.LogEntry, r *registry.TransitionRequest, _ registry.Node) *ApprovalEvent {
			return &ApprovalEvent{e.Seq, string(e.Action), r}
		})}
}

// DeprecationNotices tells of deprecations from their announcement on.
func (f *Feed) DeprecationNotices(ctx context.Context, o Options) (<-chan *DeprecationEvent, error) {
	return stream(ctx, f, o, f.deprecations())
}

func (f *Feed) deprecations() source[*DeprecationEvent] {
	return source[*DeprecationEvent]{action: registry.DeprecationRead, noun: "Deprecation", field: "step", actions: deprecationActions,
		read: objectsOf(f, registry.DeprecationRead, registry.KindDeprecation, func(e registry.LogEntry, d *registry.Deprecation, _ registry.Node) *DeprecationEvent {
			return &DeprecationEvent{e.Seq, string(e.Action), d}
		})}
}

// RecallEvents tells of recalls, and of what becomes of them. A recall is of no model.
func (f *Feed) RecallEvents(ctx context.Context, after *int64) (<-chan *RecallEvent, error) {
	return stream(ctx, f, Options{After: after}, f.recalls())
}

func (f *Feed) recalls() source[*RecallEvent] {
	return source[*RecallEvent]{action: registry.RecallRead, noun: "Recall", field: "state", actions: recallActions,
		read: objectsOf(f, registry.RecallRead, registry.KindRecall, func(e registry.LogEntry, r *registry.Recall, _ registry.Node) *RecallEvent {
			return &RecallEvent{e.Seq, string(e.Action), r}
		})}
}

// LogEntries tells of the entries of the log that the caller sees and a filter keeps.
func (f *Feed) LogEntries(ctx context.Context, after *int64, filter *access.LogFilter) (<-chan *registry.LogEntry, error) {
	var where graph.LogQuery
	if filter != nil {
		if err := filter.Narrow(&where); err != nil {
			return nil, err
		}
	}
	return stream(ctx, f, Options{After: after}, f.entries(where))
}

func (f *Feed) entries(where graph.LogQuery) source[*registry.LogEntry] {
	return source[*registry.LogEntry]{action: registry.LogRead, noun: "LogEntry", field: "seq",
		read: func(ctx context.Context, q graph.LogQuery) (events []*registry.LogEntry, last int64, full bool, err error) {
			scope, err := f.core.Gate.Read(ctx, registry.LogRead)
			if err != nil {
				return nil, 0, false, err
			}
			where.After, where.Before, where.Limit = q.After, q.Before, q.Limit
			if len(q.Models) > 0 {
				where.Models = q.Models
			}
			entries, err := scope.Log(ctx, where)
			for i := range entries {
				events, last = append(events, &entries[i]), entries[i].Seq
			}
			return events, last, len(entries) == q.Limit, err
		}}
}

// objectsOf returns a read of the log that tells, of each entry, the object of a kind that it is
// about, if the caller sees it, and that object's parent, if it has one.
func objectsOf[N registry.Node, E any](f *Feed, action registry.Action, kind registry.Kind, event func(registry.LogEntry, N, registry.Node) *E) func(context.Context, graph.LogQuery) ([]*E, int64, bool, error) {
	return func(ctx context.Context, q graph.LogQuery) (events []*E, last int64, full bool, err error) {
		var entries []registry.LogEntry
		err = f.core.Gate.Inspect(ctx, action, func(ctx context.Context, tx *policies.Tx) error {
			entries, err = tx.LogUnfiltered(ctx, q)
			return err
		})
		if err != nil || len(entries) == 0 {
			return nil, 0, false, err
		}
		scope, err := f.core.Gate.Read(ctx, action)
		if err != nil {
			return nil, 0, false, err
		}
		last, full = entries[len(entries)-1].Seq, len(entries) == q.Limit
		var about []registry.LogEntry
		var ids []registry.ID
		for _, e := range entries {
			if i := slices.IndexFunc(e.Objects, func(id registry.ID) bool { return id.Kind() == kind }); i >= 0 {
				about, ids = append(about, e), append(ids, e.Objects[i])
			}
		}
		objects, err := f.core.Nodes(ctx, ids)
		if err != nil {
			return nil, 0, false, err
		}
		of := make([]core.NodeRef, len(objects))
		for i, o := range objects {
			if o != nil {
				of[i].ID = o.NodeMeta().Parent
			}
		}
		parents, err := f.core.ReadNodes(ctx, scope, of)
		for i, o := range objects {
			n, ok := o.(N)
			if !ok || parents[i] == nil && of[i].ID != "" || core.IsTombstone(n) {
				continue
			}
			if e := event(about[i], n, parents[i]); e != nil {
				events = append(events, e)
			}
		}
		return events, last, full, err
	}
}

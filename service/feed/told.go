package feed

import (
	"cmp"
	"context"
	"slices"

	"pedigree/graph"
	"pedigree/registry"
)

// ToldQuery selects events to read at once.
type ToldQuery struct {
	Events []registry.WebhookEvent
	// Model is the id of the model whose events are read, "" for all. Recalls are of no model: they
	// are read whatever the model.
	Model registry.ID
	// After is the sequence after which the events come.
	After int64
}

// Told is an event: a *TransitionEvent, *ApprovalEvent, *DeprecationEvent, *RecallEvent,
// *registry.LogEntry or *CatalogEvent.
type Told struct {
	Seq   int64
	Of    registry.WebhookEvent
	Event any
}

// Told returns the next events after a sequence that the caller sees now, in order, and the
// sequence up to which there are no others. Kinds of events that the caller may not be told are left
// out; FORBIDDEN when these are all.
func (f *Feed) Told(ctx context.Context, q ToldQuery) (out []Told, upTo int64, err error) {
	scope, err := f.core.Gate.Read(ctx, registry.CatalogRead)
	if err != nil {
		return nil, 0, err
	}
	head, err := scope.LogSize(ctx)
	if err != nil || head <= q.After {
		return nil, max(head, q.After), err
	}
	from := graph.LogQuery{After: q.After, Before: head + 1, Limit: readSize}
	if q.Model != "" {
		from.Models = []registry.ID{q.Model}
	}
	upTo = head
	var refused error
	read := 0
	for _, kind := range q.Events {
		events, last, err := f.toldOf(ctx, kind, from)
		switch {
		case registry.CodeOf(err) == registry.Forbidden:
			refused = err
			continue
		case err != nil:
			return nil, 0, err
		}
		out, upTo = append(out, events...), min(upTo, last)
		read++
	}
	if read == 0 && refused != nil {
		return nil, 0, refused
	}
	out = slices.DeleteFunc(out, func(t Told) bool { return t.Seq > upTo })
	slices.SortStableFunc(out, func(a, b Told) int { return cmp.Compare(a.Seq, b.Seq) })
	return out, upTo, nil
}

// toldOf reads the events of one kind, and returns the sequence up to which it has read.
func (f *Feed) toldOf(ctx context.Context, kind registry.WebhookEvent, q graph.LogQuery) ([]Told, int64, error) {
	switch kind {
	case registry.OnTransitions:
		return readTold(ctx, f, f.transitions(), q, kind, func(e *TransitionEvent) int64 { return e.Seq })
	case registry.OnApprovals:
		return readTold(ctx, f, f.approvals(), q, kind, func(e *ApprovalEvent) int64 { return e.Seq })
	case registry.OnDeprecations:
		return readTold(ctx, f, f.deprecations(), q, kind, func(e *DeprecationEvent) int64 { return e.Seq })
	case registry.OnRecalls:
		q.Models = nil
		return readTold(ctx, f, f.recalls(), q, kind, func(e *RecallEvent) int64 { return e.Seq })
	case registry.OnLogEntries:
		return readTold(ctx, f, f.entries(graph.LogQuery{}), q, kind, func(e *registry.LogEntry) int64 { return e.Seq })
	case registry.OnCatalog:
		return readTold(ctx, f, f.catalog(), q, kind, func(e *CatalogEvent) int64 { return e.Seq })
	}
	return nil, 0, registry.Errorf(registry.Internal, "%s is no kind of event", kind)
}

func readTold[E any](ctx context.Context, f *Feed, s source[E], q graph.LogQuery, kind registry.WebhookEvent, seq func(E) int64) (out []Told, upTo int64, err error) {
	scope, err := f.core.Gate.Read(ctx, s.action)
	if err == nil && !scope.Sees(s.noun, s.field) {
		err = registry.Errorf(registry.Forbidden, "you may not see %s.%s", s.noun, s.field)
	}
	if err != nil {
		return nil, 0, err
	}
	q.Actions = s.actions
	events, last, full, err := s.read(f.core.WithLoaders(ctx), q)
	if err != nil {
		return nil, 0, err
	}
	for _, e := range events {
		out = append(out, Told{seq(e), kind, e})
	}
	if full {
		return out, last, nil
	}
	return out, q.Before - 1, nil
}

package access

import (
	"context"
	"time"

	"pedigree/graph"
	"pedigree/registry"
	"pedigree/service/core"
)

// LogFilter selects log entries; empty fields match all.
type LogFilter struct {
	Object  *registry.ID
	Actor   string
	Actions []string
	Model   *registry.ID
	// Since (inclusive) and Before (exclusive) bound the time.
	Since, Before *time.Time
}

// Narrow adds the filter to a query. Its times must be times that a store can have.
func (f *LogFilter) Narrow(q *graph.LogQuery) error {
	q.Actor = f.Actor
	for _, action := range f.Actions {
		q.Actions = append(q.Actions, registry.LogAction(action))
	}
	if f.Object != nil {
		q.Object = *f.Object
	}
	if f.Model != nil {
		q.Models = []registry.ID{*f.Model}
	}
	if f.Since != nil {
		q.Since = *f.Since
	}
	if f.Before != nil {
		q.KnownAt = f.Before.Add(-graph.TimeUnit)
	}
	return core.FirstError(core.CheckTime("filter.since", q.Since), core.CheckTime("filter.before", q.KnownAt))
}

// LogEntryEdge is a log entry in a page.
type LogEntryEdge struct {
	Cursor string
	Node   *registry.LogEntry
}

// LogEntryConnection is a page of log entries.
type LogEntryConnection struct{ core.Connection[*LogEntryEdge] }

// AuditLog returns one page of the log entries that the caller sees, newest first.
func (a *Access) AuditLog(ctx context.Context, p core.Paging, f *LogFilter) (*LogEntryConnection, error) {
	scope, err := a.core.Gate.Read(ctx, registry.LogRead)
	if err != nil {
		return nil, err
	}
	size, err := p.Size(50)
	if err != nil {
		return nil, err
	}
	q := graph.LogQuery{Desc: true, Limit: size + 1}
	if f != nil {
		if err := f.Narrow(&q); err != nil {
			return nil, err
		}
	}
	l := core.NewListIdentity([]any{"log", f}, "", true)
	if p.After != nil && *p.After != "" {
		var v []int64
		if err := a.core.OpenCursor(scope.Actor().Subject, l, *p.After, &v); err != nil {
			return nil, err
		}
		q.Before = v[0]
	}
	entries, err := scope.Log(ctx, q)
	if err != nil {
		return nil, err
	}
	conn := &LogEntryConnection{core.Connection[*LogEntryEdge]{Edges: []*LogEntryEdge{}}}
	conn.PageInfo.HasNextPage, conn.PageInfo.HasPreviousPage = len(entries) > size, q.Before > 0
	seal := a.core.SealCursors(scope.Actor().Subject, l)
	for i := range entries[:min(size, len(entries))] {
		e := &entries[i]
		cursor := seal([]int64{e.Seq})
		if i == 0 {
			conn.PageInfo.StartCursor = cursor
		}
		conn.PageInfo.EndCursor = cursor
		conn.Edges = append(conn.Edges, &LogEntryEdge{cursor, e})
	}
	return conn, nil
}

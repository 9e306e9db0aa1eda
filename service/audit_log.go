package service

import (
	"context"

	"pedigree/graph"
	"pedigree/registry"
)

// LogFilter says which log entries to keep; empty fields keep all.
type LogFilter struct {
	Object  *registry.ID
	Actor   string
	Actions []string
	Model   *registry.ID
}

// LogEntryEdge is a log entry in a page.
type LogEntryEdge struct {
	Cursor string
	Node   *registry.LogEntry
}

// LogEntryConnection is a page of log entries.
type LogEntryConnection struct{ Connection[*LogEntryEdge] }

// AuditLog lists the log entries that the caller sees, newest first.
func (s *Service) AuditLog(ctx context.Context, p Paging, f *LogFilter) (*LogEntryConnection, error) {
	scope, err := s.gate.Read(ctx, registry.LogRead)
	if err != nil {
		return nil, err
	}
	size, err := p.size(50)
	if err != nil {
		return nil, err
	}
	q := graph.LogQuery{Desc: true, Limit: size + 1}
	if f != nil {
		q.Actor = f.Actor
		for _, a := range f.Actions {
			q.Actions = append(q.Actions, registry.LogAction(a))
		}
		if f.Object != nil {
			q.Object = *f.Object
		}
		if f.Model != nil {
			q.Models = []registry.ID{*f.Model}
		}
	}
	l := listIdentity{[]any{"log", f}, "", true}
	if p.After != nil && *p.After != "" {
		var v []int64
		if err := s.openCursor(scope.Actor().Subject, l, *p.After, &v); err != nil {
			return nil, err
		}
		q.Before = v[0]
	}
	entries, err := scope.Log(ctx, q)
	if err != nil {
		return nil, err
	}
	c := &LogEntryConnection{Connection[*LogEntryEdge]{Edges: []*LogEntryEdge{}}}
	c.PageInfo.HasNextPage, c.PageInfo.HasPreviousPage = len(entries) > size, q.Before > 0
	for i := range entries[:min(size, len(entries))] {
		e := &entries[i]
		cursor := s.sealCursor(scope.Actor().Subject, l, []int64{e.Seq})
		if i == 0 {
			c.PageInfo.StartCursor = cursor
		}
		c.PageInfo.EndCursor = cursor
		c.Edges = append(c.Edges, &LogEntryEdge{cursor, e})
	}
	return c, nil
}

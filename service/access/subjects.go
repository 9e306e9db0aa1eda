package access

import (
	"context"
	"slices"
	"strings"

	"pedigree/graph"
	"pedigree/registry"
	"pedigree/service/core"
)

// SubjectFilter selects subjects; empty fields match all. Role and Scope are of one grant.
type SubjectFilter struct {
	SubjectPrefix string
	Role, Scope   string
}

func (f *SubjectFilter) matches(a *registry.Actor) bool {
	return strings.HasPrefix(a.Subject, f.SubjectPrefix) && (f.Role == "" && f.Scope == "" || slices.ContainsFunc(a.Grants, func(g registry.Grant) bool {
		return (f.Role == "" || f.Role == g.Role) && (f.Scope == "" || f.Scope == g.Scope)
	}))
}

// ActorEdge is a subject in a page.
type ActorEdge struct {
	Cursor string
	Node   *registry.Actor
}

// ActorConnection is a page of subjects.
type ActorConnection struct{ core.Connection[*ActorEdge] }

// NewActorEdge makes an edge of a page.
func NewActorEdge(cursor string, a *registry.Actor) *ActorEdge { return &ActorEdge{cursor, a} }

// Subjects returns one page of the subjects that the registry knows, by name.
func (a *Access) Subjects(ctx context.Context, p core.Paging, f *SubjectFilter) (*ActorConnection, error) {
	scope, err := a.core.Gate.Read(ctx, registry.AccessManage)
	if err != nil {
		return nil, err
	}
	q := graph.Query{Kinds: []registry.Kind{registry.KindActor}, Order: registry.IndexName}
	var conn *core.Connection[*ActorEdge]
	if f == nil || *f == (SubjectFilter{}) {
		conn, err = core.FindPage(ctx, a.core, scope, q, []any{"subjects"}, p, NewActorEdge)
	} else {
		core.ToNFC(&f.SubjectPrefix, &f.Role, &f.Scope)
		conn, err = core.FindKeptPage(ctx, a.core, scope, q, []any{"subjects", f}, p, f.matches, NewActorEdge)
	}
	if err != nil {
		return nil, err
	}
	return &ActorConnection{*conn}, nil
}

package policies

import (
	"context"

	"pedigree/graph"
	"pedigree/registry"
)

// mayManageTokens reports whether the actor may list and revoke the tokens of every subject. A
// grant on one model does not suffice.
func (s *Scope) mayManageTokens() bool {
	return s.MayOn(registry.TokenManageAny, Target{})
}

// MayManageTokensOf reports whether the actor may manage the tokens of a subject: its own, or
// those of every subject.
func (s *Scope) MayManageTokensOf(subject string) bool {
	return subject == s.actor.Subject && s.May(registry.TokenManageOwn) || s.mayManageTokens()
}

// Tokens returns one page of the tokens of a subject, newest first; without a subject, of the
// tokens that the actor may manage. FORBIDDEN for the tokens of somebody else. Of the query
// only After, Limit and Count are used.
func (s *Scope) Tokens(ctx context.Context, subject string, q graph.Query) (graph.Page, error) {
	if subject == "" && !s.mayManageTokens() {
		subject = s.actor.Subject
	}
	if !s.MayManageTokensOf(subject) {
		return graph.Page{Total: -1}, s.forbidden(registry.TokenManageAny)
	}
	list := graph.Query{Kinds: []registry.Kind{registry.KindToken}, Order: registry.IndexValidFrom, Desc: true, After: q.After, Limit: q.Limit, Count: q.Count}
	if subject != "" {
		list.Parents = []registry.ID{registry.ActorID(subject)}
	}
	return s.store.Find(ctx, list)
}

// Token returns a token that the actor may manage, nil when there is none.
func (s *Scope) Token(ctx context.Context, id registry.ID) (*graph.Node, error) {
	if id.Kind() != registry.KindToken {
		return nil, nil
	}
	nodes, err := s.store.Nodes(ctx, graph.Instant{}, id)
	if err != nil {
		return nil, err
	}
	var t registry.Token
	if !decodeNode(nodes[0], &t) || !s.MayManageTokensOf(t.Subject) {
		return nil, nil
	}
	return nodes[0], nil
}

// Scope returns the scope of the actor on this transaction.
func (t *Tx) Scope() *Scope { return t.scope }

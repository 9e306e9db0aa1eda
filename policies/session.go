package policies

import (
	"context"

	"pedigree/graph"
	"pedigree/registry"
)

// browser is a session with the token that it began with and its actor.
type browser struct {
	session registry.Session
	token   *registry.Token // nil for a session of an identity provider
	actor   registry.Actor
}

// AuthenticateSession returns the actor of a session: UNAUTHENTICATED for one that is unknown,
// ended or expired, and for one whose token is. A change by this server takes effect at once,
// one by another server within a second.
func (g *Gate) AuthenticateSession(ctx context.Context, id registry.ID) (registry.Actor, error) {
	b, err := g.sessionCache.get(string(id), func() (browser, error) { return g.readBrowser(ctx, id) })
	if err != nil {
		return registry.Actor{}, err
	}
	now := g.now()
	if !b.session.Valid(now) || b.token != nil && !b.token.Valid(now) {
		return registry.Actor{}, invalidSession()
	}
	if b.token != nil {
		g.tokenUses.note(b.token.ID, useCount{1, now})
	}
	return b.actor, nil
}

func invalidSession() error {
	return registry.Errorf(registry.Unauthenticated, "you are signed out; sign in again")
}

func (g *Gate) readBrowser(ctx context.Context, id registry.ID) (b browser, err error) {
	nodes, err := g.store.Nodes(ctx, graph.Instant{}, id)
	if err != nil {
		return b, err
	}
	if !decodeNode(nodes[0], &b.session) {
		return b, invalidSession()
	}
	if b.session.ID = id; b.session.Token != "" {
		t, err := g.readBearer(ctx, b.session.Token)
		if registry.CodeOf(err) == registry.Unauthenticated {
			err = invalidSession()
		}
		if err != nil {
			return b, err
		}
		b.token, b.actor = &t.token, t.actor
	} else if b.actor, err = g.Federated(ctx, b.session.Subject, b.session.Grants); err != nil {
		return b, err
	}
	b.actor.Session = &b.session
	return b, nil
}

// Federated returns the actor of a subject whose identity a provider has proved: it holds the
// grants that the provider told and those that are stored for it.
func (g *Gate) Federated(ctx context.Context, subject string, told []registry.Grant) (registry.Actor, error) {
	id := registry.ActorID(subject)
	stored, err := g.subjectCache.get(subject, func() ([]registry.Grant, error) {
		nodes, err := g.store.Nodes(ctx, graph.Instant{}, id)
		if err != nil {
			return nil, err
		}
		var a registry.Actor
		decodeNode(nodes[0], &a)
		return a.Grants, nil
	})
	if err != nil {
		return registry.Actor{}, err
	}
	a := registry.Actor{Subject: subject}
	a.ID = id
	for _, g := range append(append([]registry.Grant{}, told...), stored...) {
		if !registry.Covers(a.Grants, g) {
			a.Grants = append(a.Grants, g)
		}
	}
	return a, nil
}

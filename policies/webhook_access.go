package policies

import (
	"context"

	"pedigree/graph"
	"pedigree/registry"
)

// MayManageWebhooksOf reports whether the actor may manage the webhooks of a subject: its own, or
// those of every subject.
func (s *Scope) MayManageWebhooksOf(subject string) bool {
	return subject == s.actor.Subject && s.May(registry.WebhookManageOwn) || s.MayOn(registry.WebhookManageAny, Target{})
}

// WebhookIndex returns the index of webhooks, without those that the actor may not manage; nil
// before the first webhook. The settings of the actor itself are in it always.
func (s *Scope) WebhookIndex(ctx context.Context) (*registry.WebhookIndex, error) {
	nodes, err := s.store.Nodes(ctx, graph.Instant{}, registry.WebhookIndexID())
	if err != nil {
		return nil, err
	}
	var index registry.WebhookIndex
	if !decodeNode(nodes[0], &index) {
		return nil, nil
	}
	seen := index.Webhooks[:0]
	for _, e := range index.Webhooks {
		if s.MayManageWebhooksOf(e.Subject) || e.Personal && e.Subject == s.actor.Subject {
			seen = append(seen, e)
		}
	}
	index.Webhooks = seen
	return &index, nil
}

// Webhooks returns the nodes of webhooks, nil for those that the actor may not manage, that were
// deleted, or that are none.
func (s *Scope) Webhooks(ctx context.Context, ids ...registry.ID) ([]*graph.Node, error) {
	nodes, err := s.store.Nodes(ctx, graph.Instant{}, ids...)
	for i, n := range nodes {
		var w registry.Webhook
		if n != nil && (n.Kind != registry.KindWebhook || !n.ValidTo.IsZero() || !decodeNode(n, &w) ||
			!s.MayManageWebhooksOf(w.Subject) && !(w.Personal && w.Subject == s.actor.Subject)) {
			nodes[i] = nil
		}
	}
	return nodes, err
}

// ActorOf returns a subject as it is now, for what is done on its behalf while it is away: with what
// a token leaves of its grants, if the token is named. UNAUTHENTICATED when the token does not hold
// any more.
func (g *Gate) ActorOf(ctx context.Context, subject string, token registry.ID) (registry.Actor, error) {
	if token == "" {
		return g.Federated(ctx, subject, nil)
	}
	b, err := g.readBearer(ctx, token)
	if err != nil {
		return registry.Actor{}, err
	}
	if !b.token.Valid(g.now()) || b.token.Subject != subject {
		return registry.Actor{}, invalidToken()
	}
	return b.actor, nil
}

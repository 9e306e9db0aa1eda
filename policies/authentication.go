package policies

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	"pedigree/graph"
	"pedigree/registry"
)

// Authenticate returns the actor of a bearer token: UNAUTHENTICATED for a token that is
// unknown, expired or revoked. A change by this server takes effect at once, one by
// another server within a second.
func (g *Gate) Authenticate(ctx context.Context, token string) (registry.Actor, error) {
	if token == "" || len(token) > 512 {
		return registry.Actor{}, invalidToken()
	}
	sum := sha256.Sum256([]byte(token))
	b, err := g.tokenCache.get(string(sum[:]), func() (bearer, error) { return g.readBearer(ctx, registry.TokenID(hex.EncodeToString(sum[:]))) })
	if err != nil {
		return registry.Actor{}, err
	}
	now := g.now()
	if !b.token.Valid(now) {
		return registry.Actor{}, invalidToken()
	}
	g.tokenUses.note(b.token.ID, useCount{1, now})
	return b.actor, nil
}

// bearer is a token and its actor, whose grants are those that the token leaves.
type bearer struct {
	token registry.Token
	actor registry.Actor
}

func invalidToken() error {
	return registry.Errorf(registry.Unauthenticated, "the token is not valid; make one with: pedigree token create --subject NAME --role ROLE")
}

// readBearer reads a token and its actor: UNAUTHENTICATED when one of them does not
// exist.
func (g *Gate) readBearer(ctx context.Context, id registry.ID) (b bearer, err error) {
	nodes, err := g.store.Nodes(ctx, graph.Instant{}, id)
	if err != nil {
		return b, err
	}
	if !decodeNode(nodes[0], &b.token) {
		return b, invalidToken()
	}
	b.token.ID = id
	actors, err := g.store.Nodes(ctx, graph.Instant{}, registry.ActorID(b.token.Subject))
	if err != nil {
		return b, err
	}
	if !decodeNode(actors[0], &b.actor) {
		return b, invalidToken()
	}
	b.actor.ID, b.actor.Grants, b.actor.Token = actors[0].ID, b.token.Limit(b.actor.Grants), &b.token
	return b, nil
}

// decodeNode decodes the document of a node; false when there is no node.
func decodeNode(n *graph.Node, into any) bool {
	return n != nil && !n.Deleted && json.Unmarshal(n.Doc, into) == nil
}

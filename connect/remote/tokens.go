package remote

import (
	"context"

	"pedigree/registry"
	"pedigree/service/access"
	"pedigree/service/core"
)

// tokenAnswer is an API token in an answer.
type tokenAnswer struct {
	ID registry.ID `json:"id"`
	registry.Token
}

// noun returns the token, nil for an answer without one.
func (a *tokenAnswer) noun() *registry.Token {
	if a == nil {
		return nil
	}
	a.Token.ID = a.ID
	return &a.Token
}

// APITokens returns one page of the API tokens of a subject, as the service does.
func (c *Client) APITokens(ctx context.Context, subject string, p core.Paging) (*access.TokenConnection, error) {
	vars := addPaging(map[string]any{}, p)
	if subject != "" {
		vars["subject"] = subject
	}
	var out struct {
		Page struct {
			Edges []struct {
				Cursor string
				Node   *tokenAnswer
			}
			PageInfo core.PageInfo
		}
	}
	if err := c.execute(ctx, opAPITokens, vars, &out); err != nil {
		return nil, err
	}
	conn := &access.TokenConnection{Connection: core.Connection[*access.TokenEdge]{PageInfo: out.Page.PageInfo}}
	for _, e := range out.Page.Edges {
		conn.Edges = append(conn.Edges, &access.TokenEdge{Cursor: e.Cursor, Node: e.Node.noun()})
	}
	return conn, nil
}

// CreateAPIToken makes an API token. When the first answer was lost, the token is UNAVAILABLE for
// ever, because a server shows it once.
func (c *Client) CreateAPIToken(ctx context.Context, in access.CreateAPITokenInput) (*access.CreateAPITokenPayload, error) {
	type payload struct {
		Token    *string
		APIToken *tokenAnswer
	}
	p, err := mutate[payload](ctx, c, opCreateAPIToken, "createApiToken", in)
	if err != nil {
		return nil, err
	}
	t := p.APIToken.noun()
	if p.Token == nil && t != nil {
		return nil, registry.Errorf(registry.Unavailable, "the answer with the token was lost, and it is shown once; revoke it with pedigree token revoke %s, and make another", t.ID)
	}
	return &access.CreateAPITokenPayload{Token: p.Token, APIToken: t}, nil
}

// RevokeAPIToken revokes an API token.
func (c *Client) RevokeAPIToken(ctx context.Context, in access.RevokeAPITokenInput) (*access.RevokeAPITokenPayload, error) {
	type payload struct{ APIToken *tokenAnswer }
	p, err := mutate[payload](ctx, c, opRevokeAPIToken, "revokeApiToken", in)
	if err != nil {
		return nil, err
	}
	return &access.RevokeAPITokenPayload{APIToken: p.APIToken.noun()}, nil
}

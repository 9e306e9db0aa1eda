package access

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"pedigree/graph"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service/core"
)

// maxTokenLimits is the most roles, and the most models, that a token can be limited to.
const maxTokenLimits = 100

// CreateAPITokenInput describes a new API token.
type CreateAPITokenInput struct {
	// Subject is who the token is for, the caller when empty.
	Subject string `json:"subject,omitzero"`
	Name    string `json:"name,omitzero"`
	// Roles and Models limit the token; without any, it has what its subject holds.
	Roles  []string `json:"roles,omitzero"`
	Models []string `json:"models,omitzero"`
	// A token with a zero ExpiresAt does not expire.
	ExpiresAt time.Time `json:"expiresAt,omitzero"`
	// GrantRoles grants the subject the roles that it does not hold yet, on the models.
	GrantRoles     bool    `json:"grantRoles,omitzero"`
	IdempotencyKey *string `json:"-"`
}

// CreateAPITokenPayload carries the token itself, nil when it was shown before, and what is
// recorded of it.
type CreateAPITokenPayload struct {
	Token    *string
	APIToken *registry.Token
}

func (in *CreateAPITokenInput) check(now time.Time) error {
	if err := core.FirstError(core.CheckKey("subject", &in.Subject), core.CheckKey("name", &in.Name), core.CheckTime("expiresAt", in.ExpiresAt)); err != nil {
		return err
	}
	if !in.ExpiresAt.IsZero() && !in.ExpiresAt.After(now) {
		return registry.Invalid("expiresAt", "%s has passed; give a time to come, or leave it out", in.ExpiresAt.UTC().Format(time.RFC3339))
	}
	if len(in.Roles) > maxTokenLimits || len(in.Models) > maxTokenLimits {
		return registry.Invalid("roles", "and models must be at most %d each", maxTokenLimits)
	}
	for i := range in.Models {
		if err := core.CheckName("models", &in.Models[i]); err != nil {
			return err
		}
	}
	return nil
}

// CreateAPIToken makes a token for the caller or, with token.manage.any, for another subject.
// No token gives more than its maker holds, nor outlives the token that makes it.
func (a *Access) CreateAPIToken(ctx context.Context, in CreateAPITokenInput) (*CreateAPITokenPayload, error) {
	if err := in.check(a.core.Now()); err != nil {
		return nil, err
	}
	text, shown := NewToken(), false
	// The expiry lies ahead, so it is not one of the times of the input.
	told := struct {
		CreateAPITokenInput
		ExpiresAt string `json:"expiresAt"`
	}{in, in.ExpiresAt.UTC().Format(time.RFC3339Nano)}
	told.CreateAPITokenInput.ExpiresAt = time.Time{}
	call := core.Idempotent("createApiToken", in.IdempotencyKey, told)
	result, err := a.core.Write(ctx, registry.TokenManageOwn, call, func(ctx context.Context, tx *policies.Tx) (core.WriteResult, error) {
		shown = true
		return a.writeAPIToken(ctx, tx, in, text)
	})
	if err != nil {
		return nil, err
	}
	t, err := a.readToken(ctx, result.IDs[0])
	if err != nil || !shown {
		return &CreateAPITokenPayload{APIToken: t}, err
	}
	return &CreateAPITokenPayload{&text, t}, nil
}

func (a *Access) writeAPIToken(ctx context.Context, tx *policies.Tx, in CreateAPITokenInput, text string) (core.WriteResult, error) {
	caller := tx.Scope().Actor()
	if in.Subject == "" {
		in.Subject = caller.Subject
	}
	if in.Subject != caller.Subject && !tx.May(registry.TokenManageAny, "") {
		return core.WriteResult{}, registry.Errorf(registry.Forbidden, "you may make tokens for yourself alone; ask an administrator for one for %q", registry.Shorten(in.Subject, 60))
	}
	actor, err := a.subjectOfToken(ctx, tx, in)
	if err != nil {
		return core.WriteResult{}, err
	}
	t := &registry.Token{Subject: in.Subject, Name: in.Name, Roles: in.Roles, Models: in.Models, CreatedBy: caller.Subject, CreatedAt: tx.Now(),
		ExpiresAt: core.StoredTime(in.ExpiresAt, time.Time{})}
	if err := a.checkToken(tx, actor, t); err != nil {
		return core.WriteResult{}, err
	}
	sum := sha256.Sum256([]byte(text))
	hash := hex.EncodeToString(sum[:])
	if err := putToken(ctx, tx, t, hash); err != nil {
		return core.WriteResult{}, err
	}
	return core.WriteResult{IDs: []registry.ID{t.ID}, Created: true}, tx.Log(ctx, registry.LogEntry{Action: registry.LogTokenCreated,
		Objects: []registry.ID{t.ID, t.Parent}, Detail: tokenDetail(t)})
}

// putToken stores a new token under the hash of its text.
func putToken(ctx context.Context, tx *policies.Tx, t *registry.Token, hash string) error {
	t.ID, t.Parent, t.ValidFrom = registry.TokenID(hash), registry.ActorID(t.Subject), tx.Now()
	n, err := core.EncodeNode(t, t.Name, tx.Now(), registry.TokenSlot(hash))
	if err != nil {
		return err
	}
	return tx.Put(ctx, n)
}

// tokenDetail is what the log says about a token.
func tokenDetail(t *registry.Token) registry.JSON {
	expires := ""
	if !t.ExpiresAt.IsZero() {
		expires = t.ExpiresAt.Format(time.RFC3339)
	}
	return core.LogDetail("subject", t.Subject, "name", t.Name, "roles", strings.Join(t.Roles, ","), "models", strings.Join(t.Models, ","), "expiresAt", expires)
}

// subjectOfToken returns the actor of a token's subject. With GrantRoles it grants the roles
// that the subject does not hold yet.
func (a *Access) subjectOfToken(ctx context.Context, tx *policies.Tx, in CreateAPITokenInput) (*registry.Actor, error) {
	nodes, err := tx.NodesUnfiltered(ctx, registry.ActorID(in.Subject))
	if err != nil {
		return nil, err
	}
	for _, role := range in.Roles {
		if !a.core.Gate.Policy().HasRole(role) {
			return nil, registry.Invalid("roles", "%q is no role of the policy; use some of %v", registry.Shorten(role, 60), a.core.Gate.Policy().Roles())
		}
	}
	if in.GrantRoles && len(in.Roles) > 0 {
		return grantRoles(ctx, tx, nodes[0], in)
	}
	actor := &registry.Actor{}
	if nodes[0] == nil {
		return nil, registry.Errorf(registry.FailedPrecondition, "%q holds no role here; an administrator grants one first, or with grantRoles", registry.Shorten(in.Subject, 60))
	}
	return actor, core.DecodeDoc(nodes[0], actor)
}

// grantRoles grants a subject the roles of a token that it does not hold yet, on its models or on
// everything. That needs access.manage.
func grantRoles(ctx context.Context, tx *policies.Tx, old *graph.Node, in CreateAPITokenInput) (*registry.Actor, error) {
	actor, since := &registry.Actor{Subject: in.Subject, CreatedAt: tx.Now()}, tx.Now()
	if old != nil {
		if err := core.DecodeDoc(old, actor); err != nil {
			return nil, err
		}
		since = old.ValidFrom
	}
	scopes := []string{registry.ScopeAll}
	if len(in.Models) > 0 {
		scopes = nil
		for _, m := range in.Models {
			scopes = append(scopes, registry.ModelScope(m))
		}
	}
	changed := false
	for _, role := range in.Roles {
		for _, scope := range scopes {
			if g := (registry.Grant{Role: role, Scope: scope}); !registry.Covers(actor.Grants, g) {
				actor.Grants, changed = append(actor.Grants, g), true
			}
		}
	}
	switch {
	case !changed:
		return actor, nil
	case !tx.May(registry.AccessManage, ""):
		return nil, registry.Errorf(registry.Forbidden, "%q does not hold these roles yet, and granting them needs %s; ask an administrator", registry.Shorten(in.Subject, 60), registry.AccessManage)
	}
	actor.ID, actor.ValidFrom = registry.ActorID(in.Subject), since
	return actor, core.PutNoun(ctx, tx, actor, tx.Now())
}

// checkToken refuses a token that would give its maker more than it has now, and gives a token
// the limits of the token that makes it.
func (a *Access) checkToken(tx *policies.Tx, subject *registry.Actor, t *registry.Token) error {
	for _, role := range t.Roles {
		if !slices.ContainsFunc(subject.Grants, func(g registry.Grant) bool { return g.Role == role }) {
			return registry.Invalid("roles", "%q does not hold the role %q; an administrator grants it first, or with grantRoles", registry.Shorten(t.Subject, 60), role)
		}
	}
	caller := tx.Scope().Actor()
	if made := caller.Token; made != nil {
		if len(t.Roles) == 0 {
			t.Roles = made.Roles
		}
		if len(t.Models) == 0 {
			t.Models = made.Models
		}
		if !made.ExpiresAt.IsZero() && (t.ExpiresAt.IsZero() || t.ExpiresAt.After(made.ExpiresAt)) {
			return registry.Invalid("expiresAt", "must not lie after %s, when the token expires that you came with", made.ExpiresAt.Format(time.RFC3339))
		}
		if !within(t.Roles, made.Roles) || !within(t.Models, made.Models) {
			return registry.Errorf(registry.Forbidden, "your token is limited to the roles %v and the models %v, and a token that it makes cannot have others", made.Roles, made.Models)
		}
	}
	if tx.May(registry.AccessManage, "") {
		return nil // Who may grant every role gains nothing by a token.
	}
	for _, g := range t.Limit(subject.Grants) {
		if !registry.Covers(caller.Grants, g) {
			return registry.Errorf(registry.Forbidden, "the token would give the role %s on %s, which you do not hold; limit its roles or models", g.Role, g.Scope)
		}
	}
	return nil
}

// within reports whether all values are among those of a limit; without a limit they are.
func within(values, limit []string) bool {
	return len(limit) == 0 || !slices.ContainsFunc(values, func(v string) bool { return !slices.Contains(limit, v) })
}

// RevokeAPITokenInput names a token to revoke.
type RevokeAPITokenInput struct {
	ID             registry.ID `json:"id"`
	IdempotencyKey *string     `json:"-"`
}

// RevokeAPITokenPayload carries the revoked token.
type RevokeAPITokenPayload struct{ APIToken *registry.Token }

// RevokeAPIToken revokes a token of the caller or, with token.manage.any, of anybody. This
// server refuses it at once, others within a second. Revoking it again changes nothing.
func (a *Access) RevokeAPIToken(ctx context.Context, in RevokeAPITokenInput) (*RevokeAPITokenPayload, error) {
	result, err := a.core.Write(ctx, registry.TokenManageOwn, core.Idempotent("revokeApiToken", in.IdempotencyKey, in), func(ctx context.Context, tx *policies.Tx) (core.WriteResult, error) {
		n, err := tx.Scope().Token(ctx, in.ID)
		if err != nil {
			return core.WriteResult{}, err
		}
		if n == nil {
			return core.WriteResult{}, registry.Errorf(registry.NotFound, "there is no such token; list yours with the query apiTokens")
		}
		t, err := core.DecodeWhole(n, &registry.Token{})
		if err != nil || !t.RevokedAt.IsZero() {
			return core.WriteResult{IDs: []registry.ID{in.ID}}, err
		}
		t.RevokedAt = tx.Now()
		revoked, err := core.EncodeNode(t, t.Name, tx.Now(), n.Slots...)
		if err != nil {
			return core.WriteResult{}, err
		}
		if err := tx.Put(ctx, revoked); err != nil {
			return core.WriteResult{}, err
		}
		return core.WriteResult{IDs: []registry.ID{in.ID}, Changed: true}, tx.Log(ctx, registry.LogEntry{Action: registry.LogTokenRevoked,
			Objects: []registry.ID{t.ID, t.Parent}, Detail: tokenDetail(t)})
	})
	if err != nil {
		return nil, err
	}
	t, err := a.readToken(ctx, result.IDs[0])
	return &RevokeAPITokenPayload{t}, err
}

// readToken reads a token that the caller may manage, nil when there is none.
func (a *Access) readToken(ctx context.Context, id registry.ID) (*registry.Token, error) {
	scope, err := a.core.Gate.Read(ctx, registry.TokenManageOwn)
	if err != nil {
		return nil, err
	}
	n, err := scope.Token(ctx, id)
	if err != nil || n == nil {
		return nil, err
	}
	return core.DecodeWhole(n, &registry.Token{})
}

// TokenEdge is a token in a page.
type TokenEdge struct {
	Cursor string
	Node   *registry.Token
}

// TokenConnection is a page of tokens.
type TokenConnection struct{ core.Connection[*TokenEdge] }

// APITokens returns one page of the tokens of a subject, newest first. Without a subject it
// lists the caller's own, and all for who has token.manage.any.
func (a *Access) APITokens(ctx context.Context, subject string, p core.Paging) (*TokenConnection, error) {
	scope, err := a.core.Gate.Read(ctx, registry.TokenManageOwn)
	if err != nil {
		return nil, err
	}
	size, err := p.Size(50)
	if err != nil {
		return nil, err
	}
	core.ToNFC(&subject)
	l := core.NewListIdentity([]any{"tokens", subject}, registry.IndexValidFrom, true)
	q := graph.Query{Limit: max(size, 1)}
	if q.After, err = a.core.OpenKeyCursor(scope, l, p.After); err != nil {
		return nil, err
	}
	page, err := scope.Tokens(ctx, subject, q)
	if err != nil {
		return nil, err
	}
	shown := page.Nodes[:min(size, len(page.Nodes))]
	conn := &TokenConnection{core.Connection[*TokenEdge]{Edges: []*TokenEdge{}}}
	conn.PageInfo.HasNextPage, conn.PageInfo.HasPreviousPage = page.More || len(shown) < len(page.Nodes), q.After != nil
	for i, n := range shown {
		t, err := core.DecodeWhole(n, &registry.Token{})
		if err != nil {
			return nil, err
		}
		cursor := a.core.SealKeyCursor(scope, l, n)
		if i == 0 {
			conn.PageInfo.StartCursor = cursor
		}
		conn.PageInfo.EndCursor = cursor
		conn.Edges = append(conn.Edges, &TokenEdge{cursor, t})
	}
	conn.Count = func(ctx context.Context) (*int, error) {
		counted, err := scope.Tokens(ctx, subject, graph.Query{Limit: 1, Count: true})
		if err != nil || counted.Total < 0 {
			return nil, err
		}
		return new(int(counted.Total)), nil
	}
	return conn, nil
}

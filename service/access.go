package service

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"slices"
	"time"

	"pedigree/graph"
	"pedigree/policies"
	"pedigree/registry"
)

// Viewer is who asks, and what they may do.
type Viewer struct {
	Subject string
	Roles   []string
	Grants  []registry.Grant
	Actions []string
}

// Viewer returns who the context acts for.
func (s *Service) Viewer(ctx context.Context) (*Viewer, error) {
	scope, err := s.gate.Read(ctx, registry.ViewerRead)
	if err != nil {
		return nil, err
	}
	v := &Viewer{Subject: scope.Actor().Subject, Roles: scope.Roles(), Grants: scope.Actor().Grants, Actions: []string{}}
	for _, a := range registry.Actions() {
		if scope.May(a) {
			v.Actions = append(v.Actions, string(a))
		}
	}
	return v, nil
}

// TokenPrefix starts every token, so that secret scanners can find a lost one.
const TokenPrefix = "pdg_"

// NewToken makes the text of a token from 32 random bytes.
func NewToken() string {
	b := make([]byte, 32)
	rand.Read(b)
	return TokenPrefix + base64.RawURLEncoding.EncodeToString(b)
}

// CreateTokenInput says for whom a token is made.
type CreateTokenInput struct {
	Subject string
	// Role and Scope are granted to the subject if it does not hold them yet.
	Role, Scope string
	// Name tells the subject's tokens apart. ExpiresAt zero: it does not expire.
	Name      string
	ExpiresAt time.Time
	// Token is the text to take, NewToken's when empty.
	Token string
}

// CreateToken makes a token for a subject and grants it a role; it returns the
// token's text, which is stored nowhere.
func (s *Service) CreateToken(ctx context.Context, in CreateTokenInput) (string, error) {
	if in.Scope == "" {
		in.Scope = registry.ScopeAll
	}
	if err := firstError(checkRequiredKey("subject", &in.Subject), checkKey("name", &in.Name), checkTime("expiresAt", in.ExpiresAt)); err != nil {
		return "", err
	}
	if !s.gate.Policy().HasRole(in.Role) {
		return "", registry.Invalid("role", "%q is no role of the policy; use one of %v", in.Role, s.gate.Policy().Roles())
	}
	if in.Token == "" {
		in.Token = NewToken()
	}
	if len(in.Token) < 16 || len(in.Token) > 512 {
		return "", registry.Invalid("token", "must have 16 to 512 characters")
	}
	sum := sha256.Sum256([]byte(in.Token))
	hash := hex.EncodeToString(sum[:])
	_, err := s.write(ctx, registry.AccessManage, idempotentCall{}, func(ctx context.Context, tx *policies.Tx) (writeResult, error) {
		found, err := tx.House(ctx, registry.ActorID(in.Subject), registry.TokenID(hash))
		if err != nil {
			return writeResult{}, err
		}
		granted, err := addGrant(ctx, tx, found[0], in)
		if err != nil || found[1] != nil && !granted {
			return writeResult{}, err
		}
		t := &registry.Token{Subject: in.Subject, Name: in.Name, CreatedAt: tx.Now(), ExpiresAt: storedTime(in.ExpiresAt, time.Time{})}
		t.ID, t.Parent, t.ValidFrom = registry.TokenID(hash), registry.ActorID(in.Subject), tx.Now()
		if found[1] == nil {
			if err := putNoun(ctx, tx, t, tx.Now(), registry.TokenSlot(hash)); err != nil {
				return writeResult{}, err
			}
		}
		return writeResult{Created: true}, tx.Log(ctx, registry.LogEntry{Action: registry.LogTokenCreated, Objects: []registry.ID{registry.ActorID(in.Subject)},
			Detail: logDetail("subject", in.Subject, "role", in.Role, "scope", in.Scope)})
	})
	return in.Token, err
}

// checkRequiredKey is key for names that must not be empty.
func checkRequiredKey(field string, v *string) error {
	toNFC(v)
	return registry.CheckKey(field, *v)
}

// addGrant gives a subject a role within a scope; false when it holds it already.
func addGrant(ctx context.Context, tx *policies.Tx, old *graph.Node, in CreateTokenInput) (bool, error) {
	a := &registry.Actor{Subject: in.Subject, CreatedAt: tx.Now()}
	since := tx.Now()
	if old != nil {
		if err := decodeDoc(old, a); err != nil {
			return false, err
		}
		since = old.ValidFrom
	}
	g := registry.Grant{Role: in.Role, Scope: in.Scope}
	if slices.Contains(a.Grants, g) {
		return false, nil
	}
	a.Grants = append(a.Grants, g)
	a.ID, a.ValidFrom = registry.ActorID(in.Subject), since
	return true, putNoun(ctx, tx, a, tx.Now())
}

// Node returns any noun by its id, as of a past when one is given; nil when there
// is none that the caller sees.
func (s *Service) Node(ctx context.Context, id registry.ID, past ...PointInTime) (registry.Node, error) {
	nodes, err := s.Nodes(ctx, []registry.ID{id}, past...)
	if err != nil {
		return nil, err
	}
	return nodes[0], nil
}

// Nodes returns up to 100 nouns by their ids, as of a past when one is given, nil
// where there is none that the caller sees.
func (s *Service) Nodes(ctx context.Context, ids []registry.ID, past ...PointInTime) ([]registry.Node, error) {
	if len(ids) > maxIDs {
		return nil, registry.Invalid("ids", "must be at most %d, not %d", maxIDs, len(ids))
	}
	at, known, err := s.resolvePointInTime(ctx, past)
	if err != nil || !known {
		return make([]registry.Node, len(ids)), err
	}
	nodes, err := s.nodesAt(ctx, at, ids)
	if err != nil {
		return nil, err
	}
	for i, n := range nodes {
		if n == nil {
			continue
		}
		if isTombstone(n) {
			nodes[i] = nil // A tombstone stands in lineage alone.
			continue
		}
		switch n := n.(type) {
		case *registry.Token:
			nodes[i] = nil // Tokens have no door.
		case *registry.ModelCard:
			if nodes[i], err = s.cardNode(ctx, n); err != nil {
				return nil, err
			}
		}
	}
	return nodes, nil
}

// cardNode fills the derived fields of a card that was fetched by its own id; nil
// when its version is not seen.
func (s *Service) cardNode(ctx context.Context, c *registry.ModelCard) (registry.Node, error) {
	v, err := nounAs[*registry.ModelVersion](s.nodeAt(ctx, c.ReadAt, c.Parent))
	if err != nil || v == nil {
		return nil, err
	}
	whole, err := s.CardOf(ctx, v)
	if err != nil || whole == nil {
		return nil, err
	}
	return whole, nil
}

// SeenID returns an id when the caller sees the node that it names, nil when not.
func (s *Service) SeenID(ctx context.Context, id registry.ID) (*registry.ID, error) {
	if id == "" {
		return nil, nil
	}
	n, err := s.node(ctx, id)
	if err != nil || n == nil {
		return nil, err
	}
	return &id, nil
}

// MayReadMetrics answers FORBIDDEN for who may not read the server's metrics.
func (s *Service) MayReadMetrics(ctx context.Context) error {
	_, err := s.gate.Read(ctx, registry.MetricsRead)
	return err
}

// PolicyVersion is the version of the policy in force. It is open to all within
// the house.
func (s *Service) PolicyVersion() string { return s.gate.Policy().Version }

package access

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
	"pedigree/service/core"
)

// tokenPrefix starts every token, so that secret scanners can find leaked tokens.
const tokenPrefix = "pdg_"

// NewToken returns a new token with 32 random bytes.
func NewToken() string {
	b := make([]byte, 32)
	rand.Read(b)
	return tokenPrefix + base64.RawURLEncoding.EncodeToString(b)
}

// CreateTokenInput describes a new token.
type CreateTokenInput struct {
	Subject string
	// Role and Scope are granted to the subject if it does not hold them yet.
	Role, Scope string
	// Name distinguishes the tokens of a subject. A token with a zero ExpiresAt does not expire.
	Name      string
	ExpiresAt time.Time
	// Token is the token itself; when empty, NewToken makes one.
	Token string
}

// CreateToken creates a token for a subject and grants the subject a role. It returns the
// token; only its hash is stored.
func (a *Access) CreateToken(ctx context.Context, in CreateTokenInput) (string, error) {
	if in.Scope == "" {
		in.Scope = registry.ScopeAll
	}
	if err := core.FirstError(core.CheckRequiredKey("subject", &in.Subject), core.CheckKey("name", &in.Name), core.CheckTime("expiresAt", in.ExpiresAt)); err != nil {
		return "", err
	}
	if !a.core.Gate.Policy().HasRole(in.Role) {
		return "", registry.Invalid("role", "%q is no role of the policy; use one of %v", in.Role, a.core.Gate.Policy().Roles())
	}
	if in.Token == "" {
		in.Token = NewToken()
	}
	if len(in.Token) < 16 || len(in.Token) > 512 {
		return "", registry.Invalid("token", "must have 16 to 512 characters")
	}
	sum := sha256.Sum256([]byte(in.Token))
	hash := hex.EncodeToString(sum[:])
	_, err := a.core.Write(ctx, registry.AccessManage, core.NotIdempotent, func(ctx context.Context, tx *policies.Tx) (core.WriteResult, error) {
		found, err := tx.NodesUnfiltered(ctx, registry.ActorID(in.Subject), registry.TokenID(hash))
		if err != nil {
			return core.WriteResult{}, err
		}
		granted, err := addGrant(ctx, tx, found[0], in)
		if err != nil || found[1] != nil && !granted {
			return core.WriteResult{}, err
		}
		t := &registry.Token{Subject: in.Subject, Name: in.Name, CreatedBy: tx.Subject(), CreatedAt: tx.Now(), ExpiresAt: core.StoredTime(in.ExpiresAt, time.Time{})}
		if found[1] == nil {
			if err := putToken(ctx, tx, t, hash); err != nil {
				return core.WriteResult{}, err
			}
		}
		return core.WriteResult{Created: true}, tx.Log(ctx, registry.LogEntry{Action: registry.LogTokenCreated, Objects: []registry.ID{registry.ActorID(in.Subject)},
			Detail: core.LogDetail("subject", in.Subject, "role", in.Role, "scope", in.Scope)})
	})
	return in.Token, err
}

// addGrant grants a subject a role within a scope; false when it has that grant already.
func addGrant(ctx context.Context, tx *policies.Tx, old *graph.Node, in CreateTokenInput) (bool, error) {
	a := &registry.Actor{Subject: in.Subject, CreatedAt: tx.Now()}
	since := tx.Now()
	if old != nil {
		if err := core.DecodeDoc(old, a); err != nil {
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
	return true, core.PutNoun(ctx, tx, a, tx.Now())
}

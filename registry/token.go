package registry

import (
	"slices"
	"strings"
	"time"
)

// Token is an API token of a subject; only its hash is stored. It gives what the subject
// holds when it is used, within the limits of Roles and Models.
type Token struct {
	Meta
	Subject string `json:"subject,omitempty"`
	Name    string `json:"name,omitempty"`
	// Roles are the roles that the token is limited to; without any, it has all of its subject.
	Roles []string `json:"roles,omitempty"`
	// Models are the names of the models that the token is limited to; without any, it has
	// every scope of its subject.
	Models    []string  `json:"models,omitempty"`
	CreatedBy string    `json:"createdBy,omitempty"`
	CreatedAt time.Time `json:"createdAt,omitzero"`
	ExpiresAt time.Time `json:"expiresAt,omitzero"`
	RevokedAt time.Time `json:"revokedAt,omitzero"`
	// LastUsedAt is when the token was last used, as far as that was written down yet. It is a
	// counter: a store keeps it beside the token, not in its document.
	LastUsedAt time.Time `json:"lastUsedAt,omitzero"`
}

// TokenSlot is the unique key of a token: the SHA-256 of its text, in hex.
func TokenSlot(sha256hex string) string { return "token/" + sha256hex }

// TokenID is the id of a token by the SHA-256 of its text, in hex.
func TokenID(sha256hex string) ID { return NewID(KindToken, sha256hex) }

// Valid reports whether the token may be used at a time: it is not revoked and has not
// expired.
func (t *Token) Valid(now time.Time) bool {
	return t.RevokedAt.IsZero() && (t.ExpiresAt.IsZero() || now.Before(t.ExpiresAt))
}

// modelScope starts the scope of a grant on one model.
const modelScope = "model:"

// ModelScope returns the scope of a grant on the model of a name.
func ModelScope(name string) string { return modelScope + name }

// Limit returns what the token leaves of grants. A grant on everything becomes a grant on each
// of the token's models. Of other scopes only those on one of these models are left.
func (t *Token) Limit(grants []Grant) []Grant {
	out := []Grant{}
	for _, g := range grants {
		model, onModel := strings.CutPrefix(g.Scope, modelScope)
		switch {
		case len(t.Roles) > 0 && !slices.Contains(t.Roles, g.Role):
		case len(t.Models) == 0 || onModel && slices.Contains(t.Models, model):
			out = append(out, g)
		case g.Scope == ScopeAll:
			for _, name := range t.Models {
				out = append(out, Grant{Role: g.Role, Scope: ModelScope(name)})
			}
		}
	}
	return out
}

// Covers reports whether one of the grants gives all that a grant gives: the same role, on
// everything or within the same scope.
func Covers(grants []Grant, g Grant) bool {
	return slices.ContainsFunc(grants, func(held Grant) bool {
		return held.Role == g.Role && (held.Scope == ScopeAll || held.Scope == g.Scope)
	})
}

package registry

import "time"

// Actor is a subject that reads or writes: a person, a service or an importer.
type Actor struct {
	Meta
	Subject   string    `json:"subject,omitempty"`
	Grants    []Grant   `json:"grants,omitempty"`
	CreatedAt time.Time `json:"createdAt,omitzero"`
}

// Grant gives a subject a role within a scope.
type Grant struct {
	Role string `json:"role"`
	// Scope is what ParseGrantScope reads: "*" for everything, "model:NAME" for one model, or
	// "tag:KEY=VALUE" for the models with a tag; and what belongs to these models.
	Scope string `json:"scope"`
}

// The default roles.
const (
	RoleAdmin         = "admin"
	RoleDataScientist = "data_scientist"
	RoleDeveloper     = "developer"
	RoleViewer        = "viewer"
)

// ActorID is the id of a subject.
func ActorID(subject string) ID { return NewID(KindActor, subject) }

// Token is a bearer token of a subject; only its hash is stored.
type Token struct {
	Meta
	Subject   string    `json:"subject,omitempty"`
	Name      string    `json:"name,omitempty"`
	CreatedAt time.Time `json:"createdAt,omitzero"`
	ExpiresAt time.Time `json:"expiresAt,omitzero"`
	RevokedAt time.Time `json:"revokedAt,omitzero"`
}

// TokenSlot is the unique key of a token: the SHA-256 of its text, in hex.
func TokenSlot(sha256hex string) string { return "token/" + sha256hex }

// TokenID is the id of a token by the SHA-256 of its text, in hex.
func TokenID(sha256hex string) ID { return NewID(KindToken, sha256hex) }

package registry

import "time"

// Actor is a subject that reads or writes: a person, a service or an importer.
type Actor struct {
	Meta
	Subject   string    `json:"subject,omitempty"`
	Grants    []Grant   `json:"grants,omitempty"`
	CreatedAt time.Time `json:"createdAt,omitzero"`
	// Token is the token that the subject came with, nil when it came without one. It is not
	// stored; its limits have narrowed Grants.
	Token *Token `json:"-"`
	// Session is the browser's session that the subject came with, nil when it came without one.
	Session *Session `json:"-"`
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

package registry

import "time"

// GuardScope says what a transition guard applies to.
type GuardScope string

// The scopes of guards.
const (
	GuardRegistry GuardScope = "REGISTRY"
	GuardModel    GuardScope = "MODEL"
	GuardTag      GuardScope = "TAG"
)

// ApprovalProfile is what a guard asks for.
type ApprovalProfile string

// The profiles.
const (
	// ProfileOpen asks for no approval.
	ProfileOpen ApprovalProfile = "OPEN"
	// ProfileGuarded asks for approvals of transitions into the guarded stages.
	ProfileGuarded ApprovalProfile = "GUARDED"
)

// The values of a guarded profile that a guard leaves out, and the bounds.
const (
	DefaultApprovals  = 1
	MaxApprovals      = 20
	DefaultExpiryDays = 14
	MaxExpiryDays     = 366
)

// TransitionGuard is the configuration of approvals for the registry, for one model or for the
// models with a tag.
type TransitionGuard struct {
	Meta
	Name  string     `json:"name,omitempty"`
	Scope GuardScope `json:"scope,omitempty"`
	// Model is the name of the model of a guard of scope MODEL, Tag that of scope TAG.
	Model   string          `json:"model,omitempty"`
	Tag     *KeyValue       `json:"tag,omitempty"`
	Profile ApprovalProfile `json:"profile,omitempty"`
	// Stages are the guarded stages, Needed the number of approvals, Approvers who may give
	// them (empty: everyone who may approve), ExpiryDays how long a request stands.
	Stages     []Stage  `json:"stages,omitempty"`
	Needed     int      `json:"needed,omitempty"`
	Approvers  []string `json:"approvers,omitempty"`
	ExpiryDays int      `json:"expiryDays,omitempty"`
	// RequireSignature asks for a signature that holds, to enter Stages.
	RequireSignature bool      `json:"requireSignature,omitempty"`
	SetBy            string    `json:"setBy,omitempty"`
	SetAt            time.Time `json:"setAt,omitzero"`
}

// RegistryGuardID is the id of the guard of the whole registry.
func RegistryGuardID() ID { return NewID(KindTransitionGuard, string(GuardRegistry)) }

// ModelGuardID is the id of the guard of a model.
func ModelGuardID(model ID) ID { return NewID(KindTransitionGuard, string(GuardModel), string(model)) }

// TagGuardID is the id of the guard of the models with a tag.
func TagGuardID(tag KeyValue) ID {
	return NewID(KindTransitionGuard, string(GuardTag), tag.Key, tag.Value)
}

package registry

import "time"

// Alias is a movable name for a version of a model, such as champion.
type Alias struct {
	Meta
	Name      string    `json:"name,omitempty"`
	Model     ID        `json:"model,omitempty"`
	VersionID ID        `json:"versionId,omitempty"`
	Version   string    `json:"version,omitempty"`
	SetBy     string    `json:"setBy,omitempty"`
	SetAt     time.Time `json:"setAt,omitzero"`
}

// AliasID is the id of an alias of a model.
func AliasID(model ID, name string) ID { return NewID(KindAlias, string(model), name) }

// ProtectedAlias reports whether only callers who may transition a version to
// PRODUCTION may move an alias of this name.
func ProtectedAlias(name string) bool { return name == "production" || name == "champion" }

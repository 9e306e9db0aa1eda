package registry

import "time"

// Repository is a git repository that commits and tags belong to.
type Repository struct {
	Meta
	Name string `json:"name,omitempty"`
	// URL is the normalised URL of the origin remote, without credentials.
	URL           string    `json:"url,omitempty"`
	DefaultBranch string    `json:"defaultBranch,omitempty"`
	RecordedAt    time.Time `json:"recordedAt,omitzero"`
}

// RepositoryID is the id of a repository by its key: its given name, else its
// normalised origin URL, else its root commit.
func RepositoryID(key string) ID { return NewID(KindRepository, key) }

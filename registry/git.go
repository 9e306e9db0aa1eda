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

// Commit is a git commit.
type Commit struct {
	Meta
	// Name is the first twelve characters of the sha.
	Name       string   `json:"name,omitempty"`
	SHA        string   `json:"sha,omitempty"`
	Message    string   `json:"message,omitempty"`
	Author     string   `json:"author,omitempty"`
	Email      string   `json:"email,omitempty"`
	Committer  string   `json:"committer,omitempty"`
	Repository string   `json:"repository,omitempty"`
	ParentSHAs []string `json:"parentShas,omitempty"`
	// Role is what the commit did for the model, RoleEvidence the place that says so.
	Role         string    `json:"role,omitempty"`
	RoleEvidence string    `json:"roleEvidence,omitempty"`
	Signature    string    `json:"signature,omitempty"`
	AuthoredAt   time.Time `json:"authoredAt,omitzero"`
	CommittedAt  time.Time `json:"committedAt,omitzero"`
	RecordedAt   time.Time `json:"recordedAt,omitzero"`
}

// Walked marks a lineage node.
func (*Commit) Walked() {}

// CommitID is the id of a commit by its full sha.
func CommitID(sha string) ID { return NewID(KindCommit, sha) }

// Tag is a git tag that points at one commit. When a tag is moved, its node gets a
// ValidTo and a new node begins.
type Tag struct {
	Meta
	Name       string `json:"name,omitempty"`
	Repository string `json:"repository,omitempty"`
	// SHA is the commit the tag peels to.
	SHA       string `json:"sha,omitempty"`
	Annotated bool   `json:"annotated,omitempty"`
	Message   string `json:"message,omitempty"`
	Tagger    string `json:"tagger,omitempty"`
	// TaggedAt is the tagger's date. A lightweight tag has none: then it is the commit's
	// date and DateInferred is true.
	TaggedAt     time.Time `json:"taggedAt,omitzero"`
	DateInferred bool      `json:"dateInferred,omitempty"`
	// MovedAt is when an import found the tag on another commit; zero until then.
	MovedAt    time.Time `json:"movedAt,omitzero"`
	RecordedAt time.Time `json:"recordedAt,omitzero"`
}

// Walked marks a lineage node.
func (*Tag) Walked() {}

// TagID is the id of a tag of a repository while it points at one commit.
func TagID(repository ID, name, sha string) ID { return NewID(KindTag, string(repository), name, sha) }

// TagSlot is the unique key that the current node of a tag name holds.
func TagSlot(repository ID, name string) string { return "tag/" + string(repository) + "/" + name }

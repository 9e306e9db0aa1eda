package registry

import "time"

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

// Bare reports whether nothing is known of the commit but that something ran it: its sha, and a
// time that it was made before. Who reads the repository still has everything to tell.
func (c *Commit) Bare() bool {
	return c.Author == "" && c.Message == "" && c.AuthoredAt.IsZero() && len(c.ParentSHAs) == 0
}

// CommitID is the id of a commit by its full sha.
func CommitID(sha string) ID { return NewID(KindCommit, sha) }

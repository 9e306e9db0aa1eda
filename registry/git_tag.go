package registry

import "time"

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

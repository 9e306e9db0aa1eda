package registry

import "time"

// Artifact is a file or folder of a model version: a file whose bytes this registry stores, or a
// reference to one that lies elsewhere.
type Artifact struct {
	Meta
	Name string `json:"name,omitempty"`
	// URI is returned byte for byte and never opened. That of a stored file names its content.
	URI    string `json:"uri,omitempty"`
	Digest string `json:"digest,omitempty"`
	// SizeBytes is 0 or more.
	SizeBytes *int64 `json:"sizeBytes,omitempty"`
	Format    string `json:"format,omitempty"`
	// StorageKey is the name of the secret with the storage's credentials (Kubeflow's
	// storageKey), ServiceAccountName the account that may use it. Only admins see them.
	StorageKey         string    `json:"storageKey,omitempty"`
	ServiceAccountName string    `json:"serviceAccountName,omitempty"`
	RecordedAt         time.Time `json:"recordedAt,omitzero"`
	// Stored is true for a file whose bytes this registry has. No input sets it: only who sent the
	// bytes may make others read them.
	Stored bool `json:"stored,omitempty"`
	// Matches says whether the file had the digest, and the size, when it was last read where it
	// lies; nil when it never was.
	Matches    *bool     `json:"matches,omitempty"`
	VerifiedAt time.Time `json:"verifiedAt,omitzero"`
	VerifiedBy string    `json:"verifiedBy,omitempty"`
}

// ArtifactID is the id of an artifact by its version and name.
func ArtifactID(version ID, name string) ID { return NewID(KindArtifact, string(version), name) }

// StoredURI returns the URI of a stored file by its digest.
func StoredURI(digest string) string { return "blob:" + digest }

// DownloadPath returns the path of a stored file in the REST API, nil for a reference.
func (a *Artifact) DownloadPath() *string {
	if !a.Stored {
		return nil
	}
	path := "/api/v1/artifacts/" + string(a.ID) + "/content"
	return &path
}

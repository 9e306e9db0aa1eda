package registry

import "time"

// Artifact is a file or folder of a model version. The registry stores its URI, not
// its bytes.
type Artifact struct {
	Meta
	Name string `json:"name,omitempty"`
	// URI is returned byte for byte and never opened.
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
}

// ArtifactID is the id of an artifact by its version and name.
func ArtifactID(version ID, name string) ID { return NewID(KindArtifact, string(version), name) }

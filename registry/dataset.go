package registry

import "time"

// Dataset is a named data set; runs read and write its versions. As in OpenLineage it
// has a namespace (the data source) and a name within it.
type Dataset struct {
	Meta
	Name        string     `json:"name,omitempty"`
	Namespace   string     `json:"namespace,omitempty"`
	Description string     `json:"description,omitempty"`
	Owner       string     `json:"owner,omitempty"`
	Tags        []KeyValue `json:"tags,omitempty"`
	CreatedAt   time.Time  `json:"createdAt,omitzero"`
}

// DefaultNamespace is the namespace of datasets that are recorded without one.
const DefaultNamespace = "default"

// DatasetID is the id of a dataset by its namespace and name.
func DatasetID(namespace, name string) ID { return NewID(KindDataset, namespace, name) }

// DatasetVersion is one immutable state of a dataset.
type DatasetVersion struct {
	Meta
	// Name is the dataset's name; Version identifies the state.
	Name      string `json:"name,omitempty"`
	Namespace string `json:"namespace,omitempty"`
	// Version is the digest, else the system's own version, else the id of the
	// run that wrote it, else "unversioned".
	Version string `json:"version,omitempty"`
	// Digest is algorithm:hex, such as md5:5c58c678d04dcb799d0626fdf4a8bb1d.
	Digest      string `json:"digest,omitempty"`
	Description string `json:"description,omitempty"`
	// URI is where the data is stored; it is a label and nothing opens it.
	URI string `json:"uri,omitempty"`
	// SizeBytes and Rows are counts, 0 or more.
	SizeBytes *int64 `json:"sizeBytes,omitempty"`
	Rows      *int64 `json:"rows,omitempty"`
	// Role is the position of the data in the pipeline.
	Role       DataRole   `json:"role,omitempty"`
	Columns    []Column   `json:"columns,omitempty"`
	Tags       []KeyValue `json:"tags,omitempty"`
	CreatedAt  time.Time  `json:"createdAt,omitzero"`
	RecordedAt time.Time  `json:"recordedAt,omitzero"`
}

// Walked marks a lineage node.
func (*DatasetVersion) Walked() {}

// DataRole is the position of a dataset version in the pipeline.
type DataRole string

// The roles of data.
const (
	RawData      DataRole = "RAW"
	CleanedData  DataRole = "CLEANED"
	TrainingData DataRole = "TRAINING"
	OtherData    DataRole = "OTHER"
)

// DataRoles lists every role of data.
func DataRoles() []DataRole { return []DataRole{RawData, CleanedData, TrainingData, OtherData} }

// Unversioned is the version of a dataset state without a digest, version or run.
const Unversioned = "unversioned"

// DatasetVersionID is the id of a state of a dataset.
func DatasetVersionID(dataset ID, version string) ID {
	return NewID(KindDatasetVersion, string(dataset), version)
}

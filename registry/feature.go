package registry

import "time"

// Feature is a model input, such as a column of a training set.
type Feature struct {
	Meta
	Name        string `json:"name,omitempty"`
	Type        string `json:"type,omitempty"`
	Description string `json:"description,omitempty"`
	Owner       string `json:"owner,omitempty"`
	// Column is the dataset column that the feature is defined on.
	Column string `json:"column,omitempty"`
	// Of names the owner of the feature: a dataset (namespace and name) or a model.
	Of         string    `json:"of,omitempty"`
	CreatedAt  time.Time `json:"createdAt,omitzero"`
	RecordedAt time.Time `json:"recordedAt,omitzero"`
}

// Walked marks a lineage node.
func (*Feature) Walked() {}

// FeatureID is the id of a feature by its owner (the id of a dataset or model) and
// its column or name there.
func FeatureID(of ID, name string) ID { return NewID(KindFeature, string(of), name) }

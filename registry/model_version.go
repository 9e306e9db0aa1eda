package registry

import (
	"strconv"
	"time"
)

// ModelVersion is one trained version of a model, with its lifecycle stage.
type ModelVersion struct {
	Meta
	// Name is model-{model}-v{major}.{minor}.{patch}; ModelID {model}-v{version}.
	Name    string `json:"name,omitempty"`
	ModelID string `json:"modelId,omitempty"`
	// ModelName is the model's name when the version was registered.
	ModelName string `json:"modelName,omitempty"`
	Version   string `json:"version,omitempty"`
	// Number is 1, 2, 3… within the model, in order of registration.
	Number int `json:"number,omitempty"`
	// Label is the name of the version in another system, unique in the model.
	Label       string     `json:"label,omitempty"`
	Description string     `json:"description,omitempty"`
	Owner       string     `json:"owner,omitempty"`
	Tags        []KeyValue `json:"tags,omitempty"`
	Stage       Stage      `json:"stage,omitempty"`
	Creator     string     `json:"creator,omitempty"`
	// CreatedDate is when it was made, RecordedAt when it was registered here.
	CreatedDate time.Time `json:"createdDate,omitzero"`
	RecordedAt  time.Time `json:"recordedAt,omitzero"`
	UpdatedAt   time.Time `json:"updatedAt,omitzero"`
	// ReplacedBy is the version that replaced this one in PRODUCTION.
	ReplacedBy ID `json:"replacedBy,omitempty"`
	// Deprecation is its last deprecation, nil when there was none.
	Deprecation *VersionDeprecation `json:"deprecation,omitempty"`
	// Packaging is what its stored files say of how it is run, by their paths.
	Packaging []PackagingFile `json:"packaging,omitempty"`
}

// Walked marks a lineage node.
func (*ModelVersion) Walked() {}

// ModelVersionID is the id of a version within a model.
func ModelVersionID(model ID, version string) ID {
	return NewID(KindModelVersion, string(model), version)
}

// VersionName is the name of a version of a model: model-{model}-v{version}.
func VersionName(model string, v Version) string { return "model-" + model + "-v" + v.String() }

// VersionModelID is a card's modelId: {model}-v{version}.
func VersionModelID(model string, v Version) string { return model + "-v" + v.String() }

// LabelSlot is the unique key of a version's label within its model.
func LabelSlot(model ID, label string) string { return "label/" + string(model) + "/" + label }

func itoa(n int) string { return strconv.Itoa(n) }

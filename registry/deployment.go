package registry

import "time"

// Deployment is a model version that serves in an environment.
type Deployment struct {
	Meta
	// Name is a display name: environment/model version.
	Name        string `json:"name,omitempty"`
	Environment string `json:"environment,omitempty"`
	// Endpoint is the address that it serves at; it is a label and nothing opens it.
	Endpoint string `json:"endpoint,omitempty"`
	// TrafficPercent is the share of traffic it takes, 0 to 100.
	TrafficPercent *float64  `json:"trafficPercent,omitempty"`
	VersionID      ID        `json:"versionId,omitempty"`
	ModelName      string    `json:"modelName,omitempty"`
	Version        string    `json:"version,omitempty"`
	Owner          string    `json:"owner,omitempty"`
	Description    string    `json:"description,omitempty"`
	StartedAt      time.Time `json:"startedAt,omitzero"`
	EndedAt        time.Time `json:"endedAt,omitzero"`
	RecordedAt     time.Time `json:"recordedAt,omitzero"`
	// Live is whether it had started and had not ended at the as-of instant.
	Live bool `json:"live,omitempty"`
}

// Walked marks a lineage node.
func (*Deployment) Walked() {}

// DeploymentID is the id of a deployment by its natural key; start is in UTC.
func DeploymentID(environment, endpoint string, version ID, start time.Time) ID {
	return NewID(KindDeployment, environment, endpoint, string(version), start.UTC().Format(time.RFC3339Nano))
}

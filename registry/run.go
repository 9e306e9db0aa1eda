package registry

import "time"

// Run is one execution that reads and writes data: an activity of W3C PROV.
type Run struct {
	Meta
	Name string `json:"name,omitempty"`
	// Producer names the system that ran it, RunID its id there. Together they are its
	// natural key.
	Producer string  `json:"producer,omitempty"`
	RunID    string  `json:"runId,omitempty"`
	RunKind  RunKind `json:"runKind,omitempty"`
	// Status is stored only when it was told; a run without one reads as COMPLETE.
	Status RunStatus `json:"status,omitempty"`
	// Command is the command line; nothing executes it.
	Command     string     `json:"command,omitempty"`
	Description string     `json:"description,omitempty"`
	Parameters  JSON       `json:"parameters,omitempty"`
	Metrics     []Metric   `json:"metrics,omitempty"`
	Tags        []KeyValue `json:"tags,omitempty"`
	Actor       string     `json:"actor,omitempty"`
	StartedAt   time.Time  `json:"startedAt,omitzero"`
	EndedAt     time.Time  `json:"endedAt,omitzero"`
	RecordedAt  time.Time  `json:"recordedAt,omitzero"`
}

// Walked marks a lineage node.
func (*Run) Walked() {}

// RunKind is the purpose of a run.
type RunKind string

// The run kinds.
const (
	RunETL                RunKind = "ETL"
	RunFeatureEngineering RunKind = "FEATURE_ENGINEERING"
	RunTraining           RunKind = "TRAINING"
	RunEvaluation         RunKind = "EVALUATION"
	RunOther              RunKind = "OTHER"
)

// RunStatus is the state of a run.
type RunStatus string

// The run states.
const (
	RunRunning  RunStatus = "RUNNING"
	RunComplete RunStatus = "COMPLETE"
	RunFailed   RunStatus = "FAILED"
	RunAborted  RunStatus = "ABORTED"
)

// Ended reports whether the run has ended in this state.
func (s RunStatus) Ended() bool { return s != "" && s != RunRunning }

// RunKinds lists every run kind.
func RunKinds() []RunKind {
	return []RunKind{RunETL, RunFeatureEngineering, RunTraining, RunEvaluation, RunOther}
}

// RunStatuses lists every run state.
func RunStatuses() []RunStatus {
	return []RunStatus{RunRunning, RunComplete, RunFailed, RunAborted}
}

// NewRunID is the id of a run by its producer and its id there.
func NewRunID(producer, runID string) ID { return NewID(KindRun, producer, runID) }

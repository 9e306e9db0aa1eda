package registry

import (
	"strings"
	"time"
)

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
	// RunUnknown is the state of a run that began long ago, and whose end nobody told.
	RunUnknown RunStatus = "UNKNOWN"
)

// DefaultRunTimeout is how long a run goes on without being told to have ended, before nobody knows
// what became of it.
const DefaultRunTimeout = 7 * 24 * time.Hour

// StatusAt returns the state of a run at a time: a run that is RUNNING for longer than the timeout is
// UNKNOWN, unless it streams. A timeout of zero never comes.
func (r *Run) StatusAt(now time.Time, timeout time.Duration) RunStatus {
	if r.Status != RunRunning || timeout <= 0 || r.StartedAt.IsZero() || now.Sub(r.StartedAt) < timeout || r.Streams() {
		return r.Status
	}
	return RunUnknown
}

// Streams reports whether the run is of a job that goes on until it is stopped, as OpenLineage's
// facet jobType says.
func (r *Run) Streams() bool {
	for _, t := range r.Tags {
		if t.Key == "openlineage.job.type" && strings.HasSuffix(strings.ToUpper(t.Value), "STREAMING") {
			return true
		}
	}
	return false
}

// Ended reports whether the run has ended in this state.
func (s RunStatus) Ended() bool { return s != "" && s != RunRunning }

// RunKinds lists every run kind.
func RunKinds() []RunKind {
	return []RunKind{RunETL, RunFeatureEngineering, RunTraining, RunEvaluation, RunOther}
}

// RunStatuses lists every run state.
func RunStatuses() []RunStatus {
	return []RunStatus{RunRunning, RunComplete, RunFailed, RunAborted, RunUnknown}
}

// NewRunID is the id of a run by its producer and its id there.
func NewRunID(producer, runID string) ID { return NewID(KindRun, producer, runID) }

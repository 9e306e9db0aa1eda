package registry

// The tags of a version that say what MLflow knows of it and this registry has no field for.
const (
	MLflowTags         = "pedigree.mlflow."
	MLflowRunTag       = MLflowTags + "run_id"
	MLflowModelTag     = MLflowTags + "model_id"
	MLflowSignatureTag = MLflowTags + "signature"
	MLflowExampleTag   = MLflowTags + "input_example"
	MLflowFlavorsTag   = MLflowTags + "flavors"
)

// MLflowProducer is the producer of the runs of MLflow.
const MLflowProducer = "mlflow"

// UnreadRun says that a version waits for what a tracking system knows of its run.
type UnreadRun struct {
	Version     ID     `json:"version"`
	RunID       string `json:"runId"`
	LoggedModel string `json:"loggedModel,omitempty"`
	Source      string `json:"source,omitempty"`
	// Reason says why it is not read. GivenUp is true when it is not read again.
	Reason  string `json:"reason"`
	GivenUp bool   `json:"givenUp,omitempty"`
}

// UnreadRuns is the parent of the nodes of KindUnreadRun that are read again. RefusedRuns is that
// of those that never were to be: nobody looks through them.
const (
	UnreadRuns  ID = "unread_runs"
	RefusedRuns ID = "refused_runs"
)

// UnreadRunID is the id of the node that says that the run of a version is not read.
func UnreadRunID(version ID) ID { return NewID(KindUnreadRun, string(version)) }

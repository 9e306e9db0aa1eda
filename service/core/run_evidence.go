package core

import (
	"context"

	"pedigree/registry"
)

// TrackedRun names the run, in a tracking system, that made a version of a model, or else by
// LoggedModel the model that the run logged. Source is where its files lie. What is not known is "".
type TrackedRun struct{ RunID, LoggedModel, Source, Model string }

// RunEvidence is what a tracking system knows of a run.
type RunEvidence struct {
	// Facts are the run and what it read and ran, causes before effects, and the features of its
	// model.
	Facts []Fact
	// Run is the id of the run.
	Run registry.ID
	// Card has what the run says of the model, Tags what it says of the version.
	Card *registry.ModelCard
	Tags []registry.KeyValue
	// Ended is false for a run that goes on.
	Ended bool
}

// RunReader reads runs from a tracking system. It answers NOT_FOUND for a run that does not exist,
// UNAVAILABLE when the system does not answer, and nil for a model that no run logged.
type RunReader interface {
	ReadRun(ctx context.Context, run TrackedRun) (*RunEvidence, error)
}

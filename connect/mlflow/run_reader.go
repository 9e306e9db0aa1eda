package mlflow

import (
	"context"
	"sync"
	"time"

	"pedigree/registry"
	"pedigree/service/core"
)

// RunReader reads runs from a tracking server for the registry: a core.RunReader. After a read
// without an answer it asks nobody for a while, so that registrations do not wait for a server
// that is down.
type RunReader struct {
	client *Client
	now    func() time.Time

	mu    sync.Mutex
	until time.Time
}

// quiet is how long nobody is asked after a read without an answer.
const quiet = 10 * time.Second

// NewRunReader returns a reader of the runs of a server.
func NewRunReader(server string, login Login, now func() time.Time) (*RunReader, error) {
	c, err := NewClient(server, login, Once())
	return &RunReader{client: c, now: now}, err
}

// ReadRun reads a run, and what its model says of itself.
func (r *RunReader) ReadRun(ctx context.Context, of core.TrackedRun) (*core.RunEvidence, error) {
	if of.RunID != "" && !runIDForm.MatchString(of.RunID) {
		return nil, registry.Errorf(registry.InvalidArgument, "%q is no id of a run of MLflow", registry.Shorten(of.RunID, 60))
	}
	r.mu.Lock()
	waits := r.now().Before(r.until)
	r.mu.Unlock()
	if waits {
		return nil, registry.Errorf(registry.Unavailable, "the tracking server did not answer a moment ago")
	}
	e, err := readEvidence(ctx, r.client, of.RunID, of.Source, of.LoggedModel, of.Model)
	if registry.CodeOf(err) == registry.Unavailable {
		r.mu.Lock()
		r.until = r.now().Add(quiet)
		r.mu.Unlock()
	}
	if err != nil || e == nil {
		return nil, err
	}
	return e.toCore(), nil
}

// runSource is where runs are read from: a server, a folder or a database.
type runSource interface {
	run(ctx context.Context, id string) (*run, error)
	// runOfModel returns the id of the run that logged a model, "" when none did.
	runOfModel(ctx context.Context, loggedModel string) (string, error)
	// modelFile returns the file MLmodel of a model, nil when there is none.
	modelFile(ctx context.Context, at modelPlace) ([]byte, error)
}

// readEvidence reads a run and its model, and maps them. It returns nil for a model that no run
// logged.
func readEvidence(ctx context.Context, s runSource, runID, source, loggedModel, model string) (*evidence, error) {
	at, ok := placeOf(source, runID, loggedModel)
	if runID == "" && at.loggedModel != "" {
		var err error
		if runID, err = s.runOfModel(ctx, at.loggedModel); err != nil {
			return nil, err
		}
	}
	if !runIDForm.MatchString(runID) {
		return nil, nil
	}
	r, err := s.run(ctx, runID)
	if err != nil {
		return nil, err
	}
	if !ok {
		at, ok = placeOf("", runID, loggedModelOf(r))
	}
	file := &modelFile{}
	if ok {
		body, err := s.modelFile(ctx, at)
		if err != nil {
			return nil, err
		}
		file = parseModelFile(body)
	}
	return evidenceOf(r, file, model), nil
}

package service

import (
	"context"
	"slices"
	"time"

	"pedigree/graph"
	"pedigree/policies"
	"pedigree/registry"
)

// RecordRunInput are the facts of a run.
type RecordRunInput struct {
	Producer       string
	RunID          string
	Name           string
	RunKind        registry.RunKind
	Status         registry.RunStatus
	Command        string
	Description    string
	Parameters     registry.JSON
	Metrics        []registry.Metric
	Tags           []registry.KeyValue
	StartedAt      time.Time
	EndedAt        time.Time
	Inputs         []registry.ID
	Outputs        []registry.ID
	Commits        []string
	IdempotencyKey *string `json:"-"`
}

// RecordRunPayload carries the run, whether it is new, and which of its outputs
// it had also read.
type RecordRunPayload struct {
	Run       *registry.Run
	Created   bool
	Unchanged []registry.ID
}

func (in *RecordRunInput) check() error {
	if in.RunKind == "" {
		in.RunKind = registry.RunOther
	}
	if in.Status == "" {
		in.Status = registry.RunComplete
	}
	if err := first(key("producer", &in.Producer), key("runId", &in.RunID), key("name", &in.Name), text("command", &in.Command),
		text("description", &in.Description), registry.CheckMetrics("metrics", in.Metrics), checkTags("tags", in.Tags),
		checkTime("startedAt", in.StartedAt), checkTime("endedAt", in.EndedAt)); err != nil {
		return err
	}
	switch {
	case in.Producer == "" || in.RunID == "" || in.Name == "":
		return registry.Invalid("runId", "producer, runId and name must not be empty")
	case len(in.Inputs)+len(in.Outputs)+len(in.Commits) > 1000:
		return registry.Invalid("inputs", "more than 1000 inputs, outputs and commits; link the rest with linkLineage")
	case !in.EndedAt.IsZero() && !in.StartedAt.IsZero() && in.EndedAt.Before(in.StartedAt):
		return registry.Invalid("endedAt", "lies before startedAt")
	}
	for i := range in.Commits {
		if err := checkSHA("commits", &in.Commits[i]); err != nil {
			return err
		}
	}
	return nil
}

// RecordRun records a run with what it read, wrote and ran. A version that it
// both read and wrote is unchanged and gets no GENERATED_BY.
func (s *Service) RecordRun(ctx context.Context, in RecordRunInput) (*RecordRunPayload, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	unchanged := []registry.ID{}
	for _, id := range in.Outputs {
		if slices.Contains(in.Inputs, id) {
			unchanged = append(unchanged, id)
		}
	}
	r, err := s.write(ctx, registry.RunRecord, idempotent{"recordRun", in.IdempotencyKey, in}, func(ctx context.Context, tx *policies.Tx) (result, error) {
		return s.recordRun(ctx, tx, in)
	})
	if err != nil {
		return nil, err
	}
	run, err := one[*registry.Run](s.after(ctx, r.IDs[0]))
	return &RecordRunPayload{run, r.Created, unchanged}, err
}

func (s *Service) recordRun(ctx context.Context, tx *policies.Tx, in RecordRunInput) (result, error) {
	run := &registry.Run{Name: in.Name, Producer: in.Producer, RunID: in.RunID, RunKind: in.RunKind, Status: in.Status, Command: in.Command,
		Description: in.Description, Parameters: in.Parameters, Metrics: in.Metrics, Tags: in.Tags, Actor: tx.Subject(),
		EndedAt: when(in.EndedAt, time.Time{}), RecordedAt: tx.Now()}
	run.ID = registry.NewRunID(in.Producer, in.RunID)
	found, err := tx.House(ctx, run.ID)
	if err != nil {
		return result{}, err
	}
	changed, err := putFact(ctx, tx, found[0], run, in.StartedAt, func(at time.Time) { run.StartedAt = at })
	if err != nil {
		return result{}, err
	}
	var edges []*graph.Edge
	for _, id := range in.Inputs {
		edges = append(edges, &graph.Edge{Kind: registry.EdgeUsed, From: run.ID, To: id})
	}
	for _, sha := range in.Commits {
		edges = append(edges, &graph.Edge{Kind: registry.EdgeRanCode, From: run.ID, To: registry.CommitID(sha)})
	}
	for _, id := range in.Outputs {
		if !slices.Contains(in.Inputs, id) {
			edges = append(edges, &graph.Edge{Kind: registry.EdgeGeneratedBy, From: id, To: run.ID})
		}
	}
	return finishFact(ctx, tx, found[0] == nil, changed, run.ID, edges, registry.LogEntry{Action: registry.LogRunRecorded,
		Objects: []registry.ID{run.ID}, Detail: detail("producer", run.Producer, "runId", run.RunID, "name", run.Name)})
}

// RunEdge is a run in a page.
type RunEdge struct {
	Cursor string
	Node   *registry.Run
}

// RunConnection is a page of runs.
type RunConnection struct{ Connection[*RunEdge] }

// RunFilter says which runs to keep; empty fields keep all.
type RunFilter struct {
	RunKind    registry.RunKind
	NamePrefix string
	// The run started at StartedFrom or later, before StartedBefore.
	StartedFrom, StartedBefore *time.Time
}

// Runs lists the runs that the caller sees, by name if not said otherwise.
func (s *Service) Runs(ctx context.Context, p Paging, f *RunFilter, o *RunOrder) (*RunConnection, error) {
	scope, err := s.gate.Read(ctx, registry.CatalogRead)
	if err != nil {
		return nil, err
	}
	q := graph.Query{Kinds: []registry.Kind{registry.KindRun}, Order: registry.IndexName}
	if f != nil {
		q.Where = slices.Concat(where("run_kind", string(f.RunKind)), prefixed(f.NamePrefix), within(span{f.StartedFrom, f.StartedBefore}))
	}
	if o != nil {
		sortBy(&q, o.Field, o.Direction)
	}
	c, err := find(ctx, s, scope, q, []any{"runs", f}, p, func(cursor string, r *registry.Run) *RunEdge { return &RunEdge{cursor, r} })
	if err != nil {
		return nil, err
	}
	return &RunConnection{*c}, nil
}

// Run returns a run by id, or by producer and the id there, as of a past when one
// is given; nil when there is none that the caller sees.
func (s *Service) Run(ctx context.Context, id *registry.ID, producer, runID *string, past ...Past) (*registry.Run, error) {
	switch {
	case id != nil && producer == nil && runID == nil:
		return get[*registry.Run](ctx, s, *id, past)
	case id == nil && producer != nil && runID != nil:
		clean(producer, runID)
		return get[*registry.Run](ctx, s, registry.NewRunID(*producer, *runID), past)
	}
	return nil, registry.Invalid("id", "give the id, or producer and runId")
}

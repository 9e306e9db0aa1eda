package facts

import (
	"context"
	"slices"
	"time"

	"pedigree/graph"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service/core"
)

// RecordRunInput describes a run with what it read (Inputs), wrote (Outputs) and ran (Commits).
type RecordRunInput struct {
	Producer       string              `json:"producer,omitzero"`
	RunID          string              `json:"runId,omitzero"`
	Name           string              `json:"name,omitzero"`
	RunKind        registry.RunKind    `json:"runKind,omitzero"`
	Status         registry.RunStatus  `json:"status,omitzero"`
	Command        string              `json:"command,omitzero"`
	Description    string              `json:"description,omitzero"`
	Parameters     registry.JSON       `json:"parameters,omitzero"`
	Metrics        []registry.Metric   `json:"metrics,omitzero"`
	Tags           []registry.KeyValue `json:"tags,omitzero"`
	StartedAt      time.Time           `json:"startedAt,omitzero"`
	EndedAt        time.Time           `json:"endedAt,omitzero"`
	Inputs         []registry.ID       `json:"inputs,omitzero"`
	Outputs        []registry.ID       `json:"outputs,omitzero"`
	Commits        []string            `json:"commits,omitzero"`
	IdempotencyKey *string             `json:"-"`
}

// RecordRunPayload has the run, whether it is new, which of its outputs are also inputs, and
// the names of told fields that were not taken; see core.Written.
type RecordRunPayload struct {
	Run       *registry.Run
	Created   bool
	NotTaken  []string
	Unchanged []registry.ID
}

func (in *RecordRunInput) check() error {
	if err := core.FirstError(core.CheckKey("producer", &in.Producer), core.CheckKey("runId", &in.RunID), core.CheckKey("name", &in.Name), core.CheckText("command", &in.Command),
		core.CheckText("description", &in.Description), registry.CheckMetrics("metrics", in.Metrics), core.CheckTags("tags", in.Tags),
		core.CheckTime("startedAt", in.StartedAt), core.CheckTime("endedAt", in.EndedAt)); err != nil {
		return err
	}
	if in.RunKind != "" && !slices.Contains(registry.RunKinds(), in.RunKind) || in.Status != "" && !slices.Contains(registry.RunStatuses(), in.Status) {
		return registry.Invalid("runKind", "runKind must be one of %v and status one of %v", registry.RunKinds(), registry.RunStatuses())
	}
	if len(in.Parameters) > registry.MaxJSON {
		return registry.Invalid("parameters", "is larger than %d bytes", registry.MaxJSON)
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
		if err := core.CheckSHA("commits", &in.Commits[i]); err != nil {
			return err
		}
	}
	return nil
}

// RecordRun records a run with its inputs, outputs and commits. A version that is both input
// and output was not changed by the run and gets no GENERATED_BY edge.
func (r *Recorder) RecordRun(ctx context.Context, in RecordRunInput) (*RecordRunPayload, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	unchanged := []registry.ID{}
	for _, id := range in.Outputs {
		if slices.Contains(in.Inputs, id) {
			unchanged = append(unchanged, id)
		}
	}
	result, err := r.core.Write(ctx, registry.RunRecord, core.Idempotent("recordRun", in.IdempotencyKey, in), func(ctx context.Context, tx *policies.Tx) (core.WriteResult, error) {
		return writeRun(ctx, tx, in)
	})
	if err != nil {
		return nil, err
	}
	run, err := core.NounAs[*registry.Run](r.core.ReadBack(ctx, result, result.IDs[0]))
	return &RecordRunPayload{run, result.Created, result.NotTaken, unchanged}, err
}

func writeRun(ctx context.Context, tx *policies.Tx, in RecordRunInput) (core.WriteResult, error) {
	run := &registry.Run{Name: in.Name, Producer: in.Producer, RunID: in.RunID, RunKind: in.RunKind, Status: in.Status, Command: in.Command,
		Description: in.Description, Parameters: in.Parameters, Metrics: in.Metrics, Tags: in.Tags, Actor: tx.Subject(),
		EndedAt: core.StoredTime(in.EndedAt, time.Time{}), RecordedAt: tx.Now()}
	run.ID = registry.NewRunID(in.Producer, in.RunID)
	if run.RunKind == registry.RunOther {
		run.RunKind = "" // It says no more than nothing.
	}
	runsAfterItsEnd := run.Status == registry.RunRunning && !run.EndedAt.IsZero()
	if runsAfterItsEnd {
		run.Status = "" // An end that is told later does the same to a stored RUNNING.
	}
	found, err := tx.NodesUnfiltered(ctx, run.ID)
	if err != nil {
		return core.WriteResult{}, err
	}
	written, err := core.PutFact(ctx, tx, core.ToldFact{Old: found[0], Noun: run, At: in.StartedAt, SetTime: func(at time.Time) { run.StartedAt = at },
		Defaults: map[string]string{"runKind": string(registry.RunOther)}})
	if err != nil {
		return core.WriteResult{}, err
	}
	if runsAfterItsEnd {
		written.NotTaken = append(written.NotTaken, "status")
		slices.Sort(written.NotTaken)
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
	return core.LinkAndLog(ctx, tx, written, run.ID, edges, registry.LogEntry{Action: registry.LogRunRecorded,
		Objects: []registry.ID{run.ID}, Detail: core.LogDetail("producer", run.Producer, "runId", run.RunID, "name", run.Name)})
}

// RunEdge is a run in a page.
type RunEdge struct {
	Cursor string
	Node   *registry.Run
}

// RunConnection is a page of runs.
type RunConnection struct{ core.Connection[*RunEdge] }

// RunFilter selects runs; empty fields match all.
type RunFilter struct {
	RunKind    registry.RunKind
	NamePrefix string
	// StartedFrom (inclusive) and StartedBefore (exclusive) bound the start time.
	StartedFrom, StartedBefore *time.Time
}

// Runs returns one page of the runs that the caller sees, by name unless o gives another order.
func (r *Recorder) Runs(ctx context.Context, p core.Paging, f *RunFilter, o *core.RunOrder) (*RunConnection, error) {
	scope, err := r.core.Gate.Read(ctx, registry.CatalogRead)
	if err != nil {
		return nil, err
	}
	q := graph.Query{Kinds: []registry.Kind{registry.KindRun}, Order: registry.IndexName}
	if f != nil {
		q.Where = slices.Concat(core.EqualTo("run_kind", string(f.RunKind)), core.NameStartsWith(f.NamePrefix), core.BeganWithin(core.TimeRange{From: f.StartedFrom, Before: f.StartedBefore}))
	}
	if o != nil {
		core.SortBy(&q, o.Field, o.Direction)
	}
	conn, err := core.FindPage(ctx, r.core, scope, q, []any{"runs", f}, p, func(cursor string, run *registry.Run) *RunEdge { return &RunEdge{cursor, run} })
	if err != nil {
		return nil, err
	}
	return &RunConnection{*conn}, nil
}

// Run returns a run by id, or by producer and the run id there, optionally at a point in time;
// nil when there is none that the caller sees.
func (r *Recorder) Run(ctx context.Context, id *registry.ID, producer, runID *string, past ...core.PointInTime) (*registry.Run, error) {
	switch {
	case id != nil && producer == nil && runID == nil:
		return core.GetNoun[*registry.Run](ctx, r.core, *id, past)
	case id == nil && producer != nil && runID != nil:
		core.ToNFC(producer, runID)
		return core.GetNoun[*registry.Run](ctx, r.core, registry.NewRunID(*producer, *runID), past)
	}
	return nil, registry.Invalid("id", "give the id, or producer and runId")
}

// FactKind returns registry.FactRun.
func (*RecordRunInput) FactKind() registry.FactKind { return registry.FactRun }

// FactAction returns the action that recording needs permission for.
func (*RecordRunInput) FactAction() registry.Action { return registry.RunRecord }

// CheckFact checks the input as one fact of a batch.
func (in *RecordRunInput) CheckFact() error {
	return core.FirstError(core.RefuseIdempotencyKey(in.IdempotencyKey), in.check())
}

// ResolveFact returns a copy with every reference replaced.
func (in *RecordRunInput) ResolveFact(r core.References) core.Fact {
	out := *in
	out.Inputs, out.Outputs = r.All(in.Inputs), r.All(in.Outputs)
	return &out
}

// FactReads returns the nodes, and the effects of edges, that WriteFact will read.
func (in *RecordRunInput) FactReads() (ids, effects []registry.ID) {
	ids = slices.Clone(in.Inputs)
	for _, sha := range in.Commits {
		ids = append(ids, registry.CommitID(sha))
	}
	return ids, append(slices.Clone(in.Outputs), registry.NewRunID(in.Producer, in.RunID))
}

// WriteFact writes the fact in a transaction.
func (in *RecordRunInput) WriteFact(ctx context.Context, tx *policies.Tx) (core.WriteResult, error) {
	return writeRun(ctx, tx, *in)
}

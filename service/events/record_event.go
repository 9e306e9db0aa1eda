package events

import (
	"context"

	"pedigree/graph"
	"pedigree/openlineage"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service/core"
)

// RecordLineageEvent merges one OpenLineage event, as JSON, into the graph, in one transaction. It
// reports false when the event told nothing new, such as the second time that it is sent. An
// event that is not valid is INVALID_ARGUMENT, with the path of the wrong member.
func (r *EventRecorder) RecordLineageEvent(ctx context.Context, raw []byte) (bool, error) {
	if err := r.mayRecordEvents(ctx); err != nil {
		return false, err
	}
	e, err := openlineage.Parse(raw)
	if err != nil {
		return false, err
	}
	action := registry.RunRecord
	if e.Kind == openlineage.DatasetEvent {
		action = registry.DatasetRecord
	}
	if err := core.CheckNotAhead("eventTime", e.Time, r.core.Now()); err != nil {
		return false, err
	}
	if told := e.Facts(); told != nil {
		return r.recordFacts(ctx, told)
	}
	changed := false
	err = r.core.Gate.WriteCombined(r.core.KnowTrust(ctx), action, func(ctx context.Context, tx *policies.Tx) error {
		rec := newRecording(ctx, tx)
		if err := rec.record(e); err != nil {
			return err
		}
		changed = rec.changed
		return rec.log(e)
	})
	core.ClearLoaders(ctx)
	return changed && err == nil, err
}

// mayRecordEvents answers FORBIDDEN for callers who may record neither runs nor datasets.
func (r *EventRecorder) mayRecordEvents(ctx context.Context) error {
	if _, err := r.core.Gate.Read(ctx, registry.RunRecord); err != nil {
		if _, other := r.core.Gate.Read(ctx, registry.DatasetRecord); other != nil {
			return err
		}
	}
	return nil
}

// recording is the work of one event in its transaction.
type recording struct {
	ctx context.Context
	tx  *policies.Tx
	// changed is true when anything was written; objects are the nodes that were.
	changed bool
	objects []registry.ID
	// names are the canonical names of datasets, as far as they were read.
	names map[openlineage.Name]openlineage.Name
	// later are the runs whose inputs or outputs the event has moved to another version.
	later map[string]bool
	// moved are names that stood for a dataset and do not any more.
	moved []openlineage.Name
	// nodes are those that were read or written, nil for those that are not there.
	nodes map[registry.ID]*graph.Node
	// unchanged are records of datasets that nothing was merged into, by their ids, so that they
	// are decoded once.
	unchanged map[registry.ID]*datasetRecord
}

func newRecording(ctx context.Context, tx *policies.Tx) *recording {
	return &recording{ctx: ctx, tx: tx, names: map[openlineage.Name]openlineage.Name{}, later: map[string]bool{}, nodes: map[registry.ID]*graph.Node{},
		unchanged: map[registry.ID]*datasetRecord{}}
}

func (r *recording) record(e *openlineage.Event) error {
	if err := r.checkActions(e); err != nil {
		return err
	}
	if err := r.readAhead(e); err != nil {
		return err
	}
	switch e.Kind {
	case openlineage.DatasetEvent:
		if err := r.noteDataset(e, e.Dataset); err != nil {
			return err
		}
	case openlineage.JobEvent:
		if err := r.noteJob(e); err != nil {
			return err
		}
	}
	for _, ports := range [][]openlineage.Port{e.Inputs, e.Outputs} {
		for _, p := range ports {
			if err := r.noteDataset(e, p); err != nil {
				return err
			}
		}
	}
	if e.Kind == openlineage.RunEvent {
		if err := r.noteRun(e); err != nil {
			return err
		}
	}
	return r.writeLater()
}

// checkActions answers FORBIDDEN when the event tells facts that the caller may not record.
func (r *recording) checkActions(e *openlineage.Event) error {
	if len(e.Inputs)+len(e.Outputs) > 0 && !r.tx.May(registry.DatasetRecord, "") {
		return registry.Errorf(registry.Forbidden, "the event names datasets, and you may not record datasets; ask an administrator for %s", registry.DatasetRecord)
	}
	return nil
}

// log writes the log entry of the event when it changed anything.
func (r *recording) log(e *openlineage.Event) error {
	if !r.changed {
		return nil
	}
	entry := registry.LogEntry{Action: registry.LogRunRecorded, Objects: r.objects[:min(len(r.objects), maxObjects)]}
	switch e.Kind {
	case openlineage.DatasetEvent:
		entry.Action = registry.LogDatasetRecorded
		entry.Detail = core.LogDetail("dataset", e.Dataset.Name.Name, "namespace", e.Dataset.Namespace, "event", string(e.Kind))
	default:
		entry.Detail = core.LogDetail("producer", openlineage.Producer, "runId", e.RunID, "job", e.Job.Name, "event", string(e.Kind), "type", e.Type)
	}
	return r.tx.Log(r.ctx, entry)
}

// maxObjects is the most objects that one log entry names.
const maxObjects = 100

// writeLater writes the runs anew that this event has moved to another version of a dataset.
func (r *recording) writeLater() error {
	for len(r.later) > 0 {
		for id := range r.later {
			delete(r.later, id)
			if err := r.rewriteRun(id); err != nil {
				return err
			}
		}
	}
	for _, n := range r.moved {
		if err := r.dropMoved(registry.DatasetVersionID(datasetID(n), registry.Unversioned)); err != nil {
			return err
		}
	}
	return nil
}

// noteJob merges what an event says of a job that is not about one run.
func (r *recording) noteJob(e *openlineage.Event) error {
	id := registry.NewID(registry.KindEventState, "job", e.Job.Namespace, e.Job.Name)
	var s jobState
	if err := r.load(id, &s); err != nil {
		return err
	}
	run := openlineage.Event{Time: e.Time, Producer: e.Producer, Job: e.Job, JobFacets: e.JobFacets, Inputs: e.Inputs, Outputs: e.Outputs}
	changed, err := s.Merge(&run)
	if err != nil || !changed {
		return err
	}
	return r.store(id, "", e.Job.Name, &s)
}

// jobState is what job events have told of a job.
type jobState struct{ openlineage.RunState }

package events

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"pedigree/openlineage"
	"pedigree/registry"
	"pedigree/service/catalog"
	"pedigree/service/core"
	"pedigree/service/facts"
)

// runRecord is what the events of a run have told, and what was made of it.
type runRecord struct {
	openlineage.RunState
	Facts json.RawMessage `json:"facts,omitempty"`
	Edges []edgeKey       `json:"edges,omitempty"`
	Uses  []useKey        `json:"uses,omitempty"`
}

// document returns the record as it is stored. It is written for every event, so without reflection.
func (r *runRecord) document() ([]byte, error) {
	var w registry.DocumentWriter
	w.Begin()
	r.RunState.WriteMembers(&w)
	if len(r.Facts) > 0 {
		w.Key("facts")
		w.Canonical(r.Facts)
	}
	if len(r.Edges) > 0 {
		w.Key("edges")
		w.BeginList()
		for _, e := range r.Edges {
			e.write(&w)
		}
		w.EndList()
	}
	if len(r.Uses) > 0 {
		w.Key("uses")
		w.BeginList()
		for _, u := range r.Uses {
			u.write(&w)
		}
		w.EndList()
	}
	w.End()
	return w.Bytes()
}

// readMember reads one member of the record's document.
func (r *runRecord) readMember(name string, value json.RawMessage) (err error) {
	switch name {
	case "facts":
		r.Facts = value
	case "edges":
		err = json.Unmarshal(value, &r.Edges)
	case "uses":
		err = json.Unmarshal(value, &r.Uses)
	default:
		err = r.RunState.ReadMember(name, value)
	}
	return err
}

// loadRun reads the record of a run; an empty one when there is none.
func (r *recording) loadRun(id string) (*runRecord, error) {
	rec := &runRecord{}
	return rec, r.read(stateID(runID(id)), rec)
}

func runID(id string) registry.ID { return registry.NewRunID(openlineage.Producer, id) }

// noteRun merges an event of a run, and writes the run when that is new.
func (r *recording) noteRun(e *openlineage.Event) error {
	rec, err := r.loadRun(e.RunID)
	if err != nil {
		return err
	}
	changed, err := rec.Merge(e)
	if err != nil || !changed {
		return err
	}
	return r.writeRun(rec)
}

// rewriteRun writes a run anew after the versions that it used became others.
func (r *recording) rewriteRun(id string) error {
	rec, err := r.loadRun(id)
	if err != nil || rec.RunID == "" {
		return err
	}
	return r.writeRun(rec)
}

// writeRun writes a run, the versions that it read and wrote, and the edges between them.
func (r *recording) writeRun(rec *runRecord) error {
	run := &registry.Run{Actor: r.tx.Subject(), RecordedAt: r.tx.Now()}
	run.ID = runID(rec.RunID)
	rec.RunState.Facts(run)
	told, err := r.putRun(run, rec.Facts)
	if err != nil {
		return err
	}
	rec.Facts = told
	if core.IsTombstone(run) {
		return nil
	}
	w := &runWriter{recording: r, rec: rec, run: run.ID, versions: map[openlineage.Name]registry.ID{}}
	for _, step := range []func() error{w.inputs, w.outputs, w.code, w.modelVersions} {
		if err := step(); err != nil {
			return err
		}
	}
	before := rec.Edges
	if rec.Edges, err = r.setEdges(before, w.edges); err != nil {
		return err
	}
	if err := r.setUses(rec, w.uses); err != nil {
		return err
	}
	if err := r.dropMovedOf(before, rec.Edges); err != nil {
		return err
	}
	return r.store(stateID(run.ID), "", rec.RunID, rec)
}

// dropMovedOf drops the versions, of edges that do not stand any more, whose dataset has another
// name now.
func (r *recording) dropMovedOf(before, stand []edgeKey) error {
	for _, e := range before {
		if slices.ContainsFunc(stand, e.sameEnds) {
			continue
		}
		for _, end := range []registry.ID{e.From, e.To} {
			if end.Kind() == registry.KindDatasetVersion {
				if err := r.dropMoved(end); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// putRun writes a run. One that has ended is first written as it was while it ran, so that it
// is seen at its times.
func (r *recording) putRun(run *registry.Run, last []byte) ([]byte, error) {
	setTime := func(at time.Time) { run.StartedAt = at }
	if run.EndedAt.IsZero() {
		return r.put(run, last, run.StartedAt, run.StartedAt, setTime)
	}
	old, err := r.node(run.ID)
	if err != nil {
		return nil, err
	}
	if old == nil || !old.Deleted && run.StartedAt.Before(old.ValidFrom) {
		before := *run
		before.Status, before.EndedAt = registry.RunRunning, time.Time{}
		if last, err = r.put(&before, last, run.StartedAt, run.StartedAt, func(time.Time) {}); err != nil {
			return nil, err
		}
	}
	return r.put(run, last, run.StartedAt, run.EndedAt, setTime)
}

// runWriter collects what a run read, wrote and executed.
type runWriter struct {
	*recording
	rec   *runRecord
	run   registry.ID
	edges []edgeKey
	uses  []useKey
	// versions are those that the run read, by the name of the dataset.
	versions map[openlineage.Name]registry.ID
}

// inputs adds the versions that the run read.
func (w *runWriter) inputs() error {
	for _, u := range openlineage.SortedUses(w.rec.Inputs) {
		dataset, err := w.canonical(u.Name)
		if err != nil {
			return err
		}
		err = w.mergeDataset(u.Name, func(s *openlineage.DatasetState) bool {
			changed := s.MergeFirst(w.rec.First)
			return u.Unnamed && s.MergeRead(w.rec.First) || changed
		})
		if err != nil {
			return err
		}
		versions, err := w.versionsRead(dataset, u)
		if err != nil {
			return err
		}
		for _, v := range versions {
			w.versions[dataset] = v.id
			w.addEdge(edgeKey{registry.EdgeUsed, w.run, v.id, w.rec.First.UnixMicro()})
		}
		if len(u.Read()) == 0 {
			w.uses = append(w.uses, useKey{Dataset: datasetID(dataset), Kind: readUse, At: w.rec.First})
		}
	}
	return nil
}

// versionsRead returns the versions of an input: those that events named, or else the newest that
// was written before the run began, or else the unversioned state of the dataset.
func (w *runWriter) versionsRead(dataset openlineage.Name, u *openlineage.Use) (out []*version, err error) {
	for _, name := range u.Read() {
		v, err := w.findVersion(dataset, name)
		if err != nil {
			return nil, err
		}
		if v.record.Merge(w.rec.First, u.Versions[name].Facets) {
			if err := w.writeVersion(v); err != nil {
				return nil, err
			}
		}
		out = append(out, v)
	}
	if len(out) > 0 {
		return out, nil
	}
	name, err := w.writtenBefore(dataset, w.rec.First, w.rec.RunID)
	if err != nil {
		return nil, err
	}
	if name == "" {
		name = registry.Unversioned
	}
	v, err := w.findVersion(dataset, name)
	return []*version{v}, err
}

// addEdge adds an edge unless there is one between the same ends: a dataset can be told under
// two of its names.
func (w *runWriter) addEdge(e edgeKey) {
	if !slices.ContainsFunc(w.edges, e.sameEnds) {
		w.edges = append(w.edges, e)
	}
}

// outputs adds the versions that the run wrote: those that events named, or else one that is
// told apart by the run. A version that it also read is unchanged.
func (w *runWriter) outputs() error {
	for _, u := range openlineage.SortedUses(w.rec.Outputs) {
		if err := w.mergeDataset(u.Name, func(s *openlineage.DatasetState) bool { return s.MergeFirst(w.rec.First) }); err != nil {
			return err
		}
		if !w.rec.Wrote() {
			continue
		}
		dataset, err := w.canonical(u.Name)
		if err != nil {
			return err
		}
		names := u.Written(w.rec.Streams())
		if len(names) == 0 {
			names = []string{string(w.run)}
		}
		for _, name := range names {
			if err := w.output(dataset, u, name); err != nil {
				return err
			}
		}
		w.uses = append(w.uses, useKey{Dataset: datasetID(dataset), Kind: wroteUse, At: w.rec.WroteAt(), Version: names[len(names)-1]})
	}
	return nil
}

// output adds one version that the run wrote.
func (w *runWriter) output(dataset openlineage.Name, u *openlineage.Use, name string) error {
	v, err := w.findVersion(dataset, name)
	if err != nil {
		return err
	}
	sources, err := w.columnSources(u, v.id)
	if err != nil {
		return err
	}
	at := w.rec.WroteAt()
	changed := v.record.Merge(at, u.Facets, u.UseFacets)
	changed = v.record.MergeWriter(w.rec.Kind(), at) || changed
	if v.setSources(w.rec.RunID, sources) || changed {
		err = w.writeVersion(v)
	}
	if err == nil && !slices.ContainsFunc(w.edges, edgeKey{Kind: registry.EdgeUsed, From: w.run, To: v.id}.sameEnds) {
		w.addEdge(edgeKey{registry.EdgeGeneratedBy, v.id, w.run, at.UnixMicro()})
	}
	return err
}

// columnSources returns the columns of the run's inputs that the columns of an output were made
// from. A column of a dataset that the run did not read is left out.
func (w *runWriter) columnSources(u *openlineage.Use, output registry.ID) (columnSources, error) {
	told := w.rec.ColumnInputs(u)
	if told == nil {
		return nil, nil
	}
	out := columnSources{}
	for column, inputs := range told {
		for _, in := range inputs {
			dataset, err := w.canonical(in.Dataset)
			if err != nil {
				return nil, err
			}
			source := in.ColumnSource
			source.DatasetVersion = w.versions[dataset]
			if source.DatasetVersion == "" || source.DatasetVersion == output {
				continue
			}
			known := slices.ContainsFunc(out[column], func(s registry.ColumnSource) bool {
				return s.DatasetVersion == source.DatasetVersion && s.Column == source.Column
			})
			if !known && len(out[column]) < registry.MaxColumnSources {
				out[column] = append(out[column], source)
			}
		}
		slices.SortFunc(out[column], func(a, b registry.ColumnSource) int {
			return strings.Compare(string(a.DatasetVersion)+"\n"+a.Column, string(b.DatasetVersion)+"\n"+b.Column)
		})
	}
	return out, nil
}

// code adds the commit whose code the run executed.
func (w *runWriter) code() error {
	code, ok := w.rec.Code()
	if !ok {
		return nil
	}
	if err := checkCommit(w.tx); err != nil {
		return err
	}
	in := facts.RecordCommitsInput{Repository: facts.RepositoryInput{URL: code.RepoURL}, Commits: []facts.CommitInput{{SHA: code.SHA, CommittedAt: w.rec.First}}}
	if err := facts.EnsureCommit(w.ctx, w.tx, in); err != nil {
		return err
	}
	w.edges = append(w.edges, edgeKey{registry.EdgeRanCode, w.run, registry.CommitID(code.SHA), w.rec.First.UnixMicro()})
	return nil
}

// modelVersions registers the versions of models that the run produced, and records the
// deployment that it made.
func (w *runWriter) modelVersions() error {
	if !w.rec.Wrote() {
		return nil
	}
	at := w.rec.WroteAt()
	for _, ref := range w.rec.ModelVersions() {
		id, err := w.ensureVersion(ref, at)
		if err != nil {
			return err
		}
		w.addEdge(edgeKey{registry.EdgeGeneratedBy, id, w.run, at.UnixMicro()})
	}
	d, ok := w.rec.Deployment()
	if !ok {
		return nil
	}
	id, err := w.ensureVersion(openlineage.ModelVersionRef{Model: d.Model, Version: d.Version}, at)
	if err != nil {
		return err
	}
	if err := w.may(registry.DeploymentRecord, d.Model); err != nil {
		return err
	}
	in := &facts.RecordDeploymentInput{ID: &id, Environment: d.Environment, Endpoint: d.Endpoint, StartedAt: at}
	if err := in.CheckFact(); err != nil {
		return err
	}
	result, err := in.WriteFact(w.ctx, w.tx)
	w.changed = w.changed || result.Changed
	return err
}

// ensureVersion registers a version of a model, and the model, unless they are registered.
func (w *runWriter) ensureVersion(ref openlineage.ModelVersionRef, at time.Time) (registry.ID, error) {
	if err := w.may(registry.VersionRegister, ref.Model); err != nil {
		return "", err
	}
	in := &catalog.RegisterModelVersionInput{Model: ref.Model, Version: &ref.Version, Description: ref.Description, CreatedDate: at, CreateModel: true}
	if err := in.CheckFact(); err != nil {
		return "", err
	}
	id, err := catalog.VersionID(w.ctx, w.tx, &ref.Model, &ref.Version, nil)
	if err == nil {
		found, err := w.tx.Nodes(w.ctx, id)
		if err != nil || found[0] != nil && !found[0].Deleted {
			return id, err
		}
	} else if registry.CodeOf(err) != registry.NotFound {
		return "", err
	}
	result, err := in.WriteFact(w.ctx, w.tx)
	if err != nil {
		return "", err
	}
	w.changed = true
	return result.IDs[0], nil
}

// may answers FORBIDDEN when the caller may not do to a model what the event tells of it.
func (w *runWriter) may(action registry.Action, model string) error {
	m, _, err := catalog.FindModel(w.ctx, w.tx, &model, nil)
	if err != nil && registry.CodeOf(err) != registry.NotFound {
		return err
	}
	id := registry.ID("")
	if m != nil {
		id = m.ID
	}
	if w.tx.May(action, id) {
		return nil
	}
	return registry.Errorf(registry.Forbidden, "the event tells of a version of %s, and you may not do %s; ask an administrator", registry.Shorten(model, 60), action)
}

package catalog

import (
	"context"
	"slices"
	"time"

	"pedigree/graph"
	"pedigree/policies"
	"pedigree/registry"
	"pedigree/service/core"
)

// runReadTime bounds the read of a run while its version is registered. A run that takes longer is
// read later.
const runReadTime = 5 * time.Second

// trackedRun returns the run of a tracking system that an input names by its tags, nil when there
// is none to read.
func (c *Catalog) trackedRun(in *RegisterModelVersionInput) *core.TrackedRun {
	run := core.TrackedRun{RunID: tagValue(in.Tags, registry.MLflowRunTag), LoggedModel: tagValue(in.Tags, registry.MLflowModelTag), Model: in.Model}
	if len(in.Artifacts) > 0 {
		run.Source = in.Artifacts[0].URI
	}
	if c.core.Runs == nil || in.Run != nil || run.RunID == "" && run.LoggedModel == "" {
		return nil
	}
	return &run
}

func tagValue(tags []registry.KeyValue, key string) string {
	for _, t := range tags {
		if t.Key == key {
			return t.Value
		}
	}
	return ""
}

// registerTracked registers a version with what a tracking system knows of its run. That is read
// before the transaction. A version is registered also when the run cannot be read, or when the
// caller may not record it; a node then says that the run is not read.
func (c *Catalog) registerTracked(ctx context.Context, in RegisterModelVersionInput, run core.TrackedRun, more MoreOfVersion) (core.WriteResult, error) {
	// Who may not register a version makes nobody read anything.
	if _, err := c.core.Gate.Read(ctx, registry.VersionRegister); err != nil {
		return core.WriteResult{}, err
	}
	evidence, err := c.readRun(ctx, run)
	reason := reasonOf(err)
	if err == nil && evidence == nil {
		return c.registerPlain(ctx, in, more)
	}
	if err == nil {
		result, err := c.writeTracked(ctx, in, run, evidence, more)
		if err == nil || !refused(err) {
			return result, err
		}
		reason = err.Error()
	}
	unread := &registry.UnreadRun{RunID: run.RunID, LoggedModel: run.LoggedModel, Source: run.Source, Reason: reason}
	return c.core.Write(ctx, registry.VersionRegister, core.Idempotent("registerModelVersion", in.IdempotencyKey, in), func(ctx context.Context, tx *policies.Tx) (core.WriteResult, error) {
		v, err := createVersionWith(ctx, tx, in, more)
		if err != nil {
			return core.WriteResult{}, err
		}
		return core.WriteResult{IDs: []registry.ID{v.ID}, Created: true}, putUnread(ctx, tx, v, *unread, evidence == nil)
	})
}

// readRun reads a run within its time, and checks what it got.
func (c *Catalog) readRun(ctx context.Context, run core.TrackedRun) (*core.RunEvidence, error) {
	ctx, cancel := context.WithTimeout(ctx, runReadTime)
	defer cancel()
	evidence, err := c.core.Runs.ReadRun(ctx, run)
	if err != nil || evidence == nil {
		return nil, err
	}
	for _, f := range evidence.Facts {
		if err := core.FirstError(f.CheckFact(), core.CheckTimesNotAhead(f, c.core.Now())); err != nil {
			return nil, err
		}
	}
	return evidence, nil
}

// reasonOf returns why a run was not read. The text of an unknown error may name a host.
func reasonOf(err error) string {
	if err == nil {
		return ""
	}
	if registry.CodeOf(err) == registry.Internal {
		return "the tracking server did not answer"
	}
	return err.Error()
}

// refused reports whether an error says that something may not be written as it is.
func refused(err error) bool {
	switch registry.CodeOf(err) {
	case registry.Internal, registry.Unavailable, registry.Unauthenticated:
		return false
	}
	return true
}

// writeTracked registers a version with its run in one transaction. Each fact needs permission for
// its own action.
func (c *Catalog) writeTracked(ctx context.Context, in RegisterModelVersionInput, run core.TrackedRun, evidence *core.RunEvidence, more MoreOfVersion) (result core.WriteResult, err error) {
	told := in
	told.Run, told.Card = &evidence.Run, withEvidence(in.Card, evidence.Card)
	told.Tags = missingTags(in.Tags, evidence.Tags)
	if err := told.check(); err != nil {
		return result, err
	}
	if err := core.CheckTimesNotAhead(told, c.core.Now()); err != nil {
		return result, err
	}
	err = c.core.Gate.WriteBatch(ctx, registry.VersionRegister, func(ctx context.Context, batch *policies.Batch) (err error) {
		result, err = core.RunIdempotent(ctx, batch.Tx(), core.Idempotent("registerModelVersion", in.IdempotencyKey, in), func() (core.WriteResult, error) {
			in := told
			tx, err := batch.Step(0, registry.VersionRegister)
			if err != nil {
				return core.WriteResult{}, err
			}
			if _, err := modelForVersion(ctx, tx, in); err != nil { // Features belong to it.
				return core.WriteResult{}, err
			}
			features, err := writeEvidence(ctx, batch, evidence)
			if err != nil {
				return core.WriteResult{}, err
			}
			in.Features = slices.Concat(in.Features, features)
			tx, err = batch.Step(len(evidence.Facts), registry.VersionRegister)
			if err != nil {
				return core.WriteResult{}, err
			}
			v, err := createVersionWith(ctx, tx, in, more)
			if err != nil {
				return core.WriteResult{}, err
			}
			if !evidence.Ended {
				if err := putUnread(ctx, tx, v, registry.UnreadRun{RunID: run.RunID, LoggedModel: run.LoggedModel, Source: run.Source, Reason: runGoesOn}, true); err != nil {
					return core.WriteResult{}, err
				}
			}
			return core.WriteResult{IDs: []registry.ID{v.ID}, Created: true}, batch.Flush(ctx)
		})
		_, err = policies.StepOf(err, 0)
		return err
	})
	return result, err
}

// runGoesOn is why a run is read again that was read.
const runGoesOn = "the run had not ended when it was read"

// writeEvidence writes the facts of a run and returns the ids of its features.
func writeEvidence(ctx context.Context, batch *policies.Batch, evidence *core.RunEvidence) (features []registry.ID, err error) {
	for i, f := range evidence.Facts {
		tx, err := batch.Step(i, f.FactAction())
		if err != nil {
			return nil, err
		}
		written, err := f.ResolveFact(core.References{One: func(id registry.ID) registry.ID { return id }}).WriteFact(ctx, tx)
		if err != nil {
			return nil, err
		}
		if f.FactKind() == registry.FactFeature && len(written.IDs) > 0 {
			features = append(features, written.IDs[0])
		}
	}
	return features, nil
}

// withEvidence returns a card with what a run says, where the card says nothing.
func withEvidence(given *ModelCardInput, known *registry.ModelCard) *ModelCardInput {
	out := &ModelCardInput{}
	if given != nil {
		*out = *given
	}
	if known == nil {
		return out
	}
	out.ModelDetails, out.Training = registry.MergeSection(known.ModelDetails, out.ModelDetails), registry.MergeSection(known.Training, out.Training)
	out.Performance = registry.MergeSection(known.Performance, out.Performance)
	if out.Features == nil {
		out.Features = known.Features
	}
	return out
}

// missingTags returns tags with those of a run whose keys are not among them.
func missingTags(tags, ofRun []registry.KeyValue) []registry.KeyValue {
	out := slices.Clone(tags)
	for _, t := range ofRun {
		if !slices.ContainsFunc(tags, func(known registry.KeyValue) bool { return known.Key == t.Key }) {
			out = append(out, t)
		}
	}
	return out
}

// evidenceActions are the actions that the facts of a run may need.
var evidenceActions = []registry.Action{registry.RunRecord, registry.DatasetRecord, registry.CommitRecord, registry.FeatureRecord}

// putUnread writes that the run of a new version is not read. It is read again unless the caller
// may not record what it says: the server, which reads it, does not do for callers what they may
// not do.
func putUnread(ctx context.Context, tx *policies.Tx, v *registry.ModelVersion, u registry.UnreadRun, again bool) error {
	u.Version = v.ID
	for _, a := range evidenceActions {
		if again && !tx.May(a, "") {
			u.Reason, again = "who registered the version may not do "+string(a), false
		}
	}
	parent := registry.UnreadRuns
	if u.GivenUp = !again; u.GivenUp {
		parent = registry.RefusedRuns
	}
	n, err := unreadNode(u, parent, v.ValidFrom, tx.Now())
	if err != nil {
		return err
	}
	return tx.Put(ctx, n)
}

func unreadNode(u registry.UnreadRun, parent registry.ID, from, since time.Time) (*graph.Node, error) {
	doc, err := registry.Canonical(u)
	if since.Before(from) {
		since = from
	}
	return &graph.Node{ID: registry.UnreadRunID(u.Version), Kind: registry.KindUnreadRun, Parent: parent, Name: u.RunID, ValidFrom: from, Since: since, Doc: doc}, err
}

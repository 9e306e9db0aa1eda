package service

import (
	"context"
	"slices"

	"pedigree/policies"
	"pedigree/registry"
)

// fact is a use case as one fact of a batch.
type fact interface {
	kind() registry.FactKind
	action() registry.Action
	// check holds the input to its rules and brings its names to the kept form.
	check() error
	// resolve returns a copy in which every id went through refs.
	resolve(refs) fact
	// touches names what the use case will read: nodes, and effects of edges.
	touches() (ids, effects []registry.ID)
	write(ctx context.Context, s *Service, tx *policies.Tx) (result, error)
	into(*FactInput)
}

// one returns the one fact that is set.
func (in *FactInput) one() (fact, error) {
	var set []fact
	if in.Commits != nil {
		set = append(set, commitsFact{in.Commits})
	}
	if in.Tag != nil {
		set = append(set, tagFact{in.Tag})
	}
	if in.DatasetVersion != nil {
		set = append(set, datasetVersionFact{in.DatasetVersion})
	}
	if in.Model != nil {
		set = append(set, modelFact{in.Model})
	}
	if in.Feature != nil {
		set = append(set, featureFact{in.Feature})
	}
	if in.Run != nil {
		set = append(set, runFact{in.Run})
	}
	if in.ModelVersion != nil {
		set = append(set, modelVersionFact{in.ModelVersion})
	}
	if in.Transition != nil {
		set = append(set, transitionFact{in.Transition})
	}
	if in.Alias != nil {
		set = append(set, aliasFact{in.Alias})
	}
	if in.Deployment != nil {
		set = append(set, deploymentFact{in.Deployment})
	}
	if in.EndDeployment != nil {
		set = append(set, endDeploymentFact{in.EndDeployment})
	}
	if in.Link != nil {
		set = append(set, linkFact{in.Link})
	}
	if in.Retract != nil {
		set = append(set, retractFact{in.Retract})
	}
	if len(set) != 1 {
		return nil, registry.Errorf(registry.InvalidArgument, "a fact is exactly one of commits, tag, datasetVersion, model, feature, run, modelVersion, transition, alias, deployment, endDeployment, link and retract; %d are set", len(set))
	}
	return set[0], nil
}

// refs follows references.
type refs struct{ follow func(registry.ID) registry.ID }

func (r refs) all(ids []registry.ID) []registry.ID {
	if len(ids) == 0 {
		return ids
	}
	out := make([]registry.ID, len(ids))
	for i, id := range ids {
		out[i] = r.follow(id)
	}
	return out
}

func (r refs) one(id *registry.ID) *registry.ID {
	if id == nil {
		return nil
	}
	out := r.follow(*id)
	return &out
}

// noKey refuses the idempotency key of a fact: its batch has one.
func noKey(key *string) error {
	if key != nil {
		return registry.Invalid("idempotencyKey", "belongs to the batch, not to a fact of it")
	}
	return nil
}

// given lists the ids behind pointers that are set.
func given(ids ...*registry.ID) (out []registry.ID) {
	for _, id := range ids {
		if id != nil {
			out = append(out, *id)
		}
	}
	return out
}

type commitsFact struct{ in *RecordCommitsInput }

func (commitsFact) kind() registry.FactKind { return registry.FactCommits }
func (commitsFact) action() registry.Action { return registry.CommitRecord }
func (f commitsFact) check() error          { return first(noKey(f.in.IdempotencyKey), f.in.check()) }
func (f commitsFact) resolve(refs) fact     { return f }
func (f commitsFact) into(out *FactInput)   { out.Commits = f.in }
func (f commitsFact) touches() (ids, effects []registry.ID) {
	ids = append(ids, registry.RepositoryID(f.in.Repository.key()))
	for _, c := range f.in.Commits {
		effects = append(effects, registry.CommitID(c.SHA))
		for _, p := range c.Parents {
			ids = append(ids, registry.CommitID(p))
			ids = append(ids, registry.NewID(registry.KindPending, p, c.SHA))
		}
	}
	return ids, effects
}
func (f commitsFact) write(ctx context.Context, s *Service, tx *policies.Tx) (result, error) {
	return s.recordCommits(ctx, tx, *f.in)
}

type tagFact struct{ in *RecordTagInput }

func (tagFact) kind() registry.FactKind { return registry.FactTag }
func (tagFact) action() registry.Action { return registry.TagRecord }
func (f tagFact) check() error          { return first(noKey(f.in.IdempotencyKey), f.in.check()) }
func (f tagFact) resolve(refs) fact     { return f }
func (f tagFact) into(out *FactInput)   { out.Tag = f.in }
func (f tagFact) touches() (ids, effects []registry.ID) {
	repo := registry.RepositoryID(f.in.Repository.key())
	return []registry.ID{repo, registry.CommitID(f.in.SHA)}, []registry.ID{registry.TagID(repo, f.in.Name, f.in.SHA)}
}
func (f tagFact) write(ctx context.Context, s *Service, tx *policies.Tx) (result, error) {
	return s.recordTag(ctx, tx, *f.in)
}

type datasetVersionFact struct{ in *RecordDatasetVersionInput }

func (datasetVersionFact) kind() registry.FactKind { return registry.FactDatasetVersion }
func (datasetVersionFact) action() registry.Action { return registry.DatasetRecord }
func (f datasetVersionFact) check() error {
	return first(noKey(f.in.IdempotencyKey), f.in.check())
}
func (f datasetVersionFact) resolve(r refs) fact {
	in := *f.in
	in.GeneratedBy, in.DerivedFrom = r.one(in.GeneratedBy), r.all(in.DerivedFrom)
	return datasetVersionFact{&in}
}
func (f datasetVersionFact) into(out *FactInput) { out.DatasetVersion = f.in }
func (f datasetVersionFact) touches() (ids, effects []registry.ID) {
	ds := registry.DatasetID(f.in.Namespace, f.in.Dataset)
	return append(append(given(f.in.GeneratedBy), f.in.DerivedFrom...), ds), []registry.ID{registry.DatasetVersionID(ds, f.in.identity())}
}
func (f datasetVersionFact) write(ctx context.Context, s *Service, tx *policies.Tx) (result, error) {
	return s.recordDatasetVersion(ctx, tx, *f.in)
}

type modelFact struct{ in *RegisterModelInput }

func (modelFact) kind() registry.FactKind { return registry.FactModel }
func (modelFact) action() registry.Action { return registry.ModelRegister }
func (f modelFact) check() error          { return first(noKey(f.in.IdempotencyKey), f.in.check()) }
func (f modelFact) resolve(refs) fact     { return f }
func (f modelFact) into(out *FactInput)   { out.Model = f.in }
func (f modelFact) touches() (ids, effects []registry.ID) {
	return []registry.ID{registry.ModelID(f.in.Name, max(1, f.in.Incarnation))}, nil
}
func (f modelFact) write(ctx context.Context, s *Service, tx *policies.Tx) (result, error) {
	return s.recordModel(ctx, tx, *f.in)
}

type featureFact struct{ in *RecordFeatureInput }

func (featureFact) kind() registry.FactKind { return registry.FactFeature }
func (featureFact) action() registry.Action { return registry.FeatureRecord }
func (f featureFact) check() error          { return first(noKey(f.in.IdempotencyKey), f.in.check()) }
func (f featureFact) resolve(r refs) fact {
	in := *f.in
	in.DefinedOn = r.one(in.DefinedOn)
	return featureFact{&in}
}
func (f featureFact) into(out *FactInput)                   { out.Feature = f.in }
func (f featureFact) touches() (ids, effects []registry.ID) { return given(f.in.DefinedOn), nil }
func (f featureFact) write(ctx context.Context, s *Service, tx *policies.Tx) (result, error) {
	return s.recordFeature(ctx, tx, *f.in)
}

type runFact struct{ in *RecordRunInput }

func (runFact) kind() registry.FactKind { return registry.FactRun }
func (runFact) action() registry.Action { return registry.RunRecord }
func (f runFact) check() error          { return first(noKey(f.in.IdempotencyKey), f.in.check()) }
func (f runFact) resolve(r refs) fact {
	in := *f.in
	in.Inputs, in.Outputs = r.all(in.Inputs), r.all(in.Outputs)
	return runFact{&in}
}
func (f runFact) into(out *FactInput) { out.Run = f.in }
func (f runFact) touches() (ids, effects []registry.ID) {
	ids = slices.Clone(f.in.Inputs)
	for _, sha := range f.in.Commits {
		ids = append(ids, registry.CommitID(sha))
	}
	return ids, append(slices.Clone(f.in.Outputs), registry.NewRunID(f.in.Producer, f.in.RunID))
}
func (f runFact) write(ctx context.Context, s *Service, tx *policies.Tx) (result, error) {
	return s.recordRun(ctx, tx, *f.in)
}

type modelVersionFact struct{ in *RegisterModelVersionInput }

func (modelVersionFact) kind() registry.FactKind { return registry.FactModelVersion }
func (modelVersionFact) action() registry.Action { return registry.VersionRegister }
func (f modelVersionFact) check() error          { return first(noKey(f.in.IdempotencyKey), f.in.check()) }
func (f modelVersionFact) resolve(r refs) fact {
	in := *f.in
	in.Run, in.ReleasedFrom = r.one(in.Run), r.one(in.ReleasedFrom)
	in.DerivedFrom, in.Features = r.all(in.DerivedFrom), r.all(in.Features)
	return modelVersionFact{&in}
}
func (f modelVersionFact) into(out *FactInput) { out.ModelVersion = f.in }
func (f modelVersionFact) touches() (ids, effects []registry.ID) {
	return append(append(given(f.in.Run, f.in.ReleasedFrom), f.in.DerivedFrom...), f.in.Features...), nil
}
func (f modelVersionFact) write(ctx context.Context, s *Service, tx *policies.Tx) (result, error) {
	return s.recordVersion(ctx, tx, *f.in)
}

type transitionFact struct{ in *TransitionModelVersionInput }

func (transitionFact) kind() registry.FactKind { return registry.FactTransition }
func (transitionFact) action() registry.Action { return registry.TransitionDo }
func (f transitionFact) check() error {
	if f.in.At.IsZero() {
		return registry.Invalid("at", "a fact says when it was: give the time of the transition")
	}
	return first(noKey(f.in.IdempotencyKey), f.in.check())
}
func (f transitionFact) resolve(r refs) fact {
	in := *f.in
	in.ID = r.one(in.ID)
	return transitionFact{&in}
}
func (f transitionFact) into(out *FactInput)                   { out.Transition = f.in }
func (f transitionFact) touches() (ids, effects []registry.ID) { return given(f.in.ID), nil }
func (f transitionFact) write(ctx context.Context, s *Service, tx *policies.Tx) (result, error) {
	return s.recordTransition(ctx, tx, *f.in)
}

type aliasFact struct{ in *SetAliasInput }

func (aliasFact) kind() registry.FactKind                 { return registry.FactAlias }
func (aliasFact) action() registry.Action                 { return registry.AliasSet }
func (f aliasFact) check() error                          { return first(noKey(f.in.IdempotencyKey), f.in.check()) }
func (f aliasFact) resolve(refs) fact                     { return f }
func (f aliasFact) into(out *FactInput)                   { out.Alias = f.in }
func (f aliasFact) touches() (ids, effects []registry.ID) { return nil, nil }
func (f aliasFact) write(ctx context.Context, s *Service, tx *policies.Tx) (result, error) {
	return s.setAlias(ctx, tx, *f.in)
}

type deploymentFact struct{ in *RecordDeploymentInput }

func (deploymentFact) kind() registry.FactKind { return registry.FactDeployment }
func (deploymentFact) action() registry.Action { return registry.DeploymentRecord }
func (f deploymentFact) check() error {
	if f.in.StartedAt.IsZero() {
		return registry.Invalid("startedAt", "a fact says when it was: give the start of the deployment")
	}
	return first(noKey(f.in.IdempotencyKey), f.in.check())
}
func (f deploymentFact) resolve(r refs) fact {
	in := *f.in
	in.ID = r.one(in.ID)
	return deploymentFact{&in}
}
func (f deploymentFact) into(out *FactInput)                   { out.Deployment = f.in }
func (f deploymentFact) touches() (ids, effects []registry.ID) { return given(f.in.ID), nil }
func (f deploymentFact) write(ctx context.Context, s *Service, tx *policies.Tx) (result, error) {
	return s.recordDeployment(ctx, tx, *f.in)
}

type endDeploymentFact struct{ in *EndDeploymentInput }

func (endDeploymentFact) kind() registry.FactKind { return registry.FactEndDeployment }
func (endDeploymentFact) action() registry.Action { return registry.DeploymentEnd }
func (f endDeploymentFact) check() error {
	if f.in.EndedAt.IsZero() {
		return registry.Invalid("endedAt", "a fact says when it was: give the end of the deployment")
	}
	return first(noKey(f.in.IdempotencyKey), f.in.check())
}
func (f endDeploymentFact) resolve(r refs) fact {
	in := *f.in
	in.ID = r.follow(in.ID)
	return endDeploymentFact{&in}
}
func (f endDeploymentFact) into(out *FactInput) { out.EndDeployment = f.in }
func (f endDeploymentFact) touches() (ids, effects []registry.ID) {
	return []registry.ID{f.in.ID}, nil
}
func (f endDeploymentFact) write(ctx context.Context, s *Service, tx *policies.Tx) (result, error) {
	return s.endDeployment(ctx, tx, *f.in)
}

type linkFact struct{ in *LinkLineageInput }

func (linkFact) kind() registry.FactKind { return registry.FactLink }
func (linkFact) action() registry.Action { return registry.LineageLink }
func (f linkFact) check() error          { return first(noKey(f.in.IdempotencyKey), f.in.check()) }
func (f linkFact) resolve(r refs) fact {
	in := *f.in
	in.From, in.To = r.follow(in.From), r.follow(in.To)
	return linkFact{&in}
}
func (f linkFact) into(out *FactInput) { out.Link = f.in }
func (f linkFact) touches() (ids, effects []registry.ID) {
	return []registry.ID{f.in.To}, []registry.ID{f.in.From}
}
func (f linkFact) write(ctx context.Context, s *Service, tx *policies.Tx) (result, error) {
	return s.linkLineage(ctx, tx, *f.in)
}

type retractFact struct{ in *RetractLineageInput }

func (retractFact) kind() registry.FactKind { return registry.FactRetract }
func (retractFact) action() registry.Action { return registry.LineageRetract }
func (f retractFact) check() error          { return first(noKey(f.in.IdempotencyKey), f.in.check()) }
func (f retractFact) resolve(r refs) fact {
	in := *f.in
	in.From, in.To = r.follow(in.From), r.follow(in.To)
	return retractFact{&in}
}
func (f retractFact) into(out *FactInput) { out.Retract = f.in }
func (f retractFact) touches() (ids, effects []registry.ID) {
	return []registry.ID{f.in.From, f.in.To}, nil
}
func (f retractFact) write(ctx context.Context, s *Service, tx *policies.Tx) (result, error) {
	return s.retractLineage(ctx, tx, *f.in)
}
